# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""C++ identifiers: safe, unique in their scope, and as close to the IR's names as they can be."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterable
from contextlib import contextmanager

from streamtensor.ir.core import SSAValue

# Keywords, and names that the included headers declare and that synthesis tools know by heart.
_WORDS = """
    alignas alignof and and_eq asm auto bitand bitor bool break case catch char char16_t char32_t class compl concept
    const const_cast consteval constexpr constinit continue co_await co_return co_yield decltype default delete do
    double dynamic_cast else enum explicit export extern false float for friend goto if inline int long mutable
    namespace new noexcept not not_eq nullptr operator or or_eq private protected public register reinterpret_cast
    requires return short signed sizeof static static_assert static_cast struct switch template this thread_local
    throw true try typedef typeid typename union unsigned using virtual void volatile wchar_t while xor xor_eq
    hls st std half ap_int ap_uint int8_t int16_t int32_t int64_t uint8_t uint16_t uint32_t uint64_t size_t ptrdiff_t
    main abs labs div ldiv acos acosh asin asinh atan atan2 atanh cbrt ceil copysign cos cosh erf erfc exp exp2 exp10
    expm1 fabs fdim floor fma fmax fmin fmod frexp gamma hypot ilogb j0 j1 jn ldexp lgamma llrint llround log log10
    log1p log2 logb lrint lround modf nan nearbyint nextafter pow pow10 remainder remquo rint round roundeven rsqrt
    scalbln scalbn significand sin sincos sinh sqrt tan tanh tgamma trunc y0 y1 yn
    stdin stdout stderr errno NULL INFINITY NAN st_region
"""
# Function templates of the C++ library that a call of a task would find too, through the types of its arguments.
_TEMPLATES = """
    accumulate any_of all_of clamp copy count equal exchange fill find generate get includes inner_product iota max
    merge min minmax mismatch move none_of partial_sum partition reduce remove replace reverse rotate search sort swap
    transform unique
"""
RESERVED = frozenset((_WORDS + _TEMPLATES).split())

# Functions of the C library: a function with C linkage must not take their names, a static one may.
_C_FUNCTIONS = """
    abort accept access atexit bind calloc clock close connect exit fork free getenv index kill link listen malloc
    memcpy memmove memset open pipe poll printf rand read realloc recv remove rename rindex select send signal sleep
    socket srand stat system time unlink wait write
"""
C_FUNCTIONS = frozenset(_C_FUNCTIONS.split())


def identifier(text: str) -> str:
    """`text` with everything that C++ does not allow in a name replaced by underscores."""
    name = re.sub(r"[^A-Za-z0-9]+", "_", text).strip("_")
    if not name:
        return "value"
    return f"v{name}" if name[0].isdigit() else name


def argument_hint(value: SSAValue, number: int) -> str:
    """Like `hint` for argument `number` of a function; names like arg17, which imports give, are numbered anew."""
    name = hint(value, "arg")
    return f"arg{number}" if re.fullmatch(r"arg(_?\d+)*", name) else name


def hint(value: SSAValue, otherwise: str) -> str:
    """The name that the IR's text gives to `value`, or `otherwise`."""
    name = value.name_hint
    return identifier(name) if name and not name[0].isdigit() else otherwise


class Names:
    """Names in use, scope by scope; an inner scope never shadows an outer one."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._scopes: list[set[str]] = [set(taken)]

    def fresh(self, wanted: str) -> str:
        """`wanted`, or `wanted_1`, `wanted_2`, ... when it is taken."""
        base = identifier(wanted)
        name, number = base, 0
        while name in RESERVED or any(name in scope for scope in self._scopes):
            number += 1
            name = f"{base}_{number}"
        self._scopes[-1].add(name)
        return name

    def global_name(self, wanted: str) -> str:
        """Like `fresh`, for a name that no other scope will have either."""
        name = self.fresh(wanted)
        self._scopes[0].add(name)
        return name

    @contextmanager
    def scope(self) -> Generator[None]:
        """A block of the program: its names are free again behind it."""
        self._scopes.append(set())
        try:
            yield
        finally:
            self._scopes.pop()

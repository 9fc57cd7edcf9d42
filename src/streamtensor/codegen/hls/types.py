# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""C++ types and literals of the IR's scalars and vectors."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from streamtensor.codegen.hls.errors import cannot_emit
from streamtensor.codegen.hls.expression import Expr, Level, call
from streamtensor.ir.builtin import Float32Type, Float64Type, IndexType, IntegerType, VectorType
from streamtensor.ir.core import Attribute

_NATIVE = (8, 16, 32, 64)


@dataclass(frozen=True)
class Scalar:
    """One number: its C++ name, the name of the unsigned type of its width, and its bytes in memory.

    `kind` is "float", "index", "bool", "native" (an integer that C++ has) or "wide" (an arbitrary-precision one).
    """

    name: str
    kind: str
    bits: int
    unsigned: str = ""

    @property
    def size_bytes(self) -> int:
        """Bytes that one of them takes in memory: the least power of two that holds its bits."""
        return 1 << max(0, math.ceil(math.log2(max(self.bits, 8) / 8)))


_FLOAT = Scalar("float", "float", 32)
_DOUBLE = Scalar("double", "float", 64)
_INDEX = Scalar("int", "index", 32, "unsigned")
_BOOL = Scalar("bool", "bool", 1, "bool")
_NIBBLE = Scalar("ap_int<4>", "wide", 4, "ap_uint<4>")


def scalar(attribute: Attribute) -> Scalar:
    """The C++ form of a scalar type, or of the element of a vector.

    Raises UserError ST0306 for a type without one (half precision, complex, ...).
    """
    if isinstance(attribute, VectorType):
        return scalar(attribute.element_type)
    if isinstance(attribute, IndexType):
        return _INDEX
    if isinstance(attribute, IntegerType):
        bits = attribute.width.data
        if bits == 1:
            return _BOOL
        if bits in _NATIVE:
            return Scalar(f"int{bits}_t", "native", bits, f"uint{bits}_t")
        return Scalar(f"ap_int<{bits}>", "wide", bits, f"ap_uint<{bits}>")
    if isinstance(attribute, Float32Type):
        return _FLOAT
    if isinstance(attribute, Float64Type):
        return _DOUBLE
    raise cannot_emit(None, f"values of type {attribute}")


def lanes(attribute: Attribute) -> int:
    """Numbers in one value of the type."""
    return math.prod(attribute.get_shape()) if isinstance(attribute, VectorType) else 1


def is_vector(attribute: Attribute) -> bool:
    """Whether C++ code holds it as an `hls::vector`; a vector of one lane is a plain scalar there."""
    return lanes(attribute) > 1


def nibbles_name(count: int) -> str:
    """The C++ type of `count` 4-bit numbers, more than one, on the chip."""
    return f"hls::vector<{_NIBBLE.name}, {count}>"


def is_nibble(attribute: Attribute) -> bool:
    """Whether it is a 4-bit integer or a vector of them: outside the chip two share a byte, the first the low half."""
    return scalar(attribute) == _NIBBLE


def type_name(attribute: Attribute) -> str:
    """The C++ type of a scalar or a vector."""
    name = scalar(attribute).name
    return f"hls::vector<{name}, {lanes(attribute)}>" if is_vector(attribute) else name


def size_bytes(attribute: Attribute) -> int:
    """Bytes of one value in memory."""
    return lanes(attribute) * scalar(attribute).size_bytes


def float_literal(value: float, attribute: Attribute) -> Expr:
    """The shortest decimal that reads back as exactly `value` in the type; infinities and NaN from <limits>."""
    name = scalar(attribute).name
    if math.isnan(value):
        return Expr(f"std::numeric_limits<{name}>::quiet_NaN()")
    if math.isinf(value):
        limit = f"std::numeric_limits<{name}>::infinity()"
        return Expr(limit) if value > 0 else Expr(f"-{limit}", Level.UNARY)
    number = np.float32(value) if name == "float" else np.float64(value)
    if number != 0 and not 1e-4 <= abs(number) < 1e7:
        text = np.format_float_scientific(number, unique=True, trim="0", exp_digits=1)
    else:
        text = np.format_float_positional(number, unique=True, trim="0")
    if name == "float":
        text += "f"
    return Expr(text, Level.UNARY if text.startswith("-") else Level.ATOM)


def integer_literal(value: int, attribute: Attribute) -> Expr:
    """The literal of an integer or index type; `value` is taken as signed, except for booleans."""
    form = scalar(attribute)
    if form.kind == "bool":
        return Expr("true" if value else "false")
    if form.kind == "index":
        return Expr(str(value), Level.ATOM if value >= 0 else Level.UNARY, constant=value)
    half = 1 << (form.bits - 1)
    value = (value + half) % (2 * half) - half
    if form.kind == "wide":
        if not -(1 << 63) <= value < 1 << 63:
            raise cannot_emit(None, f"the {form.bits}-bit constant {value}")
        return call(form.name, _native_literal(value, 64))
    return _native_literal(value, form.bits)


def _native_literal(value: int, bits: int) -> Expr:
    if value == -(1 << 63):
        return Expr("std::numeric_limits<int64_t>::min()")  # C++ reads -9223372036854775808 as minus a too large number
    if value == -(1 << 31) and bits == 32:
        return Expr("std::numeric_limits<int32_t>::min()")
    suffix = "" if -(1 << 31) < value < 1 << 31 else "LL"
    return Expr(f"{value}{suffix}", Level.ATOM if value >= 0 else Level.UNARY)

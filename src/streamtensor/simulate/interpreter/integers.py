# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Integer arithmetic where numpy's and Python's differ from the IR's: widths, signs and rounding of divisions.

Every function takes Python integers (index), numpy scalars and arrays. Integers are held signed at their width.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from streamtensor.diagnostics import InternalError
from streamtensor.simulate.interpreter.types import Array

Number = Any  # a Python int, a numpy scalar or an array of integers


def wrap(value: Number, bits: int, dtype: np.dtype[Any]) -> Number:
    """`value` modulo 2**bits as a signed number of `dtype`."""
    if isinstance(value, np.ndarray):
        if bits == 8 * dtype.itemsize:
            return value.astype(dtype)
        if bits == 1:
            return (value & 1).astype(dtype)
        return ((value.astype(np.int64) << (64 - bits)) >> (64 - bits)).astype(dtype)
    half = 1 << (bits - 1)
    number = int(value)
    return dtype.type(number & 1) if bits == 1 else dtype.type(((number + half) & (2 * half - 1)) - half)


def unsigned(value: Number, bits: int) -> Number:
    """The number that the lowest `bits` bits of `value` are without a sign: a Python int, or an array of uint64."""
    if isinstance(value, np.ndarray):
        return value.astype(np.int64).view(np.uint64) & np.uint64((1 << bits) - 1)
    return int(value) & ((1 << bits) - 1)


def index_cast(value: Number) -> Number:
    """An integer as an index: a Python int, or an array of int64; i1 is sign-extended."""
    if isinstance(value, np.ndarray):
        return -value.astype(np.int64) if value.dtype == np.bool_ else value.astype(np.int64)
    return -int(value) if isinstance(value, bool | np.bool_) else int(value)


def divide(a: Number, b: Number) -> Number:
    """Division rounded towards zero."""
    _not_zero(b)
    if _plain(a, b):
        quotient = abs(int(a)) // abs(int(b))
        return quotient if (a < 0) == (b < 0) else -quotient
    quotient = np.floor_divide(a, b)
    return quotient + ((quotient < 0) & (quotient * b != a))


def remainder(a: Number, b: Number) -> Number:
    """The remainder of `divide`: it has the sign of `a`."""
    _not_zero(b)
    if _plain(a, b):
        rest = abs(int(a)) % abs(int(b))
        return rest if a >= 0 else -rest
    return np.fmod(a, b)


def floor_divide(a: Number, b: Number) -> Number:
    """Division rounded towards minus infinity."""
    _not_zero(b)
    return a // b


def ceil_divide(a: Number, b: Number) -> Number:
    """Division rounded towards plus infinity."""
    _not_zero(b)
    quotient = a // b
    return quotient + (quotient * b != a)


def unsigned_remainder(a: Number, b: Number) -> Number:
    """The remainder of two numbers without a sign."""
    _not_zero(b)
    return a % b


def larger(a: Number, b: Number) -> Number:
    """The larger of two numbers, element by element."""
    return max(a, b) if _plain(a, b) else np.maximum(a, b)


def smaller(a: Number, b: Number) -> Number:
    """The smaller of two numbers, element by element."""
    return min(a, b) if _plain(a, b) else np.minimum(a, b)


def leading_zeros(value: Number, bits: int) -> Number:
    """The number of zero bits above the highest one; `bits` for 0."""
    return _per_element(unsigned(value, bits), lambda n: bits - n.bit_length())


def trailing_zeros(value: Number, bits: int) -> Number:
    """The number of zero bits below the lowest one; `bits` for 0."""
    return _per_element(unsigned(value, bits), lambda n: (n & -n).bit_length() - 1 if n else bits)


def ones(value: Number, bits: int) -> Number:
    """The number of bits that are set."""
    return _per_element(unsigned(value, bits), lambda n: n.bit_count())


def natural(value: Number) -> Number:
    """`value` itself when it can be an index of an array, which Python would otherwise count from the end.

    Raises InternalError when it (or one of its elements) is negative.
    """
    if (value.min(initial=0) if isinstance(value, np.ndarray) else value) < 0:
        lowest = value.min() if isinstance(value, np.ndarray) else value
        raise InternalError(f"the index {lowest} is negative")
    return value


def _plain(a: Number, b: Number) -> bool:
    return isinstance(a, int) and isinstance(b, int)


def _not_zero(b: Number) -> None:
    if np.any(b == 0):
        raise InternalError("division of an integer by zero")


def _per_element(value: Number, function: Callable[[int], int]) -> Number:
    if isinstance(value, np.ndarray):
        flat: Array = np.array([function(int(n)) for n in value.ravel()], dtype=np.int64)
        return flat.reshape(value.shape)
    return function(value)

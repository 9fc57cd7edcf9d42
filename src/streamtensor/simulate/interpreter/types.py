# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""How values of the IR are held: the numpy type of a scalar type, and what storage nobody has written to holds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamtensor.diagnostics import InternalError
from streamtensor.ir.builtin import IndexType, IntegerType, MemRefType, TensorType, VectorType
from streamtensor.ir.core import Attribute

Array = NDArray[Any]

_FLOATS: dict[str, type[np.floating[Any]]] = {"f16": np.float16, "f32": np.float32, "f64": np.float64}
_INTEGERS: tuple[tuple[int, type[np.signedinteger[Any]]], ...] = (
    (8, np.int8),
    (16, np.int16),
    (32, np.int32),
    (64, np.int64),
)
_UNWRITTEN_INTEGER = 0x5A5A5A5A5A5A5A5A  # a pattern that is out of range wherever an integer is an index


def is_shaped(kind: Attribute) -> bool:
    """True for tensors, vectors and memrefs: values that are held as arrays."""
    return isinstance(kind, TensorType | VectorType | MemRefType)


def scalar_type(kind: Attribute) -> Attribute:
    """The type of one number of a tensor, vector or memref (whose elements may be vectors), or the type itself."""
    while isinstance(kind, TensorType | VectorType | MemRefType):
        kind = kind.element_type
    return kind


def shape_of(kind: Attribute) -> tuple[int, ...]:
    """The static shape of a tensor, vector or memref type.

    Raises InternalError for a dynamic shape and for types without a shape.
    """
    if not isinstance(kind, TensorType | VectorType | MemRefType):
        raise InternalError(f"{kind} has no shape")
    shape = tuple(kind.get_shape())
    if any(size < 0 for size in shape):
        raise InternalError(f"the interpreter runs static shapes only, not {kind}")
    return shape


def storage_shape(kind: Attribute) -> tuple[int, ...]:
    """The shape of the array that holds a value of `kind`: with the lanes last where the elements are vectors.

    Raises InternalError like `shape_of`.
    """
    shape = shape_of(kind)
    if isinstance(kind, TensorType | MemRefType) and isinstance(kind.element_type, VectorType):
        return (*shape, *kind.element_type.get_shape())
    return shape


def integer_bits(kind: Attribute) -> int | None:
    """The width of an integer type, 64 for index, None for anything else; of the scalar type of shaped types."""
    scalar = scalar_type(kind)
    if isinstance(scalar, IndexType):
        return 64
    return scalar.width.data if isinstance(scalar, IntegerType) else None


def is_float(kind: Attribute) -> bool:
    """True for f16, f32 and f64 and for shaped types of them."""
    return scalar_type(kind).name in _FLOATS


def dtype_of(kind: Attribute) -> np.dtype[Any]:
    """The numpy type that holds one number of `kind` (a scalar type, or a shaped type of it).

    Integers are held signed, in the narrowest type that is wide enough; i1 as bool; index as int64.
    Raises InternalError for a type without one, e.g. bf16.
    """
    scalar = scalar_type(kind)
    if scalar.name in _FLOATS:
        return np.dtype(_FLOATS[scalar.name])
    if isinstance(scalar, IndexType):
        return np.dtype(np.int64)
    if isinstance(scalar, IntegerType):
        if scalar.width.data == 1:
            return np.dtype(np.bool_)
        for bits, dtype in _INTEGERS:
            if scalar.width.data <= bits:
                return np.dtype(dtype)
    raise InternalError(f"the interpreter has no numbers of type {scalar}")


def is_native(kind: Attribute) -> bool:
    """True when numpy's own arithmetic wraps where the integer type does (8, 16, 32 and 64 bits)."""
    return integer_bits(kind) in (8, 16, 32, 64)


def unwritten(shape: Sequence[int], dtype: np.dtype[Any]) -> Array:
    """Storage that nobody has written to: NaN, so that its use is seen in the results; a large pattern in integers."""
    if dtype.kind == "f":
        return np.full(shape, np.nan, dtype=dtype)
    if dtype.kind == "b":
        return np.ones(shape, dtype=dtype)
    return np.full(shape, _UNWRITTEN_INTEGER >> (64 - 8 * dtype.itemsize), dtype=dtype)

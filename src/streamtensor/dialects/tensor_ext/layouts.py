# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Types of tensors in external memory: packed ones have twice the rank, widened ones vectors as elements."""

from __future__ import annotations

from collections.abc import Sequence

from streamtensor.algebra.errors import LayoutError
from streamtensor.algebra.external import ExternalLayout
from streamtensor.ir.builtin import MemRefType, TensorType, VectorType
from streamtensor.ir.core import Attribute, VerifyException


def scalar_of(type: TensorType[Attribute] | MemRefType[Attribute]) -> Attribute:
    """The type of one number of a tensor or memref, also when its elements are vectors."""
    element = type.element_type
    return element.element_type if isinstance(element, VectorType) else element


def layout_of(type: TensorType[Attribute] | MemRefType[Attribute], rank: int) -> ExternalLayout:
    """The layout of a tensor type that holds data of `rank` dimensions.

    Raises VerifyException when the type is neither of that rank nor packed, or its vectors have another rank.
    """
    sizes = list(type.get_shape())
    element = type.element_type
    vector = tuple(element.get_shape()) if isinstance(element, VectorType) else None
    if vector is not None and len(vector) != rank:
        raise VerifyException(f"the vectors of {type} have {len(vector)} dimensions for data of {rank}")
    if len(sizes) == rank:
        return ExternalLayout(None, vector)
    if len(sizes) != 2 * rank:
        raise VerifyException(f"{type} is neither a tensor of {rank} dimensions nor a packed one")
    inner = sizes[rank:]
    return ExternalLayout(tuple(n * v for n, v in zip(inner, vector or (1,) * rank, strict=True)), vector)


def data_shape(type: TensorType[Attribute] | MemRefType[Attribute], rank: int) -> tuple[int, ...]:
    """The shape of the data of `rank` dimensions that a tensor of this type holds.

    Raises VerifyException like `layout_of`.
    """
    layout = layout_of(type, rank)
    sizes = list(type.get_shape())
    if layout.tile is not None:
        return tuple(n * t for n, t in zip(sizes[:rank], layout.tile, strict=True))
    return tuple(n * v for n, v in zip(sizes, layout.vector or (1,) * rank, strict=True))


def tensor_in(scalar: Attribute, shape: Sequence[int], layout: ExternalLayout) -> TensorType[Attribute]:
    """The type of a tensor of `shape` that lies in memory as `layout`.

    Raises VerifyException when the tile or the vector does not divide the shape.
    """
    try:
        sizes = layout.shape(shape)
    except LayoutError as error:
        raise VerifyException(str(error)) from error
    element = scalar if layout.vector is None else VectorType(scalar, layout.vector)
    return TensorType(element, sizes)

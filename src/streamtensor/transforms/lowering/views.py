# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Views of tensors as strided memrefs: expand, collapse and slice change strides and offset, not data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import prod

from streamtensor.diagnostics import UserError
from streamtensor.ir import memref, tensor
from streamtensor.ir.builtin import ArrayAttr, IntAttr, MemRefType, NoneAttr, StridedLayoutAttr
from streamtensor.ir.core import Attribute, Operation, SSAValue
from streamtensor.ir.locations import location


@dataclass(frozen=True)
class Strided:
    """Where the elements of a view are: `offset + sum index[d] * strides[d]`, in elements of the buffer."""

    shape: tuple[int, ...]
    strides: tuple[int, ...]
    offset: int = 0

    @staticmethod
    def contiguous(shape: Sequence[int]) -> Strided:
        """The row-major layout of a whole buffer."""
        strides = [prod(shape[dim + 1 :]) for dim in range(len(shape))]
        return Strided(tuple(shape), tuple(strides))

    @property
    def is_contiguous(self) -> bool:
        """Whether this is a whole buffer in row-major order; strides of dimensions of size 1 don't matter."""
        plain = Strided.contiguous(self.shape)
        same = all(n == 1 or a == b for n, a, b in zip(self.shape, self.strides, plain.strides, strict=True))
        return same and self.offset == 0

    def slice(self, offsets: Sequence[int], sizes: Sequence[int], steps: Sequence[int]) -> Strided:
        """A slice, of every `steps[d]`-th index."""
        offset = self.offset + sum(o * s for o, s in zip(offsets, self.strides, strict=True))
        return Strided(tuple(sizes), tuple(a * b for a, b in zip(self.strides, steps, strict=True)), offset)

    def expand(self, groups: Sequence[Sequence[int]], shape: Sequence[int]) -> Strided:
        """Each dimension d split into the dimensions `groups[d]` of `shape`."""
        strides = [1] * len(shape)
        for dim, group in enumerate(groups):
            step = self.strides[dim]
            for inner in reversed(group):
                strides[inner] = step
                step *= shape[inner]
        return Strided(tuple(shape), tuple(strides), self.offset)

    def tiles(self, tile: Sequence[int]) -> Strided:
        """The last dimensions, as many as `tile` has, as tiles: their numbers, then the tile."""
        first = len(self.shape) - len(tile)
        shape, strides = self.shape[first:], self.strides[first:]
        return Strided(
            (*self.shape[:first], *(n // t for n, t in zip(shape, tile, strict=True)), *tile),
            (*self.strides[:first], *(s * t for s, t in zip(strides, tile, strict=True)), *strides),
            self.offset,
        )

    def collapse(self, groups: Sequence[Sequence[int]]) -> Strided | None:
        """Each group of dimensions as one; None when a group is not evenly spaced."""
        shape: list[int] = []
        strides: list[int] = []
        for group in groups:
            dims = [dim for dim in group if self.shape[dim] != 1]
            for outer, inner in pairwise(dims):
                if self.strides[outer] != self.strides[inner] * self.shape[inner]:
                    return None
            shape.append(prod(self.shape[dim] for dim in group))
            strides.append(self.strides[dims[-1]] if dims else 1)
        return Strided(tuple(shape), tuple(strides), self.offset)


def strided_of(type: Attribute) -> Strided:
    """The layout of a memref type."""
    assert isinstance(type, MemRefType)
    shape = type.get_shape()
    if isinstance(type.layout, NoneAttr):
        return Strided.contiguous(shape)
    strides, offset = type.get_strides(), type.get_offset()
    assert strides is not None
    assert offset is not None
    return Strided(tuple(shape), tuple(_known(s) for s in strides), _known(offset))


def memref_type(scalar: Attribute, layout: Strided) -> MemRefType[Attribute]:
    """The memref type with that layout; the layout is left out when the view is a whole buffer."""
    if layout.is_contiguous:
        return MemRefType(scalar, layout.shape)
    strided = StridedLayoutAttr(ArrayAttr([IntAttr(s) for s in layout.strides]), IntAttr(layout.offset))
    return MemRefType(scalar, layout.shape, strided)


def reinterpret(source: SSAValue, layout: Strided) -> memref.ReinterpretCastOp:
    """The buffer behind `source` seen through `layout`."""
    assert isinstance(source.type, MemRefType)
    result = memref_type(source.type.element_type, layout)
    return memref.ReinterpretCastOp.from_dynamic(
        source, [layout.offset], list(layout.shape), list(layout.strides), result
    )


def view_layout(op: Operation, source: Strided) -> Strided:
    """The layout of the result of a view operation on a buffer with layout `source`.

    Raises UserError ST0306 for a collapse of dimensions that are not evenly spaced, and for run-time offsets.
    """
    if isinstance(op, tensor.ExpandShapeOp):
        return source.expand(reassociation(op), op.result.type.get_shape())
    if isinstance(op, tensor.CollapseShapeOp):
        layout = source.collapse(reassociation(op))
        if layout is not None:
            return layout
        raise UserError("ST0306", "a reshape of a slice would need a copy", location=location(op))
    assert isinstance(op, tensor.ExtractSliceOp)
    if op.offsets or op.sizes or op.strides:
        raise UserError("ST0306", "a slice in external memory has static offsets and strides", location=location(op))
    offsets = [int(n) for n in op.static_offsets.get_values()]
    sizes = [int(n) for n in op.static_sizes.get_values()]
    steps = [int(n) for n in op.static_strides.get_values()]
    layout = source.slice(offsets, sizes, steps)
    wanted = list(op.result.type.get_shape())
    return _drop_unit_dims(layout, wanted)


def reassociation(op: tensor.ExpandShapeOp | tensor.CollapseShapeOp) -> list[list[int]]:
    """The groups of dimensions of a reshape."""
    return [[int(i.value.data) for i in group] for group in op.reassociation]


def _drop_unit_dims(layout: Strided, shape: list[int]) -> Strided:
    """The layout without the dimensions of size 1 that a rank-reducing slice drops."""
    if list(layout.shape) == shape:
        return layout
    long = iter([stride for size, stride in zip(layout.shape, layout.strides, strict=True) if size != 1])
    strides = [1 if size == 1 else next(long) for size in shape]  # a dimension of size 1 never takes a step
    return Strided(tuple(shape), tuple(strides), layout.offset)


def _known(value: int | None) -> int:
    assert value is not None
    return value

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Slices of tensors with static bounds: boxes with an offset, a size and a step in each dimension."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from streamtensor.ir import tensor
from streamtensor.ir.core import Operation, SSAValue
from streamtensor.transforms.linalg.generics import insert_before, shape_of, tensor_type
from streamtensor.transforms.linalg.reshapes import reassociation


@dataclass(frozen=True)
class Range:
    """`size` indices from `offset` on, `step` apart."""

    offset: int
    size: int
    step: int = 1

    def covers(self, extent: int) -> bool:
        """Whether the range is the whole of `extent` indices."""
        return self == Range(0, extent)

    def after(self, outer: Range) -> Range:
        """This range counted inside what `outer` takes."""
        return Range(outer.offset + self.offset * outer.step, self.size, self.step * outer.step)


Box = tuple[Range, ...]


def box_of(op: tensor.ExtractSliceOp) -> Box | None:
    """What a slice takes, one range for each dimension of its source; None when a bound is not static."""
    if op.offsets or op.sizes or op.strides:
        return None
    numbers = zip(
        op.static_offsets.get_values(), op.static_sizes.get_values(), op.static_strides.get_values(), strict=True
    )
    return tuple(Range(*(int(number) for number in triple)) for triple in numbers)


def full_box(shape: Sequence[int]) -> Box:
    """The box that takes everything."""
    return tuple(Range(0, size) for size in shape)


def sizes(box: Box) -> tuple[int, ...]:
    """The shape of what a box takes, dimensions of size 1 included."""
    return tuple(part.size for part in box)


def extract(value: SSAValue, box: Box, place: Operation) -> SSAValue:
    """The box of `value` with the rank of `value`, by an operation before `place`, or `value` if it is all of it."""
    if box == full_box(shape_of(value)):
        return value
    made = tensor.ExtractSliceOp(
        value,
        [part.offset for part in box],
        [part.size for part in box],
        [part.step for part in box],
        type(tensor_type(value))(tensor_type(value).get_element_type(), sizes(box)),
    )
    insert_before(place, made)
    return made.result


def box_before_reshape(box: Box, before: Sequence[int], after: Sequence[int]) -> Box | None:
    """The box of a tensor of shape `before` whose elements, in order, are those of `box` after a reshape.

    `after` is an expansion or a collapse of `before`. None when the elements are not a box there.

    >>> box_before_reshape((Range(0, 16), Range(4, 4), Range(0, 8)), (16, 96), (16, 12, 8))
    (Range(offset=0, size=16, step=1), Range(offset=32, size=32, step=1))
    >>> box_before_reshape((Range(8, 16),), (4, 8), (32,))
    (Range(offset=1, size=2, step=1), Range(offset=0, size=8, step=1))
    """
    expansion = reassociation(before, after) if len(after) >= len(before) else None
    if expansion is not None:
        merged = [_merge([box[i] for i in run], [after[i] for i in run]) for run in expansion]
        return None if any(part is None for part in merged) else tuple(part for part in merged if part is not None)
    runs = reassociation(after, before)
    if runs is None:
        return None
    parts: list[Range] = []
    for part, run in zip(box, runs, strict=True):
        split = _split(part, [before[i] for i in run])
        if split is None:
            return None
        parts.extend(split)
    return tuple(parts)


def _merge(box: Sequence[Range], extents: Sequence[int]) -> Range | None:
    """The range of row-major positions that `box` takes of dimensions `extents`, or None."""
    first = next((i for i, part in enumerate(box) if part.size != 1), len(box))
    inner = first + 1
    if any(not part.covers(size) for part, size in zip(box[inner:], extents[inner:], strict=True)):
        return None
    step = box[first].step if first < len(box) else 1
    stride = prod(extents[inner:])
    if step != 1 and stride != 1:
        return None
    offset = sum(part.offset * prod(extents[i + 1 :]) for i, part in enumerate(box))
    return Range(offset, prod(sizes(tuple(box))), step)


def _split(part: Range, extents: Sequence[int]) -> list[Range] | None:
    """The box of dimensions `extents` that takes the row-major positions of `part`, or None."""
    if part.covers(prod(extents)):
        return list(full_box(extents))
    for cut in range(len(extents)):
        stride = prod(extents[cut + 1 :])
        if part.offset % stride or part.size % stride or (part.step != 1 and stride != 1):
            continue
        start, size = part.offset // stride, part.size // stride
        place = start % extents[cut]
        if place + (size - 1) * part.step >= extents[cut]:
            continue
        outer: list[Range] = []
        for i in range(cut):
            outer.append(Range(start // prod(extents[i + 1 : cut + 1]) % extents[i], 1))
        return [*outer, Range(place, size, part.step), *full_box(extents[cut + 1 :])]
    return None

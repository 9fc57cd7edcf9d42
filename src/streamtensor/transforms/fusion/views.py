# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Streams through reshapes: how the itensor of a kernel gets to one that wants it in another shape."""

from __future__ import annotations

from collections.abc import Collection, MutableMapping, Sequence
from dataclasses import dataclass
from math import gcd

from streamtensor.algebra.affine import AffineMap
from streamtensor.algebra.errors import LayoutError
from streamtensor.algebra.layout import StreamLayout, same_order
from streamtensor.algebra.rewrites import collapse
from streamtensor.dialects.dataflow import ITensorCastOp, ITensorConverterOp, ITensorReassociateOp, ITensorType
from streamtensor.ir import tensor
from streamtensor.ir.builtin import TensorType
from streamtensor.ir.core import Block, Operation, Rewriter, SSAValue
from streamtensor.ir.locations import copy_location
from streamtensor.transforms.fusion.on_chip import converter_bits

VIEWS = (tensor.ExpandShapeOp, tensor.CollapseShapeOp, tensor.ExtractSliceOp)
Reshape = tensor.ExpandShapeOp | tensor.CollapseShapeOp
Groups = tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Step:
    """A stream of the tensor `place` as `type`: by a reassociation with `groups`, else by a converter or a cast."""

    place: SSAValue
    type: ITensorType
    groups: Groups | None = None


@dataclass(frozen=True)
class StreamPath:
    """What a stream goes through from the kernel that makes it to the one that reads it, and the bits of its
    converters.
    """

    steps: tuple[Step, ...]
    converter_bits: int

    def build(
        self,
        block: Block,
        streams: MutableMapping[tuple[SSAValue, ITensorType], SSAValue],
        source: SSAValue,
        location_of: Operation,
    ) -> SSAValue:
        """Appends what is not yet in `streams` (tensor, type -> itensor) to `block`; the itensor at the end."""
        for step in self.steps:
            key = (step.place, step.type)
            if key not in streams:
                op = _operation(source, step)
                copy_location(location_of, [op])
                block.add_op(op)
                streams[key] = op.result
            source = streams[key]
        return source


def _operation(source: SSAValue, step: Step) -> ITensorReassociateOp | ITensorCastOp | ITensorConverterOp:
    assert isinstance(source.type, ITensorType)
    if step.groups is not None:
        return ITensorReassociateOp(source, step.groups, step.type)
    if same_order(source.type.layout, step.type.layout):
        return ITensorCastOp(source, step.type)
    return ITensorConverterOp(source, step.type)


def root_of(value: SSAValue) -> SSAValue:
    """The tensor behind views."""
    while isinstance(value.owner, VIEWS):
        value = value.owner.operands[0]
    return value


def stream_path(made: ITensorType, operand: SSAValue, wanted: ITensorType) -> StreamPath | str:
    """How what is made as `made` is read as `wanted` through the views behind `operand`; or why it can't be.

    A reshape of a tensor is one of its stream when tokens are contiguous runs of the dimensions that come together.
    Then the made type goes forward through collapses and the wanted one back through expansions, until they meet at a
    converter, which may be none. If that is not so, or costs more, the stream is first converted to runs of the last
    dimension in row-major order: this type exists for every shape.
    """
    views = _views(operand)
    if views is None:
        return "a slice stands between them"
    if not views:
        bits = converter_bits(made, wanted)
        return bits if isinstance(bits, str) else StreamPath((Step(operand, wanted),) if made != wanted else (), bits)
    paths = [_meeting(made, operand, wanted, views), _row_major(made, operand, wanted, views)]
    found = [path for path in paths if isinstance(path, StreamPath)]
    return min(found, key=lambda path: path.converter_bits) if found else str(paths[-1])


def _meeting(made: ITensorType, operand: SSAValue, wanted: ITensorType, views: Sequence[Reshape]) -> StreamPath | str:
    """Forward through collapses, back through expansions, with a converter where they meet."""
    before: list[Step] = []
    after: list[Step] = []
    place, rest = operand, list(views)
    try:
        while rest and isinstance(rest[-1], tensor.ExpandShapeOp):
            view = rest.pop()
            after.insert(0, Step(place, wanted, _groups(view)))
            place, wanted = view.operands[0], _collapsed(wanted, _groups(view))
        for view in rest:
            if isinstance(view, tensor.ExpandShapeOp):
                return "an expansion stands before a collapse"
            made = _collapsed(made, _groups(view))
            before.append(Step(view.results[0], made, _groups(view)))
    except LayoutError as error:
        return error.reason
    if same_order(made.layout, wanted.layout):  # a reassociation leads to any type of the order
        if before:
            before[-1] = Step(before[-1].place, wanted, before[-1].groups)
        return StreamPath((*before, *after), 0)
    bits = converter_bits(made, wanted)
    return bits if isinstance(bits, str) else StreamPath((*before, Step(place, wanted), *after), bits)


def _row_major(made: ITensorType, operand: SSAValue, wanted: ITensorType, views: Sequence[Reshape]) -> StreamPath | str:
    """Convert to runs of the last dimension in row-major order, reshape these, and convert to what is wanted."""
    shapes = [made.data_shape, *(_shape(view.results[0]) for view in views)]
    if not all(shapes):
        return "a tensor without dimensions has no rows"
    tokens = (made.layout.element[-1], wanted.layout.element[-1])
    run = gcd(*tokens, *(shape[-1] for shape in shapes))
    types = [_rows(made, shape, run) for shape in shapes]
    steps = [Step(root_of(operand), types[0])] if types[0] != made else []
    steps += [Step(v.results[0], type, _groups(v)) for v, type in zip(views, types[1:], strict=True)]
    steps += [Step(operand, wanted)] if types[-1] != wanted else []
    first, last = converter_bits(made, types[0]), converter_bits(types[-1], wanted)
    if isinstance(first, str) or isinstance(last, str):
        return first if isinstance(first, str) else str(last)
    return StreamPath(tuple(steps), first + last)


def _rows(itensor: ITensorType, shape: tuple[int, ...], run: int) -> ITensorType:
    """The type of data of `shape` as runs of the last dimension, in row-major order."""
    element = (*(1 for _ in shape[:-1]), run)
    tripcounts = tuple(size // part for size, part in zip(shape, element, strict=True))
    layout = StreamLayout(element, tripcounts, element, AffineMap.select(len(shape), list(range(len(shape)))))
    return ITensorType.get(TensorType(itensor.scalar, list(element)), layout.canonical())


def needed_outside(value: SSAValue, inside: Collection[Operation]) -> bool:
    """Whether anything but the kernels `inside` reads `value`, also through views."""
    for use in value.uses:
        op = use.operation
        if isinstance(op, VIEWS):
            if needed_outside(op.results[0], inside):
                return True
        elif op not in inside:
            return True
    return False


def erase_unused_views(value: SSAValue) -> None:
    """Erases the views of `value` that nobody uses."""
    for op in [use.operation for use in value.uses]:
        if isinstance(op, VIEWS):
            erase_unused_views(op.results[0])
            if not op.results[0].uses:
                Rewriter.erase_op(op)


def _views(operand: SSAValue) -> list[Reshape] | None:
    """The reshapes behind `operand`, the first one first; None when there are slices among them."""
    found: list[Reshape] = []
    while isinstance(operand.owner, VIEWS):
        if isinstance(operand.owner, tensor.ExtractSliceOp):
            return None
        found.insert(0, operand.owner)
        operand = operand.owner.operands[0]
    return found


def _groups(view: Reshape) -> Groups:
    return tuple(tuple(int(dim.value.data) for dim in group) for group in view.reassociation)


def _shape(value: SSAValue) -> tuple[int, ...]:
    assert isinstance(value.type, TensorType)
    return tuple(value.type.get_shape())


def _collapsed(itensor: ITensorType, groups: Sequence[Sequence[int]]) -> ITensorType:
    layout = collapse(itensor.layout, groups).canonical()
    return ITensorType.get(TensorType(itensor.scalar, list(layout.element)), layout)

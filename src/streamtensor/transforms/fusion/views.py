# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Streams through reshapes: how the itensor of a kernel gets to one that wants it in another shape."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from streamtensor.algebra.errors import LayoutError
from streamtensor.algebra.rewrites import collapse
from streamtensor.dialects.dataflow import ITensorConverterOp, ITensorReassociateOp, ITensorType
from streamtensor.ir import tensor
from streamtensor.ir.builtin import TensorType
from streamtensor.ir.core import Block, Operation, Rewriter, SSAValue
from streamtensor.ir.locations import copy_location
from streamtensor.transforms.fusion.on_chip import converter_bits

VIEWS = (tensor.ExpandShapeOp, tensor.CollapseShapeOp, tensor.ExtractSliceOp)
Reshape = tensor.ExpandShapeOp | tensor.CollapseShapeOp
Groups = tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class StreamPath:
    """The types that a stream takes on its way from the kernel that makes it to the one that reads it.

    before: (groups, type) of the collapses that it goes through first; wanted: the type behind the converter, if one is
    needed; after: (groups, type) of the expansions up to the type that the consumer wants. `converter_bits` is the
    on-chip price.
    """

    before: tuple[tuple[Groups, ITensorType], ...]
    wanted: ITensorType
    after: tuple[tuple[Groups, ITensorType], ...]
    converter_bits: int

    def build(self, block: Block, source: SSAValue, location_of: Operation) -> SSAValue:
        """Appends the operations to `block`, with the location of an operation; the itensor that the consumer reads."""
        def add(op: ITensorConverterOp | ITensorReassociateOp) -> SSAValue:
            copy_location(location_of, [op])
            block.add_op(op)
            return op.result

        for groups, type in self.before:
            source = add(ITensorReassociateOp(source, groups, type))
        if source.type != self.wanted:
            source = add(ITensorConverterOp(source, self.wanted))
        for groups, type in self.after:
            source = add(ITensorReassociateOp(source, groups, type))
        return source


def root_of(value: SSAValue) -> SSAValue:
    """The tensor behind views."""
    while isinstance(value.owner, VIEWS):
        value = value.owner.operands[0]
    return value


def stream_path(made: ITensorType, operand: SSAValue, wanted: ITensorType) -> StreamPath | str:
    """How what is made as `made` is read as `wanted` through the views behind `operand`; or why it can't be.

    A reshape of a tensor is one of its stream when tokens are contiguous runs of the dimensions that come together.
    The made type goes forward through collapses and the wanted one back through expansions, until they meet at a
    converter, which may be none.
    """
    views = _views(operand)
    if views is None:
        return "a slice stands between them"
    try:
        after: list[tuple[Groups, ITensorType]] = []
        while views and isinstance(views[-1], tensor.ExpandShapeOp):
            groups = _groups(views.pop())
            after.insert(0, (groups, wanted))
            wanted = _collapsed(wanted, groups)
        before: list[tuple[Groups, ITensorType]] = []
        for view in views:
            if isinstance(view, tensor.ExpandShapeOp):
                return "an expansion stands before a collapse"
            groups = _groups(view)
            made = _collapsed(made, groups)
            before.append((groups, made))
    except LayoutError as error:
        return error.reason
    bits = converter_bits(made, wanted)
    return bits if isinstance(bits, str) else StreamPath(tuple(before), wanted, tuple(after), bits)


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


def _collapsed(itensor: ITensorType, groups: Sequence[Sequence[int]]) -> ITensorType:
    layout = collapse(itensor.layout, groups).canonical()
    return ITensorType.get(TensorType(itensor.scalar, list(layout.element)), layout)

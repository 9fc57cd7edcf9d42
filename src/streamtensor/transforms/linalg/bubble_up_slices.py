# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Computes only the slices that are used."""

from dataclasses import dataclass
from math import prod
from typing import cast

from streamtensor.ir import func, tensor
from streamtensor.ir.builtin import ModuleOp
from streamtensor.ir.core import Context, ModulePass, Operation, OpResult
from streamtensor.ir.linalg import GenericOp
from streamtensor.transforms.linalg.generics import (
    PARALLEL,
    Access,
    device_functions,
    empty_like,
    erase_dead,
    extents,
    fill_like,
    fill_value,
    inputs,
    is_empty,
    iterators,
    outputs,
    rebuild,
    replace,
    shape_of,
    tensor_type,
)
from streamtensor.transforms.linalg.indices import rewrite_indices
from streamtensor.transforms.linalg.maps import constant, dim, loop_of, uses_only_as_dimension
from streamtensor.transforms.linalg.reshapes import reshape
from streamtensor.transforms.linalg.slices import Box, Range, box_before_reshape, box_of, extract, full_box, sizes
from streamtensor.transforms.linalg.tidy_linalg import tidy


@dataclass(frozen=True)
class BubbleUpSlicesPass(ModulePass):
    """Slices of results become slices of operands, until they are slices of the function's arguments.

    slice(generic(%a, %b))        -->  generic(slice(%a), slice(%b))
    slice(expand(%x))             -->  expand(slice(%x))           (collapse alike, when the slice is a box there)
    slice(slice(%x))              -->  slice(%x)
    slice(fill)                   -->  fill
    slice that drops unit dims    -->  collapse(slice that keeps them)

    Right for a generic when each sliced dimension is one parallel loop of its own and operands use that loop only
    as a whole dimension: the iterations are independent, and those of the slice read exactly the slices.
    Applied when all users of the result are slices that together are not larger than it, so the work never grows:
    a fused q, k, v projection becomes three whose weights are slices of the arguments, and the last position's
    logits are computed alone.

    Ends: each rewrite replaces slices by slices of values that are computed earlier, and a value is computed from
    finitely many.
    """

    name = "bubble-up-slices"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Runs on every device function of the module."""
        for function in device_functions(op):
            tidy(function)
            while _sweep(function):
                erase_dead(function)  # a view that nobody reads any more is no user
            tidy(function)


def _sweep(function: func.FuncOp) -> bool:
    """One step at every slice, the last one first; whether there was one to make."""
    slices = [op for op in function.body.block.ops if isinstance(op, tensor.ExtractSliceOp)]
    changed = False
    for op in reversed(slices):
        if op.parent is not None:  # a step at one slice may have replaced others of the same value
            changed |= _move(op)
    return changed


def _move(op: tensor.ExtractSliceOp) -> bool:
    """One step of the law; whether there was one to make."""
    box = box_of(op)
    if box is None:
        return False
    if shape_of(op.result) != sizes(box):
        replace(op, [reshape(extract(op.source, box, op), shape_of(op.result), op)])
        return True
    source = op.source.owner
    if box == full_box(shape_of(op.source)):
        replace(op, [op.source])
        return True
    if is_empty(op.source):
        replace(op, [empty_like(op, tensor_type(op.source), sizes(box))])
        return True
    number = fill_value(op.source)
    if number is not None:
        replace(op, [fill_like(op, number, tensor_type(op.source), sizes(box))])
        return True
    match source:
        case tensor.ExtractSliceOp():
            return _compose(op, box, source)
        case tensor.ExpandShapeOp() | tensor.CollapseShapeOp():
            return _move_before_reshape(op, box, source)
        case GenericOp():
            return _compute_slices(source)
        case _:
            return False


def _compose(op: tensor.ExtractSliceOp, box: Box, source: tensor.ExtractSliceOp) -> bool:
    outer = box_of(source)
    if outer is None or shape_of(source.result) != sizes(outer):
        return False
    composed = tuple(part.after(around) for part, around in zip(box, outer, strict=True))
    replace(op, [extract(source.source, composed, op)])
    return True


def _move_before_reshape(
    op: tensor.ExtractSliceOp, box: Box, source: tensor.ExpandShapeOp | tensor.CollapseShapeOp
) -> bool:
    before = box_before_reshape(box, shape_of(source.src), shape_of(source.result))
    if before is None:
        return False
    sliced = extract(source.src, before, op)
    replace(op, [reshape(sliced, sizes(box), op)])
    return True


def _compute_slices(producer: GenericOp) -> bool:
    """Replaces a generic that is only sliced by one generic for each different slice."""
    users = [use.operation for result in producer.results for use in result.uses]
    if len(producer.results) != 1 or not all(isinstance(user, tensor.ExtractSliceOp) for user in users):
        return False
    taken: dict[Box, list[tensor.ExtractSliceOp]] = {}
    for user in cast(list[tensor.ExtractSliceOp], users):
        box = box_of(user)
        if box is None or shape_of(user.result) != sizes(box) or not _can_slice(producer, box):
            return False
        taken.setdefault(box, []).append(user)
    if sum(prod(sizes(box)) for box in taken) > prod(shape_of(producer.results[0])):
        return False
    for box, slices in taken.items():
        result = _sliced(producer, box)
        for user in slices:
            replace(user, [result])
    assert producer.parent is not None
    producer.parent.erase_op(producer)
    return True


def _can_slice(producer: GenericOp, box: Box) -> bool:
    """Whether every sliced dimension of the result is one parallel loop that operands use only as a dimension."""
    kinds = iterators(producer)
    accesses = (*inputs(producer), *outputs(producer))
    result = outputs(producer)[0]
    loops = [loop_of(expr) for expr in result.map.results]
    for loop, part, extent in zip(loops, box, shape_of(result.value), strict=True):
        if part.covers(extent):
            continue
        if loop is None or kinds[loop] != PARALLEL or loops.count(loop) != 1:
            return False
        if not all(uses_only_as_dimension(access.map, loop) for access in accesses):
            return False
    return True


def _sliced(producer: GenericOp, box: Box) -> OpResult:
    """The part of the producer's result that `box` takes, computed by a generic right before the producer."""
    ranges = [Range(0, extent) for extent in extents(producer)]
    for expr, part in zip(outputs(producer)[0].map.results, box, strict=True):
        loop = loop_of(expr)
        if loop is not None:
            ranges[loop] = part
    clone = producer.clone()
    assert producer.parent is not None
    producer.parent.insert_ops_before((clone,), producer)
    rewrite_indices(clone.body.block, [dim(i) * part.step + constant(part.offset) for i, part in enumerate(ranges)])
    new_inputs = [_slice_access(access, ranges, clone) for access in inputs(clone)]
    new_outputs = [_slice_access(access, ranges, clone) for access in outputs(clone)]
    new = rebuild(clone, new_inputs, new_outputs)
    producer.parent.erase_op(clone)
    return new.results[0]


def _slice_access(access: Access, ranges: list[Range], place: Operation) -> Access:
    """The access whose value holds only what the loops in `ranges` read."""
    shape = shape_of(access.value)
    parts = [loop_of(expr) for expr in access.map.results]
    box = tuple(Range(0, size) if loop is None else ranges[loop] for loop, size in zip(parts, shape, strict=True))
    if is_empty(access.value):
        return Access(empty_like(place, tensor_type(access.value), sizes(box)), access.map)
    return Access(extract(access.value, box, place) if shape else access.value, access.map)

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes concatenations of the parts of one tensor as linalg: the rotation of a rotary embedding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from streamtensor.ir import arith, func, tensor
from streamtensor.ir.builtin import AffineMapAttr, IndexType, IntegerAttr, ModuleOp
from streamtensor.ir.core import Block, Context, ModulePass, Region, SSAValue
from streamtensor.ir.linalg import GenericOp, IndexOp, YieldOp
from streamtensor.transforms.linalg.generics import (
    PARALLEL,
    Access,
    empty_like,
    erase_dead,
    input_arguments,
    inputs,
    insert_before,
    is_elementwise,
    outputs,
    replace,
    shape_of,
    tensor_type,
    yielded,
)
from streamtensor.transforms.linalg.maps import dim, identity, make_map
from streamtensor.transforms.linalg.reshapes import reshape, squeezed
from streamtensor.transforms.linalg.slices import Range, box_of


@dataclass(frozen=True)
class ConvertTensorToLinalgPass(ModulePass):
    """concat(f(x[.., n:]), g(x[.., :n]))  -->  generic over [.., 2, n] that reads x at half 1 - p: p is 0 ? f : g

    A concatenation of equal parts of one tensor (each through elementwise functions of its own), in their order or in
    the reverse one, or of one whole tensor several times, is one elementwise operation on the tensor with the
    dimension split into [parts, n]. So a rotary embedding reads the head's dimension as [2, n] with both halves in
    one token, and copies nothing (design document pipeline.md, fold-copies).

    Right because part p of the result is made of part p (or parts - 1 - p, or all) of the tensor, element by
    element. Every function of a part is computed for all parts and one result is selected: the functions are
    elementwise and few (a negation). Other concatenations stay as they are.
    """

    name = "convert-tensor-to-linalg"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Runs on every function, also on those of the host (rotary tables)."""
        for function in [f for f in op.ops if isinstance(f, func.FuncOp) and len(f.body.blocks) == 1]:
            for concat in [c for c in function.body.block.ops if isinstance(c, tensor.ConcatOp)]:
                _convert(concat)
            erase_dead(function)


@dataclass(frozen=True)
class _Part:
    """One operand of a concatenation: the elementwise functions, last to first, of a range of `source`."""

    source: SSAValue
    range: Range
    functions: tuple[GenericOp, ...]


def _convert(op: tensor.ConcatOp) -> None:
    """Replaces `op` if it is one of the law."""
    shape = shape_of(op.result)
    axis = op.dim.value.data
    position = sum(size != 1 for size in shape[:axis])  # of the axis among the dimensions that are not 1
    found = [_part(value, position) for value in op.inputs if shape_of(value)[axis] > 1]
    parts = [part for part in found if part is not None]
    if len(parts) != len(op.inputs) or len(parts) < 2 or any(a.source is not b.source for a, b in pairwise(parts)):
        return
    size, extent = parts[0].range.size, squeezed(shape_of(parts[0].source))[position]
    split = [*squeezed(shape)]
    split[position : position + 1] = [len(parts), size]
    read = [dim(loop) for loop in range(len(split))]
    read_shape = list(split)
    if all(part.range.covers(extent) for part in parts):
        del read[position], read_shape[position]
    else:
        offsets = [part.range.offset for part in parts]
        if extent != size * len(parts) or any(
            part.range != Range(o, size) for part, o in zip(parts, offsets, strict=True)
        ):
            return
        if offsets == list(range(extent - size, -1, -size)):
            read[position] = read[position] * -1 + (len(parts) - 1)
        elif offsets != list(range(0, extent, size)):
            return
    source = Access(reshape(parts[0].source, read_shape, op), make_map(len(split), read))
    made = _selection(op, source, split, position, [part.functions for part in parts])
    replace(op, [reshape(made, shape, op)])


def _part(value: SSAValue, position: int) -> _Part | None:
    """What `value` is made of, through views of unit dimensions; None when that is no range of a tensor along
    its dimension `position` (counted without unit dimensions).
    """
    functions: list[GenericOp] = []
    shape = squeezed(shape_of(value))
    while True:
        match value.owner:
            case (tensor.ExpandShapeOp() | tensor.CollapseShapeOp()) as view if squeezed(shape_of(view.src)) == shape:
                value = view.src
            case GenericOp() as generic if _is_unary(generic):
                functions.append(generic)
                value = generic.inputs[0]
            case tensor.ExtractSliceOp() as slice:
                taken = _range(slice, position)
                return None if taken is None else _Part(slice.source, taken, tuple(functions))
            case _:
                return _Part(value, Range(0, shape[position]), tuple(functions))


def _is_unary(op: GenericOp) -> bool:
    """Whether the result is an elementwise function of one tensor, without moving anything."""
    accesses = (*inputs(op), *outputs(op))
    return (
        len(op.inputs) == 1
        and is_elementwise(op)
        and all(access.map == identity(access.map.num_dims) for access in accesses)
        and not any(isinstance(inner, IndexOp) for inner in op.body.block.ops)
    )


def _range(op: tensor.ExtractSliceOp, position: int) -> Range | None:
    """What a slice takes of its dimension `position`, when it takes all of the others."""
    box = box_of(op)
    if box is None:
        return None
    taken = [part for part, size in zip(box, shape_of(op.source), strict=True) if size != 1]
    extents = squeezed(shape_of(op.source))
    others = [p.covers(n) for number, (p, n) in enumerate(zip(taken, extents, strict=True)) if number != position]
    return taken[position] if position < len(taken) and all(others) else None


def _selection(
    op: tensor.ConcatOp, source: Access, shape: Sequence[int], position: int, functions: Sequence[tuple[GenericOp, ...]]
) -> SSAValue:
    """The generic of the law, right before `op`."""
    element = tensor_type(op.result).get_element_type()
    body = Block(arg_types=[tensor_type(source.value).get_element_type(), element])
    results = [_apply(chain, body) for chain in functions]
    chosen = results[-1]
    if any(chain != functions[-1] for chain in functions):
        part = IndexOp(position)
        body.add_op(part)
        for number, result in reversed(list(enumerate(results[:-1]))):
            here = arith.ConstantOp(IntegerAttr(number, IndexType()))
            is_here = arith.CmpiOp(part.result, here.result, "eq")
            select = arith.SelectOp(is_here.result, result, chosen)
            body.add_ops([here, is_here, select])
            chosen = select.result
    body.add_op(YieldOp(chosen))
    out = empty_like(op, tensor_type(op.result), shape)
    maps = [AffineMapAttr(source.map), AffineMapAttr(identity(len(shape)))]
    made = GenericOp([source.value], [out], Region(body), maps, [PARALLEL] * len(shape), [out.type])
    insert_before(op, made)
    return made.results[0]


def _apply(functions: Sequence[GenericOp], body: Block) -> SSAValue:
    """Appends the functions, the last one of the sequence first, applied to the first argument of `body`."""
    value: SSAValue = body.args[0]
    for generic in reversed(functions):
        values: dict[SSAValue, SSAValue] = {input_arguments(generic)[0]: value}
        for inner in generic.body.block.ops:
            if not isinstance(inner, YieldOp):
                copy = inner.clone(values)
                body.add_op(copy)
        value = values.get(yielded(generic)[0], yielded(generic)[0])
    return value

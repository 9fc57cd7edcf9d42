# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""fold-itensor-views: casts, reassociations, converters and routing that change nothing vanish."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from streamtensor.algebra.converter import Converter, infer_converter
from streamtensor.dialects.dataflow import (
    ITensorCastOp,
    ITensorChunkOp,
    ITensorConcatOp,
    ITensorConverterOp,
    ITensorForkOp,
    ITensorJoinOp,
    ITensorReassociateOp,
    ITensorType,
    KernelOp,
    RoutingOp,
    View,
)
from streamtensor.ir.builtin import ModuleOp
from streamtensor.ir.core import Context, ModulePass, Operation, SSAValue
from streamtensor.ir.locations import copy_location
from streamtensor.transforms.dataflow.tidy import erase_whole, read_together, replace_whole, stream_of

Groups = Sequence[Sequence[int]]
Foldable = View | ITensorConverterOp | RoutingOp


@dataclass(frozen=True)
class FoldITensorViewsPass(ModulePass):
    """cast(cast(x))  -->  cast(x);   expand(collapse(x))  -->  x;   converter between equal types, and fork, join,
    chunk and concat of one  -->  x;   concat(chunk(x))  -->  x;   chunk(concat(a, b))  -->  a, b;   converter between
    two types of one order  -->  cast

    Until nothing folds any more. Right because each side is the same tokens in the same order: a cast and a
    reassociation change the type only and their verifiers check the order exactly, so a chain of them is one of them,
    or nothing when the types at its ends are equal; ranges that are cut and put together in the same places are the
    whole. A fork of a join stays: it copies what the streams make up together, and is not the streams.
    """

    name = "fold-itensor-views"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for kernel in [k for k in op.walk() if isinstance(k, KernelOp)]:
            changed = True
            while changed:
                changed = False
                for inner in list(kernel.body.block.ops):
                    if inner.parent is not None and isinstance(inner, Foldable):
                        changed |= _fold(inner)


def _fold(op: Foldable) -> bool:
    """Folds one operation; whether anything changed."""
    if all(not result.uses for result in op.results):
        erase_whole(op)
        return True
    match op:
        case ITensorCastOp():
            return _fold_cast(op)
        case ITensorReassociateOp():
            return _fold_reassociate(op)
        case ITensorConverterOp():
            return _fold_converter(op)
        case ITensorForkOp():
            return len(op.results_) == 1 and _become(op, [op.source])
        case ITensorChunkOp():
            return _fold_chunk(op)
        case ITensorConcatOp():
            return _fold_concat(op)
        case ITensorJoinOp():
            return len(op.sources) == 1 and _become(op, op.sources)


def _become(op: Operation, values: Sequence[SSAValue]) -> bool:
    """Replaces `op` by `values`, which are the same streams, under the types of its results."""
    for value, result in zip(values, op.results, strict=True):
        result.replace_all_uses_with(stream_of(op, value, result))
    erase_whole(op)
    return True


def _insert(op: Operation, made: View | ITensorConverterOp) -> SSAValue:
    copy_location(op, [made])
    parent = op.parent
    assert parent is not None
    parent.insert_op_before(made, op)
    return made.result


def _fold_cast(op: ITensorCastOp) -> bool:
    target, source = op.result.type, op.source.owner
    assert isinstance(target, ITensorType)
    if op.source.type == target:
        return not read_together(op.source, op.result) and _become(op, [op.source])
    if isinstance(source, ITensorCastOp):
        return _become(op, [source.source])
    if isinstance(source, ITensorReassociateOp):
        replace_whole(op, [_insert(op, ITensorReassociateOp(source.source, source.group_lists, target))])
        return True
    return False


def _fold_reassociate(op: ITensorReassociateOp) -> bool:
    target, before = op.result.type, op.source.owner
    assert isinstance(target, ITensorType)
    if all(len(group) == 1 for group in op.group_lists):
        return _become(op, [op.source])
    if isinstance(before, ITensorCastOp):
        replace_whole(op, [_insert(op, ITensorReassociateOp(before.source, op.group_lists, target))])
        return True
    if not isinstance(before, ITensorReassociateOp):
        return False
    if before.source.type == target:
        return _become(op, [before.source])
    if op.expands == before.expands:
        groups = (
            _composed(before.group_lists, op.group_lists)
            if op.expands
            else _composed(op.group_lists, before.group_lists)
        )
        replace_whole(op, [_insert(op, ITensorReassociateOp(before.source, groups, target))])
        return True
    return False


def _composed(outer: Groups, inner: Groups) -> list[list[int]]:
    """The groups of the highest rank for each dimension of the lowest one.

    >>> _composed([[0], [1, 2]], [[0, 1], [2], [3, 4]])
    [[0, 1], [2, 3, 4]]
    """
    return [[dim for middle in group for dim in inner[middle]] for group in outer]


def _fold_converter(op: ITensorConverterOp) -> bool:
    target, before = op.result.type, op.source.owner
    assert isinstance(target, ITensorType)
    assert isinstance(op.source.type, ITensorType)
    if op.source.type == target or (op.converter.kind == "direct" and op.source.type.element == target.element):
        return _become(op, [op.source])
    if not isinstance(before, ITensorCastOp):
        return False
    original = before.source.type
    assert isinstance(original, ITensorType)
    converter = infer_converter(original.layout, target.layout)
    if not isinstance(converter, Converter) or converter.ping_pong_bits(target.scalar_bits) > op.buffer_bits:
        return False
    replace_whole(op, [_insert(op, ITensorConverterOp(before.source, target))])
    return True


def _fold_chunk(op: ITensorChunkOp) -> bool:
    if len(op.results_) == 1:
        return _become(op, [op.source])
    concat = op.source.owner
    if not isinstance(concat, ITensorConcatOp) or concat.dim != op.dim:
        return False
    same = [source.type for source in concat.sources] == [result.type for result in op.results_]
    return same and _become(op, list(concat.sources))


def _fold_concat(op: ITensorConcatOp) -> bool:
    if len(op.sources) == 1:
        return _become(op, op.sources)
    chunk = op.sources[0].owner
    whole = isinstance(chunk, ITensorChunkOp) and chunk.dim == op.dim and list(op.sources) == list(chunk.results_)
    return whole and isinstance(chunk, ITensorChunkOp) and _become(op, [chunk.source])

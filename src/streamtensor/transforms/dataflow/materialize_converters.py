# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""materialize-converters: a converter becomes a task with a buffer."""

from __future__ import annotations

from dataclasses import dataclass

from streamtensor.dialects.dataflow import (
    ITensorCastOp,
    ITensorConverterOp,
    ITensorEmptyOp,
    ITensorReadOp,
    ITensorType,
    ITensorWriteOp,
    KernelOp,
    TaskOp,
    YieldOp,
)
from streamtensor.ir import tensor
from streamtensor.ir.builtin import ModuleOp, TensorType, UnitAttr
from streamtensor.ir.core import Block, Context, ModulePass, Region, Rewriter, SSAValue
from streamtensor.ir.locations import copy_location
from streamtensor.transforms.build import (
    IndexConstants,
    affine_index,
    build_nest,
    extract_slice,
    insert_slice,
    loop_pairs,
)
from streamtensor.transforms.dataflow.line_buffers import build_line_buffer

PING_PONG = "dataflow.ping_pong"


@dataclass(frozen=True)
class MaterializeConvertersPass(ModulePass):
    """converter a -> b  -->  task { for shared loops { for source loops { buffer[..] = read a };
    for result loops { write buffer[..] -> b } } }

    The buffer holds what one iteration of the shared loops covers (itensor.md, Layout converters). With shared loops
    it is marked `dataflow.ping_pong`: the next filling may overlap with the draining of this one, so two copies are
    built. A line buffer stores rows and sends windows as they become complete; it is never filled twice at once.
    Between two types of one order there is nothing to hold: a cast.
    """

    name = "materialize-converters"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for kernel in [k for k in op.walk() if isinstance(k, KernelOp)]:
            converters = [c for c in kernel.walk() if isinstance(c, ITensorConverterOp)]
            for number, converter in enumerate(converters):
                _materialize(converter, f"converter_{number}")


def _materialize(op: ITensorConverterOp, name: str) -> None:
    converter = op.converter
    target = op.result.type
    assert isinstance(target, ITensorType)
    if converter.kind == "line_buffer":
        block = Block(arg_types=[target])
        constants = IndexConstants(block)
        results = build_line_buffer(block, constants, converter, op.source, target.scalar, block.args[0])
        block.add_op(YieldOp(*results))
        _replace(op, TaskOp(name, [ITensorEmptyOp(target).result], Region(block)))
        return
    if converter.kind == "direct":
        Rewriter.replace_op(op, ITensorCastOp(op.source, target))
        return
    shared = converter.shared_loops
    source_inner, result_inner = converter.source.residual(shared), converter.result.residual(shared)
    buffer_type = TensorType(target.scalar, list(converter.buffer))
    block = Block(arg_types=[target])
    constants = IndexConstants(block)

    def exchange(block: Block, variables: list[SSAValue], carried: list[SSAValue]) -> list[SSAValue]:
        empty = tensor.EmptyOp([], buffer_type)
        if converter.copies == 2:
            empty.attributes[PING_PONG] = UnitAttr()
        block.add_op(empty)
        (buffer,) = build_nest(block, constants, loop_pairs(source_inner), [empty.tensor], fill)

        def drain(block: Block, variables: list[SSAValue], carried: list[SSAValue]) -> list[SSAValue]:
            offsets = [affine_index(block, constants, e, variables) for e in result_inner.map.results]
            token = extract_slice(buffer, offsets, result_inner.element)
            write = ITensorWriteOp(token.result, carried[0])
            block.add_ops([token, write])
            return [write.result]

        return build_nest(block, constants, loop_pairs(result_inner), carried, drain)

    def fill(block: Block, variables: list[SSAValue], carried: list[SSAValue]) -> list[SSAValue]:
        offsets = [affine_index(block, constants, e, variables) for e in source_inner.map.results]
        token = ITensorReadOp(op.source)
        insert = insert_slice(token.result, carried[0], offsets)
        block.add_ops([token, insert])
        return [insert.result]

    results = build_nest(block, constants, converter.shared_space, list(block.args), exchange)
    block.add_op(YieldOp(*results))
    _replace(op, TaskOp(name, [ITensorEmptyOp(target).result], Region(block)))


def _replace(op: ITensorConverterOp, task: TaskOp) -> None:
    """Puts the task, and the empty itensor that it fills, in the place of the converter."""
    empty = task.inits[0].owner
    assert isinstance(empty, ITensorEmptyOp)
    copy_location(op, [task])
    parent = op.parent
    assert parent is not None
    parent.insert_ops_before([empty, task], op)
    op.result.replace_all_uses_with(task.results_[0])
    op.detach()
    op.erase()

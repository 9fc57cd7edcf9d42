# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""materialize-routing: chunks, concatenations and joins become tasks, forks become several readers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from streamtensor.algebra.layout import StreamLayout
from streamtensor.algebra.routing import range_loop
from streamtensor.dialects.dataflow import (
    ITensorChunkOp,
    ITensorConcatOp,
    ITensorForkOp,
    ITensorJoinOp,
    ITensorReadOp,
    ITensorType,
    ITensorWriteOp,
    KernelOp,
    TaskOp,
    YieldOp,
)
from streamtensor.ir.builtin import ModuleOp
from streamtensor.ir.core import Block, Context, ModulePass, Operation, Region, SSAValue
from streamtensor.ir.locations import copy_location
from streamtensor.transforms.build import IndexConstants, UniqueNames, build_nest, loop_pairs
from streamtensor.transforms.dataflow.tidy import erase_whole, replace_whole, stream_of

Loops = list[tuple[int, int]]


@dataclass(frozen=True)
class MaterializeRoutingPass(ModulePass):
    """concat a, b into d  -->  task inits(d) { for outer loops { for range of a { write (read a) };
    for range of b { write (read b) } } }

    A chunk is the same with several destinations and one source; in a join the streams take turns inside of one loop.
    Right because the ranges of one loop, one after the other, are the loop (`algebra.token_order`), and the types say
    which ranges they are. A fork becomes nothing: who reads a copy reads the source, since several readers each take
    every token (a task that reads two copies reads a cast for the second one); `ensure-itensor-single-use` then makes
    the producer write once for each, so that no task is left.
    """

    name = "materialize-routing"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for kernel in [k for k in op.walk() if isinstance(k, KernelOp)]:
            names = UniqueNames()
            for inner in kernel.body.block.ops:
                if isinstance(inner, TaskOp):
                    names.of(inner.task_name)
            for inner in list(kernel.body.block.ops):
                if isinstance(inner, ITensorForkOp):
                    _fork(inner)
                elif isinstance(inner, ITensorChunkOp):
                    _chunk(inner, names)
                elif isinstance(inner, ITensorConcatOp):
                    _concat(inner, names)
                elif isinstance(inner, ITensorJoinOp):
                    _join(inner, names)


def _layout(value: SSAValue) -> StreamLayout:
    assert isinstance(value.type, ITensorType)
    return value.type.layout


def _fork(op: ITensorForkOp) -> None:
    for result in op.results_:
        result.replace_all_uses_with(stream_of(op, op.source, result))
    erase_whole(op)


def _single(op: Operation, source: SSAValue, result: SSAValue) -> None:
    """An operation with one part is its source, under the type of the result."""
    replace_whole(op, [stream_of(op, source, result)])


def _chunk(op: ITensorChunkOp, names: UniqueNames) -> None:
    dim = op.dim.value.data
    loop = range_loop(_layout(op.source), dim)
    if loop is None:
        _single(op, op.source, op.results_[0])
        return
    outer, ranges = _ranges(_layout(op.source), loop, [_layout(result) for result in op.results_], dim)
    block = Block(arg_types=[dest.type for dest in op.dests])
    constants = IndexConstants(block)

    def parts(block: Block, variables: list[SSAValue], carried: list[SSAValue]) -> list[SSAValue]:
        return [_pass_on(block, constants, inner, op.source, dest) for inner, dest in zip(ranges, carried, strict=True)]

    _replace(op, names.of("chunk"), op.dests, block, build_nest(block, constants, outer, list(block.args), parts))


def _concat(op: ITensorConcatOp, names: UniqueNames) -> None:
    dim = op.dim.value.data
    loop = range_loop(_layout(op.result), dim)
    if loop is None:
        _single(op, op.sources[0], op.result)
        return
    outer, ranges = _ranges(_layout(op.result), loop, [_layout(source) for source in op.sources], dim)
    _gather(op, names.of("concat"), outer, ranges)


def _join(op: ITensorJoinOp, names: UniqueNames) -> None:
    if len(op.sources) == 1:
        _single(op, op.sources[0], op.result)
        return
    loop, parts = op.loop.value.data, len(op.sources)
    pairs = loop_pairs(_layout(op.result))
    tripcount, step = pairs[loop]
    outer = [*pairs[:loop], (tripcount // parts, step * parts)]
    _gather(op, names.of("join"), outer, [pairs[loop + 1 :]] * parts)


def _ranges(whole: StreamLayout, loop: int, parts: Sequence[StreamLayout], dim: int) -> tuple[Loops, list[Loops]]:
    """The loops around all ranges of `loop`, and those of each range."""
    pairs = loop_pairs(whole)
    counts = [part.data_shape[dim] // whole.element[dim] for part in parts]
    return pairs[:loop], [[(count, pairs[loop][1]), *pairs[loop + 1 :]] for count in counts]


def _gather(op: ITensorConcatOp | ITensorJoinOp, name: str, outer: Loops, ranges: Sequence[Loops]) -> None:
    """The task that takes a range of each source in turn."""
    block = Block(arg_types=[op.dest.type])
    constants = IndexConstants(block)

    def parts(block: Block, variables: list[SSAValue], carried: list[SSAValue]) -> list[SSAValue]:
        dest = carried[0]
        for inner, source in zip(ranges, op.sources, strict=True):
            dest = _pass_on(block, constants, inner, source, dest)
        return [dest]

    _replace(op, name, [op.dest], block, build_nest(block, constants, outer, list(block.args), parts))


def _pass_on(block: Block, constants: IndexConstants, loops: Loops, source: SSAValue, dest: SSAValue) -> SSAValue:
    """Loops that move tokens from `source` into `dest`."""

    def body(block: Block, variables: list[SSAValue], carried: list[SSAValue]) -> list[SSAValue]:
        token = ITensorReadOp(source)
        write = ITensorWriteOp(token.result, carried[0])
        block.add_ops([token, write])
        return [write.result]

    (result,) = build_nest(block, constants, loops, [dest], body)
    return result


def _replace(op: Operation, name: str, dests: Sequence[SSAValue], block: Block, results: Sequence[SSAValue]) -> None:
    block.add_op(YieldOp(*results))
    task = TaskOp(name, dests, Region(block))
    copy_location(op, [task])
    parent = op.parent
    assert parent is not None
    parent.insert_op_before(task, op)
    replace_whole(op, list(task.results_))

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A kernel with loops that end at run-time bounds, as it is at one value of them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping

from streamtensor.algebra.steps import Step, StepProgram, simplify
from streamtensor.dialects.dataflow import ExternKernelOp, KernelOp, StreamOp, StreamReadOp, StreamWriteOp, TaskOp
from streamtensor.dialects.dataflow.loops import MOST, bound_of, largest_loop
from streamtensor.dialects.dataflow.stream_ops import stream_behind
from streamtensor.ir import scf
from streamtensor.ir.builtin import IndexType
from streamtensor.ir.core import Block, SSAValue
from streamtensor.timing.schedule import ordered_program
from streamtensor.transforms.build import IndexConstants
from streamtensor.transforms.resources.extern_steps import extern_schedule


def largest_bounds(kernel: KernelOp) -> dict[SSAValue, int]:
    """The run-time bounds that a kernel takes, each with its largest value; empty for a static kernel."""
    found: dict[SSAValue, int] = {}
    for loop in [op for op in kernel.walk() if isinstance(op, scf.ForOp)]:
        bound = bound_of(loop)
        if bound is not None:
            found[bound[0]] = largest_loop(loop).tripcount // bound[1]
    return found


def smaller_bounds(kernel: KernelOp) -> Iterator[dict[SSAValue, int]]:
    """All values that the bounds of a kernel can have together, but the largest ones."""
    most = largest_bounds(kernel)
    for values in itertools.product(*(range(1, number + 1) for number in most.values())):
        if values != tuple(most.values()):
            yield dict(zip(most, values, strict=True))


def kernel_at(kernel: KernelOp, tiles: int) -> KernelOp:
    """A static copy of a kernel, which stands nowhere, as it is when its bounds are `tiles`, or their largest."""
    copy = kernel.clone()
    for bound, most in largest_bounds(copy).items():
        for loop in [op for op in copy.walk() if isinstance(op, scf.ForOp)]:
            found = bound_of(loop)
            if found is not None and found[0] is bound:
                _make_static(loop, max(1, min(most, tiles)) * found[1])
    return copy


def programs_at(kernel: KernelOp, tiles: Mapping[SSAValue, int]) -> dict[str, tuple[StepProgram, ...]]:
    """What each process of a stream-level kernel reads and writes, in the order of its program, when the bounds are
    `tiles`: a token in each step, as C simulation does it.
    """
    block = kernel.body.block
    names: dict[SSAValue, str] = {op.result: op.sym_name.data for op in block.ops if isinstance(op, StreamOp)}
    programs: dict[str, tuple[StepProgram, ...]] = {}
    for op in block.ops:
        if isinstance(op, TaskOp):
            programs[op.task_name] = _block(op.body.block, names, tiles)
        elif isinstance(op, ExternKernelOp):
            ends = {value: names[stream_behind(value)] for value in op.operands}
            programs[op.task_name] = ordered_program(extern_schedule(op, ends))
    return programs


def _block(block: Block, names: Mapping[SSAValue, str], tiles: Mapping[SSAValue, int]) -> tuple[StepProgram, ...]:
    items: list[StepProgram] = []
    for op in block.ops:
        if isinstance(op, scf.ForOp):
            body = _block(op.body.block, names, tiles)
            if body:
                items += simplify(_trips(op, tiles), body)
        elif isinstance(op, StreamReadOp):
            items.append(Step(1, reads=(names[stream_behind(op.stream)],)))
        elif isinstance(op, StreamWriteOp):
            items.append(Step(1, writes=(names[stream_behind(op.stream)],)))
    return simplify(1, items)


def _trips(op: scf.ForOp, tiles: Mapping[SSAValue, int]) -> int:
    bound = bound_of(op)
    return largest_loop(op).tripcount if bound is None else tiles[bound[0]] * bound[1]


def _make_static(loop: scf.ForOp, trips: int) -> None:
    step = largest_loop(loop).step
    block = loop.parent
    assert block is not None
    while not isinstance(block.parent_op(), TaskOp):
        outer = block.parent_block()
        assert outer is not None
        block = outer
    assert isinstance(loop.ub.type, IndexType)
    loop.operands = [loop.lb, IndexConstants(block)[trips * step], *list(loop.operands)[2:]]
    del loop.attributes[MOST]

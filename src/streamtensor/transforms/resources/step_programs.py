# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The step program of a task: its loops with the itensors that they read and write, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping

from streamtensor.algebra.steps import Step, StepProgram, simplify
from streamtensor.dialects.dataflow import ITensorReadOp, ITensorWriteOp, TaskOp
from streamtensor.dialects.dataflow.loops import loop_of
from streamtensor.ir import scf
from streamtensor.ir.core import Block, BlockArgument, SSAValue


def step_program(task: TaskOp, fifos: Mapping[SSAValue, str]) -> tuple[StepProgram, ...]:
    """The step program of `task`.

    `fifos` names the itensors that it reads (the values as the reads name them) and those that it writes (its inits);
    what goes into another itensor is no step, since nobody reads that.
    Reads and writes that stand in one loop body, with reads first, are one step.
    """
    return _block(task.body.block, fifos)


def _block(block: Block, fifos: Mapping[SSAValue, str]) -> tuple[StepProgram, ...]:
    items: list[StepProgram] = []
    for op in block.ops:
        if isinstance(op, scf.ForOp):
            items += simplify(loop_of(op).tripcount, _block(op.body.block, fifos))
        elif isinstance(op, ITensorReadOp):
            items.append(Step(1, reads=(fifos[op.source],)))
        elif isinstance(op, ITensorWriteOp):
            fifo = fifos.get(_first(op.dest))
            if fifo is not None:
                items.append(Step(1, writes=(fifo,)))
    return simplify(1, _joined(items)) if len(items) > 1 else tuple(items)


def _joined(items: list[StepProgram]) -> list[StepProgram]:
    """Single reads and writes that follow each other as one step: reads first, then writes, no FIFO twice."""
    joined: list[StepProgram] = []
    for item in items:
        last = joined[-1] if joined else None
        if isinstance(item, Step) and isinstance(last, Step) and item.count == last.count == 1:
            fresh = not {*item.reads, *item.writes} & {*last.reads, *last.writes}
            if fresh and not (item.reads and last.writes):
                joined[-1] = Step(1, last.reads + item.reads, last.writes + item.writes)
                continue
        joined.append(item)
    return joined


def _first(value: SSAValue) -> SSAValue:
    """The init at which a chain of writes starts."""
    while True:
        owner = value.owner
        if isinstance(owner, ITensorWriteOp):
            value = owner.dest
        elif isinstance(value, BlockArgument):
            parent = value.block.parent_op()
            if isinstance(parent, scf.ForOp):
                value = parent.iter_args[value.index - 1]
            elif isinstance(parent, TaskOp):
                return parent.inits[value.index]
            else:
                return value
        elif isinstance(owner, scf.ForOp):
            value = owner.iter_args[list(owner.results).index(value)]  # pyright: ignore[reportArgumentType]
        else:
            return value

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""size-streams: a depth for every FIFO."""

from __future__ import annotations

from dataclasses import dataclass

from streamtensor.algebra.errors import ScheduleError
from streamtensor.algebra.safe_depths import MIN_DEPTH, safe_depths
from streamtensor.algebra.steps import StepProgram
from streamtensor.diagnostics import InternalError
from streamtensor.dialects.dataflow import ITensorEmptyOp, ITensorReadOp, KernelOp, TaskOp, task_around
from streamtensor.ir.builtin import IntegerAttr, ModuleOp, i64
from streamtensor.ir.core import Context, ModulePass, SSAValue
from streamtensor.transforms.resources.step_programs import step_program

DEPTH = "dataflow.depth"


@dataclass(frozen=True)
class SizeStreamsPass(ModulePass):
    """itensor_empty  -->  itensor_empty {dataflow.depth = n}

    The safe rule, until FIFOs are sized by schedule: a FIFO that is a bridge of the undirected graph of tasks gets
    `min_depth`, every other one the most that it holds in one complete run of the tasks. Why that can't deadlock is
    proved at `algebra.safe_depths`. The rule says nothing about stalls.

    `depth` above 0 gives every FIFO that depth instead, to see what happens.
    """

    name = "size-streams"

    min_depth: int = MIN_DEPTH
    depth: int = 0

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for kernel in [k for k in op.walk() if isinstance(k, KernelOp)]:
            edges = stream_edges(kernel)
            names = {empty: f"{number}" for number, (empty, _, _) in enumerate(edges)}
            try:
                depths = safe_depths(_programs(kernel, names), min_depth=self.min_depth)
            except ScheduleError as error:
                raise InternalError(f"kernel {kernel.kernel_name} has no schedule: {error}") from error
            for empty, name in names.items():
                empty.attributes[DEPTH] = IntegerAttr(self.depth or depths[name], i64)


def stream_edges(kernel: KernelOp) -> list[tuple[ITensorEmptyOp, TaskOp, TaskOp]]:
    """(itensor, producer, consumer) of every itensor inside a kernel whose itensors have one reader each."""
    edges: list[tuple[ITensorEmptyOp, TaskOp, TaskOp]] = []
    for task in kernel.body.block.ops:
        if not isinstance(task, TaskOp):
            continue
        for init, result in zip(task.inits, task.results_, strict=True):
            if isinstance(init.owner, ITensorEmptyOp):
                edges += [(init.owner, task, reader) for reader in reading_tasks(result)]
    return edges


def reading_tasks(value: SSAValue) -> list[TaskOp]:
    """The tasks that read `value`, each once."""
    found: dict[TaskOp, None] = {}
    for use in value.uses:
        task = task_around(use.operation) if isinstance(use.operation, ITensorReadOp) else None
        if task is not None:
            found[task] = None
    return list(found)


def _programs(kernel: KernelOp, names: dict[ITensorEmptyOp, str]) -> dict[str, tuple[StepProgram, ...]]:
    """The step program of each task, with the FIFOs called by `names`."""
    fifos: dict[SSAValue, str] = {}
    for task in kernel.body.block.ops:
        if isinstance(task, TaskOp):
            for init, result in zip(task.inits, task.results_, strict=True):
                if isinstance(init.owner, ITensorEmptyOp) and init.owner in names:
                    fifos[init] = fifos[result] = names[init.owner]
    return {task.task_name: step_program(task, fifos) for task in kernel.body.block.ops if isinstance(task, TaskOp)}

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""size-streams: a depth for every FIFO."""

from __future__ import annotations

from dataclasses import dataclass

from streamtensor.algebra.errors import ScheduleError
from streamtensor.algebra.safe_depths import MIN_DEPTH
from streamtensor.algebra.steps import StepProgram
from streamtensor.diagnostics import InternalError
from streamtensor.dialects.dataflow import ExternKernelOp, ITensorInstanceOp, KernelOp, View, behind_views
from streamtensor.ir.builtin import IntegerAttr, ModuleOp, i64
from streamtensor.ir.core import Context, ModulePass, SSAValue
from streamtensor.timing.safe_depths import safe_depths
from streamtensor.transforms.dataflow.edges import processes, stream_edges
from streamtensor.transforms.resources.extern_steps import extern_program, round_slack
from streamtensor.transforms.resources.step_programs import step_program


@dataclass(frozen=True)
class SizeStreamsPass(ModulePass):
    """itensor_instance "a_to_b"  -->  itensor_instance "a_to_b" depth n

    The safe rule, from which sizing by schedule starts (`resize_streams`): a FIFO that is a bridge of the undirected
    graph of tasks gets `min_depth`, every other one the most that it holds in one complete run of the tasks. Why that
    can't deadlock is proved at `algebra.safe_depths`. The rule says nothing about stalls.

    `depth` above 0 gives every FIFO that depth instead, to see what happens.
    """

    name = "size-streams"

    min_depth: int = MIN_DEPTH
    depth: int = 0

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for kernel in [k for k in op.walk() if isinstance(k, KernelOp)]:
            try:
                programs, slack = kernel_programs(kernel)
                depths = safe_depths(programs, min_depth=self.min_depth, slack=slack)
            except ScheduleError as error:
                raise InternalError(f"kernel {kernel.kernel_name} has no schedule: {error}") from error
            for instance in kernel.body.block.ops:
                if isinstance(instance, ITensorInstanceOp):
                    instance.properties["depth"] = IntegerAttr(self.depth or depths[instance.fifo_name], i64)


def kernel_programs(kernel: KernelOp) -> tuple[dict[str, tuple[StepProgram, ...]], dict[str, int]]:
    """The step program of each process by its name, and the slack of the FIFOs."""
    fifos: dict[SSAValue, str] = {}
    for edge in stream_edges(kernel):
        if not isinstance(edge.start, ITensorInstanceOp):
            name = f"{edge.producer.task_name}_to_{edge.consumer.task_name}"
            raise InternalError(f"{name}: the itensor is no FIFO; run convert-empty-to-instance before")
        fifos[edge.start.result] = fifos[edge.written] = edge.start.fifo_name
    for view in kernel.body.block.ops:
        if isinstance(view, View) and behind_views(view.source) in fifos:
            fifos[view.result] = fifos[behind_views(view.source)]
    programs: dict[str, tuple[StepProgram, ...]] = {}
    slack: dict[str, int] = {}
    for process in processes(kernel):
        if isinstance(process, ExternKernelOp):
            programs[process.task_name] = extern_program(process, fifos)
            slack |= round_slack(process, fifos)
        else:
            programs[process.task_name] = step_program(process, fifos)
    return programs, slack

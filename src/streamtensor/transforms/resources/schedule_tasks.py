# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""schedule-tasks: initiation interval and depth of every pipelined loop."""

from __future__ import annotations

from dataclasses import dataclass

from streamtensor.dialects.dataflow import KernelOp
from streamtensor.ir.builtin import IntegerAttr, ModuleOp, i64
from streamtensor.ir.core import Context, ModulePass
from streamtensor.targets.operations import DEFAULT_FAMILY, load_operations
from streamtensor.transforms.lowering.generate_directives import PIPELINE
from streamtensor.transforms.resources.kernel_graphs import schedule_kernel
from streamtensor.transforms.resources.task_schedule import DEPTH


@dataclass(frozen=True)
class ScheduleTasksPass(ModulePass):
    """for {dataflow.pipeline = 1}  -->  for {dataflow.pipeline = II, dataflow.depth = D}

    II is the least interval between iterations that the operations of the device `family` allow: a value that one
    iteration leaves to a later one (the latency of what it goes through, by the distance of both), the ports of a
    memory bank, of a FIFO and of external memory. A larger II stays. D is the cycles of one iteration, without waiting
    for external memory. Changes no numbers: the pragmas of the HLS code and the step programs both say what stands on
    the loop.
    """

    name = "schedule-tasks"

    family: str = DEFAULT_FAMILY

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for kernel in [k for k in op.walk() if isinstance(k, KernelOp)]:
            write_schedules(kernel, self.family)


def write_schedules(kernel: KernelOp, family: str) -> None:
    """Writes II and depth of each pipelined loop of a kernel on it."""
    for task in schedule_kernel(kernel, load_operations(family)).tasks.values():
        for loop in task.loops:
            loop.op.attributes[PIPELINE] = IntegerAttr(loop.ii, i64)
            loop.op.attributes[DEPTH] = IntegerAttr(loop.depth, i64)

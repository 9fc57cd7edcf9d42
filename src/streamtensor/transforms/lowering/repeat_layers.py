# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""repeat-layers: all layers of a model in one launch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from streamtensor.algebra.errors import ScheduleError
from streamtensor.diagnostics import InternalError
from streamtensor.dialects.dataflow import KernelOp, StreamOp, TaskOp
from streamtensor.dialects.memory_views import behind_memory_views
from streamtensor.ir import func
from streamtensor.ir.builtin import IntegerAttr, ModuleOp, i64
from streamtensor.ir.core import Context, ModulePass, SSAValue
from streamtensor.targets.operations import DEFAULT_FAMILY
from streamtensor.timing.safe_depths import safe_depths
from streamtensor.transforms.lowering.layer_feedback import feed_back
from streamtensor.transforms.lowering.layer_loops import stack_arguments, wrap_task
from streamtensor.transforms.lowering.layer_runs import NotInOneLaunchError, cant_run, layer_runs
from streamtensor.transforms.lowering.layer_stacks import stack_calls
from streamtensor.transforms.resources.bounded_kernels import largest_bounds, programs_at
from streamtensor.transforms.resources.schedule_tasks import write_schedules


@dataclass(frozen=True)
class RepeatLayersPass(ModulePass):
    """call block(x0, w0, x1); call block(x1, w1, x2)  -->  call block(x0, [w0, w1], x2), whose tasks loop over 2 layers

    Calls of one function in a row, each of which reads a result of the one before, become one call. What each layer has
    of its own (parameters, kept inputs, results) lies in a stack, and every task does in a loop over the layers what it
    did, in the part of its layer: so weights run on into the next layer as far as FIFOs have room. The DMA of the
    layer's input is that of the first layer, then reads a feedback FIFO; the DMA of the result writes that FIFO, and
    memory in the last layer. Tokens go into the next layer as they come, so the FIFO holds only what the tasks of the
    next layer can't take yet.

    Right because tasks have no state but their buffers, which each launch finds in any state: `count` launches are the
    same as each task `count` times, when FIFOs are empty at the end of a launch, which they are. Depths are those of
    the safe rule for the whole loop (`algebra.safe_depths`): the feedback closes rings over FIFOs that were bridges.
    Schedules are made anew for the device `family`, since nests merge with the new loop. With `launch` "per-layer"
    nothing changes.

    Raises UserError ST0307 where layers can't run in one launch: several kernels make up a layer, layers are of
    several kinds, or a layer's input is read in another order than its result is written.
    """

    name = "repeat-layers"

    launch: Literal["per-layer", "one"] = "one"
    family: str = DEFAULT_FAMILY

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for run in layer_runs(op) if self.launch == "one" else ():
            try:
                repeat_kernel(run.function, run.kernel, run.carried, run.stacked, run.count)
            except NotInOneLaunchError as reason:
                raise cant_run(run.function, str(reason)) from reason
            write_schedules(run.kernel, self.family)
            stack_calls(run)


def repeat_kernel(
    function: func.FuncOp, kernel: KernelOp, carried: Mapping[int, int], stacked: Iterable[int], count: int
) -> None:
    """f(x : 16, w : 16x16, y : 16)  -->  f(x : 16, w : count x 16x16, y : 16), whose kernel does `count` layers.

    The only kernel of a stream-level function. Its arguments by number: `carried` maps those that are the result of the
    layer before to that result, `stacked` are those of which each layer has its own. The callers stay as they are.

    Raises NotInOneLaunchError with the reason where that is not possible.
    """
    alone: set[TaskOp] = set()
    for result in dict.fromkeys(carried.values()):
        inputs = [argument for argument, source in carried.items() if source == result]
        alone |= feed_back(kernel, _inside(function, kernel, inputs), _inside(function, kernel, [result]), count)
    stacks = stack_arguments(function, kernel, stacked, count)
    for task in [op for op in kernel.body.block.ops if isinstance(op, TaskOp)]:
        if task not in alone:
            wrap_task(task, count, stacks)
    _set_depths(kernel)


def _inside(function: func.FuncOp, kernel: KernelOp, numbers: Iterable[int]) -> list[SSAValue]:
    """The arguments of a kernel's body that are views of arguments of its function."""
    wanted = [function.body.block.args[number] for number in numbers]
    pairs = zip(kernel.operands, kernel.body.block.args, strict=True)
    return [inside for outside, inside in pairs if behind_memory_views(outside) in wanted]


def _set_depths(kernel: KernelOp) -> None:
    """The safe depths of a kernel's FIFOs at the largest run-time bounds."""
    try:
        depths = safe_depths(programs_at(kernel, largest_bounds(kernel)))
    except ScheduleError as error:
        raise InternalError(f"kernel {kernel.kernel_name} has no schedule over all layers: {error}") from error
    for stream in [op for op in kernel.body.block.ops if isinstance(op, StreamOp)]:
        stream.properties["depth"] = IntegerAttr(depths[stream.sym_name.data], i64)

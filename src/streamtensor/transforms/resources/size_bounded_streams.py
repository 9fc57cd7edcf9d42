# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""size-bounded-streams: FIFOs that are deep enough at every run-time bound."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from streamtensor.algebra.errors import ScheduleError
from streamtensor.algebra.safe_depths import without_bridges
from streamtensor.algebra.steps import StepProgram, token_counts
from streamtensor.diagnostics import InternalError
from streamtensor.dialects.dataflow import ExternKernelOp, KernelOp, StreamOp, stream_behind
from streamtensor.ir.builtin import IntegerAttr, ModuleOp, i64
from streamtensor.ir.core import Context, ModulePass, SSAValue
from streamtensor.timing import native_library
from streamtensor.timing.graph import Fifo, Graph, Task
from streamtensor.timing.safe_depths import safe_depths
from streamtensor.timing.simulator import Simulator
from streamtensor.transforms.resources.bounded_kernels import largest_bounds, programs_at, smaller_bounds
from streamtensor.transforms.resources.extern_steps import round_slack


@dataclass(frozen=True)
class SizeBoundedStreamsPass(ModulePass):
    """stream "x" depth n  -->  stream "x" depth max(n, enough at every bound)

    The depths were found for the largest bound. With a smaller one each task does the same with fewer iterations, which
    needs no more room in what has been seen, but nothing proves it. So the step programs of every smaller bound run
    with these depths, each read and write by itself as the C++ stands. Where one deadlocks, the full FIFOs of
    the ring get their safe depths at that bound (`algebra.safe_depths`), and all of them if that is not enough. Deeper
    FIFOs never make a design that completes deadlock, so the result holds for all bounds together. FIFOs that are
    bridges of the graph (those of weights, mostly) are part of no deadlock and are left out.
    """

    name = "size-bounded-streams"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for kernel in [k for k in op.walk() if isinstance(k, KernelOp)]:
            deepen(kernel)


def deepen(kernel: KernelOp) -> int:
    """Makes the FIFOs of a kernel deep enough for every smaller bound; gives how many it has changed.

    A static kernel stays as it is.
    """
    if not largest_bounds(kernel):
        return 0
    streams = {op.sym_name.data: op for op in kernel.body.block.ops if isinstance(op, StreamOp)}
    depths = {name: op.depth.value.data for name, op in streams.items()}
    enough = dict(depths)
    for tiles in smaller_bounds(kernel):
        enough = _enough(kernel, programs_at(kernel, tiles), enough)
    changed = {name: depth for name, depth in enough.items() if depth != depths[name]}
    for name, depth in changed.items():
        streams[name].properties["depth"] = IntegerAttr(depth, i64)
    return len(changed)


def _enough(
    kernel: KernelOp, programs: Mapping[str, tuple[StepProgram, ...]], depths: dict[str, int]
) -> dict[str, int]:
    """The depths, larger where the programs deadlock."""
    if not native_library.available():  # without a simulator: what is safe at this bound
        return _deepest(depths, _safe(kernel, programs))
    inner = without_bridges(programs)
    known = {name for program in inner.values() for name in token_counts(program)}
    tasks = tuple(Task(name, program) for name, program in inner.items())
    simulator = Simulator(Graph(tasks, tuple(Fifo(name) for name in depths if name in known)))
    safe: dict[str, int] = {}
    while (deadlock := simulator.run(depths).deadlock) is not None:
        safe = safe or _safe(kernel, programs)
        full = {wait.fifo for wait in deadlock.waits if wait.kind == "write" and depths[wait.fifo] < safe[wait.fifo]}
        if not full:
            return _deepest(depths, safe)
        depths = depths | {name: safe[name] for name in full}
    return depths


def _safe(kernel: KernelOp, programs: Mapping[str, tuple[StepProgram, ...]]) -> dict[str, int]:
    slack: dict[str, int] = {}
    streams = [op for op in kernel.body.block.ops if isinstance(op, StreamOp)]
    names: dict[SSAValue, str] = {op.result: op.sym_name.data for op in streams}
    for op in kernel.body.block.ops:
        if isinstance(op, ExternKernelOp):
            slack |= round_slack(op, {value: names[stream_behind(value)] for value in op.operands})
    try:
        return safe_depths(programs, slack=slack)
    except ScheduleError as error:
        raise InternalError(f"kernel {kernel.kernel_name} has no schedule at a run-time bound: {error}") from error


def _deepest(a: Mapping[str, int], b: Mapping[str, int]) -> dict[str, int]:
    return {name: max(depth, b.get(name, 0)) for name, depth in a.items()}

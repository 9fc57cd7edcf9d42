# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The depths of all FIFOs of a stream-level module, from the schedules of its tasks."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from streamtensor.dialects.dataflow import KernelOp, StreamOp
from streamtensor.ir.builtin import IntegerAttr, ModuleOp, UnitAttr, i64
from streamtensor.targets import Device
from streamtensor.targets.channels import Access, plan_each
from streamtensor.targets.operations import Operations, load_operations
from streamtensor.timing.forks import copies_worth_it, same_graph
from streamtensor.timing.kernel_sizing import MIN_DEPTH, FifoSizing, KernelSizer, KernelSizing, cap_for, share_prefetch
from streamtensor.transforms.resources.kernel_graphs import PREFETCH, ScheduledKernel, kernel_dmas, schedule_kernel
from streamtensor.transforms.resources.size_bounded_streams import deepen
from streamtensor.transforms.resources.split_forks import shared_tasks, split_forks


@dataclass(frozen=True)
class ResizedKernel:
    """What the FIFOs of a kernel became."""

    kernel: str
    sizing: KernelSizing
    copies: tuple[str, ...] = ()
    """Tasks that got a copy each, one for every copy."""

    def to_json(self) -> dict[str, Any]:
        """Every figure but the single depths, which stand in the IR."""
        sizing = {name: value for name, value in asdict(self.sizing).items() if name != "depths"}
        return {**sizing, "copies": list(self.copies)}


def resize_streams(
    module: ModuleOp,
    device: Device,
    strategy: FifoSizing,
    budget_bits: int | None = None,
    slowdown: float = 0.0,
    on_progress: Callable[[str, int, int], None] | None = None,
    *,
    weights: Mapping[str, Collection[str]] | None = None,
    prefetch_bits: int | None = None,
) -> list[ResizedKernel]:
    """stream "x" depth n  -->  stream "x" depth m, with which no kernel is slower than with unbounded FIFOs.

    The depths of the safe rule say nothing about time. These come from the schedules of the tasks and from what
    external memory gives to each DMA when the kernels of the module share the device (`timing.kernel_sizing`). The C++
    completes with them in program order too. A task that several readers share gets a copy where that takes less memory
    than to let tokens wait behind it (`timing.forks`); "safe" does neither. What a hand-written kernel may run ahead of
    its step program is added.
    Where all FIFOs together would be more than `budget_bits`, the largest ones get less, and the design is slower; also
    where that saves memory and a kernel is slower by at most the share `slowdown`. All of this is for the largest
    run-time bound; smaller ones complete too.

    `weights` names the FIFOs of each kernel that hold parameters: they are sized before all others, and take at most
    `prefetch_bits` together, on top of `budget_bits`; None: what they need so that no time is lost.
    """
    kernels = [op for op in module.walk() if isinstance(op, KernelOp)]
    accesses = memory_accesses({kernel.kernel_name: kernel for kernel in kernels}, device)
    table = load_operations(device.family)
    for kernel in kernels:
        mark_prefetch(kernel, (weights or {}).get(kernel.kernel_name, ()))
    prepared = [prepare(kernel, table, accesses[kernel.kernel_name], strategy, slowdown) for kernel in kernels]
    sizers = [one.sizer for one in prepared]
    if prefetch_bits is not None:
        share_prefetch(sizers, prefetch_bits)
    cap = None
    if budget_bits is not None:
        cap = cap_for(sizers, budget_bits - sum(one.copy_bits for one in prepared), without_prefetch=True)
    found: list[ResizedKernel] = []
    for one in prepared:
        name = one.scheduled.kernel.kernel_name

        def tell(done: int, total: int, name: str = name) -> None:
            if on_progress is not None:
                on_progress(name, done, total)

        found.append(ResizedKernel(name, one.sizer.size(cap, tell), one.copies))
        if strategy != "safe":
            _write(one.scheduled.kernel, found[-1].sizing.depths, one.scheduled.slack)
            deepen(one.scheduled.kernel)
    return found


@dataclass(frozen=True)
class PreparedKernel:
    """A kernel with the copies that are worth it, and what `copy_bits` these take."""

    scheduled: ScheduledKernel
    sizer: KernelSizer
    copies: tuple[str, ...]
    copy_bits: int


def prepare(
    kernel: KernelOp, table: Operations, accesses: Mapping[str, Access], strategy: FifoSizing, slowdown: float = 0.0
) -> PreparedKernel:
    """Schedules a kernel and gives it the copies that are worth it, which changes it."""
    scheduled = schedule_kernel(kernel, table, accesses)
    shared = {} if strategy == "safe" else shared_tasks(kernel)
    graph = scheduled.graph()
    found = copies_worth_it(graph, shared, MIN_DEPTH)
    late = found.late
    if found.copies:
        split_forks(kernel, found.copies)
        scheduled = schedule_kernel(kernel, table, accesses)
        graph = scheduled.graph()
        if not same_graph(graph, found.graph):
            late = None
    sizer = KernelSizer(graph, scheduled.ordered_graph(), strategy, slowdown, MIN_DEPTH, known=late)
    names = tuple(copy.task for copy in found.copies)
    return PreparedKernel(scheduled, sizer, names, sum(shared[name] for name in names))


def memory_accesses(kernels: Mapping[str, KernelOp], device: Device) -> dict[str, dict[str, Access]]:
    """What external memory gives to the DMAs of each kernel, by the kernel's name, when all are resident together; or,
    where these are more than the device has ports for, to each kernel when it is alone.
    """
    plan, _ = plan_each([dma for name, kernel in kernels.items() for dma in kernel_dmas(kernel, name)], device)
    return {name: plan.of(name) for name in kernels}


def mark_prefetch(kernel: KernelOp, weights: Collection[str]) -> None:
    """Marks the FIFOs behind weight DMAs."""
    for stream in [op for op in kernel.body.block.ops if isinstance(op, StreamOp)]:
        if stream.sym_name.data in weights:
            stream.attributes[PREFETCH] = UnitAttr()


def _write(kernel: KernelOp, depths: Mapping[str, int], slack: Mapping[str, int]) -> None:
    for stream in [op for op in kernel.body.block.ops if isinstance(op, StreamOp)]:
        name = stream.sym_name.data
        if name in depths:
            stream.properties["depth"] = IntegerAttr(depths[name] + slack.get(name, 0), i64)

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The depths of all FIFOs of a stream-level module, from the schedules of its tasks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from streamtensor.dialects.dataflow import KernelOp, StreamOp
from streamtensor.ir.builtin import IntegerAttr, ModuleOp, i64
from streamtensor.targets import Device
from streamtensor.targets.channels import Access, MemoryPlan, plan_memory
from streamtensor.targets.operations import load_operations
from streamtensor.timing.kernel_sizing import FifoSizing, KernelSizer, KernelSizing, cap_for
from streamtensor.transforms.resources.kernel_graphs import kernel_dmas, schedule_kernel
from streamtensor.transforms.resources.size_bounded_streams import deepen


@dataclass(frozen=True)
class ResizedKernel:
    """What the FIFOs of a kernel became."""

    kernel: str
    sizing: KernelSizing

    def to_json(self) -> dict[str, Any]:
        """Every figure but the single depths, which stand in the IR."""
        return {name: value for name, value in asdict(self.sizing).items() if name != "depths"}


def resize_streams(
    module: ModuleOp,
    device: Device,
    strategy: FifoSizing,
    budget_bits: int | None = None,
    slowdown: float = 0.0,
    on_progress: Callable[[str, int, int], None] | None = None,
) -> list[ResizedKernel]:
    """stream "x" depth n  -->  stream "x" depth m, with which no kernel is slower than with unbounded FIFOs.

    The depths of the safe rule say nothing about time. These come from the schedules of the tasks and from what
    external memory gives to each DMA when the kernels of the module share the device (`timing.kernel_sizing`). The C++
    completes with them in program order too. What a hand-written kernel may run ahead of its step program is added.
    Where all FIFOs together would be more than `budget_bits`, the largest ones get less, and the design is slower; also
    where that saves memory and a kernel is slower by at most the share `slowdown`. All of this is for the largest
    run-time bound; smaller ones complete too.
    """
    kernels = [op for op in module.walk() if isinstance(op, KernelOp)]
    accesses = memory_accesses({kernel.kernel_name: kernel for kernel in kernels}, device)
    table = load_operations(device.family)
    scheduled = [schedule_kernel(kernel, table, accesses[kernel.kernel_name]) for kernel in kernels]
    sizers = [KernelSizer(one.graph(), one.ordered_graph(), strategy, slowdown) for one in scheduled]
    cap = None if budget_bits is None else cap_for(sizers, budget_bits)
    found: list[ResizedKernel] = []
    for one, sizer in zip(scheduled, sizers, strict=True):
        name = one.kernel.kernel_name

        def tell(done: int, total: int, name: str = name) -> None:
            if on_progress is not None:
                on_progress(name, done, total)

        found.append(ResizedKernel(name, sizer.size(cap, tell)))
        if strategy != "safe":
            _write(one.kernel, found[-1].sizing.depths, one.slack)
            deepen(one.kernel)
    return found


def memory_accesses(kernels: Mapping[str, KernelOp], device: Device) -> dict[str, dict[str, Access]]:
    """What external memory gives to the DMAs of each kernel, by the kernel's name, when all are resident together; or,
    where these are more than the device has ports for, to each kernel when it is alone.
    """
    dmas = {name: kernel_dmas(kernel, name) for name, kernel in kernels.items()}
    together = plan_memory([dma for found in dmas.values() for dma in found], device)
    accesses: dict[str, dict[str, Access]] = {}
    for name, found in dmas.items():
        plan = together if isinstance(together, MemoryPlan) else plan_memory(found, device)
        assert isinstance(plan, MemoryPlan), "the DMAs of one kernel can share ports"
        accesses[name] = {dma: access for (program, dma), access in plan.accesses.items() if program == name}
    return accesses


def _write(kernel: KernelOp, depths: Mapping[str, int], slack: Mapping[str, int]) -> None:
    for stream in [op for op in kernel.body.block.ops if isinstance(op, StreamOp)]:
        name = stream.sym_name.data
        if name in depths:
            stream.properties["depth"] = IntegerAttr(depths[name] + slack.get(name, 0), i64)

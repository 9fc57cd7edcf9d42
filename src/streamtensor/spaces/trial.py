# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""One trial: a program at a point, as far as its cost is known. Nothing is written but the cache."""

from __future__ import annotations

import gc
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import ceil
from time import perf_counter
from typing import cast

from streamtensor.cost.external_bytes import external_bytes, external_traffic
from streamtensor.cost.on_chip import device_functions
from streamtensor.cost.resources import Resources, fifo_resources
from streamtensor.diagnostics import UserError
from streamtensor.dialects import context
from streamtensor.dialects.dataflow import KernelOp
from streamtensor.ir import func
from streamtensor.ir.builtin import ModuleOp
from streamtensor.pipelines import FIFO_RESERVE_PERCENT, passes_to
from streamtensor.spaces.compiled_kernels import CompiledKernel, CompiledKernels, kernels_of
from streamtensor.spaces.evaluation import Evaluation, Objective, Point, Violation
from streamtensor.spaces.settings import Settings
from streamtensor.targets import Device
from streamtensor.targets.channels import Access, Infeasible, MemoryPlan, plan_memory
from streamtensor.timing.kernel_sizing import FifoSizing, KernelSizer, KernelSizing, cap_for
from streamtensor.transforms.fusion.fuse_kernels import FuseKernelsPass
from streamtensor.transforms.fusion.on_chip import local_bits

SHOWN_TERMS = 8  # of a violation; the rest is one more term


@dataclass(frozen=True)
class SizedKernel:
    """A kernel of a design with its FIFOs: how often it is launched, its depths, and the bits of its tokens."""

    compiled: CompiledKernel
    launches: int
    sizing: KernelSizing
    fifos: Mapping[str, tuple[int, int]]

    @property
    def resources(self) -> Resources:
        """Everything but ports."""
        return sum(self.compiled.tasks.values(), fifo_resources(self.fifos.values()))


def evaluate(tensor_level: ModuleOp, settings: Settings, device: Device, point: Point) -> Evaluation:
    """What the program costs at a point.

    Kernels are compiled without checks between passes, FIFO depths come from schedules, and each kernel is simulated
    once with them. `tensor_level` stays as it is.
    """
    start = perf_counter()
    with _one_collection():
        try:
            fused, violations = _fuse(tensor_level, settings)
            if fused is None:
                return Evaluation(point, {}, violations, perf_counter() - start)
            kernels = CompiledKernels(fused, settings.choices)
            facts = kernels.facts()
            plan = plan_memory([dma for kernel in facts.values() for dma in kernel.dmas], device)
            sized = _size(kernels, facts, plan, _launches(fused), settings, device)
            traffic = external_bytes(external_traffic(fused)).total
        except UserError as error:
            refused = Violation(f"{error.code}: {error.message}", 1, 0, "refusal", {"refusal": 1}, tuple(error.levers))
            return Evaluation(point, {}, (refused,), perf_counter() - start)
    total = sum((kernel.resources for kernel in sized), Resources())
    ports = plan.total_ports if isinstance(plan, MemoryPlan) else plan.needed
    objectives = {
        Objective.LATENCY: sum(kernel.sizing.cycles * kernel.launches for kernel in sized),
        Objective.BITS: sum(kernel.compiled.buffer_bits + kernel.sizing.bits for kernel in sized),
        Objective.DSP: ceil(total.dsp),
        Objective.BRAM36: total.bram36,
        Objective.URAM: total.uram,
        Objective.LUTRAM_BITS: total.lutram_bits,
        Objective.EXTERNAL_BYTES: traffic,
        Objective.PORTS: ports,
        Objective.KERNELS: len(sized),
    }
    found = (*_over(sized, total, device), *_too_many_ports(plan))
    compiled = len(kernels.compiled)
    return Evaluation(point, objectives, found, perf_counter() - start, len(sized) - compiled, compiled)


def _fuse(tensor_level: ModuleOp, settings: Settings) -> tuple[ModuleOp | None, tuple[Violation, ...]]:
    """The module at the fused level; None and the reasons where a kernel alone is too much."""
    module = tensor_level.clone()
    for one in passes_to("dataflow", settings.choices):
        one.apply(context(), module)
    passes = passes_to("fused", settings.choices)
    (limit,) = (one.limit_bits for one in passes if isinstance(one, FuseKernelsPass))
    alone = {kernel.kernel_name: local_bits(kernel) for kernel in kernels_of(module)} if limit else {}
    violations = tuple(
        Violation(
            f"on-chip memory of kernel {name}",
            bits,
            limit,
            "bits",
            {f"tiles of {name}": bits},
            ("default_tile_size: a smaller tile", "a device with more memory"),
        )
        for name, bits in alone.items()
        if bits > limit
    )
    if violations:
        return None, violations
    for one in passes:
        one.apply(context(), module)
    return module, ()


def _size(
    kernels: CompiledKernels,
    facts: Mapping[str, CompiledKernel],
    plan: MemoryPlan | Infeasible,
    launches: Mapping[str, int],
    settings: Settings,
    device: Device,
) -> list[SizedKernel]:
    """Every kernel with FIFO depths, all together within what is kept for FIFOs."""
    choices = settings.choices
    sizers: list[KernelSizer] = []
    for kernel in facts.values():
        graph, ordered = kernels.graphs(kernel, _accesses(kernel, plan, device))
        strategy = cast(FifoSizing, choices.fifo_sizing)
        sizers.append(KernelSizer(graph, ordered, strategy, choices.fifo_slowdown_percent / 100))
    cap = cap_for(sizers, choices.on_chip_bits * FIFO_RESERVE_PERCENT // 100)
    found: list[SizedKernel] = []
    for kernel, sizer in zip(facts.values(), sizers, strict=True):
        sizing = sizer.size(cap)
        fifos = {fifo.name: (sizing.depths[fifo.name], fifo.bits) for fifo in sizer.graph.sized}
        found.append(SizedKernel(kernel, launches[kernel.name], sizing, fifos))
    return found


def _accesses(kernel: CompiledKernel, plan: MemoryPlan | Infeasible, device: Device) -> dict[str, Access]:
    """What external memory gives to a kernel; to it alone, where not all can be resident together."""
    mine = plan if isinstance(plan, MemoryPlan) else plan_memory(kernel.dmas, device)
    assert isinstance(mine, MemoryPlan), "the DMAs of one kernel can share ports"
    return {dma: access for (program, dma), access in mine.accesses.items() if program == kernel.name}


def _launches(module: ModuleOp) -> dict[str, int]:
    """How often a run launches each kernel."""
    calls: dict[str, int] = {}
    for op in module.walk():
        if isinstance(op, func.CallOp):
            name = op.callee.string_value()
            calls[name] = calls.get(name, 0) + 1
    return {
        kernel.kernel_name: calls.get(function.sym_name.data, 1)
        for function in device_functions(module)
        for kernel in function.body.block.ops
        if isinstance(kernel, KernelOp)
    }


_LEVERS: Mapping[str, tuple[str, ...]] = {
    "dsp": ("macs, unroll, product_lanes: fewer operations at once", "multipliers: fewer of one task at once"),
    "bram36": (
        "default_tile_size, row_tile: smaller tiles",
        "lutram_words: more small buffers in LUT memory",
        "fifo_slowdown_percent: shallower FIFOs",
    ),
    "uram": ("default_tile_size, row_tile: smaller tiles", "fifo_slowdown_percent: shallower FIFOs"),
    "lutram_bits": ("lutram_words: fewer buffers in LUT memory", "fifo_width_bits: narrower FIFOs"),
}


def _over(sized: Sequence[SizedKernel], total: Resources, device: Device) -> Iterable[Violation]:
    """What the design takes more of than the device has."""
    units = {"dsp": "DSP blocks", "bram36": "BRAM36 blocks", "uram": "UltraRAM blocks", "lutram_bits": "bits"}
    for name, (needed, available) in total.over(device).items():
        terms: dict[str, float] = {}
        for kernel in sized:
            taken = [(f"{kernel.compiled.name}/{task}", one) for task, one in kernel.compiled.tasks.items()]
            taken.append((f"{kernel.compiled.name}/FIFOs", fifo_resources(kernel.fifos.values())))
            terms |= {place: getattr(one, name) for place, one in taken if getattr(one, name)}
        yield Violation(name, needed, available, units[name], _largest(terms), _LEVERS[name])


def _too_many_ports(plan: MemoryPlan | Infeasible) -> Iterable[Violation]:
    if isinstance(plan, Infeasible):
        terms = {name: float(amount) for name, amount in plan.terms}
        yield Violation(plan.constraint, plan.needed, plan.available, "AXI ports", _largest(terms), plan.levers)


def _largest(terms: Mapping[str, float]) -> dict[str, float]:
    """The largest terms, and the sum of the others as one."""
    ranked = sorted(terms.items(), key=lambda term: (-term[1], term[0]))
    found = dict(ranked[:SHOWN_TERMS])
    rest = ranked[SHOWN_TERMS:]
    return {**found, f"{len(rest)} others": sum(amount for _, amount in rest)} if rest else found


@contextmanager
def _one_collection() -> Generator[None]:
    """Python's cyclic garbage collector looks once, at the end, and only at what was made inside: IR is made of many
    small objects with cycles, which all die together.
    """
    enabled = gc.isenabled()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.collect()
        gc.unfreeze()
        if enabled:
            gc.enable()

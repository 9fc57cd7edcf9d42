# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""One trial: a program at a point, as far as its cost is known. Nothing is written but the cache."""

from __future__ import annotations

import gc
from collections import Counter, OrderedDict
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import ceil
from time import perf_counter
from typing import cast

from streamtensor.cost.external_bytes import external_bytes, external_traffic
from streamtensor.cost.on_chip import budgets_beside, device_functions
from streamtensor.cost.resources import Resources, fifo_resources
from streamtensor.diagnostics import UserError
from streamtensor.dialects import context
from streamtensor.dialects.dataflow import KernelOp
from streamtensor.ir import func
from streamtensor.ir.builtin import ModuleOp
from streamtensor.ir.printing import text_of
from streamtensor.pipelines import Choices, passes_to
from streamtensor.spaces.compiled_kernels import CompiledKernels, TimedKernel, before_fusion, kernels_of
from streamtensor.spaces.evaluation import Evaluation, Objective, Point, Violation
from streamtensor.targets import Device
from streamtensor.targets.channels import Infeasible, plan_each
from streamtensor.timing.kernel_sizing import FifoSizing, KernelSizer, KernelSizing, cap_for, share_prefetch
from streamtensor.transforms.fusion.fuse_kernels import FuseKernelsPass
from streamtensor.transforms.fusion.on_chip import local_bits
from streamtensor.transforms.tiling.kernel_choices import kernel_name

REMEMBERED = 4  # programs at the fused level
SHOWN_TERMS = 8  # of a violation; the rest is one more term


@dataclass(frozen=True)
class FusedProgram:
    """A program at the fused level: its kernels as text, with what their operands hold (parameters, intermediate
    results, inputs and outputs), how often a run launches each, and its external bytes. Where there is none,
    `violations` say why.
    """

    module: ModuleOp | None
    texts: Mapping[str, str]
    launches: Mapping[str, int]
    external_bytes: int
    violations: tuple[Violation, ...] = ()


class Front:
    """The program of the tensor level, led to the fused level; the last few are remembered by the choices that they
    depend on, since many points differ in other ones only.
    """

    def __init__(self, tensor_level: ModuleOp) -> None:
        self._tensor_level = tensor_level
        self._known: OrderedDict[str, FusedProgram] = OrderedDict()

    def at(self, choices: Choices) -> FusedProgram:
        """The fused program. Raises UserError where a pass refuses a choice."""
        key = before_fusion(choices)
        if key not in self._known:
            self._known[key] = _fused(self._tensor_level, choices)
            if len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        self._known.move_to_end(key)
        return self._known[key]


@dataclass(frozen=True)
class SizedKernel:
    """A kernel of a design with its FIFOs: how often it is launched, its depths, and (depth, bits) of each FIFO."""

    timed: TimedKernel
    launches: int
    sizing: KernelSizing
    fifos: Mapping[str, tuple[int, int]]

    @property
    def name(self) -> str:
        """The kernel's name."""
        return self.timed.name

    @property
    def resources(self) -> Resources:
        """Everything but ports."""
        return sum(self.timed.tasks.values(), fifo_resources(self.fifos.values()))


def evaluate(front: Front, choices: Choices, device: Device, point: Point) -> Evaluation:
    """What the program costs at a point.

    Kernels are compiled without checks between passes, FIFO depths come from schedules, and each kernel is simulated
    once with them.
    """
    start = perf_counter()
    with _one_collection():
        try:
            fused = front.at(choices)
            if fused.module is None:
                return Evaluation(point, {}, fused.violations, perf_counter() - start)
            kernels = CompiledKernels(fused.module, fused.texts, choices)
            facts = kernels.facts()
            plan, too_many = plan_each([dma for kernel in facts for dma in kernel.dmas], device)
            timed = [kernels.timed(kernel, plan.of(kernel.name)) for kernel in facts]
            buffers = sum(kernel.buffer_bits for kernel in facts)
            sized = _size(timed, fused.launches, choices, buffers)
        except UserError as error:
            refused = Violation(f"{error.code}: {error.message}", 1, 0, "refusal", {"refusal": 1}, tuple(error.levers))
            return Evaluation(point, {}, (refused,), perf_counter() - start)
    total = sum((kernel.resources for kernel in sized), Resources())
    objectives = {
        Objective.LATENCY: sum(kernel.sizing.cycles * kernel.launches for kernel in sized),
        Objective.BITS: sum(kernel.timed.buffer_bits + kernel.sizing.bits for kernel in sized),
        Objective.DSP: ceil(total.dsp),
        Objective.BRAM36: total.bram36,
        Objective.URAM: total.uram,
        Objective.LUTRAM_BITS: total.lutram_bits,
        Objective.EXTERNAL_BYTES: fused.external_bytes,
        Objective.PORTS: plan.total_ports if too_many is None else too_many.needed,
        Objective.KERNELS: len(sized),
    }
    found = (*_over(sized, total, device, choices.dies), *_too_many_ports(too_many))
    compiled = len(kernels.compiled)
    return Evaluation(point, objectives, found, perf_counter() - start, len(sized) - compiled, compiled)


def _fused(tensor_level: ModuleOp, choices: Choices) -> FusedProgram:
    module = tensor_level.clone()
    for one in passes_to("dataflow", choices):
        one.apply(context(), module)
    passes = passes_to("fused", choices)
    (limit,) = (one.limit_bits for one in passes if isinstance(one, FuseKernelsPass))
    violations = tuple(_alone(kernel, limit) for kernel in _kernels(module) if limit and local_bits(kernel) > limit)
    if violations:
        return FusedProgram(None, {}, {}, 0, violations)
    for one in passes:
        one.apply(context(), module)
    traffic = external_traffic(module)
    texts: dict[str, str] = {}
    for kernel in _kernels(module):
        held = [port.holds for port in traffic if port.kernel == kernel.kernel_name]  # FIFOs of weights are special
        texts[kernel.kernel_name] = "\n".join([text_of(kernel), *held])
    return FusedProgram(module, texts, _launches(module), external_bytes(traffic).total)


def _alone(kernel: KernelOp, limit: int) -> Violation:
    """A kernel that is too much on its own: fusion has nothing to choose."""
    name = kernel_name(kernel)
    levers = ["default_tile_size: smaller tiles", "dies: more of them, where fewer than all are used"]
    if name:
        levers.insert(1, f"tile.{name}.LOOP: smaller tiles of this kernel")
    bits = local_bits(kernel)
    constraint = f"on-chip memory of kernel {kernel.kernel_name}"
    return Violation(constraint, bits, limit, "bits", {f"tiles of {kernel.kernel_name}": bits}, tuple(levers))


def _size(
    timed: Sequence[TimedKernel], launches: Mapping[str, int], choices: Choices, buffer_bits: int
) -> list[SizedKernel]:
    """Every kernel with FIFO depths, all together within what there is for FIFOs, as `resize_streams` does it."""
    strategy = cast(FifoSizing, choices.fifo_sizing)
    slowdown = choices.fifo_slowdown_percent / 100
    sizers = [KernelSizer(one.graph, one.ordered, strategy, slowdown, known=one.late) for one in timed]
    budget, prefetch = budgets_beside(buffer_bits, choices)
    share_prefetch(sizers, prefetch)
    cap = cap_for(sizers, budget - sum(one.copy_bits for one in timed), without_prefetch=True)
    found: list[SizedKernel] = []
    for one, sizer in zip(timed, sizers, strict=True):
        sizing = sizer.size(cap)
        fifos = {fifo.name: (sizing.depths[fifo.name], fifo.bits) for fifo in sizer.graph.sized}
        found.append(SizedKernel(one, launches[one.name], sizing, fifos))
    return found


def _kernels(module: ModuleOp) -> list[KernelOp]:
    return [kernel for function in device_functions(module) for kernel in kernels_of(function)]


def _launches(module: ModuleOp) -> dict[str, int]:
    """How often a run launches each kernel."""
    calls = Counter(op.callee.string_value() for op in module.walk() if isinstance(op, func.CallOp))
    return {
        kernel.kernel_name: calls[function.sym_name.data]
        for function in device_functions(module)
        for kernel in kernels_of(function)
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


def _over(sized: Sequence[SizedKernel], total: Resources, device: Device, dies: int) -> Iterable[Violation]:
    """What the design takes more of than so many dies of the device have."""
    more = (f"dies: {dies} of {device.dies} may be used",) if dies < device.dies else ()
    units = {"dsp": "DSP blocks", "bram36": "BRAM36 blocks", "uram": "UltraRAM blocks", "lutram_bits": "bits"}
    for name, (needed, available) in total.over(device.with_dies(dies)).items():
        terms: dict[str, float] = {}
        named: dict[str, float] = {}
        for kernel in sized:
            for task, taken in kernel.timed.tasks.items():
                amount = getattr(taken, name)
                single = kernel.timed.parameters.get(task, "")
                if amount:
                    terms[f"{kernel.name}/{task}" + (f" [{single}]" if single else "")] = amount
                    named[single] = named.get(single, 0) + amount
            fifos = getattr(fifo_resources(kernel.fifos.values()), name)
            if fifos:
                terms[f"{kernel.name}/FIFOs"] = fifos
        levers = (*_single(name, named), *_LEVERS[name], *more)
        yield Violation(name, needed, available, units[name], _largest(terms), levers)


def _single(name: str, named: Mapping[str, float]) -> tuple[str, ...]:
    """The lever of the kernel that takes most, where one has a name."""
    most = max((single for single in named if single), key=lambda single: named[single], default="")
    if not most:
        return ()
    lever = f"unroll.{most}: fewer lanes" if name == "dsp" else f"tile.{most}.LOOP: smaller tiles"
    return (f"{lever} of the kernel that takes {named[most]:,.0f}",)


def _too_many_ports(found: Infeasible | None) -> Iterable[Violation]:
    if found is not None:
        terms = {name: float(amount) for name, amount in found.terms}
        yield Violation(found.constraint, found.needed, found.available, "AXI ports", _largest(terms), found.levers)


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

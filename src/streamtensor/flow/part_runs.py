# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The parts of a model in cycles: graphs with the ports that they have, a launch for each layer or one for all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from streamtensor.cost.resources import Resources, fifo_resources
from streamtensor.diagnostics import InternalError
from streamtensor.flow.block_designs import Design, Sized
from streamtensor.flow.residency import Residency, place
from streamtensor.report.results import Limit, Prefetch
from streamtensor.report.roofs import MACS_PER_DSP, Work
from streamtensor.spaces.wide_choices import Part
from streamtensor.targets import Device
from streamtensor.targets.channels import MemoryPlan
from streamtensor.timing.graph import Graph
from streamtensor.timing.simulator import Result, Simulator

GraphsOf: TypeAlias = Callable[[Design, MemoryPlan], "list[Sized]"]
"""The graphs of a design's kernels with what the plan gives them: those of a launch for each layer, or for all."""


def design_resources(design: Design, plan: MemoryPlan, graphs_of: GraphsOf) -> Resources:
    """What a part takes of the device, FIFOs and ports included. The loop over layers around a kernel adds no more than
    FIFOs: its buffers and operations stay those of a layer.
    """
    total = Resources(ports=sum(plan.ports(k.program) for k in design.kernels))
    for kernel, sized in zip(design.kernels, graphs_of(design, plan), strict=True):
        total += kernel.resources + fifo_resources((fifo.depth or 1, fifo.bits) for fifo in sized.graph.sized)
    return total


def design_graphs(design: Design, plan: MemoryPlan) -> list[Sized]:
    """The graphs of one launch for each layer."""
    return [
        design.graph(k.name, {dma.name: plan.accesses[dma.program, dma.name] for dma in k.dmas}) for k in design.kernels
    ]


def launch_graphs(design: Design, plan: MemoryPlan) -> list[Sized]:
    """The graph of one launch of all layers; raises PerLayerError where there is none."""
    return [design.launch({dma.name: plan.accesses[dma.program, dma.name] for k in design.kernels for dma in k.dmas})]


def design_prefetch(design: Design, plan: MemoryPlan) -> Prefetch:
    """How far the weights of a design are loaded ahead."""
    return sum((sized.prefetch for sized in design_graphs(design, plan)), Prefetch(0, 0, 0, 0))


@dataclass(frozen=True)
class PartRun:
    """One part at one size: its design, the memory plan, the graphs of its kernels and their simulations.
    `in_largest`: whether the ports, slots and FIFO depths are those of the part's largest design.
    """

    design: Design
    plan: MemoryPlan
    graphs: tuple[Graph, ...]
    results: tuple[Result, ...]
    in_largest: bool

    @property
    def cycles(self) -> int:
        """Cycles of one launch."""
        return sum(result.cycles for result in self.results)


def run_part(
    design: Design, largest: Mapping[Part, Design], residency: Residency, device: Device, graphs_of: GraphsOf
) -> PartRun:
    """Simulates a design as a run of the largest one of its part, which is what the device holds: with its ports, slots
    and FIFOs. Where their tasks or FIFOs have other names, it is a run of this design in its place.
    """
    plan = residency.plans[design.part]
    if all((dma.program, dma.name) in plan.accesses for k in design.kernels for dma in k.dmas):
        found = graphs_of(largest[design.part], plan)
        held = {fifo.name: fifo.depth for one in found for fifo in one.graph.sized}
    else:
        parts = next(parts for parts in residency.bitstreams if design.part in parts)
        plan = place([design if part == design.part else largest[part] for part in parts], device)[0]
        held: dict[str, int | None] = {}
    graphs = [sized.graph for sized in graphs_of(design, plan)]
    in_largest = all(fifo.name in held for graph in graphs for fifo in graph.sized)
    if in_largest:
        graphs = [graph.with_depths({fifo.name: held[fifo.name] for fifo in graph.sized}) for graph in graphs]
    return PartRun(design, plan, tuple(graphs), tuple(_complete(graph, design) for graph in graphs), in_largest)


def limit_of(run: PartRun, work: Work, layers: int, device: Device) -> Limit:
    """What decides the time of a part: of its slowest kernel the busiest task and the busiest channel."""
    kernel, result = max(zip(run.design.kernels, run.results, strict=True), key=lambda pair: pair[1].cycles)
    busy = {
        name: times.end - (times.start or 0) - times.stalled_read - times.stalled_write
        for name, times in result.tasks.items()
    }
    in_slots = {d.name.rpartition(":")[0] for d in kernel.dmas if run.plan.accesses[d.program, d.name].share < 1}
    task = max(busy.keys() - in_slots or busy, key=lambda name: (busy[name], name))  # a slot is slow by choice
    channels: dict[int, float] = {}
    for dma in kernel.dmas:
        access = run.plan.accesses[dma.program, dma.name]
        for channel in access.channels:
            channels[channel] = channels.get(channel, 0.0) + dma.bytes / len(access.channels)
    channel = max(channels, key=lambda number: channels[number])
    through = [d for d in kernel.dmas if channel in run.plan.accesses[d.program, d.name].channels]
    stream = max(through, key=lambda dma: dma.bytes)
    most = device.main_memory.channel_bytes_per_cycle(device.clock_mhz) * result.cycles
    memory = device.main_memory.bytes_per_cycle(device.clock_mhz) * run.cycles
    return Limit(
        run.design.part,
        run.design.rows,
        run.cycles,
        task,
        busy[task] / result.cycles,
        kernel.memory[stream.name] or stream.name.rpartition(":")[0],
        run.plan.accesses[stream.program, stream.name].channels,
        channels[channel] / most,
        sum(dma.bytes for k in run.design.kernels for dma in k.dmas) / memory,
        _macs(run.design, work, layers) / (device.dsp * MACS_PER_DSP * run.cycles),
    )


def _macs(design: Design, work: Work, layers: int) -> float:
    """Multiplications of one launch of a part."""
    match design.part:
        case "prefill":
            return work.prefill_macs(design.rows) / layers
        case "decode":
            return (work.block_weights + 2 * work.attention_width * design.rows) / layers
        case "head":
            return work.head_weights


def _complete(graph: Graph, design: Design) -> Result:
    result = Simulator(graph).run()
    if result.deadlock is not None:
        raise InternalError(f"{design.part} {design.rows}: {result.deadlock}")
    return result


def cycles_by_size(runs: Mapping[int, PartRun]) -> dict[int, int]:
    """Cycles of each simulated size."""
    return {size: run.cycles for size, run in runs.items()}

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Latency, time to first token and tokens per second of a model, from the cycles of its compiled blocks.

Prefill, decode and LM head are compiled, placed on the device together, and simulated. Nothing is scaled but what is
said: a request is the sum of its launches.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from math import ceil
from pathlib import Path
from typing import Any

from streamtensor.cost.resources import Resources, fifo_resources
from streamtensor.diagnostics import InternalError, UserError
from streamtensor.flow.block_designs import BLOCKS, PARTS, Design, KernelFacts, Part, port_chains, wide
from streamtensor.flow.events import Events, SilentEvents
from streamtensor.pipelines import choices_for
from streamtensor.report.latency import LAUNCHES, Affine, Times, request
from streamtensor.report.published import PublishedRow, best_fpga, published_rows
from streamtensor.report.roofs import CONTEXT, dsp_roof_ms, memory_roof, work_of
from streamtensor.targets import Device, load_device
from streamtensor.targets.channels import Access, Dma, Infeasible, MemoryPlan, plan_memory
from streamtensor.targets.operations import load_operations
from streamtensor.timing.graph import Graph
from streamtensor.timing.layer_loop import layer_loop
from streamtensor.timing.simulator import Result, Simulator

LENGTHS = (32, 64, 128, 256)
"""Prompt tokens, and as many generated ones: the lengths of the published rows."""

CONTEXTS = (128, 256, 384, 512)
"""Rows of the KV cache that a decode step may read: whole tiles."""

SIMULATED_CONTEXTS = (128, 256, 512)

REQUEST_STEPS = 32
"""Decode steps of the shortest published request: how much more often decode runs than prefill when ports are given."""


@dataclass(frozen=True)
class Row:
    """A request on our design."""

    model: str
    input: int
    output: int
    launch: str
    latency_ms: float
    ttft_ms: float
    tokens_per_s: float
    memory_roof_share: float
    dsp_roof_share: float
    provenance: str


@dataclass(frozen=True)
class Limit:
    """What decides the time of a part: the task that waits least, and the channel of memory that rests least, both as
    a share of all cycles.
    """

    part: Part
    size: int
    cycles: int
    task: str
    task_share: float
    stream: str
    channels: tuple[int, ...]
    channel_share: float


@dataclass(frozen=True)
class Results:
    """Everything that `streamtensor results` prints; `infeasible` says why the programs can't be resident together."""

    model: str
    device: Device
    scheme: str
    rows: tuple[Row, ...]
    published: tuple[PublishedRow, ...]
    cycles: Mapping[Part, Mapping[int, int]]
    affine: Mapping[Part, Affine]
    limits: tuple[Limit, ...]
    resources: Mapping[Part, Resources]
    roofs: Mapping[str, float]
    infeasible: tuple[str, ...]

    @property
    def total(self) -> Resources:
        """What all resident programs take together."""
        total = Resources()
        for one in self.resources.values():
            total += one
        return total

    def beaten(self, row: Row) -> bool:
        """Whether a row is faster than every published FPGA row of its length, in each figure that was published."""
        latency, ttft, rate = best_fpga(published_rows(row.model, row.input, row.output))
        return (
            (latency is None or row.latency_ms < latency)
            and (ttft is None or row.ttft_ms < ttft)
            and (rate is None or row.tokens_per_s > rate)
        )


def results(
    model: str,
    *,
    device: str = "u55c",
    scheme: str = "w4a8",
    lengths: Sequence[int] = LENGTHS,
    events: Events | None = None,
) -> Results:
    """The results of a named shape, or of the configuration in a Hugging Face folder; weights are not needed.

    Raises UserError ST0102 (unknown model), ST0105 (the model has too few positions), ST0120 and ST0121 (scheme),
    ST0401 (device), and what compilation raises.
    """
    evaluation = _Evaluation(model, load_device(device), scheme, events)
    return evaluation.run(tuple(lengths))


def model_config(model: str) -> Any:
    """The configuration of a named shape or of a folder; raises as `load_source` does."""
    from streamtensor.models.huggingface import folder_config
    from streamtensor.models.shapes import shape_config

    return folder_config(Path(model)) if Path(model).is_dir() else shape_config(model)


class _Evaluation:
    def __init__(self, model: str, device: Device, scheme: str, events: Events | None) -> None:
        from streamtensor.models.quantization.nominal import nominal_arithmetic

        self.model = model
        self.device = device
        self.scheme = scheme
        self.events = events or SilentEvents()
        self.config = model_config(model)
        self.arithmetic = nominal_arithmetic(self.config, scheme)
        self.layers = int(self.config.num_hidden_layers)
        self.work = work_of(self.config)
        self._steps = 0
        self._total = 1

    def run(self, lengths: tuple[int, ...]) -> Results:
        """Compiles, places, simulates, adds up."""
        limit = int(getattr(self.config, "max_position_embeddings", 2 * max(lengths)))
        if 2 * max(lengths) > limit:
            raise UserError("ST0105", f"{2 * max(lengths)} tokens, but {self.model} has {limit} positions")
        if 2 * max(lengths) > CONTEXTS[-1]:
            raise UserError("ST0105", f"{2 * max(lengths)} tokens, but results go up to {CONTEXTS[-1]}")
        contexts = [c for c in CONTEXTS if c < 2 * max(lengths)] + [min(c for c in CONTEXTS if c >= 2 * max(lengths))]
        simulated = [c for c in SIMULATED_CONTEXTS if c in contexts]
        sizes: dict[Part, Sequence[int]] = {"prefill": lengths, "decode": simulated, "head": (1,)}
        self._total = 3 * sum(map(len, sizes.values()))
        designs = {part: {size: self._design(part, size) for size in sizes[part]} for part in PARTS}
        largest: dict[Part, Design] = {part: designs[part][max(sizes[part])] for part in PARTS}
        plan, too_many = self._place(largest)
        resources: dict[Part, Resources] = {part: self._resources(design, plan) for part, design in largest.items()}
        infeasible = _infeasible(resources, self.device, too_many)
        graphs: dict[Part, dict[int, list[Graph]]] = {part: {} for part in PARTS}
        for part in PARTS:
            for size, design in designs[part].items():
                self._step(f"size FIFOs of {part} {size}")
                graphs[part][size] = self._graphs_within(design, largest, plan)
        runs = {part: {n: self._simulate(designs[part][n], g) for n, g in graphs[part].items()} for part in PARTS}
        cycles: dict[Part, dict[int, int]] = {
            part: {n: sum(r.cycles for r in found) for n, found in runs[part].items()} for part in PARTS
        }
        chained: dict[Part, dict[int, float]] = {
            part: {n: self._chained(designs[part][n], g, plan) for n, g in graphs[part].items()} for part in BLOCKS
        }
        affine: dict[Part, Affine] = {part: Affine.through(cycles[part]) for part in BLOCKS if len(cycles[part]) > 1}
        rows = tuple(
            self._row(launch, length, cycles, chained, contexts, infeasible)
            for launch in LAUNCHES
            for length in lengths
        )
        limits = tuple(
            self._limit(part, max(sizes[part]), largest[part], runs[part][max(sizes[part])], plan) for part in PARTS
        )
        memory = self.device.main_memory
        roofs = {
            "tokens_per_s_nominal": memory_roof(self.work, memory.nominal_bytes_per_second, head=True),
            "tokens_per_s_measured": memory_roof(self.work, memory.measured_bytes_per_second, head=True),
            **{f"ttft_ms_{length}": dsp_roof_ms(self.work, length, self.device) for length in lengths},
        }
        found = [row for length in lengths for row in published_rows(self.model, length, length)]
        return Results(
            self.model,
            self.device,
            self.scheme,
            rows,
            tuple(found),
            cycles,
            affine,
            limits,
            resources,
            roofs,
            infeasible,
        )

    def _step(self, text: str) -> None:
        self.events.stage(text, min(self._steps, self._total), self._total)
        self._steps += 1

    def _design(self, part: Part, size: int) -> Design:
        self._step(f"compile {part} {size}")
        choices = wide(choices_for(self.device, tile=16), part)
        launches = {"prefill": self.layers, "decode": REQUEST_STEPS * self.layers, "head": REQUEST_STEPS + 1}[part]
        design = Design(
            part, self.config, size, self.arithmetic, choices, load_operations(self.device.family), launches
        )
        _ = design.kernels
        return design

    def _place(self, designs: Mapping[Part, Design]) -> tuple[MemoryPlan, str]:
        """The memory accesses of all parts together, and why they can't be resident together, if so."""
        plan = plan_memory([dma for d in designs.values() for k in d.kernels for dma in k.dmas], self.device)
        if isinstance(plan, MemoryPlan):
            return plan, ""
        accesses: dict[tuple[str, str], Access] = {}  # each kernel as if it were alone
        for kernel in [kernel for design in designs.values() for kernel in design.kernels]:
            alone = plan_memory(kernel.dmas, self.device)
            if isinstance(alone, Infeasible):
                raise InternalError(f"one kernel has no memory plan: {alone}")
            accesses |= alone.accesses
        return MemoryPlan(self.device.name, accesses), str(plan)

    def _resources(self, design: Design, plan: MemoryPlan) -> Resources:
        """What a part takes of the device, FIFOs included."""
        total = Resources(ports=sum(plan.ports(k.program) for k in design.kernels))
        for kernel, graph in zip(design.kernels, self._graphs(design, plan), strict=True):
            total += kernel.resources + fifo_resources((fifo.depth or 1, fifo.bits) for fifo in graph.sized)
        return total

    def _graphs(self, design: Design, plan: MemoryPlan) -> list[Graph]:
        return [
            design.graph(k.name, {dma.name: plan.accesses[dma.program, dma.name] for dma in k.dmas})
            for k in design.kernels
        ]

    def _graphs_within(self, design: Design, largest: Mapping[Part, Design], plan: MemoryPlan) -> list[Graph]:
        """The graphs of a design as a run of the largest one of its part, which is what the device holds: with its
        ports, slots and FIFOs. Where their tasks have other names, the parts are placed anew with this design.
        """
        if not all((dma.program, dma.name) in plan.accesses for k in design.kernels for dma in k.dmas):
            return self._graphs(design, self._place({**largest, design.part: design})[0])
        held = {fifo.name: fifo.depth for graph in self._graphs(largest[design.part], plan) for fifo in graph.sized}
        graphs = self._graphs(design, plan)
        if all(fifo.name in held for graph in graphs for fifo in graph.sized):
            return [graph.with_depths({fifo.name: held[fifo.name] for fifo in graph.sized}) for graph in graphs]
        return graphs

    def _simulate(self, design: Design, graphs: Sequence[Graph]) -> list[Result]:
        self._step(f"simulate {design.part} {design.rows}")
        return [_complete(graph, design) for graph in graphs]

    def _chained(self, design: Design, graphs: Sequence[Graph], plan: MemoryPlan) -> float:
        """Cycles of all layers in one launch."""
        if len(graphs) > 1:  # groups that take turns do not overlap
            return float(self.layers * sum(_complete(graph, design).cycles for graph in graphs))
        (kernel,) = design.kernels
        loads, stores = (
            {dma.name.rpartition(":")[0] for dma in kernel.dmas if _moves_hidden(kernel, dma, way)}
            for way in ("read", "write")
        )
        latency = ceil(self.device.main_memory.latency_cycles(self.device.clock_mhz))
        accesses = {name: access for (program, name), access in plan.accesses.items() if program == kernel.program}
        chains = [chain for chain in port_chains(accesses) if set(chain) <= graphs[0].groups.keys()]
        graph = layer_loop(graphs[0], self.layers, sorted(loads), sorted(stores), latency, chains)
        return float(_complete(graph, design).cycles)

    def _row(
        self,
        launch: str,
        length: int,
        cycles: Mapping[Part, Mapping[int, int]],
        chained: Mapping[Part, Mapping[int, float]],
        contexts: Sequence[int],
        infeasible: tuple[str, ...],
    ) -> Row:
        one = launch == "one"
        blocks: Mapping[Part, Mapping[int, float]] = (
            chained if one else {part: {n: float(self.layers * c) for n, c in cycles[part].items()} for part in BLOCKS}
        )
        decode = blocks["decode"]
        line = Affine.through({n: round(c) for n, c in decode.items()}) if len(decode) > 1 else None
        step = {c: decode[c] if c in decode or line is None else line.at(c) for c in contexts}
        head = sum(cycles["head"].values())
        times = Times(
            self.device.clock_mhz,
            blocks["prefill"],
            step,
            head,
            1 if one else self.layers + 1,
            0.0 if launch == "per-layer-0us" else self.device.launch_overhead_us,
        )
        used = {min(c for c in contexts if c >= position) for position in range(length + 1, 2 * length + 1)}
        latency, ttft, rate = request(times, length, length, contexts)
        if infeasible:
            latency += self.device.reload_ms
        return Row(
            self.model,
            length,
            length,
            launch,
            latency,
            ttft,
            rate,
            rate / memory_roof(self.work, self.device.main_memory.measured_bytes_per_second, head=True),
            dsp_roof_ms(self.work, length, self.device) / ttft,
            "; ".join(["simulated", *_reservations(launch, infeasible, used - set(decode))]),
        )

    def _limit(self, part: Part, size: int, design: Design, runs: Sequence[Result], plan: MemoryPlan) -> Limit:
        kernel, run = max(zip(design.kernels, runs, strict=True), key=lambda pair: pair[1].cycles)
        busy = {
            name: times.end - (times.start or 0) - times.stalled_read - times.stalled_write
            for name, times in run.tasks.items()
        }
        task = max(busy, key=lambda name: busy[name])
        streams = {dma.name: busy.get(dma.name.rpartition(":")[0], 0) for dma in kernel.dmas}
        stream = max(streams, key=lambda name: streams[name])
        program = next(dma.program for dma in kernel.dmas if dma.name == stream)
        channels = plan.accesses[program, stream].channels
        name = kernel.memory[stream] or stream.rpartition(":")[0]
        return Limit(
            part, size, run.cycles, task, busy[task] / run.cycles, name, channels, streams[stream] / run.cycles
        )


def _reservations(launch: str, infeasible: Sequence[str], contexts: set[int]) -> Iterator[str]:
    """What has to be said of a figure that is not a plain simulation of what the device holds."""
    if launch == "one":
        yield "the graph only, no C++ for the layer loop yet"
    if contexts:
        sizes = " and ".join(map(str, sorted(contexts)))
        yield f"decode at context {sizes} by the line through the simulated ones"
    if infeasible:
        yield "not resident together, one reload of the device added"


def _infeasible(resources: Mapping[Part, Resources], device: Device, too_many: str) -> tuple[str, ...]:
    """What all parts together need more of than there is."""
    total = Resources()
    for one in resources.values():
        total += one
    over = [f"{name}: {need:,.0f} needed, {have:,.0f} available" for name, (need, have) in total.over(device).items()]
    return (*([too_many] if too_many else []), *over)


def _moves_hidden(kernel: KernelFacts, dma: Dma, direction: str) -> bool:
    """Whether a DMA moves the layer's input, or its result in the other direction; both are called hidden."""
    return kernel.memory[dma.name] == "hidden" and dma.direction == direction


def _complete(graph: Graph, design: Design) -> Result:
    result = Simulator(graph).run()
    if result.deadlock is not None:
        raise InternalError(f"{design.part} {design.rows}: {result.deadlock}")
    return result


def results_json(found: Results) -> dict[str, Any]:
    """The results as JSON values; cycles and resources are marked with their provenance."""
    return {
        "model": found.model,
        "device": found.device.name,
        "scheme": found.scheme,
        "context_of_memory_roof": CONTEXT,
        "rows": [{**asdict(row), "faster_than_published_fpgas": found.beaten(row)} for row in found.rows],
        "published": [
            {
                **{k: v for k, v in asdict(row).items() if k != "system"},
                "system": row.system.title,
                "provenance": "published",
                "source": row.system.source,
            }
            for row in found.published
        ],
        "cycles": {part: {str(n): c for n, c in sizes.items()} for part, sizes in found.cycles.items()},
        "affine": {
            part: {"base": float(line.base), "slope": float(line.slope), "worst": line.worst}
            for part, line in found.affine.items()
        },
        "limits": [asdict(limit) for limit in found.limits],
        "resources": {part: asdict(one) for part, one in found.resources.items()},
        "available": {name: have for name, (_, have) in found.total.beside(found.device).items()},
        "roofs": dict(found.roofs),
        "infeasible": list(found.infeasible),
        "provenance": {
            "cycles": "simulated",
            "resources": "model",
            "roofs": "model",
            "bandwidth": found.device.sources["memory[0].measured_bytes_per_second"],
            "launch_overhead_us": found.device.sources["launch_overhead_us"],
        },
    }

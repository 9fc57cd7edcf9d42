# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Latency, time to first token and tokens per second of a model, from the cycles of its compiled blocks.

Prefill, decode and LM head are compiled, placed on the device together, and simulated. Nothing is scaled but what is
said: a request is the sum of its launches.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from streamtensor.diagnostics import UserError
from streamtensor.flow.block_designs import Design, PerLayerError, Sized
from streamtensor.flow.events import Events, SilentEvents
from streamtensor.flow.part_runs import (
    PartRun,
    cycles_by_size,
    design_graphs,
    design_prefetch,
    design_resources,
    launch_graphs,
    limit_of,
    run_part,
)
from streamtensor.flow.residency import Residency, find_residency
from streamtensor.pipelines import choices_for
from streamtensor.report.latency import LAUNCHES, Affine, Times, request
from streamtensor.report.published import published_rows, statements_about
from streamtensor.report.results import Results, Row
from streamtensor.report.roofs import Work, dsp_roof_ms, memory_roof, work_of
from streamtensor.spaces.wide_choices import BLOCKS, PARTS, Part, wide
from streamtensor.targets import Device, load_device
from streamtensor.targets.channels import MemoryPlan
from streamtensor.targets.operations import load_operations

LENGTHS = (32, 64, 128, 256)
"""Prompt tokens, and as many generated ones: the lengths of the published rows."""

CONTEXTS = (128, 256, 384, 512)
"""Rows of the KV cache that a decode step may read: whole tiles."""

SIMULATED_CONTEXTS = (128, 256, 512)

REQUEST_STEPS = 32
"""Decode steps of the shortest published request: how much more often decode runs than prefill when ports are given."""

PREFETCH_SHARES = (0.2, 0.175, 0.15, 0.125, 0.1, 0.075, 0.05, 0.025, 0.0125)
"""Of the block RAM, for the weights that each of the three programs loads ahead: the first share with which they are
resident together.
"""


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


@dataclass(frozen=True)
class _Placed:
    """The programs of a device and their runs, part by part and size by size. `per_layer` are the parts with a launch
    for each layer, each with the reason, empty where that was asked for; the others do all layers in one launch.
    """

    residency: Residency
    runs: Mapping[Part, Mapping[int, PartRun]]
    per_layer: Mapping[Part, str]

    def launches(self, part: Part, layers: int) -> int:
        """How many launches a part takes for all layers."""
        return layers if part in self.per_layer else 1

    def cycles(self, part: Part, layers: int) -> dict[int, float]:
        """Cycles of all layers by size."""
        return {size: float(self.launches(part, layers) * run.cycles) for size, run in self.runs[part].items()}


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
        self.work: Work = work_of(self.config)
        self._steps = 0
        self._total = 1

    def run(self, lengths: tuple[int, ...]) -> Results:
        """Compiles, places, simulates, adds up."""
        contexts = self._contexts(lengths)
        simulated = [c for c in SIMULATED_CONTEXTS if c in contexts]
        sizes: dict[Part, Sequence[int]] = {"prefill": lengths, "decode": simulated, "head": (1,)}
        self._total = 3 * sum(map(len, sizes.values())) + 2
        designs: dict[Part, dict[int, Design]] = {
            part: {size: self._design(part, size) for size in sizes[part]} for part in PARTS
        }
        largest: dict[Part, Design] = {part: designs[part][max(sizes[part])] for part in PARTS}
        single = self._placed(designs, largest, dict.fromkeys(BLOCKS, ""))
        one = self._placed(designs, largest, {})
        residency, runs = single.residency, single.runs
        cycles = {part: cycles_by_size(found) for part, found in runs.items()}
        return Results(
            model=self.model,
            device=self.device,
            scheme=self.scheme,
            rows=tuple(
                self._row(launch, n, one if launch == "one" else single, contexts)
                for launch in LAUNCHES
                for n in lengths
            ),
            published=tuple(row for n in lengths for row in published_rows(self.model, n, n)),
            statements=statements_about(self.model),
            cycles={**cycles},
            affine={part: Affine.through(cycles[part]) for part in BLOCKS if len(cycles[part]) > 1},
            limits=tuple(limit_of(runs[part][max(sizes[part])], self.work, self.layers, self.device) for part in PARTS),
            prefetch={part: design_prefetch(residency.designs[part], residency.plans[part]) for part in PARTS},
            resources={**residency.resources},
            resources_one_launch={**one.residency.resources},
            roofs=self._roofs(lengths),
            fits=residency.fits,
            shortages=residency.shortages,
        )

    def _contexts(self, lengths: tuple[int, ...]) -> list[int]:
        """The sizes of the cache that decode steps of requests of these lengths read."""
        tokens = 2 * max(lengths)
        limit = int(getattr(self.config, "max_position_embeddings", tokens))
        if tokens > limit:
            raise UserError("ST0105", f"{tokens} tokens, but {self.model} has {limit} positions")
        if tokens > CONTEXTS[-1]:
            raise UserError("ST0105", f"{tokens} tokens, but results go up to {CONTEXTS[-1]}")
        return [c for c in CONTEXTS if c < tokens] + [min(c for c in CONTEXTS if c >= tokens)]

    def _roofs(self, lengths: tuple[int, ...]) -> dict[str, float]:
        memory = self.device.main_memory
        return {
            "tokens_per_s_nominal": memory_roof(self.work, memory.nominal_bytes_per_second, head=True),
            "tokens_per_s_measured": memory_roof(self.work, memory.measured_bytes_per_second, head=True),
            **{f"ttft_ms_{length}": dsp_roof_ms(self.work, length, self.device) for length in lengths},
        }

    @property
    def _prefetch_bits(self) -> list[int]:
        return [int(share * self.device.bram_bits) for share in PREFETCH_SHARES]

    def _step(self, text: str) -> None:
        self.events.stage(text, min(self._steps, self._total), self._total)
        self._steps += 1

    def _design(self, part: Part, size: int) -> Design:
        self._step(f"compile {part} {size}")
        design = Design(
            part,
            self.config,
            size,
            self.arithmetic,
            wide(choices_for(self.device), part, self.config.model_type, self.device),
            load_operations(self.device.family),
            {"prefill": self.layers, "decode": REQUEST_STEPS * self.layers, "head": REQUEST_STEPS + 1}[part],
            self._prefetch_bits[0],
        )
        _ = design.kernels
        return design

    def _placed(
        self,
        designs: Mapping[Part, Mapping[int, Design]],
        largest: Mapping[Part, Design],
        per_layer: Mapping[Part, str],
    ) -> _Placed:
        """Places and simulates the programs; of the blocks that are not `per_layer`, those of one launch, where it can
        be made for every size.
        """

        def graphs_of(design: Design, plan: MemoryPlan) -> list[Sized]:
            if design.part == "head" or design.part in per_layer:
                return design_graphs(design, plan)
            return launch_graphs(design, plan)

        def run(design: Design) -> PartRun:
            self._step(f"simulate {design.part} {design.rows}")
            held = residency.designs
            mine = replace(design, prefetch_bits=held[design.part].prefetch_bits)
            return run_part(mine, held, residency, self.device, graphs_of)

        self._step("place programs and size FIFOs")
        try:
            residency = find_residency(
                largest,
                self.device,
                lambda one, plan: design_resources(one, plan, graphs_of),
                self._prefetch_bits[1:],
            )
            runs: dict[Part, dict[int, PartRun]] = {
                part: {size: run(one) for size, one in found.items()} for part, found in designs.items()
            }
        except PerLayerError as error:
            return self._placed(designs, largest, {**per_layer, error.part: error.reason})
        return _Placed(residency, runs, per_layer)

    def _row(self, launch: str, length: int, placed: _Placed, contexts: Sequence[int]) -> Row:
        decode, residency = placed.cycles("decode", self.layers), placed.residency
        line = Affine.through({n: round(c) for n, c in decode.items()}) if len(decode) > 1 else None
        step = {c: decode[c] if c in decode or line is None else line.at(c) for c in contexts}
        times = Times(
            self.device.clock_mhz,
            placed.cycles("prefill", self.layers),
            step,
            float(sum(run.cycles for run in placed.runs["head"].values())),
            placed.launches("prefill", self.layers) + 1,
            placed.launches("decode", self.layers) + 1,
            0.0 if launch == "per-layer-0us" else self.device.launch_overhead_us,
        )
        used = {min(c for c in contexts if c >= position) for position in range(length + 1, 2 * length + 1)}
        latency, ttft, rate = request(times, length, length, contexts)
        if residency.fits == "reload":  # before the head makes the first token
            latency, ttft = latency + self.device.reload_ms, ttft + self.device.reload_ms
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
            residency.fits,
            "; ".join(["simulated", *_reservations(launch, length, placed, used - set(decode))]),
        )


def _reservations(launch: str, length: int, placed: _Placed, between: set[int]) -> Iterator[str]:
    """What a figure does not rest on a full simulation of, and what its programs are not."""
    if launch == "one":
        for part, reason in placed.per_layer.items():
            yield f"{part} with a launch for each layer, since {reason}"
    if between:
        yield f"decode at context {', '.join(map(str, sorted(between)))} by the line through the simulated ones"
    runs = {"prefill": {length: placed.runs["prefill"][length]}, "decode": placed.runs["decode"]}
    for part, sizes in runs.items():
        own = [size for size, run in sizes.items() if not run.in_largest]
        if own:
            what = "that size alone" if len(own) == 1 else "these sizes alone"
            yield f"{part} of {', '.join(map(str, own))} rows by a design for {what}, not as a run of the largest one"
    if placed.residency.fits == "reload":
        yield "not resident together, one reload of the device added"
    if placed.residency.fits == "none":
        yield "does not fit the device"
    if launch == "one":
        yield from placed.residency.shortages

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What `streamtensor results` finds out about a model on a device, as values and as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeAlias

from streamtensor.cost.resources import Resources
from streamtensor.report.latency import Affine
from streamtensor.report.published import PublishedRow, Statement, best_fpga, published_rows
from streamtensor.report.roofs import CONTEXT
from streamtensor.targets import Device

Fit: TypeAlias = Literal["together", "reload", "none"]
"""All programs are resident together; or prefill, then (after a reload) decode and head; or not even that fits."""


@dataclass(frozen=True)
class Row:
    """A request on our design. `fits`: "none" says that the device is too small, so that nothing would run."""

    model: str
    input: int
    output: int
    launch: str
    latency_ms: float
    ttft_ms: float
    tokens_per_s: float
    memory_roof_share: float
    dsp_roof_share: float
    fits: Fit
    provenance: str


@dataclass(frozen=True)
class Limit:
    """What decides the time of a part: the task that waits least, as a share of all cycles, and the channel of memory
    that moves most, as a share of what it could at the measured rate, with its largest stream. `memory_share` is what
    the part moves of what all channels could, `dsp_share` what it multiplies of what all DSPs could, two products in
    each.
    """

    part: str
    size: int
    cycles: int
    task: str
    task_share: float
    stream: str
    channels: tuple[int, ...]
    channel_share: float
    memory_share: float
    dsp_share: float


@dataclass(frozen=True)
class Prefetch:
    """How far weights of a part are loaded ahead: the bits of the FIFOs behind their DMAs, what these would hold to
    lose no time, and the cycles with the one and with the other, all other FIFOs having room for everything.
    """

    bits: int
    needed_bits: int
    cycles: int
    cycles_free: int

    def __add__(self, other: Prefetch) -> Prefetch:
        return Prefetch(*(a + b for a, b in zip(asdict(self).values(), asdict(other).values(), strict=True)))

    @property
    def loss(self) -> float:
        """By which share the budget makes the part slower."""
        return self.cycles / self.cycles_free - 1 if self.cycles_free else 0.0


@dataclass(frozen=True)
class Results:
    """Everything that `streamtensor results` prints. `cycles` are those of a layer (of the head: all) by size.
    `resources`, `fits` and `shortages` (why the programs can't be resident together) are those of a launch for each
    layer; programs that do all layers in one launch have FIFOs of their own, and so `resources_one_launch`.
    """

    model: str
    device: Device
    scheme: str
    rows: tuple[Row, ...]
    published: tuple[PublishedRow, ...]
    statements: tuple[Statement, ...]
    cycles: Mapping[str, Mapping[int, int]]
    affine: Mapping[str, Affine]
    limits: tuple[Limit, ...]
    prefetch: Mapping[str, Prefetch]
    resources: Mapping[str, Resources]
    resources_one_launch: Mapping[str, Resources]
    roofs: Mapping[str, float]
    fits: Fit
    shortages: tuple[str, ...]

    @property
    def total(self) -> Resources:
        """What all programs take together."""
        return sum(self.resources.values(), Resources())

    def beaten(self, row: Row) -> bool:
        """Whether a row is faster than every published FPGA row of its length, in each figure that was published; no
        row is where nothing was published.
        """
        latency, ttft, rate = best_fpga(published_rows(row.model, row.input, row.output))
        return (
            row.fits != "none"
            and (latency, ttft, rate) != (None, None, None)
            and (latency is None or row.latency_ms < latency)
            and (ttft is None or row.ttft_ms < ttft)
            and (rate is None or row.tokens_per_s > rate)
        )


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
        "statements": [{**asdict(one), "provenance": "published"} for one in found.statements],
        "cycles": {part: {str(n): c for n, c in sizes.items()} for part, sizes in found.cycles.items()},
        "affine": {
            part: {
                "base": float(line.base),
                "slope": float(line.slope),
                "worst": line.worst,
                "deviation": {str(n): line.deviation(n, cycles) for n, cycles in found.cycles[part].items()},
            }
            for part, line in found.affine.items()
        },
        "limits": [asdict(limit) for limit in found.limits],
        "prefetch": {part: {**asdict(one), "loss": one.loss} for part, one in found.prefetch.items()},
        "resources": {part: asdict(one) for part, one in found.resources.items()},
        "resources_one_launch": {part: asdict(one) for part, one in found.resources_one_launch.items()},
        "available": {name: have for name, (_, have) in found.total.beside(found.device).items()},
        "roofs": dict(found.roofs),
        "fits": found.fits,
        "shortages": list(found.shortages),
        "provenance": {
            "cycles": "simulated",
            "resources": "model",
            "roofs": "model",
            "bandwidth": found.device.sources["memory[0].measured_bytes_per_second"],
            "launch_overhead_us": found.device.sources["launch_overhead_us"],
        },
    }

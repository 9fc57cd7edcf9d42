# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a point of a design space costs, and why it can't be built where it can't."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

Value = int | str | float | tuple[int, ...]
"""A value of a parameter; JSON has it, with a list for a tuple."""

Point = Mapping[str, Value]
"""A value for each parameter by its name."""


class Objective(StrEnum):
    """What is counted of a point; less is better for all.

    latency: cycles of all launches of the program's kernels, one after the other, without the host's time.
    bits: FIFOs, converters and local buffers, whoever's values they hold. dsp, bram36, uram: blocks. lutram_bits: bits
    of memory in LUTs. external_bytes: bytes to and from external memory in all launches. ports: memory ports. kernels:
    kernels that the host launches.
    """

    LATENCY = "latency"
    BITS = "bits"
    DSP = "dsp"
    BRAM36 = "bram36"
    URAM = "uram"
    LUTRAM_BITS = "lutram_bits"
    EXTERNAL_BYTES = "external_bytes"
    PORTS = "ports"
    KERNELS = "kernels"


UNITS: Mapping[Objective, str] = {
    Objective.LATENCY: "cycles",
    Objective.BITS: "bits",
    Objective.DSP: "DSP blocks",
    Objective.BRAM36: "BRAM36 blocks",
    Objective.URAM: "UltraRAM blocks",
    Objective.LUTRAM_BITS: "bits",
    Objective.EXTERNAL_BYTES: "bytes",
    Objective.PORTS: "AXI ports",
    Objective.KERNELS: "kernels",
}
"""The unit of each objective."""

PROVENANCE: Mapping[Objective, str] = {one: "simulated" if one == Objective.LATENCY else "model" for one in Objective}
"""Where the figure of each objective comes from."""


@dataclass(frozen=True)
class Violation:
    """A constraint that a point does not keep: `needed` against `available` of `unit`.

    `terms` say what the need is made of, by name, and add up to it. `levers` say what to change.
    """

    constraint: str
    needed: float
    available: float
    unit: str
    terms: Mapping[str, float] = field(default_factory=dict[str, float])
    levers: tuple[str, ...] = ()

    @property
    def excess(self) -> float:
        """The missing amount as a share of what there is (above 0); the needed amount where there is nothing."""
        return (self.needed - self.available) / self.available if self.available else self.needed

    def to_json(self) -> dict[str, Any]:
        """The fields as JSON values."""
        return {
            "constraint": self.constraint,
            "needed": self.needed,
            "available": self.available,
            "unit": self.unit,
            "terms": dict(self.terms),
            "levers": list(self.levers),
        }

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Violation:
        """The inverse of `to_json`."""
        return Violation(
            data["constraint"],
            data["needed"],
            data["available"],
            data["unit"],
            dict(data["terms"]),
            tuple(data["levers"]),
        )

    def __str__(self) -> str:
        terms = ", ".join(f"{name} {amount:,.6g}" for name, amount in self.terms.items())
        text = f"{self.constraint}: {self.needed:,.6g} {self.unit} needed, {self.available:,.6g} available"
        return f"{text} ({terms})" if terms else text


@dataclass(frozen=True)
class Evaluation:
    """The result of one trial.

    `objectives` has every `Objective`, or none where the point stopped before it had a design (a kernel that does not
    fit alone, a choice that the compiler refuses); there are violations then. A point with violations may still have
    objectives. `seconds` is the time of the trial, `compiled` how many kernels were compiled in it and `reused` how
    many came from the cache; these three say nothing of the point.
    """

    point: Point
    objectives: Mapping[Objective, float]
    violations: tuple[Violation, ...] = ()
    seconds: float = field(default=0.0, compare=False)
    reused: int = field(default=0, compare=False)
    compiled: int = field(default=0, compare=False)

    @property
    def feasible(self) -> bool:
        """Whether no constraint is violated."""
        return not self.violations

    def to_json(self) -> dict[str, Any]:
        """The fields as JSON values; names are sorted."""
        return {
            "point": point_to_json(self.point),
            "objectives": {str(name): self.objectives[name] for name in sorted(self.objectives)},
            "violations": [violation.to_json() for violation in self.violations],
            "seconds": self.seconds,
            "reused": self.reused,
            "compiled": self.compiled,
        }

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Evaluation:
        """The inverse of `to_json`."""
        return Evaluation(
            {name: to_value(value) for name, value in data["point"].items()},
            {Objective(name): value for name, value in data["objectives"].items()},
            tuple(Violation.from_json(one) for one in data["violations"]),
            data["seconds"],
            data["reused"],
            data["compiled"],
        )


def point_to_json(point: Point) -> dict[str, Any]:
    """A point as JSON values, with sorted names."""
    found = ((name, point[name]) for name in sorted(point))
    return {name: list(value) if isinstance(value, tuple) else value for name, value in found}


def to_value(value: Any) -> Value:
    """A value as JSON has it, as a parameter has it."""
    return tuple(value) if isinstance(value, list) else value

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What an operation costs in the logic of a device family: latency in cycles, DSP blocks; and the ports of memories."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from streamtensor.diagnostics import UserError, did_you_mean

_FOLDER = Path(__file__).parent / "families"

DEFAULT_FAMILY = "ultrascale_plus"


@dataclass(frozen=True)
class Cost:
    """One fully pipelined operation: cycles from its operands to its result, and its DSP blocks."""

    cycles: int
    dsp: float = 0.0


@dataclass(frozen=True)
class Line:
    """What an operation costs whose widest operand has at most `bits` bits, and the narrowest at most `other`."""

    bits: int
    other: int
    cost: Cost


@dataclass(frozen=True)
class MemoryPorts:
    """One bank of a kind of on-chip memory: cycles from address to data, and from a write until the data can be read;
    accesses in a cycle (0: any number), of which one may be a write.
    """

    read_cycles: int
    write_cycles: int
    ports: int


@dataclass(frozen=True)
class Operations:
    """The costs of a device family. `sources` says for each line, by its key and bits, where it comes from."""

    family: str
    title: str
    costs: Mapping[str, tuple[Line, ...]] = field(compare=False)
    memories: Mapping[str, MemoryPorts] = field(compare=False)
    loop_cycles: int = 1
    sources: Mapping[str, str] = field(default_factory=dict[str, str], compare=False)

    def cost(self, operation: str, bits: int, other: int | None = None) -> Cost:
        """The cost for operands of at most `bits` bits, the narrowest of at most `other` (`bits` when not given): that
        of the first line that both fit; wider ones than any line cost what the last line says.
        """
        lines = self.costs[operation]
        narrowest = bits if other is None else other
        return next((one.cost for one in lines if bits <= one.bits and narrowest <= one.other), lines[-1].cost)


def family_names() -> list[str]:
    """The families that come with the package."""
    return sorted(path.stem for path in _FOLDER.glob("*.toml"))


@lru_cache
def load_operations(family: str = DEFAULT_FAMILY) -> Operations:
    """The costs of a family that comes with the package.

    Raises UserError ST0401 for a name that is none of `family_names`.
    """
    if family not in family_names():
        hint = did_you_mean(family, family_names())
        raise UserError("ST0401", f"unknown device family '{family}'", hint=hint)
    data = tomllib.loads((_FOLDER / f"{family}.toml").read_text(encoding="utf-8"))
    sources: dict[str, str] = {}
    costs: dict[str, tuple[Line, ...]] = {}
    for name, lines in data["operations"].items():
        costs[name] = tuple(map(_line, lines))
        for one, line in zip(costs[name], lines, strict=True):
            sources[f"{name}.{one.bits}.{one.other}"] = line["source"]
    memories: dict[str, MemoryPorts] = {}
    for kind, line in data["memories"].items():
        memories[kind] = MemoryPorts(int(line["read"]), int(line["write"]), int(line["ports"]))
        sources[kind] = line["source"]
    control: Mapping[str, Any] = data["control"]["loop_cycles"]
    sources["loop_cycles"] = control["source"]
    return Operations(data["name"], data["title"], costs, memories, int(control["value"]), sources)


def _line(line: Mapping[str, Any]) -> Line:
    bits = int(line["bits"])
    return Line(bits, int(line.get("other", bits)), Cost(int(line["cycles"]), float(line["dsp"])))

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""From the cycles of blocks to the latency of a request: first token, every other one, launches between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

LAUNCHES = ("per-layer-0us", "per-layer-50us", "one")


@dataclass(frozen=True)
class Affine:
    """cycles = base + slope * size, through the first and the last of the simulated sizes."""

    base: Fraction
    slope: Fraction
    worst: float
    """The largest distance of a simulated size between them from the line, as a share of its cycles."""

    @staticmethod
    def through(cycles: Mapping[int, int]) -> Affine:
        """The line through two or more sizes."""
        sizes = sorted(cycles)
        first, last = sizes[0], sizes[-1]
        slope = Fraction(cycles[last] - cycles[first], last - first)
        base = cycles[first] - slope * first
        line = Affine(base, slope, 0.0)
        return replace(line, worst=max(abs(line.deviation(size, cycles[size])) for size in sizes))

    def at(self, size: int) -> float:
        """Cycles at a size."""
        return float(self.base + self.slope * size)

    def deviation(self, size: int, cycles: int) -> float:
        """How far the line is above `cycles` at a size, as a share of these."""
        return self.at(size) / cycles - 1


@dataclass(frozen=True)
class Times:
    """Cycles of the parts of a request: all layers over a prompt by its rows, all layers of a decode step by the
    context that it reads, the head; launches of the host for a prompt and for a token, each with `overhead_us`.
    """

    clock_mhz: float
    prefill: Mapping[int, float]
    decode: Mapping[int, float]
    head: float
    prompt_launches: int
    token_launches: int
    overhead_us: float

    def ttft_ms(self, rows: int) -> float:
        """Until the logits of the first token are there, LM head included."""
        return self._ms(self.prefill[rows] + self.head, self.prompt_launches)

    def step_ms(self, context: int) -> float:
        """One decode step that reads `context` rows of the cache."""
        return self._ms(self.decode[context] + self.head, self.token_launches)

    def _ms(self, cycles: float, launches: int) -> float:
        return cycles / (self.clock_mhz * 1e3) + launches * self.overhead_us / 1e3


def request(times: Times, input: int, output: int, contexts: Sequence[int]) -> tuple[float, float, float]:
    """(latency ms, TTFT ms, decode tokens/s) of `input` prompt tokens and `output` decode steps.

    As the published rows add up (design document results.md): latency = TTFT + `output` steps at contexts input + 1 to
    input + output. A step reads the next of `contexts` that is large enough: whole tiles of the cache.
    """
    ttft = times.ttft_ms(input)
    steps = [times.step_ms(next(c for c in contexts if c >= input + n)) for n in range(1, output + 1)]
    return ttft + sum(steps), ttft, output / sum(steps) * 1e3

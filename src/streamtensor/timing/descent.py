# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""From depths that suffice to depths of which none can be smaller, by simulation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from streamtensor.timing.graph import Fifo, Graph
from streamtensor.timing.simulator import Result, Simulator

Depths = dict[str, int]


@dataclass
class Trials:
    """Asks the simulator whether depths suffice: no deadlock, and no step after cycle `limit`.

    Deeper FIFOs never make a step later (a step's time is a maximum of terms that are times of other steps, and in a
    deeper FIFO these are earlier ones), so what suffices does so with more, and what does not does not with less.
    """

    simulator: Simulator
    limit: int
    min_depth: int
    simulations: int = field(default=0, init=False)

    @property
    def graph(self) -> Graph:
        """The graph that is sized."""
        return self.simulator.graph

    def run(self, depths: Mapping[str, int | None], limit: int | None = None) -> Result:
        """One simulation; FIFOs that `depths` does not name have their own depth."""
        self.simulations += 1
        return self.simulator.run(depths, limit=self.limit if limit is None else limit)

    def suffices(self, depths: Mapping[str, int | None]) -> Result | None:
        """The simulation when `depths` suffice, else None."""
        result = self.run(depths)
        return result if result.complete else None

    def trimmed(self, depths: Mapping[str, int], result: Result) -> Depths:
        """The depths, none above what its FIFO ever held: those suffice too, since no step waits for the rest."""
        return {f: max(self.min_depth, min(depth, result.fifos[f].high_water)) for f, depth in depths.items()}


def bits_of(fifos: Sequence[Fifo], depths: Mapping[str, int]) -> int:
    """Bits of all FIFOs at these depths."""
    return sum(fifo.bits * depths[fifo.name] for fifo in fifos)


def descend(
    trials: Trials, depths: Depths, result: Result, on_progress: Callable[[int, int], None] | None = None
) -> Depths:
    """Depths, none above `depths` (which suffice, by `result`), of which no single one can be less.

    One FIFO after the other, the one with the most bits first, is made as small as the others allow. Once is enough:
    what was too little while the others were deeper is too little afterwards. Most can have the least depth, so that is
    tried for many at once.
    """
    depths = _capped(trials, trials.trimmed(depths, result))
    bits = {fifo.name: fifo.bits for fifo in trials.graph.sized}
    order = sorted(depths, key=lambda f: (-(depths[f] - trials.min_depth) * bits[f], f))
    groups = [order]
    while groups:
        group = [fifo for fifo in groups.pop() if depths[fifo] > trials.min_depth]
        if on_progress is not None:
            on_progress(len(order) - len(group) - sum(map(len, groups)), len(order))
        if len(group) == 1:
            depths = _least(trials, depths, group[0])
        elif group:
            tried = depths | dict.fromkeys(group, trials.min_depth)
            enough = trials.suffices(tried)
            if enough is not None:
                depths = trials.trimmed(tried, enough)
            else:
                middle = len(group) // 2
                groups += [group[middle:], group[:middle]]
    return depths


def _capped(trials: Trials, depths: Depths) -> Depths:
    """The depths, none above the least power of two that suffices: a few trials take away most of the words."""
    enough, too_little = max(depths.values(), default=0).bit_length(), -1
    while enough > too_little + 1:
        middle = (enough + too_little) // 2
        tried = {fifo: max(trials.min_depth, min(depth, 1 << middle)) for fifo, depth in depths.items()}
        result = trials.suffices(tried)
        if result is None:
            too_little = middle
        else:
            enough, depths = middle, trials.trimmed(tried, result)
    return depths


def _least(trials: Trials, depths: Depths, fifo: str) -> Depths:
    """The depths with the least one that suffices for `fifo`."""
    too_little = trials.min_depth - 1
    probe = trials.min_depth  # most FIFOs get the least: ask for it first, then closer and closer to what suffices
    while depths[fifo] > too_little + 1:
        tried = {**depths, fifo: probe}
        result = trials.suffices(tried)
        if result is None:
            too_little = probe
        else:
            depths = trials.trimmed(tried, result)
        probe = (depths[fifo] + too_little) // 2
    return depths


def can_be_less(trials: Trials, depths: Depths) -> list[str]:
    """The FIFOs that suffice with one word less each: none of a sizing that is locally minimal."""
    return [
        fifo
        for fifo, depth in depths.items()
        if depth > trials.min_depth and trials.suffices({**depths, fifo: depth - 1}) is not None
    ]

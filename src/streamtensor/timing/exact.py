# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The least total bits: proved, or bounded from below."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Collection
from dataclasses import dataclass

from streamtensor.timing.descent import Depths, Trials, bits_of


@dataclass(frozen=True)
class Optimum:
    """The best depths that were found, and bits below which no depths suffice; `proved` when the two meet."""

    depths: Depths
    bits: int
    bound_bits: int
    simulations: int

    @property
    def proved(self) -> bool:
        """Whether nothing smaller suffices."""
        return self.bits == self.bound_bits

    @property
    def gap(self) -> float:
        """How far the bound is away, as a share of the bits."""
        return (self.bits - self.bound_bits) / self.bits if self.bits else 0.0


def least_bits(
    trials: Trials, known: Depths, max_simulations: int, on_progress: Callable[[int, int], None] | None = None
) -> Optimum:
    """Searches depths of the least bits that suffice; `known` suffices and is the answer when nothing better does.

    From below, always the open depths with the fewest bits first. No FIFO needs less than it does with all others
    unbounded: there the search starts. Where depths don't suffice, simulation says which FIFOs made a step wait for
    room. Depths that are larger for none of these give the very same steps, so each of them in turn gets a word more.
    The first depths that suffice are a least answer; until then the fewest bits of all open depths are a lower bound.
    """
    fifos = trials.graph.sized
    bits = {fifo.name: fifo.bits for fifo in fifos}
    names = list(known)
    start = trials.simulations
    least = lower_bounds(trials, known)
    best, best_bits = known, bits_of(fifos, known)
    first = tuple(least[name] for name in names)
    open_depths = [(bits_of(fifos, least), first)]
    seen = {first}
    while open_depths:
        total, point = open_depths[0]
        if total >= best_bits:
            return Optimum(best, best_bits, best_bits, trials.simulations - start)
        if trials.simulations - start >= max_simulations:
            return Optimum(best, best_bits, total, trials.simulations - start)
        heapq.heappop(open_depths)
        if on_progress is not None:
            on_progress(trials.simulations - start, max_simulations)
        depths = dict(zip(names, point, strict=True))
        result = trials.run(depths)
        if result.complete:
            return Optimum(depths, total, total, trials.simulations - start)
        for place, name in enumerate(names):
            # More than everything that it carries helps no FIFO.
            if result.fifos[name].blocked and point[place] < trials.graph.tokens[name]:
                child = (*point[:place], point[place] + 1, *point[place + 1 :])
                if child not in seen and total + bits[name] < best_bits:
                    seen.add(child)
                    heapq.heappush(open_depths, (total + bits[name], child))
    return Optimum(best, best_bits, best_bits, trials.simulations - start)


def lower_bounds(trials: Trials, known: Depths, *, fifos: Collection[str] | None = None, within: float = 0.0) -> Depths:
    """FIFO -> a depth below which none suffices even when all others are unbounded; `known` suffices.

    The bound is at most the share `within` below the least depth that suffices: fewer simulations find it. `fifos` are
    those that are looked at, all without it.
    """
    found: Depths = {}
    free: dict[str, int | None] = dict.fromkeys(known, None)
    for fifo, enough in known.items():
        if fifos is not None and fifo not in fifos:
            continue
        too_little, probe = trials.min_depth - 1, trials.min_depth
        while enough > too_little + 1 and enough - too_little - 1 > within * enough:
            if trials.suffices({**free, fifo: probe}) is None:
                too_little = probe
            else:
                enough = probe
            probe = (enough + too_little) // 2
        found[fifo] = too_little + 1
    return found

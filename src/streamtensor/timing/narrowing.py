# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Where tokens wait: just-in-time depths in which the largest FIFOs hold less, and others what that leaves over."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from streamtensor.timing.backward import backward
from streamtensor.timing.descent import bits_of
from streamtensor.timing.graph import Graph
from streamtensor.timing.just_in_time import ROUNDS, JustInTime, just_in_time
from streamtensor.timing.simulator import Simulator

_LEAST_SHARE = 0.01
"""FIFOs with less than this share of all bits are left to the descent."""
_SHARES = (0.0, 0.25, 0.5, 0.75)
"""What of its depth a FIFO is asked to keep, one after the other until that suffices."""


def narrowed(
    graph: Graph,
    late: JustInTime,
    min_depth: int,
    simulator: Simulator,
    on_progress: Callable[[int, int], None] | None = None,
    bounds: Mapping[str, int] | None = None,
    backward_simulator: Simulator | None = None,
) -> JustInTime:
    """Depths of fewer bits that lose no time either, or `late`.

    The latest schedule lets every token wait as far back as it can, whatever it weighs there. A FIFO that is bounded
    makes its tokens wait elsewhere: before a task that makes many of few, or behind one that makes few of many. So, the
    FIFO of the most bits first, each gets a bound, and the schedules are made anew within all bounds. The bound stays
    where that suffices with fewer bits in all. `bounds` are kept from the start.
    """
    bits = {fifo.name: fifo.bits for fifo in graph.sized}
    turns = (simulator, backward_simulator or Simulator(backward(graph)))
    best, bounds = late, dict(bounds or {})
    total = bits_of(graph.sized, best.depths)
    tried: set[str] = set()
    while True:
        large = [
            fifo
            for fifo, depth in best.depths.items()
            if fifo not in tried and depth > min_depth and depth * bits[fifo] >= _LEAST_SHARE * total
        ]
        if not large:
            return best
        fifo = max(large, key=lambda name: (best.depths[name] * bits[name], name))
        tried.add(fifo)
        if on_progress is not None:
            on_progress(len(tried), len(tried) + len(large))
        for share in _SHARES:
            bound = max(min_depth, int(best.depths[fifo] * share))
            found = just_in_time(
                graph,
                min_depth,
                simulator=turns[0],
                backward_simulator=turns[1],
                rounds=ROUNDS,
                bounds={**bounds, fifo: bound},
                limit=late.cycles,
            )
            if found is None:
                continue
            now = bits_of(graph.sized, found.depths)
            if now < total:
                best, total, bounds = found, now, {**bounds, fifo: bound}
            break

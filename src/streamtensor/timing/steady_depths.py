# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Depths of the FIFOs of a compiled kernel from the linear programme of start times, on top of the safe rule."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from streamtensor.timing import start_times
from streamtensor.timing.graph import Graph
from streamtensor.timing.rates import Equalisation, edges
from streamtensor.timing.simulator import Simulator


@dataclass(frozen=True)
class SteadyDepths:
    """Depths for tasks that run at steady rates. The graph takes `cycles` with unbounded FIFOs; with these depths it
    may take longer.
    """

    depths: Mapping[str, int]
    cycles: int


def steady_depths(
    graph: Graph, safe: Mapping[str, int], equalisation: Equalisation, min_depth: int, simulator: Simulator
) -> SteadyDepths | None:
    """What FIFOs hold when every task starts as `start_times` says and runs at one rate from then on, and at least what
    the safe rule says; None where the graph deadlocks with unbounded FIFOs.

    Tasks of a block have phases: these answers alone are too small for some of them, and a deadlock. With the depths of
    the safe rule, or more, there is none. `simulator` may be that of the graph `backward`: only a time is asked for.
    """
    free = simulator.run(dict.fromkeys(safe))
    if not free.complete:
        return None
    steady = edges(graph, equalisation)
    starts = start_times.start_times(steady)
    found = start_times.depths(steady, start_times.delays_of(steady, starts), min_depth)
    return SteadyDepths({name: max(depth, found.get(name, 0)) for name, depth in safe.items()}, free.cycles)

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""FIFO depths without loss of time from schedules that are as late, and then as early, as possible."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from streamtensor.timing.backward import backward, reads_everything
from streamtensor.timing.graph import Graph
from streamtensor.timing.simulator import Simulator

ROUNDS = 6


@dataclass(frozen=True)
class JustInTime:
    """Depths with which the graph takes `cycles`, as long as with unbounded FIFOs, or with the bounds that were given.
    `rounds` schedules were made.
    """

    depths: Mapping[str, int]
    cycles: int
    rounds: int


def just_in_time(
    graph: Graph,
    min_depth: int,
    *,
    simulator: Simulator | None = None,
    backward_simulator: Simulator | None = None,
    rounds: int = ROUNDS,
    bounds: Mapping[str, int] | None = None,
    limit: int | None = None,
) -> JustInTime | None:
    """Depths for the FIFOs between tasks, by turns from a schedule backward and forward; None where tokens stay unread
    or the graph deadlocks.

    First everything happens as late as it can without making the end later: a task that only writes brings each token
    just when it is needed, however fast it could. What the FIFOs hold then is one answer: depths that hold a schedule
    never make an earlier step later, so steps as early as possible end no later either. Those, within the answer, hold
    less where a reader had waited without need, and are an answer themselves; and so on until nothing changes.
    No FIFO of `bounds` gets more than its bound, which may take time; None where it takes more than `limit` cycles.
    """
    if not reads_everything(graph):
        return None
    forward = simulator or Simulator(graph)
    turns = (backward_simulator or Simulator(backward(graph)), forward)
    names = [fifo.name for fifo in graph.sized]
    depths: dict[str, int | None] = {**dict.fromkeys(names), **(bounds or {})}
    cycles = made = 0
    while made < rounds:
        result = turns[made % 2].run(depths, limit=limit)
        if not result.complete:
            return None
        made += 1
        cycles = result.cycles
        found: dict[str, int | None] = {name: max(min_depth, result.fifos[name].high_water) for name in names}
        if found == depths:
            break
        depths = found
    return JustInTime({name: depth or min_depth for name, depth in depths.items()}, cycles, made)

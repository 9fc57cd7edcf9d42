# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The native simulator against one that counts cycles: every end, stall, high-water mark and verdict."""

import pytest

from streamtensor.timing.simulator import Simulator
from timing_cases import cycle_by_cycle, random_graph

SEEDS = range(600)


@pytest.mark.parametrize("block", range(0, len(SEEDS), 50))
def test_the_same_as_counting_cycles(block: int) -> None:
    for seed in SEEDS[block : block + 50]:
        graph = random_graph(seed)
        truth = cycle_by_cycle(graph)
        simulator = Simulator(graph)
        for ahead in (1, 3, 512):
            found = simulator.run(ahead=ahead)
            assert found.complete == truth.complete, seed
            assert {n: t.end for n, t in found.tasks.items()} == truth.ends, seed
            assert {n: (t.stalled_read, t.stalled_write) for n, t in found.tasks.items()} == truth.stalled, seed
            assert {n: f.high_water for n, f in found.fifos.items()} == truth.high_water, seed


def test_the_random_graphs_are_of_both_kinds() -> None:
    verdicts = [Simulator(random_graph(seed)).run().complete for seed in SEEDS]
    assert 100 < sum(verdicts) < 500

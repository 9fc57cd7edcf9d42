# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Just-in-time depths on random graphs, with the cycle-by-cycle simulator as oracle."""

import random

from streamtensor.algebra.steps import Repeat, Step
from streamtensor.timing.backward import backward, reads_everything
from streamtensor.timing.graph import Fifo, Graph, Task
from streamtensor.timing.just_in_time import just_in_time
from streamtensor.timing.simulator import Simulator, simulate
from timing_cases import cycle_by_cycle, random_graph


def unbounded(graph: Graph) -> Graph:
    return graph.with_depths(dict.fromkeys(fifo.name for fifo in graph.sized))


def live_graphs(count: int) -> list[Graph]:
    """Graphs that complete and leave no token unread."""
    found: list[Graph] = []
    seed = 0
    while len(found) < count:
        graph = random_graph(seed)
        seed += 1
        if simulate(unbounded(graph)).complete and reads_everything(graph):
            found.append(graph)
        else:
            assert just_in_time(graph, 1) is None
    return found


def test_just_in_time_depths_lose_no_time() -> None:
    smaller = 0
    for graph in live_graphs(80):
        truth = cycle_by_cycle(unbounded(graph))
        found = just_in_time(graph, 1)
        assert found is not None
        cycles = max(truth.ends.values(), default=0)
        assert found.cycles == cycles
        with_depths = cycle_by_cycle(graph.with_depths(found.depths))
        assert with_depths.complete
        assert max(with_depths.ends.values(), default=0) == cycles
        marks = simulate(unbounded(graph)).fifos
        smaller += any(depth < marks[name].high_water for name, depth in found.depths.items())
    assert smaller > 20


def test_backward_takes_as_long() -> None:
    for graph in map(unbounded, live_graphs(200)):
        reverse = Simulator(backward(graph)).run()
        assert reverse.complete
        assert reverse.cycles == simulate(graph).cycles


def test_backward_takes_as_long_at_any_depths() -> None:
    """And deadlocks where the graph does: times of sizings are asked backward."""
    deadlocks = slower = 0
    for seed, graph in enumerate(live_graphs(200)):
        chance = random.Random(seed)
        depths = {fifo.name: chance.choice([None, 1, 1, 2, 4]) for fifo in graph.sized}
        truth = cycle_by_cycle(graph.with_depths(depths))
        reverse = Simulator(backward(graph)).run(depths)
        assert reverse.complete == truth.complete
        if truth.complete:
            cycles = max(truth.ends.values(), default=0)
            assert reverse.cycles == cycles
            slower += cycles > simulate(unbounded(graph)).cycles
            if cycles:
                assert not Simulator(backward(graph)).run(depths, limit=cycles - 1).complete
        deadlocks += not truth.complete
    assert deadlocks > 10
    assert slower > 10


def test_a_fast_source_of_a_slow_reader_needs_no_room() -> None:
    """Weights that are read 16 at a time in 32 cycles: earliest steps fill any FIFO, latest ones none."""
    weights = Task("weights", (Step(160, writes=("w",)),))
    product = Task("product", (Repeat(10, (Step(16, reads=("w",)), Step(1, delta=16))),))
    graph = Graph((weights, product), (Fifo("w"),))
    assert simulate(graph).fifos["w"].high_water > 60
    found = just_in_time(graph, 1)
    assert found is not None
    assert found.depths["w"] <= 3
    assert found.cycles == simulate(graph).cycles

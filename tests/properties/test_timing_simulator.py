# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The native simulator against one that counts cycles: every end, stall, high-water mark and verdict."""

import random
from dataclasses import replace

import pytest

from streamtensor.algebra.steps import Repeat, Step
from streamtensor.timing.graph import Fifo, Graph, Task
from streamtensor.timing.simulator import Simulator
from timing_cases import cycle_by_cycle, random_graph

SEEDS = range(600)


@pytest.mark.parametrize("block", range(0, len(SEEDS), 50))
def test_the_same_as_counting_cycles(block: int) -> None:
    for seed in SEEDS[block : block + 50]:
        graph = random_graph(seed)
        truth = cycle_by_cycle(graph)
        for ahead in (1, 3, None):
            found = Simulator(graph).run(ahead=ahead)
            assert found.complete == truth.complete, seed
            assert {n: t.end for n, t in found.tasks.items()} == truth.ends, seed
            assert {n: (t.stalled_read, t.stalled_write) for n, t in found.tasks.items()} == truth.stalled, seed
            assert {n: f.high_water for n, f in found.fifos.items()} == truth.high_water, seed


def nested(graph: Graph, pick: random.Random) -> Graph:
    """The rounds of every task cut into rounds of rounds, each task in its own way."""
    tasks: list[Task] = []
    for task in graph.tasks:
        *first, loop = task.program
        assert isinstance(loop, Repeat)
        inner = pick.choice([1, 2, 3, 10])
        outer, rest = divmod(loop.count, inner)
        tasks.append(
            replace(task, program=(*first, Repeat(outer, (Repeat(inner, loop.body),)), Repeat(rest, loop.body)))
        )
    return Graph(tuple(tasks), graph.fifos)


LEAST_WORK = (1, 16, 100)


@pytest.mark.parametrize("block", range(0, 240, 30))
def test_what_is_made_again_is_the_same(block: int) -> None:
    """One simulator for runs with many depths, so that what it knows comes from other depths too."""
    repeated = 0
    for seed in range(block, block + 30):
        pick = random.Random(seed)
        graph = nested(random_graph(seed, most_rounds=pick.choice([60, 500, 2000])), pick)
        simulator, plain = Simulator(graph), Simulator(graph)
        depths = {fifo.name: fifo.depth for fifo in graph.fifos}
        for least_work in LEAST_WORK:
            for ahead in (1, 7, 512):
                full = plain.run(depths, least_work=0, ahead=ahead)
                assert simulator.run(depths, least_work=least_work, ahead=ahead) == full, seed
                repeated += simulator.effort.repeated
                limit = max(0, full.cycles - pick.randint(0, 200))
                stopped = plain.run(depths, limit=limit, least_work=0, ahead=ahead)
                found = simulator.run(depths, limit=limit, least_work=least_work, ahead=ahead)
                assert found.complete == stopped.complete, seed
                depths[pick.choice(list(depths))] = pick.choice([None, 1, 2, 3, 4, 7, 20])
    assert repeated > 2_000


def test_tasks_that_start_later_are_made_again_too() -> None:
    repeated = 0
    for seed in range(300, 340):
        pick = random.Random(seed)
        graph = nested(random_graph(seed, most_rounds=500), pick)
        simulator, plain = Simulator(graph), Simulator(graph)
        for _ in range(4):
            release = {task.name: pick.randint(0, 50) for task in graph.tasks}
            full = plain.run(release=release, least_work=0)
            assert simulator.run(release=release, least_work=pick.choice(LEAST_WORK)) == full, seed
            repeated += simulator.effort.repeated
    assert repeated > 500


def test_steady_states_against_counting_cycles() -> None:
    repeated = 0
    for seed in range(900, 930):
        graph = random_graph(seed, most_rounds=200)
        simulator = Simulator(graph)
        found = simulator.run(ahead=2, least_work=16)
        repeated += simulator.effort.repeated
        truth = cycle_by_cycle(graph)
        assert found.complete == truth.complete
        assert {n: t.end for n, t in found.tasks.items()} == truth.ends, seed
        assert {n: (t.stalled_read, t.stalled_write) for n, t in found.tasks.items()} == truth.stalled, seed
        assert {n: f.high_water for n, f in found.fifos.items()} == truth.high_water, seed
    assert repeated > 100


def test_a_billion_tokens_take_no_time_and_no_memory() -> None:
    count = 10**9
    tasks = (
        Task("a", (Step(count, writes=("x",)),)),
        Task("b", (Repeat(count // 10, (Step(10, reads=("x",)), Step(5, writes=("y",), delta=3))),)),
        Task("c", (Step(count // 2, reads=("y",)),)),
    )
    result = Simulator(Graph(tasks, (Fifo("x", depth=16), Fifo("y", depth=2)))).run()
    assert result.complete
    assert result.tasks["b"].steps == 15 * count // 10
    assert result.cycles == count // 10 * 25 + 2


def test_other_depths_that_change_nothing_have_the_same_answer_at_once() -> None:
    at_once = 0
    for seed in range(200):
        graph = random_graph(seed, most_rounds=20)
        pick = random.Random(seed)
        simulator, plain = Simulator(graph), Simulator(graph)
        first = simulator.run()
        for _ in range(8):
            fifo = pick.choice(graph.fifos)
            depths = {fifo.name: pick.choice([None, *range(1, 10)])}
            assert simulator.run(depths) == plain.run(depths, least_work=0), seed
            at_once += first.complete and not simulator.effort.events
    assert at_once > 200


def test_long_steps() -> None:
    """Steps of thousands of rounds, at rates that differ, through FIFOs deep and shallow."""
    repeated = 0
    for seed in range(20):
        pick = random.Random(seed)
        count = pick.randint(5000, 40_000)
        tasks = [Task("t0", (Step(count, writes=("f0",), delta=pick.randint(0, 2)),))]
        for n in range(1, 5):
            together = pick.choice([1, 3, 8])
            rounds, rest = divmod(count, together)
            reads, writes = (f"f{n - 1}",), (f"f{n}",)
            body = (
                Step(together, reads, delta=pick.randint(0, 2)),
                Step(together, writes=writes, delta=pick.randint(0, 2)),
            )
            tasks.append(
                Task(f"t{n}", (Step(count, reads, writes, pick.randint(0, 3)),))
                if pick.random() < 0.5
                else Task(f"t{n}", (Repeat(rounds, body), Step(rest, reads, writes)))
            )
        tasks.append(Task("t5", (Step(count, reads=("f4",), delta=pick.randint(0, 3)),)))
        fifos = tuple(Fifo(f"f{n}", depth=pick.choice([1, 2, 8, 9, 700, 6000, None])) for n in range(5))
        graph = Graph(tuple(tasks), fifos)
        simulator, plain = Simulator(graph), Simulator(graph)
        for depths in ({}, {"f2": 8}, {"f0": 5}, {"f1": 100, "f3": None}):
            assert simulator.run(depths) == plain.run(depths, least_work=0), seed
            repeated += simulator.effort.repeated
    assert repeated > 100


def slow_readers(seed: int, count: int) -> Graph:
    """A chain, and FIFOs past one task of it, at rates that differ: tokens gather where a FIFO is deep or unbounded."""
    pick = random.Random(seed)
    tasks = pick.randint(2, 5)
    ends = [(n, n + 1) for n in range(tasks - 1)] + [(n, n + 2) for n in range(tasks - 2) if pick.random() < 0.4]
    made: list[Task] = []
    for task in range(tasks):
        reads = tuple(f"f{a}{b}" for a, b in ends if b == task)
        writes = tuple(f"f{a}{b}" for a, b in ends if a == task)
        together = pick.choice([1, 4, 25])
        step = Step(together, reads, writes, pick.randint(0, 4))
        body = (step,) if pick.random() < 0.4 else (step, Step(1, delta=pick.randint(0, 3 * together)))
        rounds, rest = divmod(count, together)
        made.append(Task(f"t{task}", (Repeat(rounds, body), Step(rest, reads, writes))))
    depths = (None, None, 2, 30, 200, count // 4, count // 2)
    fifos = (
        Fifo(f"f{a}{b}", depth=pick.choice(depths if b == a + 1 else depths[:2]), latency=pick.randint(0, 2))
        for a, b in ends
    )
    return Graph(tuple(made), tuple(fifos))


@pytest.mark.parametrize("block", range(0, 60, 20))
def test_tokens_that_gather(block: int) -> None:
    """With writers few tokens ahead, the reads that no write has come up to soon stand in runs."""
    gathered = 0
    for seed in range(block, block + 20):
        graph = slow_readers(seed, 5000)
        simulator, plain = Simulator(graph), Simulator(graph)
        depths = {fifo.name: fifo.depth for fifo in graph.fifos}
        pick = random.Random(seed)
        for _ in range(3):
            full = plain.run(depths, least_work=0, ahead=1 << 20)
            for least_work in (0, 1, 64):
                for ahead in (1, 3, 20):
                    assert simulator.run(depths, least_work=least_work, ahead=ahead) == full, seed
                    gathered += sum(use.high_water for use in full.fifos.values()) > 8 * simulator.effort.places
            depths[pick.choice(list(depths))] = pick.choice([None, 50, 1000, 3000])
    assert gathered > 20


def test_tokens_that_gather_against_counting_cycles() -> None:
    for seed in range(100, 125):
        graph = slow_readers(seed, 600)
        truth = cycle_by_cycle(graph)
        found = Simulator(graph).run(ahead=1)
        assert found.complete == truth.complete
        assert {n: t.end for n, t in found.tasks.items()} == truth.ends, seed
        assert {n: (t.stalled_read, t.stalled_write) for n, t in found.tasks.items()} == truth.stalled, seed
        assert {n: f.high_water for n, f in found.fifos.items()} == truth.high_water, seed


@pytest.mark.parametrize("depth", [None, 6_000_000])
def test_tokens_that_gather_take_no_memory(depth: int | None) -> None:
    count = 3 * 10**7
    tasks = (Task("a", (Step(count, writes=("x",), delta=2),)), Task("b", (Step(count, reads=("x",), delta=3),)))
    simulator = Simulator(Graph(tasks, (Fifo("x", depth=depth),)))
    result = simulator.run()
    assert result.cycles == 3 * count
    # Of n tokens that were written up to cycle 2 n, floor((2 n - 1) / 3) were read before it.
    assert result.fifos["x"].high_water == (depth or count // 3 + 1)
    assert simulator.effort.places < 1 << 20


def test_memory_stays_bounded_with_many_tasks() -> None:
    """A thousand tasks and 10^8 tokens through each: what is remembered is a matter of the graph, not of the tokens."""
    tasks, count = 1000, 10**8
    chain = [Task("t0", (Step(count, writes=("f0",)),))]
    chain += [Task(f"t{n}", (Step(count, (f"f{n - 1}",), (f"f{n}",), 1 + n % 2),)) for n in range(1, tasks)]
    chain.append(Task("end", (Step(count, reads=(f"f{tasks - 1}",)),)))
    graph = Graph(tuple(chain), tuple(Fifo(f"f{n}", depth=2 + n % 3) for n in range(tasks)))
    simulator = Simulator(graph)
    result = simulator.run()
    assert result.complete
    assert result.tasks["end"].steps == count
    assert simulator.effort.events < 10**8
    assert simulator.effort.numbers < 1 << 23


def test_a_limit_stops_what_would_be_later_and_nothing_else() -> None:
    stopped_early = 0
    for seed in SEEDS:
        graph = random_graph(seed)
        simulator = Simulator(graph)
        free = simulator.run()
        for limit in (free.cycles - 5, free.cycles - 1, free.cycles, free.cycles + 3):
            found = simulator.run(limit=max(limit, 0))
            assert found.complete == (free.complete and free.cycles <= max(limit, 0)), seed
            stopped_early += found.late and found.cycles <= limit
    assert stopped_early > 100


def test_the_random_graphs_are_of_both_kinds() -> None:
    verdicts = [Simulator(random_graph(seed)).run().complete for seed in SEEDS]
    assert 100 < sum(verdicts) < 500

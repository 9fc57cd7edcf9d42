# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The native simulator on tasks that read and write by turns: reader and writer of a FIFO run together, and what was
read and written is put in the order of time much later.
"""

import random

import numpy as np
import pytest

from streamtensor.algebra.steps import Repeat, Step, StepProgram
from streamtensor.timing.graph import Fifo, Graph, Task
from streamtensor.timing.simulator import Profile, Result, Simulator
from timing_cases import Truth, cycle_by_cycle


def cut(pick: random.Random, count: int, reads: tuple[str, ...], writes: tuple[str, ...]) -> list[StepProgram]:
    """That many steps as a few items; one of them is a loop, where there are enough."""
    program: list[StepProgram] = []
    while count:
        some = min(count, pick.choice([1, 1, 2, 3, 4, 17]))
        count -= some
        program.append(Step(some, reads, writes, pick.choice([0, 1, 1, 1, 2, 9])))
    if len(program) > 3:
        cells = program[:3]
        tokens = sum(cell.count for cell in cells)
        more = sum(cell.count for cell in program[3:])
        rounds, rest = divmod(more, tokens)
        tail = [Step(rest, reads, writes, 2)] if rest else []
        return [Repeat(rounds + 1, tuple(cells)), *tail]
    return program


def by_turns(seed: int) -> Graph:
    """A chain of tasks; each reads a part of its tokens, then writes as many."""
    pick = random.Random(seed)
    tasks, parts = pick.randint(2, 4), pick.randint(1, 4)
    sizes = [pick.randint(1, 60) for _ in range(parts)]
    made: list[Task] = []
    for n in range(tasks):
        program: list[StepProgram] = []
        for size in sizes:
            if n:
                program += cut(pick, size, (f"f{n - 1}",), ())
            program.append(Step(1, delta=pick.choice([0, 3, 30])))
            if n < tasks - 1:
                program += cut(pick, size, (), (f"f{n}",))
        made.append(Task(f"t{n}", tuple(program)))
    fifos = tuple(
        Fifo(f"f{n}", depth=pick.choice([1, 2, 3, 5, 40]), latency=pick.choice([1, 1, 4])) for n in range(tasks - 1)
    )
    return Graph(tuple(made), fifos)


def same(found: Result, truth: Truth) -> bool:
    return (
        found.complete == truth.complete
        and {n: t.end for n, t in found.tasks.items()} == truth.ends
        and {n: (t.stalled_read, t.stalled_write) for n, t in found.tasks.items()} == truth.stalled
        and {n: f.high_water for n, f in found.fifos.items()} == truth.high_water
    )


@pytest.mark.parametrize("block", range(0, 300, 60))
def test_reader_and_writer_together(block: int) -> None:
    for seed in range(block, block + 60):
        graph = by_turns(seed)
        truth = cycle_by_cycle(graph)
        for least_work in (0, 1, 16):
            for ahead in (1, 3, None):
                assert same(Simulator(graph).run(least_work=least_work, ahead=ahead), truth), seed


def test_one_simulator_for_deep_and_shallow_fifos() -> None:
    """What a FIFO remembers keeps its size from run to run; that changes nothing."""
    for seed in range(60):
        pick = random.Random(seed)
        graph = by_turns(seed)
        simulator = Simulator(graph)
        for _ in range(6):
            depths: dict[str, int | None] = {fifo.name: pick.choice([1, 2, 3, 50, 1000, None]) for fifo in graph.fifos}
            bounded = {name: 10_000 if depth is None else depth for name, depth in depths.items()}
            truth = cycle_by_cycle(graph.with_depths(bounded))
            assert same(simulator.run(depths, least_work=pick.choice([0, 1, 64])), truth), seed


def test_stalls_by_time_are_the_same_where_tasks_do_not_run_together() -> None:
    """A profile is made step by step; all other figures of that run are those of one without it."""
    for seed in range(40):
        graph = by_turns(seed)
        plain = Simulator(graph).run(least_work=0)
        profile = Profile(7, np.zeros((len(graph.tasks), 64, 2), dtype=np.int64))
        assert Simulator(graph).run(profile=profile) == plain
        waits = [(times.stalled_read, times.stalled_write) for times in plain.tasks.values()]
        assert [tuple(row) for row in profile.waits.sum(axis=1).tolist()] == waits

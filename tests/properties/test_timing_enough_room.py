# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Room where programs would be a deadlock, with a run of single steps as oracle."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence

from streamtensor.algebra.errors import ScheduleError
from streamtensor.algebra.steps import Step, StepProgram
from streamtensor.timing.graph import Graph
from streamtensor.timing.safe_depths import enough_room
from streamtensor.timing.simulator import Simulator
from timing_cases import random_graph


def single_steps(program: Sequence[StepProgram]) -> Iterator[Step]:
    for item in program:
        for _ in range(item.count):
            if isinstance(item, Step):
                yield item
            else:
                yield from single_steps(item.body)


def oracle(graph: Graph, depths: Mapping[str, int], more: int) -> dict[str, int] | None:
    """The depths with which the programs come to their ends, one step at a time; None where no depths do that."""
    found, held = dict(depths), dict.fromkeys(depths, 0)
    programs = {task.name: single_steps(task.program) for task in graph.tasks}
    nexts = {name: next(steps, None) for name, steps in programs.items()}
    waiting: dict[str, tuple[str, bool]] = {}  # for which FIFO, and whether that is full or else empty
    while True:
        moved = True
        while moved:
            moved = False
            for name, steps in programs.items():
                while (step := nexts[name]) is not None:
                    empty = [fifo for fifo in step.reads if not held[fifo]]
                    full = [fifo for fifo in step.writes if held[fifo] == found[fifo]]
                    if empty or full:
                        waiting[name] = (empty[0], False) if empty else (full[0], True)
                        break
                    for fifo in step.reads:
                        held[fifo] -= 1
                    for fifo in step.writes:
                        held[fifo] += 1
                    nexts[name] = next(steps, None)
                    moved = True
        stuck = [name for name, step in nexts.items() if step is not None]
        if not stuck:
            return found
        task, path = stuck[0], list[str]()
        while task not in path:
            if nexts[task] is None:
                return None
            path.append(task)
            fifo, full = waiting[task]
            task = (graph.reader if full else graph.writer)[fifo]
        ring = [waiting[name] for name in path[path.index(task) :]]
        if not any(full for _, full in ring):
            return None
        found[min((found[fifo], fifo) for fifo, full in ring if full)[1]] += more


def answer(graph: Graph, depths: Mapping[str, int], more: int) -> dict[str, int] | None:
    programs = {task.name: task.program for task in graph.tasks}
    try:
        return enough_room(programs, graph.writer, graph.reader, depths, more)
    except ScheduleError:
        return None


def test_random_programs_get_what_the_oracle_says() -> None:
    raised = refused = 0
    for seed in range(600):
        graph = random_graph(seed)
        chance = random.Random(seed)
        depths = {fifo.name: chance.choice([1, 1, 2, 3]) for fifo in graph.fifos}
        more = chance.choice([1, 2, 8])
        found = answer(graph, depths, more)
        assert found == oracle(graph, depths, more), seed
        raised += found is not None and found != depths
        refused += found is None
    assert raised > 30
    assert refused > 30


def test_programs_of_many_rounds() -> None:
    """Long enough for most of it not to be run again: rings open in the middle of what happened before."""
    raised = repeated = 0
    for seed in range(1000, 1100):
        graph = random_graph(seed, 1000)
        chance = random.Random(seed)
        depths = {fifo.name: chance.choice([1, 1, 2, 3, 100, 5000]) for fifo in graph.fifos}
        found = answer(graph, depths, 3)
        assert found == oracle(graph, depths, 3), seed
        if found is not None:
            simulator = Simulator(graph)
            assert simulator.run(found).complete
            repeated += simulator.effort.repeated > 0
            raised += found != depths
    assert raised > 10
    assert repeated > 10

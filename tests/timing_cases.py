# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Random dataflow graphs, and a simulator that counts cycles one by one: the oracle of the native one."""

import random
from dataclasses import dataclass

from streamtensor.algebra.steps import Repeat, Step, StepProgram, unroll
from streamtensor.timing.graph import Fifo, Graph, Task


@dataclass(frozen=True)
class Truth:
    ends: dict[str, int]
    stalled: dict[str, tuple[int, int]]
    high_water: dict[str, int]
    complete: bool
    written: dict[str, list[int]]
    """Cycles in which the tokens of each FIFO were written."""
    read: dict[str, list[int]]


def cycle_by_cycle(graph: Graph, release: dict[str, int] | None = None) -> Truth:
    """Looks in every cycle which tasks can make a step, again and again until no more can in this cycle."""
    fifos = {fifo.name: fifo for fifo in graph.fifos}
    steps = {task.name: [step for step in unroll(task.program) for _ in range(step.count)] for task in graph.tasks}
    release = release or {}
    place = dict.fromkeys(steps, 0)
    last = {task: release.get(task, 0) for task in steps}
    ends = dict.fromkeys(steps, 0)
    stalled = {task: [0, 0] for task in steps}
    writes: dict[str, list[int]] = {name: [] for name in fifos}
    reads: dict[str, list[int]] = {name: [] for name in fifos}
    high = dict.fromkeys(fifos, 0)
    patience = 2 + sum(f.latency for f in fifos.values()) + max((s.delta for p in steps.values() for s in p), default=0)
    patience += max(release.values(), default=0)
    cycle = idle = 0

    def free_since(fifo: Fifo) -> int | None:
        """The cycle from which there is room for the next token; None when its slot has not been read."""
        slot = len(writes[fifo.name]) - (fifo.depth or 0)
        if fifo.depth is None or slot < 0:
            return 0
        return reads[fifo.name][slot] + 1 if slot < len(reads[fifo.name]) else None

    def there_since(fifo: Fifo) -> int | None:
        token = len(reads[fifo.name])
        return writes[fifo.name][token] + fifo.latency if token < len(writes[fifo.name]) else None

    while idle <= patience:
        idle += 1
        moved = True
        while moved:
            moved = False
            for task, program in steps.items():
                if place[task] == len(program):
                    continue
                step = program[place[task]]
                token = [there_since(fifos[name]) for name in step.reads]
                room = [free_since(fifos[name]) for name in step.writes]
                base = last[task] + step.delta
                if cycle < base or any(since is None or since > cycle for since in token + room):
                    continue
                latest = [max((since for since in part if since is not None), default=0) for part in (token, room)]
                stalled[task][latest[1] > latest[0]] += cycle - base
                for name in step.reads:
                    reads[name].append(cycle)
                for name in step.writes:
                    writes[name].append(cycle)
                place[task] += 1
                last[task] = ends[task] = cycle
                moved = True
                idle = 0
        for name in fifos:
            held = len(writes[name]) - sum(time < cycle for time in reads[name][-60:]) - max(0, len(reads[name]) - 60)
            high[name] = max(high[name], held)
        cycle += 1
    complete = all(place[task] == len(program) for task, program in steps.items())
    return Truth(ends, {task: (r, w) for task, (r, w) in stalled.items()}, high, complete, writes, reads)


def random_graph(seed: int, most_rounds: int = 4) -> Graph:
    """A graph of a few tasks, live or not: forward, backward and own FIFOs, loops, waits of zero cycles."""
    pick = random.Random(seed)
    tasks = pick.randint(1, 5)
    rounds = pick.randint(1, most_rounds)
    ends: list[tuple[int, int, int, int]] = []  # writer, reader, tokens of a round, tokens before the first round
    for _ in range(pick.randint(1, 7)):
        a, b = pick.randrange(tasks), pick.randrange(tasks)
        forward = a < b
        ends.append((a, b, pick.randint(1, 5), 0 if forward and pick.random() < 0.8 else pick.randint(0, 4)))
    fifos = tuple(
        Fifo(
            f"f{n}",
            bits=pick.choice([8, 32]),
            depth=pick.choice([None, 1, 2, 2, 3, 5, 9]),
            latency=pick.choice([0, 1, 1, 1, 2, 4]),
        )
        for n in range(len(ends))
    )
    made: list[Task] = []
    for task in range(tasks):
        first: list[StepProgram] = [
            Step(before, writes=(f"f{n}",), delta=pick.randint(0, 2))
            for n, (a, _, _, before) in enumerate(ends)
            if a == task and before
        ]
        left = {("r", n): count for n, (_, b, count, _) in enumerate(ends) if b == task}
        left |= {("w", n): count for n, (a, _, count, _) in enumerate(ends) if a == task}
        body: list[StepProgram] = []
        while left:
            chosen = pick.sample(sorted(left), pick.randint(1, len(left)))
            count = pick.randint(1, min(left[port] for port in chosen))
            for port in chosen:
                left[port] -= count
            left = {port: more for port, more in left.items() if more}
            reads = tuple(f"f{n}" for kind, n in chosen if kind == "r")
            writes = tuple(f"f{n}" for kind, n in chosen if kind == "w")
            body.append(Step(count, reads, writes, delta=pick.randint(0, 3)))
            if pick.random() < 0.2:
                body.append(Step(pick.randint(0, 2), delta=pick.randint(0, 3)))
        if pick.random() < 0.1:
            body = body[:-1] or body  # fewer tokens than the other end
        made.append(Task(f"t{task}", (*first, Repeat(rounds, tuple(body)))))
    used = [
        {f for task in made for step in _steps(task.program) for f in getattr(step, what)}
        for what in ("reads", "writes")
    ]
    return (
        Graph(tuple(made), fifos)
        if used[0] == used[1] == {f.name for f in fifos}
        else random_graph(seed + 1_000_003, most_rounds)
    )


def _steps(program: tuple[StepProgram, ...]) -> list[Step]:
    return [s for item in program for s in ([item] if isinstance(item, Step) else _steps(item.body))]

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""FIFO depths that are enough, from one complete run of the step programs."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import networkx as nx

from streamtensor.algebra.errors import ScheduleError
from streamtensor.algebra.steps import Step, StepProgram, unroll, without

MIN_DEPTH = 2

Programs: TypeAlias = Mapping[str, Sequence[StepProgram]]
Marks: TypeAlias = Callable[[Programs, Mapping[str, str], Mapping[str, str], int], dict[str, int]]
"""(programs, writer of each FIFO, reader of each FIFO, burst) -> the highest mark that each FIFO reaches in one run."""


EMPTY_RING = "tasks wait for each other in a ring of empty FIFOs"


def ended(task: str, other: str, fifo: str) -> ScheduleError:
    """The error for a task that waits for tokens or room of which there will be no more."""
    return ScheduleError(f"task {task} waits for task {other}, which has ended, on FIFO {fifo}")


def marks_of_one_run(
    programs: Programs, writer: Mapping[str, str], reader: Mapping[str, str], burst: int
) -> dict[str, int]:
    """The highest mark of each FIFO in a run of all tasks to their ends; see `safe_depths`."""
    run = _Schedule(programs, writer, reader, burst)
    run.run()
    return run.marks


def safe_depths(
    programs: Programs,
    *,
    min_depth: int = MIN_DEPTH,
    burst: int = 16,
    slack: Mapping[str, int] | None = None,
    marks_of_run: Marks = marks_of_one_run,
) -> dict[str, int]:
    """A depth for every FIFO of a graph of tasks (name -> step program) with which it can't deadlock.

    FIFOs that are bridges of the undirected graph get `min_depth`; every other one gets the highest mark that it
    reaches in one complete run of the step programs, in which FIFOs start with room for `burst` tokens and get more
    only where nothing moves.

    This is safe. (1) Blocking reads and writes on FIFOs of fixed depth are a Kahn process network (a full FIFO is a
    read from a second FIFO of free slots), so either all executions that run as far as they can complete or none
    does; the run above completes and never holds more tokens than the depths allow. (2) In a deadlock some tasks wait
    for each other in a ring, each for a full or an empty FIFO, so the ring is a cycle of the undirected graph and
    holds no bridge; it lies in one component of the graph without bridges, and what happens in there does not depend
    on the rest.

    `slack` says of some FIFOs by how many tokens a task may run ahead of its step program there (the tokens that are
    read or written in another order than the program's before both agree again). So much is added to their depths:
    then the task can take or leave its tokens in that room and is otherwise the step program of (1).

    `marks_of_run` is who makes that run: a faster one must give the same marks.

    Raises ScheduleError when a FIFO is read more often than it is written, has not one writer and one reader, or when
    the graph has a ring of empty FIFOs.

    >>> fork = [Step(100, writes=("early",)), Step(100, writes=("late",))]
    >>> join = [Step(100, reads=("late", "early"))]
    >>> safe_depths({"fork": fork, "join": join})
    {'early': 100, 'late': 16}
    """
    writer, reader = _ends(programs)
    marks = marks_of_run(without_bridges(programs), writer, reader, burst)
    more = slack or {}
    return dict.fromkeys(writer, min_depth) | {
        fifo: max(min_depth, mark) + more.get(fifo, 0) for fifo, mark in marks.items()
    }


def without_bridges(programs: Programs) -> dict[str, tuple[StepProgram, ...]]:
    """What the tasks do with FIFOs that are no bridges of the undirected graph: all that can be part of a deadlock.

    Raises ScheduleError when a FIFO has not one writer and one reader.

    >>> fork, join = [Step(9, reads=("in",)), Step(9, writes=("a", "b"))], [Step(9, reads=("a", "b"))]
    >>> list(without_bridges({"load": [Step(9, writes=("in",))], "fork": fork, "join": join}))
    ['fork', 'join']
    """
    writer, reader = _ends(programs)
    graph: nx.MultiGraph[str] = nx.MultiGraph()
    for fifo, task in writer.items():
        graph.add_edge(task, reader[fifo], key=fifo)
    bridges = frozenset(next(iter(graph[a][b])) for a, b in nx.bridges(graph))
    inner = {task: without(program, bridges) for task, program in programs.items()}
    return {task: program for task, program in inner.items() if program}


def _ends(programs: Programs) -> tuple[dict[str, str], dict[str, str]]:
    """The writer and the reader of every FIFO."""
    writer: dict[str, str] = {}
    reader: dict[str, str] = {}
    for task, program in programs.items():
        for step in _distinct(program):
            for ends, fifos in ((writer, step.writes), (reader, step.reads)):
                for fifo in fifos:
                    if ends.setdefault(fifo, task) != task:
                        what = "written" if ends is writer else "read"
                        raise ScheduleError(f"FIFO {fifo} is {what} by two tasks, {ends[fifo]} and {task}")
    for fifo in writer.keys() ^ reader.keys():
        raise ScheduleError(f"FIFO {fifo} has no {'reader' if fifo in writer else 'writer'}")
    return writer, reader


def _distinct(program: Sequence[StepProgram]) -> list[Step]:
    """Every step once, repeats not unrolled."""
    found: list[Step] = []
    for item in program:
        found += [item] if isinstance(item, Step) else _distinct(item.body)
    return found


class _Schedule:
    """A run of all tasks in which a FIFO holds at most its limit, and limits grow only where nothing moves any more.

    That is Parks' rule for running process networks in bounded memory (Parks, Bounded Scheduling of Process Networks,
    UC Berkeley 1995): among the full FIFOs of a ring of waiting tasks the smallest one gets more room.
    """

    def __init__(self, programs: Programs, writer: Mapping[str, str], reader: Mapping[str, str], burst: int) -> None:
        self._steps = {task: unroll(program) for task, program in programs.items()}
        self._current: dict[str, Step | None] = {task: next(steps, None) for task, steps in self._steps.items()}
        self._left = {task: step.count if step else 0 for task, step in self._current.items()}
        self._writer, self._reader = writer, reader
        self._burst = burst
        fifos = {
            fifo for program in programs.values() for step in _distinct(program) for fifo in (*step.reads, *step.writes)
        }
        self._held = dict.fromkeys(fifos, 0)
        self._limit = dict.fromkeys(fifos, burst)
        self.marks = dict.fromkeys(fifos, 0)

    def run(self) -> None:
        """Runs every task to its end."""
        # Nobody waits in line twice, and in an order that depends on nothing but the graph: marks depend on it.
        ready = deque(self._steps)
        while True:
            while ready:
                touched = self._advance(ready.popleft())
                in_line = set(ready)
                ready.extend(task for task in touched if task not in in_line)
            waiting = next((task for task, step in self._current.items() if step is not None), None)
            if waiting is None:
                return
            full = self._ring(waiting)
            self._limit[full] += self._burst
            ready.append(self._writer[full])

    def _advance(self, task: str) -> dict[str, None]:
        """Runs `task` as far as tokens and room allow; the tasks that may go on because of it, first touched first."""
        touched: dict[str, None] = {}
        while (step := self._current[task]) is not None:
            count = min(
                self._left[task],
                *(self._held[fifo] for fifo in step.reads),
                *(self._limit[fifo] - self._held[fifo] for fifo in step.writes),
                self._left[task],
            )
            if count <= 0:
                break
            for fifo in step.reads:
                self._held[fifo] -= count
                touched[self._writer[fifo]] = None
            for fifo in step.writes:
                self._held[fifo] += count
                self.marks[fifo] = max(self.marks[fifo], self._held[fifo])
                touched[self._reader[fifo]] = None
            self._left[task] -= count
            if not self._left[task]:
                self._current[task] = following = next(self._steps[task], None)
                self._left[task] = following.count if following else 0
        return touched

    def _ring(self, task: str) -> str:
        """The smallest full FIFO in the ring of waiting tasks that `task` leads to."""
        path: list[tuple[str, str, bool]] = []  # task, FIFO, whether it is full
        seen: dict[str, int] = {}
        while task not in seen:
            step = self._current[task]
            if step is None:
                raise ended(path[-1][0], task, path[-1][1])
            seen[task] = len(path)
            empty = next((fifo for fifo in step.reads if not self._held[fifo]), None)
            if empty is not None:
                path.append((task, empty, False))
                task = self._writer[empty]
                continue
            full = next(fifo for fifo in step.writes if self._held[fifo] >= self._limit[fifo])
            path.append((task, full, True))
            task = self._reader[full]
        ring = [fifo for _, fifo, full in path[seen[task] :] if full]
        if not ring:
            raise ScheduleError(EMPTY_RING)
        return min(ring, key=lambda fifo: (self._limit[fifo], fifo))

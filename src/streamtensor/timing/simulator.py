# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The cycle simulator: exact for graphs of step programs (native/simulator.cpp says why it needs no clock)."""

from __future__ import annotations

import ctypes
import weakref
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np

from streamtensor.timing import native_library
from streamtensor.timing.graph import Graph
from streamtensor.timing.least_cycles import least_cycles
from streamtensor.timing.packed import Array, np_array, pack, pointer

_BUDGET = 5_000_000  # reads and writes between two looks at signals such as Ctrl-C
_REMEMBERED = 4
LEAST_WORK = 2048
_COMPLETE, _DEADLOCK, _LATE, _PAUSED = range(4)


@dataclass(frozen=True)
class TaskTimes:
    """Cycles of a task: of its first and last step (None and 0 without any), and those that it waited."""

    start: int | None
    end: int
    stalled_read: int
    stalled_write: int
    steps: int

    @property
    def busy(self) -> int:
        """Cycles from the first step to the last in which it did not wait."""
        return max(0, self.end - (self.start or 0) - self.stalled_read - self.stalled_write)


@dataclass(frozen=True)
class FifoUse:
    """What a FIFO held at most, and the tokens that went through. `blocked`: whether its being full delayed a step."""

    high_water: int
    blocked: bool
    tokens: int
    tokens_read: int


@dataclass(frozen=True)
class Wait:
    """A task waits for token number `token` of a FIFO to come ("read", `other` writes it), or for room for it ("write",
    `other` reads it).
    """

    task: str
    kind: Literal["read", "write"]
    fifo: str
    token: int
    depth: int | None
    other: str

    def __str__(self) -> str:
        state = "empty" if self.kind == "read" else f"full, depth {self.depth}"
        return f"task {self.task} waits to {self.kind} token {self.token} of FIFO {self.fifo} ({state})"


@dataclass(frozen=True)
class Deadlock:
    """The cycle of waits; or, when `ended` is given, a chain of waits that leads to that task, which has ended."""

    cycle: int
    waits: tuple[Wait, ...]
    ended: str = ""

    def __str__(self) -> str:
        end = f"; task {self.ended} has ended" if self.ended else ""
        return f"deadlock at cycle {self.cycle}: " + ", ".join(map(str, self.waits)) + end


@dataclass(frozen=True)
class Result:
    """What a simulation found. `cycles` is the largest end of a task; `late` says that it was stopped at its limit."""

    cycles: int
    tasks: Mapping[str, TaskTimes]
    fifos: Mapping[str, FifoUse]
    deadlock: Deadlock | None
    late: bool = False

    @property
    def complete(self) -> bool:
        """Whether every task came to its end."""
        return self.deadlock is None and not self.late


@dataclass(frozen=True)
class Profile:
    """Cycles that each task waited, by time: tasks x buckets x (reading, writing); a bucket is `bucket_cycles` long."""

    bucket_cycles: int
    waits: Array


@dataclass(frozen=True)
class Effort:
    """Transitions that were made again, reads and writes that were simulated, numbers that are remembered, and times of
    reads and writes that there is place for.

    No transition and no event: an earlier answer was the same.
    """

    repeated: int
    events: int
    numbers: int
    places: int


class Simulator:
    """A graph that can be simulated again and again with other depths; packing it is done once."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self._tasks = [task.name for task in graph.tasks]
        self._fifos = [fifo.name for fifo in graph.fifos]
        task_number = {name: number for number, name in enumerate(self._tasks)}
        fifo_number = {name: number for number, name in enumerate(self._fifos)}
        packed = pack([task.program for task in graph.tasks], fifo_number)
        latency = np_array([fifo.latency for fifo in graph.fifos])
        ends = [np_array([task_number[end[name]] for name in self._fifos]) for end in (graph.writer, graph.reader)]
        self._native = _functions()
        self._handle = self._native.st_sim_new(*packed.pointers(), pointer(latency), *map(pointer, ends))
        weakref.finalize(self, self._native.st_sim_delete, self._handle)
        self._answers: deque[tuple[list[int], Result]] = deque(maxlen=_REMEMBERED)
        self.effort = Effort(0, 0, 0, 0)
        """What the last simulation took."""

    @cached_property
    def _least_cycles(self) -> list[int]:
        """From the start of the design to its end, at least, by task: its own steps, and what must follow them.

        A task that waits for more cycles than a limit leaves after these makes the design late, long before its end.
        """
        least = least_cycles(self.graph)
        return [least[name] for name in self._tasks]

    @cached_property
    def _own_depths(self) -> list[int]:
        return [-1 if fifo.depth is None else fifo.depth for fifo in self.graph.fifos]

    def run(
        self,
        depths: Mapping[str, int | None] | None = None,
        *,
        release: Mapping[str, int] | None = None,
        limit: int | None = None,
        profile: Profile | None = None,
        ahead: int | None = None,
        least_work: int = LEAST_WORK,
    ) -> Result:
        """Simulates the graph, with `depths` in place of its own where given (None: unbounded).

        `release` is the cycle at which a task starts, 0 for those that it does not name. A step after cycle `limit`
        ends the simulation: what is known by then is no result. `profile` is filled in.
        `ahead` is by how many tokens writers are simulated ahead of readers, at first: that decides memory and speed,
        no result. Without it, memory stays bounded in graphs of any size.
        `least_work` is how many reads and writes belong together, at least, when what has happened once is made again
        without simulation; 0: never. That changes no result either.
        """
        chosen = list(self._own_depths)
        if depths:
            for number, name in enumerate(self._fifos):
                if name in depths:
                    depth = depths[name]
                    chosen[number] = -1 if depth is None else depth
        if limit is not None and limit < 0:
            limit = None
        if least_work and profile is None and not release:
            known = self._same_answer(chosen)
            if known is not None and (limit is None or known.cycles <= limit):
                self.effort = replace(self.effort, repeated=0, events=0)
                return known
        starts = np_array([release.get(name, 0) for name in self._tasks]) if release else None
        table = np_array(chosen)
        patience = None if limit is None or release else np_array([limit - least for least in self._least_cycles])
        self._native.st_sim_start(
            self._handle,
            pointer(table),
            None if starts is None else pointer(starts),
            -1 if limit is None else limit,
            None if patience is None else pointer(patience),
            ahead or 0,
            None if profile is None else pointer(profile.waits),
            0 if profile is None else profile.waits.shape[1],
            1 if profile is None else profile.bucket_cycles,
            least_work,
        )
        status = _PAUSED
        while status == _PAUSED:
            status = self._native.st_sim_run(self._handle, _BUDGET)
        effort = np.zeros(4, dtype=np.int64)
        self._native.st_sim_effort(self._handle, pointer(effort))
        self.effort = Effort(*effort.tolist())
        result = self._result(status, chosen)
        if result.complete and not release:
            self._answers.appendleft((chosen, result))
        return result

    def _same_answer(self, depths: list[int]) -> Result | None:
        """An earlier answer that is the one at these depths: where no step had to wait for room in a FIFO, none has to
        with more room; and none has to in one that is as deep as what it ever held. (Where a step waits for room in
        another FIFO, it may wait for both: then nothing is said.)
        """
        for earlier, result in self._answers:
            uses = list(result.fifos.values())
            changed = [number for number, depth in enumerate(depths) if depth != earlier[number]]
            for number in changed:
                old, new = earlier[number], depths[number]
                if new < 0 or 0 <= old < new:
                    if uses[number].blocked:
                        break
                elif new < uses[number].high_water or any(uses[other].blocked for other in self._written_with[number]):
                    break
            else:
                return result
        return None

    @cached_property
    def _written_with(self) -> list[list[int]]:
        """FIFO -> the FIFOs of its writer."""
        by_writer: dict[str, list[int]] = {}
        for number, name in enumerate(self._fifos):
            by_writer.setdefault(self.graph.writer[name], []).append(number)
        return [by_writer[self.graph.writer[name]] for name in self._fifos]

    def _result(self, status: int, depths: list[int]) -> Result:
        by_task = np.zeros((len(self._tasks), 7), dtype=np.int64)
        by_fifo = np.zeros((len(self._fifos), 4), dtype=np.int64)
        self._native.st_sim_results(self._handle, pointer(by_task), pointer(by_fifo))
        tasks: dict[str, TaskTimes] = {}
        for name, (start, end, read, write, steps, _, _) in zip(self._tasks, by_task.tolist(), strict=True):
            tasks[name] = TaskTimes(None if start < 0 else start, end, read, write, steps)
        fifos: dict[str, FifoUse] = {}
        for name, (high, blocked, written, read) in zip(self._fifos, by_fifo.tolist(), strict=True):
            fifos[name] = FifoUse(high, bool(blocked), written, read)
        cycles = max((times.end for times in tasks.values()), default=0)
        deadlock = self._witness(cycles, by_task, by_fifo, depths) if status == _DEADLOCK else None
        return Result(cycles, tasks, fifos, deadlock, late=status == _LATE)

    def _witness(self, cycle: int, by_task: Array, by_fifo: Array, depths: list[int]) -> Deadlock:
        """Follows the waits from the first task that has not ended."""
        waits = by_task[:, 5].tolist()
        fifo_of = by_task[:, 6].tolist()
        task = next(number for number, kind in enumerate(waits) if kind)
        number_of = {name: number for number, name in enumerate(self._tasks)}
        path: list[Wait] = []
        place: dict[int, int] = {}
        while task not in place and waits[task]:
            place[task] = len(path)
            number = fifo_of[task]
            fifo = self._fifos[number]
            reading = waits[task] == 1
            other = (self.graph.writer if reading else self.graph.reader)[fifo]
            token = int(by_fifo[number, 3 if reading else 2])
            depth = None if depths[number] < 0 else depths[number]
            path.append(Wait(self._tasks[task], "read" if reading else "write", fifo, token, depth, other))
            task = number_of[other]
        if task in place:
            return Deadlock(cycle, tuple(path[place[task] :]))
        return Deadlock(cycle, tuple(path), ended=self._tasks[task])


def simulate(graph: Graph) -> Result:
    """Simulates a graph at its own depths."""
    return Simulator(graph).run()


def _functions() -> Any:
    native = native_library.load()
    address, number = ctypes.c_void_p, ctypes.c_int64
    native.st_sim_new.restype = address
    native.st_sim_new.argtypes = [address, address, number, address, number, address, address, address]
    native.st_sim_delete.restype = None
    native.st_sim_delete.argtypes = [address]
    native.st_sim_start.restype = None
    native.st_sim_start.argtypes = [address, address, address, number, address, number, address, number, number, number]
    native.st_sim_run.restype = number
    native.st_sim_run.argtypes = [address, number]
    native.st_sim_effort.restype = None
    native.st_sim_effort.argtypes = [address, address]
    native.st_sim_results.restype = None
    native.st_sim_results.argtypes = [address, address, address]
    return native

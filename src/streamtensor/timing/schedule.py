# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The schedule of a task in cycles, and the processes with step programs that it means."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from typing import TypeAlias

from streamtensor.algebra.steps import Repeat, Step, StepProgram, simplify
from streamtensor.timing.graph import Fifo, Task

BUFFERS = 2
"""Buffers of a ping-pong pair."""


@dataclass(frozen=True, slots=True)
class Access:
    """Tokens that go in or out in one cycle, counted from the start of what they stand in."""

    cycle: int
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Once:
    """Operations without a loop: `cycles` long. The accesses stand in the order of the program."""

    cycles: int
    accesses: tuple[Access, ...] = ()


@dataclass(frozen=True, slots=True)
class Pipelined:
    """A pipelined loop: an iteration starts every `ii` cycles and takes `depth`. `ii` is a fraction where it is an
    average, as of a port that gives 32 tokens in 33 cycles.
    """

    trips: int
    ii: int | Fraction
    depth: int
    accesses: tuple[Access, ...] = ()


@dataclass(frozen=True, slots=True)
class Loop:
    """A loop whose iterations do not overlap."""

    trips: int
    body: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class PingPong:
    """A loop that fills one buffer while it drains the one of the iteration before."""

    trips: int
    fill: tuple[Item, ...]
    drain: tuple[Item, ...]


Item: TypeAlias = "Once | Pipelined | Loop | PingPong"


def cycles_of(items: Sequence[Item]) -> int:
    """How long a schedule takes when it never waits."""
    return sum(_cycles(item) for item in items)


def _cycles(item: Item) -> int:
    match item:
        case Once():
            return item.cycles
        case Pipelined():
            return int((item.trips - 1) * item.ii) + item.depth if item.trips else 0
        case Loop():
            return item.trips * cycles_of(item.body)
        case PingPong():
            fill, drain = cycles_of(item.fill), cycles_of(item.drain)
            return fill + (item.trips - 1) * max(fill, drain) + drain if item.trips else 0


def ordered_program(items: Sequence[Item]) -> tuple[StepProgram, ...]:
    """What a schedule reads and writes in the order of the program, nothing overlapped: what C simulation runs."""
    steps: list[StepProgram] = []
    for item in items:
        match item:
            case Once():
                steps += _in_order(item.accesses)
            case Pipelined():
                steps += simplify(item.trips, _in_order(item.accesses))
            case Loop():
                steps += simplify(item.trips, ordered_program(item.body))
            case PingPong():
                steps += simplify(item.trips, ordered_program((*item.fill, *item.drain)))
    return simplify(1, steps)


def processes(name: str, items: Sequence[Item]) -> tuple[list[Task], list[Fifo]]:
    """The processes of a task with this schedule, and the FIFOs between them.

    One process does what comes one after the other. A pipelined loop that reads in one stage and writes in a later one
    is two: the second writes what the first has read `latency` cycles before, however long the first waits for the next
    token (a flushable pipeline). So is a ping-pong loop. Where something comes after such a loop, the first process
    waits for the second one's end.
    """
    emitter = _Emitter(name)
    program = emitter.sequence(items, 0, last=True)
    main = [*program.steps, *_wait(program.gap)]
    tasks = [Task(name if not program.helpers else f"{name}.main", tuple(main), group=name if program.helpers else "")]
    tasks += [Task(helper, tuple(steps), group=name) for helper, steps in program.helpers]
    return tasks, emitter.fifos


@dataclass(frozen=True)
class _Part:
    """Steps of the first process, the cycles that follow them before anything else, and the other processes."""

    steps: list[StepProgram]
    gap: int
    helpers: list[tuple[str, list[StepProgram]]]


class _Emitter:
    def __init__(self, name: str) -> None:
        self._name = name
        self._taken: dict[str, int] = {}
        self.fifos: list[Fifo] = []

    def sequence(self, items: Sequence[Item], gap: int, *, last: bool) -> _Part:
        """`items` after `gap` cycles; `last`: nothing of the task comes after them."""
        steps: list[StepProgram] = []
        helpers: list[tuple[str, list[StepProgram]]] = []
        for number, item in enumerate(items):
            part = self._item(item, gap, last=last and number == len(items) - 1)
            steps += part.steps
            helpers += part.helpers
            gap = part.gap
        return _Part(steps, gap, helpers)

    def _item(self, item: Item, gap: int, *, last: bool) -> _Part:
        match item:
            case Once():
                return _Part(*_once(item, gap), [])
            case Pipelined():
                if not item.trips:
                    return _Part([], gap, [])
                groups = _groups(item)
                if _overlaps(item, groups):
                    return self._flushable(item, groups, gap, last=last)
                return _Part(*_pipelined(item, groups, gap), [])
            case Loop():
                return self._loop(item, gap, last=last)
            case PingPong():
                return self._ping_pong(item, gap, last=last)

    def _loop(self, item: Loop, gap: int, *, last: bool) -> _Part:
        body = self.sequence(item.body, 0, last=last and item.trips == 1)
        if not body.steps:
            return _Part([], gap + item.trips * body.gap, [])
        if item.trips == 1:
            return _Part([*_wait(gap), *body.steps], body.gap, body.helpers)
        steps = [*_wait(gap), Repeat(item.trips, (*body.steps, *_wait(body.gap)))]
        helpers = _repeated(item.trips, body.helpers)
        return _Part(steps, 0, helpers)

    def _flushable(self, item: Pipelined, groups: Sequence[Access], gap: int, *, last: bool) -> _Part:
        """The first process reads and hands the iteration on; the second one writes."""
        reads = [Access(group.cycle, reads=group.reads) for group in groups if group.reads]
        writes = [Access(group.cycle, writes=group.writes) for group in groups if group.writes]
        name = self._fresh("out")
        pipe = f"{name}.pipe"
        latency = max(0, writes[0].cycle - reads[-1].cycle)
        self._add(pipe, depth=-int(-latency // item.ii) + 1, latency=latency)
        reads[-1] = replace(reads[-1], writes=(pipe,))
        first, after = _pipelined(item, reads, gap)
        start = writes[0].cycle
        takes = [Access(0, (pipe,), writes[0].writes), *(Access(w.cycle - start, (), w.writes) for w in writes[1:])]
        second, rest = _pipelined(replace(item, depth=item.depth - start), takes, 0)
        return self._joined(name, first, after, second, rest, last=last)

    def _ping_pong(self, item: PingPong, gap: int, *, last: bool) -> _Part:
        """The first process fills as soon as one of the buffers is free, the second one drains what is full."""
        name = self._fresh("drain")
        free, full = f"{name}.buffers", f"{name}.full"
        self._add(free, depth=BUFFERS, latency=1)
        self._add(full, depth=BUFFERS, latency=1)
        fill = self.sequence(item.fill, 0, last=False)
        drain = self.sequence(item.drain, 0, last=False)
        begin = [*_wait(gap)]
        first = Repeat(item.trips, (Step(1, writes=(free,), delta=0), *fill.steps, Step(1, (), (full,), fill.gap)))
        second = Repeat(item.trips, (Step(1, reads=(full,), delta=0), *drain.steps, Step(1, (free,), (), drain.gap)))
        part = self._joined(name, [*begin, first], 0, [second], 0, last=last)
        inner = _repeated(item.trips, [*fill.helpers, *drain.helpers])
        return _Part(part.steps, part.gap, [*part.helpers, *inner])

    def _joined(
        self, name: str, first: list[StepProgram], gap: int, second: list[StepProgram], rest: int, *, last: bool
    ) -> _Part:
        """Two processes; unless nothing follows, the first one goes on when the second has ended."""
        if last:
            return _Part(first, gap, [(name, [*second, *_wait(rest)])])
        done = f"{name}.done"
        self._add(done, depth=1, latency=0)
        return _Part(
            [*first, Step(1, reads=(done,), delta=0)], 0, [(name, [*second, Step(1, writes=(done,), delta=rest)])]
        )

    def _add(self, name: str, *, depth: int, latency: int) -> None:
        self.fifos.append(Fifo(name, bits=0, depth=depth, latency=latency, inner=True))

    def _fresh(self, word: str) -> str:
        number = self._taken[word] = self._taken.get(word, -1) + 1
        return f"{self._name}.{word}" + (f"_{number}" if number else "")


def _repeated(trips: int, helpers: Sequence[tuple[str, list[StepProgram]]]) -> list[tuple[str, list[StepProgram]]]:
    """Processes inside of a loop do what they do in each of its iterations."""
    return [(name, [Repeat(trips, tuple(program))]) for name, program in helpers]


def _wait(cycles: int) -> Iterator[StepProgram]:
    if cycles:
        yield Step(1, delta=cycles)


def _once(item: Once, gap: int) -> tuple[list[StepProgram], int]:
    steps: list[StepProgram] = []
    now = -gap
    for access in _by_cycle(item.accesses):
        steps.append(Step(1, access.reads, access.writes, access.cycle - now))
        now = access.cycle
    return steps, item.cycles - now


def _groups(item: Pipelined) -> list[Access]:
    """The accesses of an iteration by cycle. Reads that lie further apart than the interval move towards the last one
    by whole intervals, and so do writes: then no read falls behind one of the next iteration.
    """
    interval = int(item.ii)
    reads = [(access.cycle, access.reads) for access in item.accesses if access.reads]
    writes = [(access.cycle, access.writes) for access in item.accesses if access.writes]
    last_read, last_write = (max((cycle for cycle, _ in found), default=0) for found in (reads, writes))
    parts = [Access(last_read - (last_read - cycle) % interval, reads=fifos) for cycle, fifos in reads]
    parts += [Access(last_write - (last_write - cycle) % interval, writes=fifos) for cycle, fifos in writes]
    return _by_cycle(parts)


def _overlaps(item: Pipelined, groups: Sequence[Access]) -> bool:
    """Whether an iteration writes after the next one has read."""
    return item.trips > 1 and len(groups) > 1 and groups[-1].cycle - groups[0].cycle >= item.ii


def _pipelined(item: Pipelined, groups: Sequence[Access], gap: int) -> tuple[list[StepProgram], int]:
    """The steps of a pipelined loop whose iterations touch FIFOs one after the other."""
    if not groups:
        return [], gap + _cycles(item)
    start, spread = groups[0].cycle, groups[-1].cycle - groups[0].cycle
    later = [Step(1, access.reads, access.writes, access.cycle - before.cycle) for before, access in pairwise(groups)]

    def iterations(count: int, delta: int) -> tuple[StepProgram, ...]:
        return simplify(count, [Step(1, groups[0].reads, groups[0].writes, delta), *later])

    steps = [*iterations(1, gap + start)]
    rest = item.trips - 1
    if rest:
        round = Fraction(item.ii).denominator
        pattern = [part for count, ii in _intervals(item.ii, round) for part in iterations(count, ii - spread)]
        steps += simplify(rest // round, pattern) if rest >= round else ()
        steps += [part for count, ii in _intervals(item.ii, rest % round) for part in iterations(count, ii - spread)]
    return list(simplify(1, steps)), item.depth - groups[-1].cycle


def _intervals(ii: int | Fraction, count: int) -> list[tuple[int, int]]:
    """The first `count` intervals of a rate as runs of whole cycles."""
    runs: list[tuple[int, int]] = []
    for number in range(count):
        cycles = int((number + 1) * ii) - int(number * ii)
        if runs and runs[-1][1] == cycles:
            runs[-1] = (runs[-1][0] + 1, cycles)
        else:
            runs.append((1, cycles))
    return runs


def _by_cycle(accesses: Sequence[Access]) -> list[Access]:
    """One access a cycle, earliest first."""
    found: dict[int, Access] = {}
    for access in sorted(accesses, key=lambda a: a.cycle):
        before = found.get(access.cycle, Access(access.cycle))
        found[access.cycle] = Access(access.cycle, before.reads + access.reads, before.writes + access.writes)
    return list(found.values())


def _in_order(accesses: Sequence[Access]) -> list[StepProgram]:
    """Accesses in program order as steps: reads first, then writes, no FIFO twice."""
    steps: list[Step] = []
    for access in accesses:
        last = steps[-1] if steps else None
        if (
            last is not None
            and not (access.reads and last.writes)
            and not {*last.reads, *last.writes} & {*access.reads, *access.writes}
        ):
            steps[-1] = replace(last, reads=last.reads + access.reads, writes=last.writes + access.writes)
        else:
            steps.append(Step(1, access.reads, access.writes))
    return list(steps)

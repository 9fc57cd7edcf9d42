# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Dataflow graphs in cycles: tasks with step programs, and the FIFOs between them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal, TypeAlias

from streamtensor.algebra.steps import Repeat, Step, StepProgram, token_counts
from streamtensor.diagnostics import UserError
from streamtensor.diagnostics.suggest import did_you_mean

Style: TypeAlias = Literal["flushable", "stalling"]
_LARGEST = 2**53
STYLES: tuple[Style, ...] = ("flushable", "stalling")


@dataclass(frozen=True)
class Fifo:
    """One FIFO. `depth` in tokens, None when it has room for everything; a token written at cycle c can be read at
    c + `latency`. An `inner` one is part of a task (a pipeline's registers): it is simulated, and never sized.
    One for `prefetch` holds weights, which are there before anything asks for them: its depth is a choice, not a need.
    """

    name: str
    bits: int = 32
    depth: int | None = None
    latency: int = 1
    inner: bool = False
    prefetch: bool = False


@dataclass(frozen=True)
class Task:
    """One process. `group` is the task that it is part of."""

    name: str
    program: tuple[StepProgram, ...]
    group: str = ""

    @property
    def group_name(self) -> str:
        """The task as the user named it."""
        return self.group or self.name


@dataclass(frozen=True)
class Graph:
    """Tasks and FIFOs; every FIFO has one writer and one reader.

    Raises UserError ST0703 for an unknown or doubled name, a FIFO without one writer and one reader, a depth below 1
    or a negative number; each names the culprit.
    """

    tasks: tuple[Task, ...]
    fifos: tuple[Fifo, ...]
    writer: Mapping[str, str] = field(init=False, compare=False, repr=False)
    """FIFO -> the task that writes it."""
    reader: Mapping[str, str] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        for what, names in (("task", [t.name for t in self.tasks]), ("FIFO", [f.name for f in self.fifos])):
            if len(set(names)) != len(names):
                raise broken(f"two {what}s have the name '{_doubled(names)}'")
        for fifo in self.fifos:
            _check_fifo(fifo)
        for task in self.tasks:
            _check_program(task)
        writer, reader = self._ends()
        object.__setattr__(self, "writer", writer)
        object.__setattr__(self, "reader", reader)

    @cached_property
    def tokens(self) -> dict[str, int]:
        """FIFO -> tokens that its writer writes in all."""
        return {
            fifo: count for task in self.tasks for fifo, count in token_counts(only(task.program, "writes")).items()
        }

    @cached_property
    def tokens_read(self) -> dict[str, int]:
        """FIFO -> tokens that its reader reads in all."""
        return {fifo: count for task in self.tasks for fifo, count in token_counts(only(task.program, "reads")).items()}

    @cached_property
    def groups(self) -> dict[str, tuple[Task, ...]]:
        """Task as the user named it -> the processes that it consists of."""
        found: dict[str, list[Task]] = {}
        for task in self.tasks:
            found.setdefault(task.group_name, []).append(task)
        return {name: tuple(parts) for name, parts in found.items()}

    @cached_property
    def sized(self) -> tuple[Fifo, ...]:
        """The FIFOs between tasks."""
        return tuple(fifo for fifo in self.fifos if not fifo.inner)

    def depths(self) -> dict[str, int | None]:
        """FIFO -> depth, those inside of tasks too."""
        return {fifo.name: fifo.depth for fifo in self.fifos}

    def with_depths(self, depths: Mapping[str, int | None]) -> Graph:
        """The same graph with other depths for the FIFOs that `depths` names."""
        return Graph(self.tasks, tuple(replace(f, depth=depths.get(f.name, f.depth)) for f in self.fifos))

    def _ends(self) -> tuple[dict[str, str], dict[str, str]]:
        known = {fifo.name for fifo in self.fifos}
        writer: dict[str, str] = {}
        reader: dict[str, str] = {}
        for task in self.tasks:
            for step in distinct_steps(task.program):
                for ends, what, fifos in ((writer, "written", step.writes), (reader, "read", step.reads)):
                    for fifo in fifos:
                        if fifo not in known:
                            named = [fifo.name for fifo in self.sized]
                            raise broken(f"task '{task.name}': no FIFO '{fifo}', {did_you_mean(fifo, named)}")
                        if ends.setdefault(fifo, task.name) != task.name:
                            raise broken(f"FIFO '{fifo}' is {what} by two tasks, '{ends[fifo]}' and '{task.name}'")
        for fifo in self.fifos:
            for ends, what in ((writer, "writes"), (reader, "reads")):
                if fifo.name not in ends:
                    raise broken(f"nobody {what} FIFO '{fifo.name}'")
        return writer, reader


def pipelined(
    name: str,
    *,
    tokens: int,
    ii: int = 1,
    delay: int = 0,
    reads: Sequence[str] = (),
    writes: Sequence[str] = (),
    style: Style = "flushable",
) -> tuple[list[Task], list[Fifo]]:
    """A task that takes a token of every input each `ii` cycles and gives one to every output `delay` cycles later.

    Where an output has no room, a "flushable" pipeline goes on until it is full, and gives what it holds when an input
    has no token; it is two processes with a FIFO between them. A "stalling" one stands still in both cases: one
    process. Returns its processes and what lies between them.

    Raises UserError ST0703 for a number that can't be.
    """
    for what, value, least in (("ii", ii, 1), ("delay", delay, 0), ("tokens", tokens, 0)):
        if value < least:
            raise broken(f"task '{name}': {what} is {value}, must be at least {least}")
    ins, outs = tuple(reads), tuple(writes)
    if style == "stalling":
        return [Task(name, _stalling(tokens, ii, delay, ins, outs))], []
    pipe = f"{name}.pipe"
    inner = Fifo(pipe, bits=0, depth=-(-delay // ii) + 1, latency=delay, inner=True)

    def every_ii(reads: tuple[str, ...], writes: tuple[str, ...]) -> tuple[StepProgram, ...]:
        return (Step(min(tokens, 1), reads, writes, delta=0), Step(max(tokens - 1, 0), reads, writes, delta=ii))

    parts = [
        Task(f"{name}.in", every_ii(ins, (pipe,)), group=name),
        Task(f"{name}.out", every_ii((pipe,), outs), group=name),
    ]
    return parts, [inner]


def _stalling(tokens: int, ii: int, delay: int, ins: tuple[str, ...], outs: tuple[str, ...]) -> tuple[StepProgram, ...]:
    """Reads at 0, ii, 2 ii, ... and writes at delay, delay + ii, ... in one program."""
    inside = min(-(-delay // ii), tokens)  # tokens read before the first is written
    steps: list[StepProgram] = []
    if inside:
        steps += [Step(1, reads=ins, delta=0), Step(inside - 1, reads=ins, delta=ii)]
    to_write = delay - (inside - 1) * ii if inside else delay  # from the last of these reads to the first write
    rest = tokens - inside
    if to_write == ii or not inside:
        # A read and a write fall into the same cycle.
        first = 0 if not inside else ii
        steps += [Step(min(rest, 1), ins, outs, delta=first), Step(max(rest - 1, 0), ins, outs, delta=ii)]
        steps += [Step(min(inside, 1), writes=outs, delta=to_write), Step(max(inside - 1, 0), writes=outs, delta=ii)]
        return tuple(steps)
    if rest:
        steps.append(Repeat(rest, (Step(1, writes=outs, delta=to_write), Step(1, reads=ins, delta=ii - to_write))))
    steps += [Step(min(inside, 1), writes=outs, delta=to_write), Step(max(inside - 1, 0), writes=outs, delta=ii)]
    return tuple(steps)


def distinct_steps(program: Sequence[StepProgram]) -> Iterator[Step]:
    """Every step of a program once, loops not unrolled."""
    for item in program:
        if isinstance(item, Step):
            yield item
        else:
            yield from distinct_steps(item.body)


def only(program: Sequence[StepProgram], ends: Literal["reads", "writes"]) -> tuple[StepProgram, ...]:
    """The program with nothing but what it reads, or writes."""
    return tuple(
        replace(item, **{"writes" if ends == "reads" else "reads": ()})
        if isinstance(item, Step)
        else Repeat(item.count, only(item.body, ends))
        for item in program
    )


def broken(message: str) -> UserError:
    """The error for a graph that can't be."""
    return UserError("ST0703", message)


def _doubled(names: Sequence[str]) -> str:
    seen: set[str] = set()
    return next(name for name in names if name in seen or seen.add(name))


def _check_fifo(fifo: Fifo) -> None:
    if fifo.depth is not None and fifo.depth < 1:
        raise broken(f"FIFO '{fifo.name}': depth is {fifo.depth}, must be at least 1, or null for unbounded")
    for what, value in (("bits", fifo.bits), ("latency", fifo.latency)):
        if value < 0:
            raise broken(f"FIFO '{fifo.name}': {what} is {value}, must not be negative")


def _check_program(task: Task) -> None:
    for step in distinct_steps(task.program):
        for what, value in (("count", step.count), ("delta", step.delta)):
            if value < 0:
                raise broken(f"task '{task.name}': {what} of a step is {value}, must not be negative")
        for what, fifos in (("reads", step.reads), ("writes", step.writes)):
            if len(set(fifos)) != len(fifos):
                raise broken(f"task '{task.name}': a step {what} FIFO '{_doubled(fifos)}' twice")
    for what, total in zip(("steps", "cycles"), _extent(task.program), strict=True):
        if total > _LARGEST:
            raise broken(f"task '{task.name}' takes {total} {what}, at most 2**53 can be simulated")


def _extent(program: Sequence[StepProgram]) -> tuple[int, int]:
    """Steps of a program, and the cycles that they take when they never wait."""
    steps = cycles = 0
    for item in program:
        one = (1, item.delta) if isinstance(item, Step) else _extent(item.body)
        steps += item.count * one[0]
        cycles += item.count * one[1]
    return steps, cycles

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""At which rates the two ends of every FIFO run when no task ever waits: what the token model asks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Literal, TypeAlias

from streamtensor.algebra.steps import Repeat, Step, StepProgram
from streamtensor.algebra.token_model import TokenModel
from streamtensor.timing.graph import Graph, Task, distinct_steps
from streamtensor.timing.simulator import Simulator
from streamtensor.timing.spans import Span, spans_of

Equalisation: TypeAlias = Literal["normal", "conservative"]
EQUALISATIONS: tuple[Equalisation, ...] = ("normal", "conservative")


@dataclass(frozen=True)
class Edge:
    """A FIFO between two tasks (as the user named them), with the rates of both.

    `initial_delay`: cycles from the start of the source until its first token can be read; `target_offset`: from the
    start of the target to its first read.
    """

    fifo: str
    source: str
    target: str
    bits: int
    tokens: int
    source_ii: Fraction
    target_ii: Fraction
    initial_delay: int
    target_offset: int

    @property
    def least_delay(self) -> int:
        """What the target must start later than the source, at least (it may be negative)."""
        return self.initial_delay - self.target_offset

    def model(self, delay: int) -> TokenModel:
        """The token model when the target starts `delay` cycles after the source."""
        first_read = max(delay + self.target_offset, self.initial_delay)
        return TokenModel(self.tokens, self.source_ii, self.target_ii, self.initial_delay, first_read)


def edges(graph: Graph, equalisation: Equalisation = "normal") -> list[Edge]:
    """The FIFOs between tasks. "conservative": every II is scaled so that each task takes as long as the longest."""
    spans: dict[str, tuple[dict[str, Span], dict[str, Span]]] = {}
    length: dict[str, int] = {}
    group_of: dict[str, str] = {}
    for name, parts in graph.groups.items():
        times = _times_alone(graph, parts)
        for task in parts:
            reads, writes, cycles = spans_of(task.program)
            start, end = times.get(task.name, (0, cycles))
            spans[task.name] = _placed(reads, start, end, cycles), _placed(writes, start, end, cycles)
            group_of[task.name] = name
            length[name] = max(length.get(name, 1), end)
    longest = max(length.values(), default=1)
    found: list[Edge] = []
    for fifo in graph.sized:
        writer, reader = graph.writer[fifo.name], graph.reader[fifo.name]
        writes, reads = spans[writer][1].get(fifo.name), spans[reader][0].get(fifo.name)
        if writes is None or reads is None:  # no token at all
            continue
        edge = Edge(
            fifo.name,
            group_of[writer],
            group_of[reader],
            fifo.bits,
            writes.tokens,
            writes.ii,
            reads.ii,
            initial_delay=writes.first + fifo.latency - 1,
            target_offset=reads.first,
        )
        if equalisation == "conservative":
            source, target = (Fraction(longest, length[name]) for name in (edge.source, edge.target))
            edge = replace(edge, source_ii=edge.source_ii * source, target_ii=edge.target_ii * target)
        found.append(edge)
    return found


def _times_alone(graph: Graph, parts: Sequence[Task]) -> dict[str, tuple[int, int]]:
    """The cycles in which each process of a task starts and ends when nothing outside of the task makes it wait. A
    single process has no need of a simulation.
    """
    if len(parts) == 1:
        return {}
    inner = tuple(
        fifo for fifo in graph.fifos if fifo.inner and graph.writer[fifo.name] in {part.name for part in parts}
    )
    kept = frozenset(fifo.name for fifo in inner)
    alone = Graph(tuple(replace(part, program=_only_fifos(part.program, kept)) for part in parts), inner)
    result = Simulator(alone).run()
    times = {name: (one.start or 0, one.end) for name, one in result.tasks.items()}
    # The first step comes its own delta after the start of the process.
    return {
        part.name: (times[part.name][0] - next((step.delta for step in distinct_steps(part.program)), 0), end)
        for part in parts
        for end in (times[part.name][1],)
    }


def _placed(spans: Mapping[str, Span], start: int, end: int, cycles: int) -> dict[str, Span]:
    """Spans of a process that runs from `start` to `end` although its own steps take `cycles` only."""
    if (start, end) == (0, cycles):
        return dict(spans)
    scale = Fraction(end - start, cycles) if cycles else Fraction(1)
    return {
        fifo: Span(start + int(span.first * scale), start + int(span.last * scale), span.tokens)
        for fifo, span in spans.items()
    }


def _only_fifos(program: Sequence[StepProgram], kept: frozenset[str]) -> tuple[StepProgram, ...]:
    """The program with nothing but some FIFOs, in the same cycles."""
    found: list[StepProgram] = []
    for item in program:
        if isinstance(item, Step):
            reads, writes = (tuple(fifo for fifo in fifos if fifo in kept) for fifos in (item.reads, item.writes))
            found.append(replace(item, reads=reads, writes=writes))
        else:
            found.append(Repeat(item.count, _only_fifos(item.body, kept)))
    return tuple(found)

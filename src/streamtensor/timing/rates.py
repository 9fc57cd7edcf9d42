# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""At which rates the two ends of every FIFO run when no task ever waits: what the token model asks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Literal, TypeAlias

from streamtensor.algebra.steps import Step, StepProgram
from streamtensor.algebra.token_model import TokenModel
from streamtensor.timing.graph import Graph

Equalisation: TypeAlias = Literal["normal", "conservative"]
EQUALISATIONS: tuple[Equalisation, ...] = ("normal", "conservative")


@dataclass(frozen=True)
class Span:
    """The first and the last token of a FIFO, in cycles after the start of a program, and their number."""

    first: int
    last: int
    tokens: int

    @property
    def ii(self) -> Fraction:
        """Cycles from a token to the next, on average."""
        return Fraction(self.last - self.first, self.tokens - 1) if self.tokens > 1 else Fraction(1)


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
    offset: dict[str, int] = {}
    for task in graph.tasks:
        reads, writes, cycles = spans_of(task.program)
        spans[task.name] = (reads, writes)
        group_of[task.name] = task.group_name
        offset[task.name] = task.offset_cycles
        length[task.group_name] = max(length.get(task.group_name, 1), cycles + task.offset_cycles)
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
            initial_delay=offset[writer] + writes.first + fifo.latency - 1,
            target_offset=offset[reader] + reads.first,
        )
        if equalisation == "conservative":
            source, target = (Fraction(longest, length[name]) for name in (edge.source, edge.target))
            edge = replace(edge, source_ii=edge.source_ii * source, target_ii=edge.target_ii * target)
        found.append(edge)
    return found


def spans_of(program: Sequence[StepProgram]) -> tuple[dict[str, Span], dict[str, Span], int]:
    """The spans of all FIFOs that a program reads and writes when it never waits, and its length in cycles."""
    reads: dict[str, Span] = {}
    writes: dict[str, Span] = {}
    now = 0
    for item in program:
        if not item.count:
            continue
        if isinstance(item, Step):
            first, rounds_later = item.delta, item.delta * (item.count - 1)
            inner = (
                dict.fromkeys(item.reads, Span(first, first, 1)),
                dict.fromkeys(item.writes, Span(first, first, 1)),
            )
            length = item.delta
        else:
            *inner, length = spans_of(item.body)
            rounds_later = length * (item.count - 1)
        for all_spans, new in zip((reads, writes), inner, strict=True):
            _append(all_spans, new, now, rounds_later, item.count)
        now += length * item.count
    return reads, writes, now


def _append(spans: dict[str, Span], new: Mapping[str, Span], now: int, later: int, count: int) -> None:
    for fifo, span in new.items():
        before = spans.get(fifo)
        spans[fifo] = Span(
            before.first if before else now + span.first,
            now + later + span.last,
            (before.tokens if before else 0) + span.tokens * count,
        )

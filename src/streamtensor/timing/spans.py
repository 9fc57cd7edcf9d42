# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""When a program that never waits reads and writes its first and its last token of each FIFO."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from streamtensor.algebra.steps import Step, StepProgram


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

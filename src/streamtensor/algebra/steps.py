# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Step programs: in which order a task reads and writes tokens, not what it computes (timing.md, cycle simulator)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Step:
    """`count` steps; each reads one token of every FIFO in `reads`, then writes one of every FIFO in `writes`.

    A step happens `delta` cycles after the one before it in the same task, or later when it has to wait.
    """

    count: int
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    delta: int = 1


@dataclass(frozen=True, slots=True)
class Repeat:
    """`body`, `count` times."""

    count: int
    body: tuple[StepProgram, ...]


StepProgram: TypeAlias = "Step | Repeat"


def simplify(count: int, body: Sequence[StepProgram]) -> tuple[StepProgram, ...]:
    """`count` times `body` in the shortest form: a single step is multiplied, equal neighbours are added up.

    >>> simplify(4, [Step(8, ("a",)), Step(8, ("a",))])
    (Step(count=64, reads=('a',), writes=(), delta=1),)
    """
    merged: list[StepProgram] = []
    for item in body:
        last = merged[-1] if merged else None
        if isinstance(item, Step) and isinstance(last, Step) and replace(item, count=last.count) == last:
            merged[-1] = replace(last, count=last.count + item.count)
        else:
            merged.append(item)
    if count == 1 or not merged:
        return tuple(merged)
    if len(merged) == 1:
        only = merged[0]
        if isinstance(only, Step):
            return (replace(only, count=only.count * count),)
        return (Repeat(only.count * count, only.body),)
    return (Repeat(count, tuple(merged)),)


def unroll(program: Sequence[StepProgram]) -> Iterator[Step]:
    """The steps of a program one after the other, repeats unrolled."""
    for item in program:
        if isinstance(item, Step):
            if item.count:
                yield item
        else:
            for _ in range(item.count):
                yield from unroll(item.body)


def without(program: Sequence[StepProgram], fifos: frozenset[str]) -> tuple[StepProgram, ...]:
    """The program as if reading and writing `fifos` never had to wait; the order of the steps, not their times."""
    kept: list[StepProgram] = []
    for item in program:
        if isinstance(item, Repeat):
            kept += simplify(item.count, without(item.body, fifos))
            continue
        reads = tuple(fifo for fifo in item.reads if fifo not in fifos)
        writes = tuple(fifo for fifo in item.writes if fifo not in fifos)
        if reads or writes:
            kept.append(Step(item.count, reads, writes))
    return simplify(1, kept)


def token_counts(program: Sequence[StepProgram]) -> dict[str, int]:
    """How many tokens of each FIFO the program reads or writes in all."""
    counts: dict[str, int] = {}
    for item in program:
        inner = dict.fromkeys((*item.reads, *item.writes), 1) if isinstance(item, Step) else token_counts(item.body)
        for fifo, tokens in inner.items():
            counts[fifo] = counts.get(fifo, 0) + tokens * item.count
    return counts

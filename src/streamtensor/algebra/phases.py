# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Which tasks work at the same time, and which only after others: phases, from step programs alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from streamtensor.algebra.steps import Step, StepProgram


def phases(programs: Mapping[str, Sequence[StepProgram]], without: Collection[str] = ()) -> dict[str, int]:
    """How many times, on the way to each task, somebody waits for the last token of a FIFO before the first of his own.

    A task that has to read all of a FIFO before it writes anything begins to hand on when those before it have ended;
    tasks of one phase can work at the same time, on different tokens. `programs` by the names of the tasks, writers
    before readers; the FIFOs `without` don't count.

    >>> a, b = (Step(4, writes=("x",)),), (Step(4, reads=("x",)), Step(4, writes=("y",)))
    >>> phases({"a": a, "b": b, "c": (Step(4, reads=("y",), writes=("z",)),), "d": (Step(4, reads=("z",)),)})
    {'a': 0, 'b': 1, 'c': 1, 'd': 1}
    """
    writer: dict[str, str] = {}
    found: dict[str, int] = {}
    for name, program in programs.items():
        first, writes = _until_write(program)
        whole = _reads(program)
        found[name] = max(
            (
                found[writer[fifo]] + (writes and first[fifo] == count)
                for fifo, count in whole.items()
                if fifo in writer and fifo not in without
            ),
            default=0,
        )
        writer |= dict.fromkeys(_written(program), name)
    return found


def _until_write(program: Sequence[StepProgram]) -> tuple[Counter[str], bool]:
    """What is read until the first token is written, and whether one is."""
    reads: Counter[str] = Counter()
    for item in program:
        if not item.count:
            continue
        if isinstance(item, Step):
            reads.update(dict.fromkeys(item.reads, 1 if item.writes else item.count))
            if item.writes:
                return reads, True
            continue
        inside, writes = _until_write(item.body)
        reads.update({fifo: count * (1 if writes else item.count) for fifo, count in inside.items()})
        if writes:
            return reads, True
    return reads, False


def _reads(program: Sequence[StepProgram]) -> Counter[str]:
    """All tokens that are read."""
    reads: Counter[str] = Counter()
    for item in program:
        if isinstance(item, Step):
            reads.update(dict.fromkeys(item.reads, item.count))
        else:
            reads.update({fifo: count * item.count for fifo, count in _reads(item.body).items()})
    return reads


def _written(program: Sequence[StepProgram]) -> set[str]:
    found: set[str] = set()
    for item in program:
        found |= {*item.writes} if isinstance(item, Step) else _written(item.body)
    return found

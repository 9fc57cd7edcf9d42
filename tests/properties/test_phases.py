# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Phases of tasks against the order of single reads and writes."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from streamtensor.algebra.phases import phases
from streamtensor.algebra.steps import Repeat, Step, StepProgram, unroll

TASKS = 5

_STEP = st.tuples(st.integers(1, 3), st.integers(0, 7), st.booleans())


@st.composite
def chains(draw: st.DrawFn) -> dict[str, tuple[StepProgram, ...]]:
    """Programs of a line of tasks: task n writes fifo n and reads any of those before it."""
    programs: dict[str, tuple[StepProgram, ...]] = {}
    for number in range(TASKS):
        parts: list[StepProgram] = []
        for count, mask, writes in draw(st.lists(_STEP, max_size=4)):
            reads = tuple(f"x{other}" for other in range(number) if mask >> other & 1)
            step = Step(count, reads, (f"x{number}",) if writes else ())
            parts.append(Repeat(draw(st.integers(1, 3)), (step, Step(1, reads[:1]))) if draw(st.booleans()) else step)
        programs[f"t{number}"] = tuple(parts)
    return programs


def waits_for_all(program: tuple[StepProgram, ...], fifo: str) -> bool:
    """Whether the last token of `fifo` is read before, or in the same step as, the first one is written."""
    single = [one for step in unroll(program) for one in [step] * step.count]
    last = max((n for n, step in enumerate(single) if fifo in step.reads), default=-1)
    first = min((n for n, step in enumerate(single) if step.writes), default=-1)
    return last <= first


@given(chains(), st.integers(0, TASKS))
def test_a_phase_ends_where_somebody_waits_for_all_tokens(
    programs: dict[str, tuple[StepProgram, ...]], without: int
) -> None:
    found = phases(programs, {f"x{without}"})
    writers = {fifo: name for name, program in programs.items() for step in unroll(program) for fifo in step.writes}
    for name, program in programs.items():
        reads: Counter[str] = Counter(fifo for step in unroll(program) for fifo in step.reads)
        ways = [
            found[writers[fifo]] + waits_for_all(program, fifo)
            for fifo in reads
            if fifo in writers and fifo != f"x{without}"
        ]
        assert found[name] == max(ways, default=0)

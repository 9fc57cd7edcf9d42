# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Step programs with other FIFOs, in the same cycles."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Literal

from streamtensor.algebra.steps import Repeat, Step, StepProgram


def without_writes(program: Sequence[StepProgram], fifos: Collection[str]) -> tuple[StepProgram, ...]:
    """The program without some of its writes, in the same cycles."""
    return tuple(
        replace(item, writes=tuple(name for name in item.writes if name not in fifos))
        if isinstance(item, Step)
        else Repeat(item.count, without_writes(item.body, fifos))
        for item in program
    )


def renamed(program: Sequence[StepProgram], names: Mapping[str, str]) -> tuple[StepProgram, ...]:
    """The program with other names for the FIFOs that `names` has."""
    return tuple(
        replace(
            item,
            reads=tuple(names.get(name, name) for name in item.reads),
            writes=tuple(names.get(name, name) for name in item.writes),
        )
        if isinstance(item, Step)
        else Repeat(item.count, renamed(item.body, names))
        for item in program
    )


def also_writes(
    program: Sequence[StepProgram], fifo: str, copy: str, when: Literal["reads", "writes"] = "writes"
) -> tuple[StepProgram, ...]:
    """The program where each step that writes (or reads) `fifo` writes `copy` too."""
    return tuple(
        replace(item, writes=(*item.writes, copy) if fifo in getattr(item, when) else item.writes)
        if isinstance(item, Step)
        else Repeat(item.count, also_writes(item.body, fifo, copy, when))
        for item in program
    )


def with_sorted_names(program: Sequence[StepProgram]) -> tuple[StepProgram, ...]:
    """The program with the FIFOs of each step in the order of their names."""
    return tuple(
        replace(item, reads=tuple(sorted(item.reads)), writes=tuple(sorted(item.writes)))
        if isinstance(item, Step)
        else Repeat(item.count, with_sorted_names(item.body))
        for item in program
    )

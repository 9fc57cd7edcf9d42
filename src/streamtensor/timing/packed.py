# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Step programs as flat arrays of numbers, for the native core (native/programs.h has the same layout)."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from streamtensor.algebra.steps import Step, StepProgram

Array: TypeAlias = npt.NDArray[np.int64]

_STEP, _LOOP, _END = range(3)
_COLUMNS = 6


@dataclass(frozen=True, eq=False)
class PackedPrograms:
    """`items` is (items, 6): kind, count, delta, first reference, reads, writes; tasks and FIFOs are numbers."""

    items: Array
    task_begin: Array
    refs: Array
    fifos: int

    def pointers(self) -> tuple[Any, ...]:
        """The five arguments with which each native function begins."""
        return (
            pointer(self.items),
            pointer(self.task_begin),
            len(self.task_begin) - 1,
            pointer(self.refs),
            self.fifos,
        )


def pack(programs: Sequence[Sequence[StepProgram]], number: Mapping[str, int]) -> PackedPrograms:
    """Packs the programs of all tasks; `number` numbers the FIFOs. Steps and loops that do nothing are left out."""
    items: list[tuple[int, ...]] = []
    refs: list[int] = []
    places: dict[tuple[tuple[str, ...], tuple[str, ...]], int] = {}

    def add(program: Sequence[StepProgram]) -> None:
        for item in program:
            if not item.count:
                continue
            if isinstance(item, Step):
                key = (item.reads, item.writes)
                if key not in places:
                    places[key] = len(refs)
                    refs.extend(number[fifo] for fifo in (*item.reads, *item.writes))
                items.append((_STEP, item.count, item.delta, places[key], len(item.reads), len(item.writes)))
                continue
            begin = len(items)
            items.append((_LOOP, item.count, 0, 0, 0, 0))
            add(item.body)
            if len(items) == begin + 1:
                items.pop()
            else:
                items.append((_END, begin + 1, 0, 0, 0, 0))

    task_begin = [0]
    for program in programs:
        add(program)
        task_begin.append(len(items))
    return PackedPrograms(
        np.array(items, dtype=np.int64).reshape(-1, _COLUMNS), np_array(task_begin), np_array(refs), len(number)
    )


def np_array(values: Sequence[int]) -> Array:
    """Numbers as the native core takes them."""
    return np.array(values, dtype=np.int64)


def pointer(array: Array) -> Any:
    """The address of an array's first number; the array must outlive its use."""
    return array.ctypes.data_as(ctypes.c_void_p)

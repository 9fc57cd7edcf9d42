# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`algebra.safe_depths` with its run of the step programs in the native core, and room where a run needs it."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence

import numpy as np

from streamtensor.algebra import safe_depths as rule
from streamtensor.algebra.errors import ScheduleError
from streamtensor.algebra.steps import token_counts
from streamtensor.timing import native_library
from streamtensor.timing.packed import Array, np_array, pack, pointer


def safe_depths(
    programs: rule.Programs,
    *,
    min_depth: int = rule.MIN_DEPTH,
    burst: int = 16,
    slack: Mapping[str, int] | None = None,
) -> dict[str, int]:
    """A depth for every FIFO with which a graph of tasks can't deadlock; see `algebra.safe_depths`.

    The same depths with and without a C++ compiler. Raises ScheduleError as the rule does.
    """
    run = native_marks if native_library.available() else rule.marks_of_one_run
    return rule.safe_depths(programs, min_depth=min_depth, burst=burst, slack=slack, marks_of_run=run)


def native_marks(
    programs: rule.Programs, writer: Mapping[str, str], reader: Mapping[str, str], burst: int
) -> dict[str, int]:
    """`algebra.safe_depths.marks_of_one_run` in the native core."""
    fifos = _fifos(programs)
    marks = np.zeros(len(fifos), dtype=np.int64)
    _run("st_safe_marks", programs, fifos, writer, reader, burst, marks)
    return dict(zip(fifos, marks.tolist(), strict=True))


def enough_room(
    programs: rule.Programs,
    writer: Mapping[str, str],
    reader: Mapping[str, str],
    depths: Mapping[str, int],
    more: int = 8,
) -> dict[str, int]:
    """Depths with which the programs can't deadlock, none below `depths`: where a ring of tasks waits, its smallest
    full FIFO gets room for `more` tokens, and the run goes on.

    The run completes and never holds more, so every execution with these depths completes (`algebra.safe_depths`).
    Raises ScheduleError as the rule does.
    """
    fifos = _fifos(programs)
    limits = np_array([depths[fifo] for fifo in fifos])
    _run("st_enough_room", programs, fifos, writer, reader, more, limits)
    return dict(depths) | dict(zip(fifos, limits.tolist(), strict=True))


def _fifos(programs: rule.Programs) -> list[str]:
    """The FIFOs by name; rings are opened in this order."""
    return sorted({fifo for program in programs.values() for fifo in token_counts(program)})


def _run(
    function: str,
    programs: rule.Programs,
    fifos: Sequence[str],
    writer: Mapping[str, str],
    reader: Mapping[str, str],
    more: int,
    numbers: Array,
) -> None:
    """Calls a function of the native core that runs the programs to their ends; `numbers` are by FIFO."""
    tasks = list(programs)
    task_number = {task: number for number, task in enumerate(tasks)}
    packed = pack(list(programs.values()), {fifo: number for number, fifo in enumerate(fifos)})
    culprit = np.zeros(3, dtype=np.int64)
    writers, readers = (np_array([task_number[end[fifo]] for fifo in fifos]) for end in (writer, reader))
    run = native_library.load()[function]
    run.restype = ctypes.c_int64
    run.argtypes = _ARGUMENTS
    verdict = run(*packed.pointers(), *map(pointer, (writers, readers)), more, *map(pointer, (numbers, culprit)))
    if verdict == 1:
        waiting, ended, fifo = culprit.tolist()
        raise rule.ended(tasks[waiting], tasks[ended], fifos[fifo])
    if verdict:
        raise ScheduleError(rule.EMPTY_RING)


_ADDRESS, _NUMBER = ctypes.c_void_p, ctypes.c_int64
_ARGUMENTS = [
    *(_ADDRESS, _ADDRESS, _NUMBER, _ADDRESS, _NUMBER),
    *(_ADDRESS, _ADDRESS, _NUMBER, _ADDRESS, _ADDRESS),
]

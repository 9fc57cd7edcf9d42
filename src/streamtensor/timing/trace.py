# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What every task does when, as a trace for Perfetto (ui.perfetto.dev) and chrome://tracing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from streamtensor.timing.simulator import Profile, Result, Simulator, TaskTimes

BUCKETS = 1000
_STATES = ("busy", "waits to read", "waits to write")
_COLOURS = ("good", "bad", "terrible")


def profile(simulator: Simulator, result: Result, buckets: int = BUCKETS) -> Profile:
    """Simulates again and counts the cycles that each task waits in each of about `buckets` equal parts of the time."""
    bucket_cycles = max(1, -(-(result.cycles + 1) // buckets))
    count = -(-(result.cycles + 1) // bucket_cycles)
    made = Profile(bucket_cycles, np.zeros((len(simulator.graph.tasks), count, 2), dtype=np.int64))
    simulator.run(profile=made)
    return made


@dataclass(frozen=True)
class Part:
    """A simulation as one process of a trace, under `name`, from cycle `offset` on."""

    name: str
    simulator: Simulator
    result: Result
    offset: int = 0


def chrome_trace(parts: Sequence[Part]) -> dict[str, Any]:
    """A trace in the JSON format of Chrome: a process for each part, a row for each of its tasks, one cycle shown as a
    microsecond.

    A slice says what a task did for most of a part of its time: it was busy, or waited to read, or to write.
    """
    events = [event for number, part in enumerate(parts) for event in _events(number, part)]
    cycles = max((part.offset + part.result.cycles for part in parts), default=0)
    return {"traceEvents": events, "displayTimeUnit": "ms", "otherData": {"cycles": cycles}}


def _events(process: int, part: Part) -> Iterator[dict[str, Any]]:
    counted = profile(part.simulator, part.result)
    yield _named("process_name", process, 0, f"{part.name}, cycles shown as microseconds")
    yield {"name": "process_sort_index", "ph": "M", "pid": process, "tid": 0, "args": {"sort_index": process}}
    for number, task in enumerate(part.simulator.graph.tasks):
        yield _named("thread_name", process, number + 1, task.name)
        for state, first, last in _slices(part.result.tasks[task.name], counted, number):
            yield {
                "name": _STATES[state],
                "cname": _COLOURS[state],
                "ph": "X",
                "ts": part.offset + first,
                "dur": last - first,
                "pid": process,
                "tid": number + 1,
            }


def _slices(times: TaskTimes, counted: Profile, number: int) -> list[tuple[int, int, int]]:
    """(state, first cycle, cycle behind the last), equal neighbours merged."""
    slices: list[tuple[int, int, int]] = []
    if times.start is None:
        return slices
    waits, width = counted.waits[number], counted.bucket_cycles
    for bucket in range(waits.shape[0]):
        first, last = bucket * width, min((bucket + 1) * width, times.end + 1)
        read, write = waits[bucket].tolist()
        if first >= last:
            break
        shares = (last - first - read - write, read, write)
        state = shares.index(max(shares))
        if bucket < times.start // width and not read + write:
            continue
        if slices and slices[-1][0] == state and slices[-1][2] == first:
            slices[-1] = (state, slices[-1][1], last)
        else:
            slices.append((state, first, last))
    return slices


def _named(kind: str, process: int, thread: int, name: str) -> dict[str, Any]:
    return {"name": kind, "ph": "M", "pid": process, "tid": thread, "args": {"name": name}}

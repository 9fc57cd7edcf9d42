# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What every task does when, as a trace for Perfetto (ui.perfetto.dev) and chrome://tracing."""

from __future__ import annotations

from typing import Any

import numpy as np

from streamtensor.timing.simulator import Profile, Result, Simulator

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


def chrome_trace(simulator: Simulator, result: Result) -> dict[str, Any]:
    """A trace in the JSON format of Chrome, one row per task, one cycle shown as a microsecond.

    A slice says what a task did for most of a part of its time: it was busy, or waited to read, or to write.
    """
    counted = profile(simulator, result)
    width = counted.bucket_cycles
    events: list[dict[str, Any]] = [_named("process_name", 0, "cycles (shown as microseconds)")]
    for number, task in enumerate(simulator.graph.tasks):
        events.append(_named("thread_name", number + 1, task.name))
        times = result.tasks[task.name]
        if times.start is None:
            continue
        waits = counted.waits[number]
        slices: list[tuple[int, int, int]] = []  # state, first and last cycle
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
        for state, first, last in slices:
            events.append(
                {
                    "name": _STATES[state],
                    "cname": _COLOURS[state],
                    "ph": "X",
                    "ts": first,
                    "dur": last - first,
                    "pid": 0,
                    "tid": number + 1,
                }
            )
    return {"traceEvents": events, "displayTimeUnit": "ms", "otherData": {"cycles": result.cycles}}


def _named(kind: str, thread: int, name: str) -> dict[str, Any]:
    return {"name": kind, "ph": "M", "pid": 0, "tid": thread, "args": {"name": name}}

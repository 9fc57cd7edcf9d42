# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Which products of a kernel wait for which others: weights of different stages are never wanted at one time."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from streamtensor.dialects.dataflow import KernelOp, StreamReadOp, StreamWriteOp, TaskOp, stream_behind
from streamtensor.ir.core import SSAValue


def product_stages(kernel: KernelOp, loads: Collection[str]) -> Mapping[str, int]:
    """The stage of each of the tasks `loads`, which load weights: how many products with weights stand one behind the
    other before the one that it feeds.

    Products in one stage may read the same values, and then in step with each other (queries, keys and values; the two
    inputs of a gated MLP). For a single row, those of different stages do not work at one time: each needs all of what
    the one before makes.
    """
    tasks = [op for op in kernel.body.block.ops if isinstance(op, TaskOp)]
    writers: dict[SSAValue, str] = {}
    sources: dict[str, set[SSAValue]] = {}
    for task in tasks:
        for op in task.walk():
            if isinstance(op, StreamWriteOp):
                writers[stream_behind(op.stream)] = task.task_name
        read = {stream_behind(op.stream) for op in task.walk() if isinstance(op, StreamReadOp)}
        sources[task.task_name] = read
    before = {
        name: [writers[stream] for stream in sorted(read, key=lambda s: s.name_hint or "") if stream in writers]
        for name, read in sources.items()
    }
    stages: dict[str, int] = {}

    def stage(name: str) -> int:
        """Products with weights among what `name` waits for, one behind the other."""
        if name not in stages:
            stages[name] = max(
                (stage(other) + any(one in loads for one in before[other]) for other in before[name]), default=0
            )
        return stages[name]

    feeds = {load: name for name, others in before.items() for load in others if load in loads}
    return {load: stage(name) for load, name in feeds.items()}

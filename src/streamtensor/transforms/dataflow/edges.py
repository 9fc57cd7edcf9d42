# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The dataflow graph of a kernel: what runs in it, and the FIFOs between."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from streamtensor.dialects.dataflow import ExternKernelOp, ITensorEmptyOp, ITensorInstanceOp, KernelOp, TaskOp
from streamtensor.ir.core import SSAValue
from streamtensor.transforms.dataflow.extern_tasks import readers

Process: TypeAlias = TaskOp | ExternKernelOp


@dataclass(frozen=True)
class Edge:
    """An itensor inside of a kernel, `written` by its producer, with one of its consumers."""

    start: ITensorEmptyOp | ITensorInstanceOp
    written: SSAValue
    producer: Process
    consumer: Process


def processes(kernel: KernelOp) -> list[Process]:
    """What runs at the same time in a kernel: its tasks and its hand-written kernels."""
    return [op for op in kernel.body.block.ops if isinstance(op, Process)]


def chains(process: Process) -> list[tuple[SSAValue, SSAValue]]:
    """(where its writes start, the itensor that it gives) for each itensor that a process writes."""
    starts = process.outs if isinstance(process, ExternKernelOp) else process.inits
    return list(zip(starts, process.results_, strict=True))


def stream_edges(kernel: KernelOp) -> list[Edge]:
    """Every itensor inside a kernel with each of its readers, in the order of the producers."""
    edges: list[Edge] = []
    for process in processes(kernel):
        for start, result in chains(process):
            if isinstance(start.owner, ITensorEmptyOp | ITensorInstanceOp):
                edges += [Edge(start.owner, result, process, reader) for reader in readers(result)]
    return edges

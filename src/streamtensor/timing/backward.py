# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Graphs in which time runs backward: as early as possible there is as late as possible here."""

from __future__ import annotations

from collections.abc import Sequence

from streamtensor.algebra.steps import Repeat, Step, StepProgram
from streamtensor.timing.graph import Graph, Task


def backward(graph: Graph) -> Graph:
    """The graph that does everything in the opposite order: what was read is written, and the first step comes last.

    A schedule of one, read backward, is a schedule of the other: a token is read at least its latency after it was
    written in both, and a FIFO of depth d has room for as many tokens. So the earliest steps of this graph are the
    latest ones of the given graph that end it no later. That needs every token to be read.

    So both take equally long at the same depths, and both deadlock or neither does: a graph completes when it has a
    schedule at all. Where FIFOs are deep and only the time is asked for, backward is the faster simulation. Steps
    as early as possible leave backlogs that grow from loop to loop, behind every task that is faster than its reader;
    steps as late as possible leave few, and what happened once comes back.
    """
    return Graph(
        tuple(Task(task.name, tuple(_backward(task.program)), task.group) for task in graph.tasks), graph.fifos
    )


def reads_everything(graph: Graph) -> bool:
    """Whether each FIFO is read as often as it is written."""
    return graph.tokens == graph.tokens_read


def _backward(program: Sequence[StepProgram]) -> list[StepProgram]:
    """A step waits its delta for the one before; backward, the one before comes that much later."""
    steps: list[StepProgram] = []
    for item in reversed(program):
        if isinstance(item, Repeat):
            steps.append(Repeat(item.count, tuple(_backward(item.body))))
        elif not item.reads and not item.writes:
            steps.append(Step(1, delta=item.delta * item.count))
        elif item.count:
            steps.append(Step(1, item.writes, item.reads, 0))
            if item.count > 1:
                steps.append(Step(item.count - 1, item.writes, item.reads, item.delta))
            if item.delta:
                steps.append(Step(1, delta=item.delta))
    return steps

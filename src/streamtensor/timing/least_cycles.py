# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""How long a design takes at least, seen from each of its tasks."""

from __future__ import annotations

from collections.abc import Sequence

import networkx as nx

from streamtensor.algebra.steps import Repeat, StepProgram, unroll
from streamtensor.timing.graph import Graph
from streamtensor.timing.spans import spans_of


def least_cycles(graph: Graph) -> dict[str, int]:
    """Task -> the cycles of its own steps, and those that the tasks behind it need after its last tokens.

    No execution is shorter, however deep the FIFOs are; and a cycle that a task waits comes on top, since its later
    steps are no closer together than their deltas.
    """
    spans = {task.name: spans_of(task.program) for task in graph.tasks}
    edges: nx.DiGraph[str] = nx.DiGraph()
    edges.add_nodes_from(spans)
    edges.add_edges_from((graph.writer[fifo.name], graph.reader[fifo.name]) for fifo in graph.fifos)
    rings = nx.condensation(edges)
    latency = {fifo.name: fifo.latency for fifo in graph.fifos}
    last_writes = {task.name: _last_writes(task.program) for task in graph.tasks}
    behind: dict[str, int] = {}  # after the last step of a task
    for ring in reversed(list(nx.topological_sort(rings))):
        members: set[str] = rings.nodes[ring]["members"]
        for task in members:
            behind[task] = 0
            for fifo in last_writes[task]:
                reader = graph.reader[fifo]
                reads, _, reader_cycles = spans[reader]
                # In a ring, and where some tokens are never read, nothing is said.
                known = reader not in members and fifo in reads
                if known and reads[fifo].tokens == spans[task][1][fifo].tokens:
                    behind[task] = max(behind[task], latency[fifo] + reader_cycles - reads[fifo].last + behind[reader])
    return {task: spans[task][2] + behind[task] for task in spans}


def _last_writes(program: Sequence[StepProgram]) -> tuple[str, ...]:
    """What the last step of a program writes; waits of the task come before that, so that they delay those readers."""
    for item in reversed(program):
        if isinstance(item, Repeat):
            if item.count and any(step.count for step in unroll(item.body)):
                return _last_writes(item.body)
        elif item.count:
            return item.writes
    return ()

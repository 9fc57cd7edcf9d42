# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""How long a design takes at least, seen from each of its tasks."""

from __future__ import annotations

import networkx as nx

from streamtensor.timing.graph import Graph
from streamtensor.timing.rates import spans_of


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
    written_by: dict[str, list[str]] = {name: [] for name in spans}
    latency = {fifo.name: fifo.latency for fifo in graph.fifos}
    for fifo, task in graph.writer.items():
        written_by[task].append(fifo)
    behind: dict[str, int] = {}  # after the last step of a task
    for ring in reversed(list(nx.topological_sort(rings))):
        members: set[str] = rings.nodes[ring]["members"]
        for task in members:
            behind[task] = 0
        for task in members:
            _, writes, cycles = spans[task]
            for fifo in written_by[task]:
                reader = graph.reader[fifo]
                reads, _, reader_cycles = spans[reader]
                # In a ring, and where some tokens are never read, nothing is said.
                if reader in members or fifo not in writes or fifo not in reads:
                    continue
                if reads[fifo].tokens == writes[fifo].tokens:
                    follows = latency[fifo] + reader_cycles - reads[fifo].last + behind[reader]
                    behind[task] = max(behind[task], follows - (cycles - writes[fifo].last))
    return {task: spans[task][2] + behind[task] for task in spans}

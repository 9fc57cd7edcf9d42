# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""FIFO depths from a schedule: start times by linear programming, then the token model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import networkx as nx

from streamtensor.timing.rates import Edge


def start_times(edges: Sequence[Edge]) -> dict[str, int]:
    """Task -> cycle at which it starts, so that the FIFOs hold as few bits as possible.

    minimise    sum over FIFOs  bits / max(II source, II target) * (start target - start source)
    subject to  start target - start source >= initial delay - offset of the first read     for every FIFO

    FIFOs that close a cycle and would make that impossible are left out: their tokens are in flight already.
    """
    import numpy as np
    from scipy.optimize import linprog
    from scipy.sparse import csr_array

    tasks = {name: number for number, name in enumerate(dict.fromkeys(t for e in edges for t in (e.source, e.target)))}
    kept = [edge for edge in forward(edges) if edge.source != edge.target]
    if not kept:
        return dict.fromkeys(tasks, 0)
    cost = np.zeros(len(tasks))
    for edge in kept:
        weight = edge.bits / float(max(edge.source_ii, edge.target_ii, 1))
        cost[tasks[edge.target]] += weight
        cost[tasks[edge.source]] -= weight
    rows = [row for row in range(len(kept)) for _ in range(2)]
    columns = [tasks[name] for edge in kept for name in (edge.source, edge.target)]
    matrix = csr_array(([1.0, -1.0] * len(kept), (rows, columns)), shape=(len(kept), len(tasks)))
    bound = np.array([-float(edge.least_delay) for edge in kept])
    solved = linprog(cost, A_ub=matrix, b_ub=bound, bounds=(None, None), method="highs-ds")
    # The rows are differences of two variables, so that a basic solution is integral up to one shift per component.
    times = _longest_paths(kept, tasks) if solved.x is None else dict(zip(tasks, solved.x, strict=True))
    return _rounded(kept, times)


def depths(edges: Sequence[Edge], delays: Mapping[str, int], min_depth: int) -> dict[str, int]:
    """The depths that the token model gives for delays by FIFO, at most what the FIFO carries in all."""
    return {e.fifo: max(min_depth, min(e.model(delays[e.fifo]).depth, e.tokens)) for e in edges}


def delays_of(edges: Sequence[Edge], starts: Mapping[str, int]) -> dict[str, int]:
    """FIFO -> by how many cycles its target starts later than its source."""
    return {edge.fifo: starts[edge.target] - starts[edge.source] for edge in edges}


def forward(edges: Sequence[Edge]) -> list[Edge]:
    """The edges without those that close a cycle whose delays add up to more than nothing."""
    graph: nx.DiGraph[str] = nx.DiGraph((edge.source, edge.target) for edge in edges)
    ring_of = {task: number for number, ring in enumerate(nx.strongly_connected_components(graph)) for task in ring}
    inside = [edge for edge in edges if ring_of[edge.source] == ring_of[edge.target]]
    left_out = {edge.fifo for edge in inside} - {edge.fifo for edge in _without_late_rings(inside)}
    return [edge for edge in edges if edge.fifo not in left_out]


def _without_late_rings(edges: Sequence[Edge]) -> list[Edge]:
    """One edge after the other as long as no cycle has delays that add up to more than nothing."""
    kept: list[Edge] = []
    graph: nx.DiGraph[str] = nx.DiGraph()
    for edge in sorted(edges, key=lambda e: e.least_delay > 0):  # stable: what the user wrote first, first
        if edge.source == edge.target:
            kept += [edge] * (edge.least_delay <= 0)
            continue
        old: int | None = graph.get_edge_data(edge.source, edge.target, {}).get("weight")
        # Bellman-Ford wants least distances, so delays are negative there.
        weight = -edge.least_delay if old is None else min(-edge.least_delay, old)
        graph.add_edge(edge.source, edge.target, weight=weight)
        if nx.has_path(graph, edge.target, edge.source) and nx.negative_edge_cycle(graph):
            if old is None:
                graph.remove_edge(edge.source, edge.target)
            else:
                graph.add_edge(edge.source, edge.target, weight=old)
        else:
            kept.append(edge)
    return kept


def _longest_paths(edges: Sequence[Edge], tasks: Mapping[str, int]) -> dict[str, float]:
    """The earliest start of each task, for the case that no solver answers."""
    times = dict.fromkeys(tasks, 0.0)
    for _ in tasks:
        for edge in edges:
            times[edge.target] = max(times[edge.target], times[edge.source] + edge.least_delay)
    return times


def _rounded(edges: Sequence[Edge], times: Mapping[str, float]) -> dict[str, int]:
    """Whole cycles that start at 0 and keep every constraint."""
    graph: nx.Graph[str] = nx.Graph()
    graph.add_nodes_from(times)
    graph.add_edges_from((edge.source, edge.target) for edge in edges)
    rounded: dict[str, int] = {}
    for component in nx.connected_components(graph):
        least = min(times[task] for task in component)
        rounded |= {task: round(times[task] - least) for task in component}
    return {task: rounded[task] for task in times}

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The published form of FIFO sizing, as a baseline: one delay per FIFO, one constraint per path.

Source: Ye and Chen, StreamTensor (arXiv 2509.13694), section on FIFO sizing. It is too weak where several sources meet:
two tasks that are joined by one path only are not looked at, whoever else feeds them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, cast

import networkx as nx

from streamtensor.timing.graph import Graph
from streamtensor.timing.rates import EQUALISATIONS, Edge, edges
from streamtensor.timing.start_times import depths, forward

MAX_PATHS = 5000
_MAX_STEPS = 200_000
_MAX_WORK = 20_000_000


def published_depths(graph: Graph, min_depth: int) -> list[dict[str, int]]:
    """The depths of the published form for both equalisations, where it gives any."""
    found: list[dict[str, int]] = []
    for equalisation in EQUALISATIONS:
        steady = edges(graph, equalisation)
        delays = path_delays(steady)
        if delays is not None:
            least = {fifo.name: min_depth for fifo in graph.sized}
            found.append(least | depths(steady, delays, min_depth))
    return found


def path_delays(steady: Sequence[Edge], max_paths: int = MAX_PATHS) -> dict[str, int] | None:
    """FIFO -> delay, or None when there are more than `max_paths` paths between tasks that several paths join.

    minimise    sum over FIFOs of their delays
    subject to  delay >= least delay of the FIFO
                sum of the delays of a path >= the longest sum of least delays of all paths with the same two ends
    """
    import numpy as np
    from scipy.optimize import linprog
    from scipy.sparse import lil_array

    kept = [edge for edge in forward(steady) if edge.source != edge.target]
    graph: nx.MultiDiGraph[Any] = nx.MultiDiGraph()
    for number, edge in enumerate(kept):
        graph.add_edge(edge.source, edge.target, key=number)
    if not nx.is_directed_acyclic_graph(graph):
        graph = _without_back_edges(graph)
    if len(graph) * len(kept) > _MAX_WORK:
        return None
    rows: list[tuple[list[int], int]] = []
    for source in graph:
        if graph.out_degree(source) < 2:
            continue
        paths = _paths_from(graph, source, max_paths + 1 - len(rows))
        if paths is None:
            return None
        for group in paths.values():
            if len(group) > 1:
                longest = max(sum(kept[n].least_delay for n in path) for path in group)
                rows += [(path, longest) for path in group]
        if len(rows) > max_paths:
            return None
    least = [edge.least_delay for edge in kept]
    delays = {edge.fifo: edge.least_delay for edge in steady}
    if not rows:
        return delays
    matrix = lil_array((len(rows), len(kept)))
    for row, (path, _) in enumerate(rows):
        for number in path:
            matrix[row, number] = -1.0
    solved = linprog(
        np.ones(len(kept)),
        A_ub=matrix.tocsr(),
        b_ub=np.array([-float(longest) for _, longest in rows]),
        bounds=[(one, None) for one in least],
        method="highs-ds",
    )
    if solved.x is None:
        return None
    return delays | {edge.fifo: round(value) for edge, value in zip(kept, solved.x, strict=True)}


def _paths_from(graph: nx.MultiDiGraph[Any], source: str, limit: int) -> dict[str, list[list[int]]] | None:
    """Target -> all paths (as numbers of edges) from `source`, for targets with several inputs; None beyond `limit`."""
    found: dict[str, list[list[int]]] = {}
    joins = [task for task in nx.descendants(graph, source) if graph.in_degree(task) > 1]
    steps = 0
    for target in joins:
        around = nx.ancestors(graph, target) & (nx.descendants(graph, source) | {source})
        part = graph.subgraph(around | {target})
        every = cast("Iterator[list[tuple[str, str, int]]]", nx.all_simple_edge_paths(part, source, target))
        paths: list[list[int]] = [[key for _, _, key in path] for path in islice(every, limit)]
        steps += sum(map(len, paths))
        if len(paths) >= limit or steps > _MAX_STEPS:
            return None
        found[target] = paths
    return found


def _without_back_edges(graph: nx.MultiDiGraph[Any]) -> nx.MultiDiGraph[Any]:
    """The graph without the edges that close a cycle, in the order of the edges."""
    acyclic: nx.MultiDiGraph[Any] = nx.MultiDiGraph()
    acyclic.add_nodes_from(graph)
    for source, target, key in graph.edges(keys=True):
        if not nx.has_path(acyclic, target, source):
            acyclic.add_edge(source, target, key=key)
    return acyclic

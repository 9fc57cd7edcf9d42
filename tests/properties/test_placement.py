# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Placement of tasks on dies, against every placement of small graphs."""

from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from streamtensor.algebra.placement import IMBALANCE, Edge, crossing_bits, place


@st.composite
def graphs(draw: st.DrawFn) -> tuple[list[int], list[Edge]]:
    tasks = draw(st.integers(2, 7))
    edges = draw(
        st.lists(
            st.tuples(st.integers(0, tasks - 2), st.integers(1, tasks - 1), st.integers(1, 64)).filter(
                lambda e: e[0] < e[1]
            ),
            max_size=10,
        )
    )
    return draw(st.lists(st.integers(1, 50), min_size=tasks, max_size=tasks)), edges


@settings(max_examples=60, deadline=None)
@given(graphs(), st.integers(1, 3))
def test_no_placement_crosses_fewer_wires(graph: tuple[list[int], list[Edge]], dies: int) -> None:
    weights, edges = graph
    pinned = {0: 0}
    limit = max(max(weights), sum(weights) * (1 + IMBALANCE) / dies)

    def fits(placement: tuple[int, ...]) -> bool:
        return all(sum(w for w, d in zip(weights, placement, strict=True) if d == die) <= limit for die in range(dies))

    legal = [p for p in product(range(dies), repeat=len(weights)) if p[0] == 0 and fits(p)]
    found = place(weights, edges, dies, pinned)
    assert found[0] == 0
    if legal:
        best = min(crossing_bits(p, edges) for p in legal)
        assert crossing_bits(found, edges) <= best * 1.02 + 1e-9
        assert fits(tuple(found)) or crossing_bits(found, edges) <= best


def test_the_same_graph_gives_the_same_placement() -> None:
    weights = [(7 * n) % 13 + 1 for n in range(40)]
    edges = [(n, n + 1, 32 + n % 5) for n in range(39)] + [(n, n + 7, 8) for n in range(0, 32, 3)]
    assert place(weights, edges, 3) == place(weights, edges, 3)

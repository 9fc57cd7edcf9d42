# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Kernel fusion groups of small random graphs, against every possible grouping."""

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamtensor.transforms.fusion.grouping import (
    Cost,
    Edge,
    Groups,
    KernelGraph,
    Piece,
    cost_of,
    greedy,
    on_chip_bits,
    search,
)


@st.composite
def graphs(draw: st.DrawFn) -> KernelGraph:
    kernels = draw(st.integers(1, 6))
    edges: list[Edge] = []
    for consumer in range(1, kernels):
        for producer in draw(st.sets(st.integers(0, consumer - 1), max_size=3)):
            price = draw(st.one_of(st.none(), st.integers(0, 8)))
            edges.append(Edge(producer, consumer, producer, draw(st.integers(0, 1)), price, 6, 4 + producer))
    return KernelGraph(tuple(draw(st.lists(st.integers(1, 6), min_size=kernels, max_size=kernels))), tuple(edges))


def partitions(count: int) -> Iterator[Groups]:
    if count == 0:
        yield []
        return
    for smaller in partitions(count - 1):
        for place in range(len(smaller)):
            yield [[*group, count - 1] if n == place else list(group) for n, group in enumerate(smaller)]
        yield [*(list(group) for group in smaller), [count - 1]]


def is_legal(graph: KernelGraph, groups: Groups, limit: int) -> bool:
    """Groups fit and depend on each other without a cycle."""
    group_of = {kernel: number for number, group in enumerate(groups) for kernel in group}
    for group in groups:
        bits = on_chip_bits(graph, group)
        if len(group) > 1 and (bits is None or (limit and bits > limit)):
            return False
    after = {(group_of[e.producer], group_of[e.consumer]) for e in graph.edges} - {(g, g) for g in range(len(groups))}
    left = set(range(len(groups)))
    while left:
        free = {g for g in left if not any(a in left and b == g for a, b in after)}
        if not free:
            return False
        left -= free
    return True


def optimum(graph: KernelGraph, limit: int) -> Cost:
    legal = (g for g in partitions(len(graph.local_bits)) if is_legal(graph, g, limit))
    return min(cost_of(graph, groups) for groups in legal)


def members(groups: Groups) -> list[int]:
    return sorted(kernel for group in groups for kernel in group)


@settings(max_examples=200, deadline=None)
@given(graphs(), st.integers(0, 24))
def test_both_give_legal_groups_and_the_search_is_never_worse(graph: KernelGraph, limit: int) -> None:
    simple, best = greedy(graph, limit), search(graph, limit)
    for groups in (simple, best):
        assert members(groups) == list(range(len(graph.local_bits)))
        assert is_legal(graph, groups, limit)
        place = {kernel: n for n, kernel in enumerate(k for group in groups for k in group)}
        group_of = {kernel: n for n, group in enumerate(groups) for kernel in group}
        assert all(group_of[e.producer] <= group_of[e.consumer] for e in graph.edges)
        assert all(place[e.producer] < place[e.consumer] for e in graph.edges)
    assert cost_of(graph, best) <= cost_of(graph, simple)
    assert cost_of(graph, best) >= optimum(graph, limit)


def test_the_search_finds_the_optimum_nearly_always() -> None:
    import random

    source = random.Random(7)
    found = total = 0
    for _ in range(150):
        kernels = source.randint(3, 6)
        edges = [
            Edge(p, c, p, source.randint(0, 1), source.choice([None, 0, 2, 5]), 6, 4)
            for c in range(1, kernels)
            for p in source.sample(range(c), source.randint(0, min(c, 2)))
        ]
        graph = KernelGraph(tuple(source.randint(1, 6) for _ in range(kernels)), tuple(edges))
        limit = source.randint(6, 20)
        total += 1
        found += cost_of(graph, search(graph, limit)) == optimum(graph, limit)
    assert found >= 0.97 * total


def test_a_case_in_which_the_greedy_is_worse() -> None:
    """A wide branch joins the group of the stem and leaves no room for the chain that needs it."""
    edges = [Edge(0, 1, 0, 0, 0, 2, 2), Edge(0, 2, 0, 0, 0, 50, 50), Edge(2, 3, 2, 0, 0, 50, 50)]
    graph = KernelGraph((4, 4, 4, 4), tuple(edges))
    assert cost_of(graph, greedy(graph, 12)).external_bits > cost_of(graph, search(graph, 12)).external_bits


@pytest.mark.parametrize("limit", [0, 100])
def test_a_source_goes_with_its_first_consumer(limit: int) -> None:
    graph = KernelGraph((1, 1, 1), (Edge(0, 2, 0, 0, 0, 1, 1), Edge(1, 2, 1, 0, 0, 1, 1)))
    assert greedy(graph, limit) == [[0, 1, 2]]


@given(graphs(), st.integers(0, 30))
def test_a_piece_that_grows_costs_what_its_group_costs(graph: KernelGraph, limit: int) -> None:
    piece = Piece(graph)
    for start in reversed(range(len(graph.local_bits))):
        piece.prepend(start)
        group = range(start, len(graph.local_bits))
        bits = on_chip_bits(graph, group)
        assert piece.fits(limit) == (bits is not None and (not limit or bits <= limit))
        if bits is not None:
            assert piece.cost() == cost_of(graph, [list(group)])

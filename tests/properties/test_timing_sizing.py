# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Sizing of random graphs, with the cycle-by-cycle simulator and all combinations of depths as oracles."""

from itertools import product

import pytest

from streamtensor.diagnostics import UserError
from streamtensor.timing.descent import Trials
from streamtensor.timing.exact import lower_bounds
from streamtensor.timing.graph import Graph
from streamtensor.timing.sizing import STRATEGIES, Sizer
from timing_cases import cycle_by_cycle, random_graph


def unbounded(graph: Graph) -> Graph:
    return graph.with_depths(dict.fromkeys(graph.depths()))


def live_graphs(count: int, most_fifos: int) -> list[Graph]:
    found: list[Graph] = []
    seed = 5000
    while len(found) < count:
        seed += 1
        graph = random_graph(seed)
        if len(graph.fifos) <= most_fifos and cycle_by_cycle(unbounded(graph)).complete:
            found.append(graph)
    return found


def test_every_sizing_is_live_fast_and_minimal() -> None:
    for graph in live_graphs(60, 5):
        limit = max(cycle_by_cycle(unbounded(graph)).ends.values())
        sizer = Sizer(graph)
        assert sizer.free.cycles == limit
        for strategy in STRATEGIES:
            if strategy == "published-lp":
                continue
            sizing = sizer.size(strategy)
            truth = cycle_by_cycle(graph.with_depths(sizing.depths))
            assert truth.complete
            assert max(truth.ends.values()) == limit == sizing.certificates.cycles
            assert not sizing.certificates.not_minimal
            for fifo, depth in sizing.depths.items():
                if depth > 1:
                    less = cycle_by_cycle(graph.with_depths({**sizing.depths, fifo: depth - 1}))
                    assert not less.complete or max(less.ends.values()) > limit


def test_exact_is_the_least_of_all_combinations() -> None:
    proved_below_descent = 0
    for graph in live_graphs(60, 3):
        sizer = Sizer(graph)
        enough = sizer.size().depths
        most = [sizer.free.fifos[f.name].high_water for f in graph.sized]
        least = min(
            sum(f.bits * d for f, d in zip(graph.sized, depths, strict=True))
            for depths in product(*(range(1, max(1, m) + 1) for m in most))
            if (r := sizer.simulator.run({f.name: d for f, d in zip(graph.sized, depths, strict=True)})).complete
            and r.cycles == sizer.free.cycles
        )
        exact = sizer.size("exact")
        assert exact.optimum is not None
        assert exact.optimum.proved
        assert exact.bits == least
        proved_below_descent += exact.bits < sum(f.bits * enough[f.name] for f in graph.sized)
        bounds = lower_bounds(Trials(sizer.simulator, sizer.free.cycles, 1), enough)
        assert all(bounds[name] <= exact.depths[name] for name in bounds)
        few = sizer.size("exact", max_simulations=1)
        assert few.optimum is not None
        assert few.optimum.bound_bits <= least <= few.optimum.bits


def test_never_more_bits_than_the_published_form() -> None:
    """By construction: the descent starts from the smaller answer; and as fast as a published answer that is slower."""
    suffices = slower = 0
    for graph in live_graphs(70, 6):
        sizer = Sizer(graph)
        limit = sizer.free.cycles
        for strategy in ("best", "conservative"):
            sizing = sizer.size(strategy)
            later = {one.name: one for one in sizing.slower}
            for one in sizing.candidates:
                if one.name.startswith("published") and one.depths is not None and one.deadlock is None:
                    if one.cycles <= limit:
                        assert sizing.bits <= one.bits
                        suffices += 1
                    elif one.bits < sizing.bits:
                        assert later[one.name].descended_bits <= one.bits
                        slower += 1
    assert suffices > 20
    assert slower > 0


def test_allowed_slowdown_and_the_sweep() -> None:
    for graph in live_graphs(30, 5):
        sizer = Sizer(graph)
        exact, loose = sizer.size(), sizer.size(slowdown=0.5)
        assert loose.certificates.cycles <= 1.5 * sizer.free.cycles
        points = sizer.pareto()
        assert points[0].cycles == sizer.free.cycles
        assert points[0].bits == exact.bits
        assert [p.bits for p in points] == sorted({p.bits for p in points}, reverse=True)
        for point in points:
            truth = cycle_by_cycle(graph.with_depths(point.depths))
            assert truth.complete
            assert max(truth.ends.values()) == point.cycles


def test_the_same_depths_every_time() -> None:
    for graph in live_graphs(5, 7):
        first, second = (Sizer(graph, min_depth=2).size() for _ in range(2))
        assert first.depths == second.depths
        assert min(first.depths.values()) >= 2


def test_dead_graphs_have_no_sizing() -> None:
    dead = [g for g in map(random_graph, range(200)) if not cycle_by_cycle(unbounded(g)).complete]
    assert len(dead) > 20
    for graph in dead:
        with pytest.raises(UserError, match="waits to read"):
            Sizer(graph)

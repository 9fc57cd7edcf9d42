# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Weights that are loaded ahead: budgets, what they cost in time, and what the others get behind them."""

from dataclasses import replace

import pytest

from streamtensor.algebra.steps import Repeat, Step
from streamtensor.timing.backward import backward
from streamtensor.timing.graph import Fifo, Graph, Task
from streamtensor.timing.graph_json import graph_from_json, graph_to_json
from streamtensor.timing.just_in_time import just_in_time
from streamtensor.timing.kernel_sizing import KernelSizer, cap_for, share_prefetch
from streamtensor.timing.prefetch import size_prefetch
from streamtensor.timing.simulator import Simulator, simulate
from streamtensor.timing.sizing import Sizer
from timing_cases import cycle_by_cycle, random_graph


def layer() -> Graph:
    """Two products in a row, each of which needs its weights at once when it has its input, and weights that come
    slowly: without any room for them each product waits.
    """
    tasks = (
        Task("input", (Repeat(4, (Step(8, writes=("x",)), Step(1, delta=100))),)),
        Task("weights_1", (Step(32, writes=("w1",), delta=10),)),
        Task("weights_2", (Step(32, writes=("w2",), delta=10),)),
        Task("product_1", (Repeat(4, (Step(8, reads=("x",)), Step(8, reads=("w1",), writes=("y",)))),)),
        Task("product_2", (Repeat(4, (Step(8, reads=("y",)), Step(8, reads=("w2",), writes=("z",)))),)),
        Task("store", (Step(32, reads=("z",)),)),
    )
    fifos = tuple(Fifo(name, 64, prefetch=name.startswith("w")) for name in ("x", "y", "z", "w1", "w2"))
    return Graph(tasks, fifos)


def test_a_budget_is_kept_and_its_price_is_told() -> None:
    graph = layer()
    simulator = Simulator(graph)
    free = simulator.run(dict.fromkeys(graph.depths()))
    late = just_in_time(graph, 1)
    assert late is not None
    needed = late.depths
    assert size_prefetch(simulator, needed, free.cycles, None, 1).loss == 0
    reverse = Simulator(backward(graph))
    losses: list[float] = []
    for budget in (128, 256, 512, 1024, 10**6):
        found = size_prefetch(simulator, needed, free.cycles, budget, 1)
        assert size_prefetch(reverse, needed, free.cycles, budget, 1) == found
        assert size_prefetch(reverse, needed, free.cycles, budget, 1, cycles_needed=late.cycles) == found
        assert set(found.depths) == {"w1", "w2"}
        assert found.bits == 64 * sum(found.depths.values()) <= budget
        assert found.bits <= found.needed_bits
        truth = cycle_by_cycle(graph.with_depths({**dict.fromkeys(graph.depths()), **found.depths}))
        assert max(truth.ends.values()) == found.cycles
        losses.append(found.loss)
    assert losses[0] > 0
    assert losses[-1] == 0
    assert losses == sorted(losses, reverse=True)


def test_nothing_gets_less_than_the_least_depth() -> None:
    graph = layer()
    free = simulate(graph)
    found = size_prefetch(Simulator(graph), dict.fromkeys(graph.tokens, 30), free.cycles, 0, 2)
    assert set(found.depths.values()) == {2}


def test_all_others_are_sized_behind_the_prefetch() -> None:
    sizer = Sizer(layer())
    whole, less = sizer.size(), sizer.size(prefetch_bits=256)
    assert whole.prefetch.loss == 0
    assert less.prefetch.loss > 0
    assert less.certificates.cycles == less.prefetch.cycles > less.certificates.cycles_unbounded
    assert less.slowdown == 0
    assert sum(64 * less.depths[name] for name in ("w1", "w2")) <= 256
    assert not less.certificates.not_minimal
    allowed = sizer.size(prefetch_bits=256, slowdown=0.2)
    assert allowed.certificates.cycles <= 1.2 * less.prefetch.cycles
    assert sizer.pareto(prefetch_bits=256)[0].cycles == less.prefetch.cycles


@pytest.mark.parametrize("budget", [0, 40, 200])
def test_random_graphs_with_a_budget(budget: int) -> None:
    kept = 0
    for seed in range(60):
        graph = random_graph(seed)
        fifos = tuple(replace(fifo, depth=None, prefetch=number % 2 == 0) for number, fifo in enumerate(graph.fifos))
        graph = Graph(graph.tasks, fifos)
        if not cycle_by_cycle(graph).complete:
            continue
        sizing = Sizer(graph).size(prefetch_bits=budget)
        truth = cycle_by_cycle(graph.with_depths(sizing.depths))
        assert truth.complete
        assert max(truth.ends.values()) == sizing.certificates.cycles <= sizing.prefetch.cycles
        assert not sizing.certificates.not_minimal
        behind = [fifo for fifo in graph.fifos if fifo.prefetch]
        least = sum(fifo.bits for fifo in behind)
        bits = sum(fifo.bits * sizing.depths[fifo.name] for fifo in behind)
        assert bits <= sizing.prefetch.bits
        # Where a graph deadlocks within the budget, what it needs is what it gets.
        assert sizing.prefetch.bits in (min(sizing.prefetch.bits, max(budget, least)), sizing.prefetch.needed_bits)
        kept += bits <= max(budget, least)
    assert kept > 0


def test_kernels_share_a_budget() -> None:
    graph = layer()
    # In program order a product takes its tokens one by one, as here.
    in_order = graph.with_depths(dict.fromkeys(graph.depths(), 32))
    given = graph.with_depths(dict.fromkeys(graph.depths(), 32))
    sizers = [KernelSizer(given, in_order) for _ in range(2)]
    free = sizers[0].size()
    assert free.cycles == free.cycles_unbounded == free.cycles_prefetch
    assert free.prefetch_bits == free.prefetch_needed_bits
    sizers = [KernelSizer(given, in_order) for _ in range(2)]
    share_prefetch(sizers, 512)
    found = [sizer.size(cap_for(sizers, 10**6, without_prefetch=True)) for sizer in sizers]
    assert found[0] == found[1]
    assert found[0].prefetch_bits <= 256 < found[0].prefetch_needed_bits
    assert found[0].cycles == found[0].cycles_prefetch
    assert found[0].cycles > free.cycles
    assert found[0].cycles_unbounded == free.cycles


def test_prefetch_is_in_the_file_of_a_graph() -> None:
    graph = layer()
    again = graph_from_json(graph_to_json(graph))
    assert again == graph
    assert [fifo.prefetch for fifo in again.fifos] == [False, False, False, True, True]

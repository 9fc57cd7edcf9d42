# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""FIFO depths of a kernel: in cycles, in program order, and under a budget."""

from __future__ import annotations

from dataclasses import replace

import pytest

from small_blocks import small_block
from streamtensor.dialects import context
from streamtensor.dialects.dataflow import KernelOp
from streamtensor.flow.passes import PassRunner
from streamtensor.importers.program import import_module
from streamtensor.pipelines import LEVEL_FILES, Choices, passes_to
from streamtensor.targets import load_device
from streamtensor.targets.operations import load_operations
from streamtensor.timing import start_times
from streamtensor.timing.backward import reads_everything
from streamtensor.timing.graph import Fifo, Graph, Task
from streamtensor.timing.kernel_sizing import FifoSizing, KernelSizer, cap_for
from streamtensor.timing.published import published_depths
from streamtensor.timing.rates import edges
from streamtensor.timing.safe_depths import safe_depths
from streamtensor.timing.schedule import Access, Item, Loop, Once, PingPong, Pipelined, ordered_program, processes
from streamtensor.timing.simulator import simulate
from streamtensor.transforms.resources.kernel_graphs import schedule_kernel
from timing_cases import random_graph


def kernel() -> tuple[Graph, Graph]:
    """Rows go to a converter, which repeats each of 8 rows 4 times, and past it to a join, together with weights of
    which the join reads 16 in bursts.
    """
    schedules: dict[str, tuple[Item, ...]] = {}
    schedules["rows"] = (Pipelined(128, 1, 1, (Access(0, writes=("to_converter", "past")),)),)
    schedules["converter"] = (
        PingPong(
            8,
            (Pipelined(16, 1, 1, (Access(0, reads=("to_converter",)),)),),
            (Pipelined(64, 1, 1, (Access(0, writes=("repeated",)),)),),
        ),
    )
    schedules["weights"] = (Pipelined(512, 1, 1, (Access(0, writes=("w",)),)),)
    schedules["join"] = (
        Loop(
            8,
            (
                Loop(4, (Pipelined(16, 1, 1, (Access(0, reads=("repeated", "w")),)), Once(48))),
                Pipelined(16, 1, 1, (Access(0, reads=("past",)),)),
            ),
        ),
    )
    in_order = Graph(
        tuple(Task(name, ordered_program(items)) for name, items in schedules.items()),
        tuple(Fifo(name) for name in ("to_converter", "past", "repeated", "w")),
    )
    safe = safe_depths({task.name: task.program for task in in_order.tasks})
    in_order = in_order.with_depths(safe)
    tasks: list[Task] = []
    inner: list[Fifo] = []
    for name, items in schedules.items():
        made, between = processes(name, items)
        tasks += made
        inner += between
    return Graph(tuple(tasks), (*in_order.fifos, *inner)), in_order


def test_every_strategy_completes_in_both_orders() -> None:
    graph, in_order = kernel()
    free = simulate(graph.with_depths({fifo.name: None for fifo in graph.sized})).cycles
    bits: dict[str, int] = {}
    for strategy in ("safe", "schedule", "certified"):
        found = KernelSizer(graph, in_order, strategy).size()
        assert simulate(in_order.with_depths(found.depths)).complete
        result = simulate(graph.with_depths(found.depths))
        assert result.complete
        assert result.cycles == found.cycles
        assert strategy == "safe" or found.cycles == free == found.cycles_unbounded
        bits[strategy] = found.bits
        assert found.bits_safe == sum(fifo.bits * (fifo.depth or 0) for fifo in graph.sized)
        if strategy == "certified":
            assert found.minimal
            for name, depth in found.depths.items():
                less = {**found.depths, name: depth - 1}
                if depth > 2 and simulate(in_order.with_depths(less)).complete:
                    slower = simulate(graph.with_depths(less))
                    assert not slower.complete or slower.cycles > free
    assert bits["certified"] <= bits["schedule"]


@pytest.mark.parametrize("strategy", ["normal", "conservative"])
def test_steady_depths_complete_and_may_lose_time(strategy: FifoSizing) -> None:
    graph, in_order = kernel()
    free = simulate(graph.with_depths({fifo.name: None for fifo in graph.sized})).cycles
    wanted = {e.fifo: e for e in edges(graph, "normal" if strategy == "normal" else "conservative")}
    starts = start_times.start_times(list(wanted.values()))
    rates = start_times.depths(list(wanted.values()), start_times.delays_of(list(wanted.values()), starts), 2)
    for cap in (None, 256):
        sizer = KernelSizer(graph, in_order, strategy)
        found = sizer.size(cap)
        assert found.strategy == strategy
        assert simulate(in_order.with_depths(found.depths)).complete
        assert simulate(graph.with_depths(found.depths)).cycles == found.cycles >= free == found.cycles_unbounded
        for name, depth in found.depths.items():
            assert depth >= sizer.safe[name]
            assert cap is not None or depth == max(rates[name], sizer.safe[name])
            assert cap is None or depth <= max(cap // 32, sizer.safe[name])


def test_prefetch_of_steady_depths_keeps_to_its_budget() -> None:
    graph, in_order = kernel()
    graph = replace(graph, fifos=tuple(replace(fifo, prefetch=fifo.name == "w") for fifo in graph.fifos))
    without = KernelSizer(graph, in_order, "normal").size()
    within = KernelSizer(graph, in_order, "normal", prefetch_bits=without.prefetch_bits // 2).size()
    assert without.prefetch_bits == without.prefetch_needed_bits == within.prefetch_needed_bits
    assert within.prefetch_bits <= without.prefetch_bits // 2
    assert within.cycles == simulate(graph.with_depths(within.depths)).cycles


def test_a_ring_in_program_order_gets_room() -> None:
    """In cycles the converter takes a row while it gives another; in C++ it does not, and `past` has to hold more."""
    graph, in_order = kernel()
    depths = KernelSizer(graph, in_order).size().depths
    shallow = {**depths, "past": 2, "to_converter": 2}
    assert not simulate(in_order.with_depths(shallow)).complete
    assert depths["past"] >= 16


@pytest.mark.parametrize("budget", [0, 3000, 6000, 10**9])
def test_a_budget_is_kept_or_the_safe_depths_are(budget: int) -> None:
    graph, in_order = kernel()
    wide = replace(graph, fifos=tuple(replace(f, bits=64) if f.name == "past" else f for f in graph.fifos))
    sizer = KernelSizer(wide, in_order)
    cap = cap_for([sizer], budget)
    found = sizer.size(cap)
    assert simulate(in_order.with_depths(found.depths)).complete
    if cap is None:
        assert found.cycles == found.cycles_unbounded
    else:
        assert sizer.bits_at(cap) <= max(budget, found.bits_safe)
        assert found.bits == sizer.bits_at(cap)


def test_slower_where_it_saves() -> None:
    graph, in_order = kernel()
    fast = KernelSizer(graph, in_order).size()
    for slowdown in (0.05, 0.5):
        found = KernelSizer(graph, in_order, slowdown=slowdown).size()
        assert found.cycles <= fast.cycles * (1 + slowdown)
        assert found.bits <= fast.bits


def test_certified_never_takes_more_than_the_published_form() -> None:
    """On random graphs, where it is one of the answers that are descended from; in program order all is one step here,
    so that only cycles decide.
    """
    compared = smaller = 0
    for seed in range(5000, 5400):
        graph = random_graph(seed)
        free = simulate(graph.with_depths(dict.fromkeys(graph.depths())))
        if not free.complete or not reads_everything(graph):
            continue
        found = KernelSizer(graph, graph, "certified", min_depth=1).size()
        assert found.cycles == free.cycles
        for published in published_depths(graph, 1):
            result = simulate(graph.with_depths(published))
            if result.complete and result.cycles <= found.cycles:
                bits = sum(fifo.bits * published[fifo.name] for fifo in graph.sized)
                assert found.bits <= bits
                compared += 1
                smaller += found.bits < bits
    assert compared > 20
    assert smaller > 0


@pytest.mark.parametrize("name", ["gpt2", "qwen2.5-0.5b"])
def test_certified_depths_of_a_small_block(name: str) -> None:
    """The published form deadlocks or is slower there, or takes more."""
    module, inputs = small_block(name, "decode")
    ir = import_module(module, inputs).module
    runner = PassRunner(context())
    for level in LEVEL_FILES:
        runner.run(ir, level, passes_to(level, Choices(on_chip_bits=load_device("u55c").on_chip_bits)))
    for kernel in [op for op in ir.walk() if isinstance(op, KernelOp)]:
        scheduled = schedule_kernel(kernel, load_operations("ultrascale_plus"))
        graph = scheduled.graph()
        found = KernelSizer(graph, scheduled.ordered_graph(), "certified").size()
        assert found.cycles == found.cycles_unbounded
        assert found.minimal
        for published in published_depths(graph, 2):
            result = simulate(graph.with_depths(published))
            bits = sum(fifo.bits * published[fifo.name] for fifo in graph.sized)
            assert not result.complete or result.cycles > found.cycles or found.bits <= bits

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Layers in one launch, and DMAs that take turns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from streamtensor.diagnostics import InternalError
from streamtensor.timing.graph import Fifo, Graph, pipelined
from streamtensor.timing.layer_loop import layer_loop, take_turns, turns_in_layers
from streamtensor.timing.schedule import Access, Once, Pipelined
from streamtensor.timing.simulator import Result, simulate


def block(tokens: int = 10) -> Graph:
    """hidden -> product -> store, with weights that take two cycles each."""
    parts = [
        pipelined("hidden", tokens=tokens, writes=("x",)),
        pipelined("weights", tokens=tokens, ii=2, writes=("w",)),
        pipelined("product", tokens=tokens, delay=5, reads=("x", "w"), writes=("y",)),
        pipelined("store", tokens=tokens, reads=("y",)),
    ]
    fifos = [Fifo(name, depth=4) for name in "xwy"]
    return Graph(
        tuple(task for tasks, _ in parts for task in tasks), (*fifos, *(f for _, inner in parts for f in inner))
    )


def test_one_layer_is_the_graph() -> None:
    assert layer_loop(block(), 1, ["hidden"], ["store"], 30) == block()


@pytest.mark.parametrize("layers", [2, 3, 24])
def test_a_layer_starts_when_the_one_before_has_gone_through_memory(layers: int) -> None:
    latency, one = 30, simulate(block()).cycles
    all = simulate(layer_loop(block(), layers, ["hidden"], ["store"], latency))
    assert all.deadlock is None
    # Weights run ahead by what FIFOs hold: a layer is faster than alone, and never starts before its input is there.
    assert layers * latency < all.cycles <= layers * one + (layers - 1) * (latency + 2)
    tokens = {name: use.tokens for name, use in all.fifos.items()}
    assert (tokens["x"], tokens["w"], tokens["y"]) == (10 * layers,) * 3


def test_without_room_for_weights_layers_add_up_but_for_what_waits_in_fifos() -> None:
    deep = simulate(layer_loop(block().with_depths({"w": None}), 8, ["hidden"], ["store"], 30)).cycles
    shallow = simulate(layer_loop(block().with_depths({"w": 1}), 8, ["hidden"], ["store"], 30)).cycles
    assert deep < shallow


def test_tasks_of_a_chain_take_turns() -> None:
    graph = take_turns(block(), [["hidden", "weights"]])
    result = simulate(graph.with_depths({"x": None}))
    ends = {name: times for name, times in result.tasks.items() if name.startswith(("hidden", "weights"))}
    first = max(times.end for name, times in ends.items() if name.startswith("hidden"))
    second = min(times.start or 0 for name, times in ends.items() if name.startswith("weights"))
    assert second >= first
    assert simulate(take_turns(block(), [["hidden", "weights"]])).deadlock is not None  # x has no room for all


def test_the_first_of_a_chain_waits_for_the_last_of_the_layer_before() -> None:
    graph = take_turns(block().with_depths(dict.fromkeys("xwy")), [["weights", "hidden"]])
    free = simulate(layer_loop(graph, 4, [], [], 1))
    bound = simulate(layer_loop(graph, 4, [], [], 1, [["weights", "hidden"]]))
    assert bound.deadlock is None
    assert bound.cycles > free.cycles


def dma(layers: int) -> tuple[Once, Pipelined]:
    """A DMA of 4 words a layer, one loop over all layers."""
    return Once(1), Pipelined(4 * layers, 1, 1, (Access(0, writes=("w",)),))


def loads(layers: int, names: Sequence[str], chains: Sequence[Sequence[str]]) -> Result:
    """DMAs with unbounded FIFOs, and a reader of each."""
    tasks = [(name, (Once(1), replace(dma(layers)[1], accesses=(Access(0, writes=(name,)),)))) for name in names]
    tasks += [(f"to_{name}", (Pipelined(4 * layers, 1, 1, (Access(0, reads=(name,)),)),)) for name in names]
    return simulate(turns_in_layers(tasks, [Fifo(name, depth=None) for name in names], layers, chains))


@pytest.mark.parametrize("layers", [1, 2, 5])
def test_in_each_layer_the_tasks_of_a_chain_take_turns(layers: int) -> None:
    free, chained = loads(layers, "abc", []), loads(layers, "abc", [["a", "b", "c"]])
    assert free.deadlock is None
    assert chained.deadlock is None
    assert free.tasks["a"].end == free.tasks["c"].end  # all at the same time
    ends = [chained.tasks[name].end for name in "abc"]
    words = 4 * layers
    # The port moves a word at a time; between two words of one task stand those of the others.
    assert ends[2] >= 3 * words
    assert ends[0] < ends[1] < ends[2]
    assert ends[2] - ends[1] >= 4
    assert ends[1] - ends[0] >= 4
    assert {name: use.tokens for name, use in chained.fifos.items() if name in "abc"} == dict.fromkeys("abc", words)


def test_a_task_that_is_no_loop_over_layers_can_not_take_turns() -> None:
    odd = [("a", (Pipelined(7, 1, 1, (Access(0, writes=("x",)),)),)), ("b", dma(3)), ("c", ())]
    with pytest.raises(InternalError, match="task a, which takes turns, is no loop over 3 layers"):
        turns_in_layers(odd, [], 3, [["a", "b"]])

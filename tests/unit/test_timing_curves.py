# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Tokens of a FIFO over time, with the cycle-by-cycle simulator as oracle, and their drawing."""

import pytest

from streamtensor.algebra.steps import Step
from streamtensor.algebra.token_model import TokenModel
from streamtensor.diagnostics import UserError
from streamtensor.report.curves import curves_page
from streamtensor.timing import curves
from streamtensor.timing.curves import token_curves
from streamtensor.timing.graph import Fifo, Graph, Task, pipelined
from timing_cases import cycle_by_cycle, random_graph


def test_the_curves_are_those_of_the_oracle() -> None:
    seen = 0
    for seed in range(60):
        graph = random_graph(seed)
        truth = cycle_by_cycle(graph)
        if not truth.complete:
            continue
        for one in token_curves(graph, graph.depths(), [fifo.name for fifo in graph.sized]):
            assert list(one.written.cycles) == truth.written[one.fifo]
            assert list(one.read.cycles) == truth.read[one.fifo]
            assert max(one.fill.tokens) == one.high_water == truth.high_water[one.fifo]
            seen += 1
    assert seen > 20


def test_many_tokens_are_sampled(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = Graph(
        (Task("a", (Step(100, writes=("x",)),)), Task("b", (Step(100, reads=("x",), delta=3),))), (Fifo("x", depth=5),)
    )
    (whole,) = token_curves(graph, {}, ["x"])
    monkeypatch.setattr(curves, "POINTS", 12)
    (some,) = token_curves(graph, {}, ["x"])
    assert len(some.written.tokens) == 12
    assert some.written.tokens[0] == 1
    assert some.written.tokens[-1] == 100
    at = dict(zip(whole.written.tokens, whole.written.cycles, strict=True))
    assert list(some.written.cycles) == [at[token] for token in some.written.tokens]
    assert max(some.fill.tokens) <= some.high_water == 5


def test_the_model_stands_over_the_simulation() -> None:
    """Where both ends run at their rates the curves are the same; the example of the token model in the docs."""
    source, pipe = pipelined("s", tokens=5, ii=1, delay=3, writes=("x",))
    target = Task("t", (Step(1, reads=("x",), delta=0), Step(4, reads=("x",), delta=2)))
    graph = Graph((*source, target), (Fifo("x"), *pipe))
    (one,) = token_curves(graph, {}, ["x"])
    assert one.model is not None
    assert one.written == one.model[0]
    assert one.read == one.model[1]
    model = TokenModel(tokens=5, source_ii=1, target_ii=2, initial_delay=3, delay=3)
    assert one.high_water <= model.depth


def test_the_page_needs_no_network() -> None:
    graph = Graph((Task("a", (Step(9, writes=("x",)),)), Task("b", (Step(9, reads=("x",), delta=3),))), (Fifo("x"),))
    page = curves_page(token_curves(graph, {"x": 4}, ["x"]), "a plot")
    assert "x: from a to b" in page
    assert "depth 4" in page
    assert 'src="http' not in page
    with pytest.raises(UserError, match="no FIFO 'y' to plot"):
        token_curves(graph, {}, ["y"])
    tasks = (Task("a", (Step(1, ("x",), ("y",)),)), Task("b", (Step(1, ("y",), ("x",)),)))
    ring = Graph(tasks, (Fifo("x"), Fifo("y")))
    with pytest.raises(UserError, match="no curves of what does not end"):
        token_curves(ring, {}, ["x"])

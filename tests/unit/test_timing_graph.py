# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Graphs: the cases that the documentation promises, JSON in and out, and every way to be wrong."""

import json
from pathlib import Path
from typing import Any

import pytest

from streamtensor.algebra.steps import Repeat, Step
from streamtensor.diagnostics import UserError
from streamtensor.timing.graph import Fifo, Graph, Style, Task, pipelined
from streamtensor.timing.graph_json import SCHEMA, graph_from_json, graph_to_json, read_graph
from streamtensor.timing.published import path_delays
from streamtensor.timing.rates import edges
from streamtensor.timing.simulator import Simulator, simulate
from streamtensor.timing.sizing import Sizer
from streamtensor.timing.spans import spans_of
from streamtensor.timing.start_times import start_times


def graph(tasks: list[Any], *fifos: str, **depths: int | None) -> Graph:
    made = [{"name": name, "depth": depths.get(name)} for name in fifos]
    return graph_from_json({"schema": SCHEMA, "fifos": made, "tasks": tasks})


def multi_source(depth: int | None = 2, **depths: int) -> Graph:
    """Task 2 needs 7 tokens before its first output; no pair of tasks has two paths."""
    tasks = [
        {"name": "0", "tokens": 100, "writes": ["0-3", "0-4"]},
        {"name": "1", "tokens": 100, "writes": ["1-2", "1-4"]},
        {
            "name": "2",
            "program": [
                {"count": 6, "reads": ["1-2"]},
                {"count": 94, "reads": ["1-2"], "writes": ["2-3"]},
                {"count": 6, "writes": ["2-3"]},
            ],
        },
        {"name": "3", "tokens": 100, "reads": ["0-3", "2-3"]},
        {"name": "4", "tokens": 100, "reads": ["0-4", "1-4"]},
    ]
    names = ("0-3", "0-4", "1-2", "1-4", "2-3")
    return graph(tasks, *names, **(dict.fromkeys(names, depth) | {k.replace("_", "-"): v for k, v in depths.items()}))


def test_the_worked_example() -> None:
    tasks = [
        {"name": "s", "tokens": 5, "ii": 1, "delay": 3, "writes": ["x"]},
        {"name": "t", "tokens": 5, "ii": 2, "reads": ["x"]},
    ]
    loaded = graph(tasks, "x")
    result = simulate(loaded)
    assert (result.tasks["s.out"].start, result.tasks["s.out"].end) == (3, 7)
    # The target reads at 4, 6, 8, 10, 12.
    assert (result.tasks["t.in"].start, result.tasks["t.in"].end) == (4, 12)
    assert result.cycles == 12
    (edge,) = edges(loaded)
    starts = start_times([edge])
    assert starts["t"] - starts["s"] == 3
    assert edge.model(3).max_tokens == 3


def test_several_sources_need_more_than_path_constraints() -> None:
    unbounded = simulate(multi_source(None))
    assert unbounded.complete
    dead = simulate(multi_source(2))
    assert dead.deadlock is not None
    assert {wait.fifo for wait in dead.deadlock.waits} == {"0-3", "2-3", "1-2", "1-4", "0-4"}
    assert "task 0.out waits to write token 2 of FIFO 0-3 (full, depth 2)" in str(dead.deadlock)
    for deep in ("0_3", "1_4"):
        assert simulate(multi_source(2, **{deep: 9})).cycles == unbounded.cycles
        assert simulate(multi_source(2, **{deep: 8})).cycles > unbounded.cycles
    delays = path_delays(edges(multi_source()))
    sizer = Sizer(multi_source(), min_depth=2)
    published = sizer.size("published-lp")
    assert delays is not None
    assert set(published.depths.values()) == {2}
    assert published.certificates.deadlock is not None
    best = sizer.size()
    assert sorted(best.depths.values()) == [2, 2, 2, 2, 9]
    assert best.certificates.cycles == best.certificates.cycles_unbounded == unbounded.cycles
    assert not best.certificates.not_minimal
    exact = sizer.size("exact")
    assert exact.optimum is not None
    assert exact.optimum.proved
    assert exact.bits == 32 * 17


@pytest.mark.parametrize("delay", [3, 20, 100])
def test_a_skip_connection(delay: int) -> None:
    """fork -> slow -> join beside fork -> join: the FIFO that skips holds what the slow task has inside."""
    tasks = [
        {"name": "fork", "tokens": 200, "writes": ["long", "skip"]},
        {"name": "slow", "tokens": 200, "delay": delay, "reads": ["long"], "writes": ["slow"]},
        {"name": "join", "tokens": 200, "reads": ["slow", "skip"]},
    ]
    loaded = graph(tasks, "long", "skip", "slow")
    sizer = Sizer(loaded, min_depth=2)
    sizing = sizer.size()
    assert sizing.depths["skip"] >= delay
    assert sizing.depths["long"] == sizing.depths["slow"] == 2
    least = next(one for one in sizing.candidates if one.name == "least")
    assert least.cycles > sizer.free.cycles
    buffers = {"name": "slow", "program": [{"count": 200, "reads": ["long"]}, {"count": 200, "writes": ["slow"]}]}
    dead = graph([tasks[0], buffers, tasks[2]], "long", "skip", "slow", long=2, skip=2, slow=2)
    assert simulate(dead).deadlock is not None
    assert Sizer(dead).size().depths["skip"] > 190


@pytest.mark.parametrize(("style", "complete"), [("flushable", True), ("stalling", False)])
def test_a_ring_with_one_token_tells_the_styles_apart(style: Style, complete: bool) -> None:
    tasks = [
        {"name": "a", "tokens": 10, "delay": 3, "reads": ["back"], "writes": ["on"], "style": style},
        {
            "name": "b",
            "program": [
                {"count": 1, "writes": ["back"]},
                {"count": 9, "reads": ["on"], "writes": ["back"]},
                {"count": 1, "reads": ["on"]},
            ],
        },
    ]
    result = simulate(graph(tasks, "on", "back", on=2, back=2))
    assert result.complete == complete


@pytest.mark.parametrize("style", ["flushable", "stalling"])
@pytest.mark.parametrize("ii", [1, 2, 3])
@pytest.mark.parametrize("delay", range(8))
@pytest.mark.parametrize("tokens", [0, 1, 2, 5])
def test_a_pipelined_task_keeps_its_times(style: Style, ii: int, delay: int, tokens: int) -> None:
    """Without waits: reads at 0, ii, 2 ii, ...; writes at delay, delay + ii, ..."""
    parts, inner = pipelined("p", tokens=tokens, ii=ii, delay=delay, reads=["x"], writes=["y"], style=style)
    feed = Task("feed", (Step(tokens, writes=("x",), delta=0),))
    drain = Task("drain", (Step(tokens, reads=("y",), delta=0),))
    graph = Graph((feed, *parts, drain), (*inner, Fifo("x", latency=0), Fifo("y", latency=0)))
    result = simulate(graph)
    assert result.complete
    if tokens:
        assert result.tasks["drain"].start == delay
        assert result.tasks["drain"].end == delay + (tokens - 1) * ii
        reads = spans_of(parts[0].program)[0]["x"]
        assert (reads.first, reads.last, reads.tokens) == (0, (tokens - 1) * ii, tokens)
        written = next(edge for edge in edges(graph) if edge.fifo == "y")
        assert (written.initial_delay + 1, written.tokens) == (delay, tokens)


def test_a_stall_counts_for_the_later_wait() -> None:
    """The first step of b waits for a token until 5; its second one for room, which comes with the read at 21."""
    tasks = (
        Task("a", (Step(2, writes=("x",), delta=4),)),
        Task("b", (Step(2, reads=("x",), writes=("y",)),)),
        Task("c", (Step(2, reads=("y",), delta=20),)),
    )
    result = simulate(Graph(tasks, (Fifo("x"), Fifo("y", depth=1))))
    assert [(t.start, t.end) for t in result.tasks.values()] == [(4, 8), (5, 21), (20, 40)]
    assert (result.tasks["b"].stalled_read, result.tasks["b"].stalled_write) == (4, 15)
    assert result.fifos["y"].blocked
    assert not result.fifos["x"].blocked


def test_a_deadlock_that_waits_for_an_ended_task() -> None:
    tasks = (Task("a", (Step(3, writes=("x",)),)), Task("b", (Step(4, reads=("x",)),)))
    result = simulate(Graph(tasks, (Fifo("x", depth=2),)))
    assert result.deadlock is not None
    assert result.deadlock.ended == "a"
    assert (
        str(result.deadlock) == "deadlock at cycle 4: task b waits to read token 3 of FIFO x (empty); task a has ended"
    )


def test_a_writer_beyond_a_dead_reader_comes_to_its_end() -> None:
    """An unbounded FIFO that nobody reads on must not fill memory: its writer ends where it would."""
    tasks = (
        Task("dead", (Step(1, reads=("own",)), Step(10, reads=("x",)), Step(1, writes=("own",)))),
        Task("writer", (Step(30_000_000, writes=("x",)),)),
    )
    result = simulate(Graph(tasks, (Fifo("x"), Fifo("own"))))
    assert result.deadlock is not None
    assert result.tasks["writer"].end == 30_000_000
    assert result.fifos["x"].high_water == 30_000_000


def test_many_tasks() -> None:
    count = 10_000
    tasks = [Task("t0", (Step(20, writes=("f0",)),))]
    tasks += [Task(f"t{n}", (Step(20, (f"f{n - 1}",), (f"f{n}",)),)) for n in range(1, count)]
    tasks.append(Task(f"t{count}", (Step(20, reads=(f"f{count - 1}",)),)))
    result = simulate(Graph(tuple(tasks), tuple(Fifo(f"f{n}", depth=2) for n in range(count))))
    assert result.cycles == count + 20


def test_a_simulator_is_used_again_with_other_depths() -> None:
    simulator = Simulator(multi_source(2))
    assert not simulator.run().complete
    assert simulator.run({"0-3": 9}).complete
    assert not simulator.run().complete
    late = simulator.run({"0-3": 9}, limit=50)
    assert late.late
    assert not late.complete


def test_an_empty_graph() -> None:
    assert simulate(Graph((), ())).cycles == 0
    assert Sizer(Graph((), ())).size().bits == 0
    assert simulate(Graph((Task("idle", (Step(7, delta=3),)),), ())).cycles == 21


def test_json_round_trip() -> None:
    nested = Task("n", (Repeat(3, (Step(2, ("a",), ("b",), delta=4), Repeat(2, (Step(1, delta=0),)))),))
    other = Task("o", (Step(6, ("b",), ("a",)),))
    made = Graph((nested, other), (Fifo("a", 8, 2, 3), Fifo("b")))
    assert graph_from_json(json.loads(json.dumps(graph_to_json(made)))) == made


FIFO = {"name": "x", "depth": 2}
WRITER, READER = {"name": "a", "tokens": 1, "writes": ["x"]}, {"name": "b", "tokens": 1, "reads": ["x"]}


@pytest.mark.parametrize(
    ("fifos", "tasks", "message"),
    [
        ([FIFO], [WRITER], "nobody reads FIFO 'x'"),
        ([FIFO], [READER], "nobody writes FIFO 'x'"),
        ([FIFO], [WRITER, READER, {**READER, "name": "c"}], "FIFO 'x' is read by two tasks, 'b.in' and 'c.in'"),
        ([FIFO], [WRITER, READER, {**WRITER, "name": "c"}], "FIFO 'x' is written by two tasks, 'a.out' and 'c.out'"),
        ([FIFO, FIFO], [WRITER, READER], "two FIFOs have the name 'x'"),
        ([FIFO], [WRITER, READER, READER], "two tasks have the name 'b.in'"),
        ([{**FIFO, "depth": 0}], [WRITER, READER], "FIFO 'x': depth is 0, must be at least 1"),
        ([{**FIFO, "depth": -3}], [WRITER, READER], "FIFO 'x': depth is -3"),
        ([{**FIFO, "bits": -1}], [WRITER, READER], "FIFO 'x': bits is -1"),
        ([{**FIFO, "latency": -1}], [WRITER, READER], "FIFO 'x': latency is -1"),
        ([{**FIFO, "width": 8}], [WRITER, READER], "no key 'width'"),
        ([{"depth": 2}], [WRITER, READER], r"fifos\[0\]: 'name' is missing"),
        ([{**FIFO, "depth": 2.5}], [WRITER, READER], "depth is the number 2.5, must be a whole number"),
        ([{**FIFO, "depth": True}], [WRITER, READER], "must be a whole number"),
        ([FIFO], [{**WRITER, "writes": ["y"]}, READER], "task 'a.out': no FIFO 'y', known: x"),
        ([FIFO], [{**WRITER, "ii": 0}, READER], "task 'a': ii is 0, must be at least 1"),
        ([FIFO], [{**WRITER, "delay": -1}, READER], "task 'a': delay is -1"),
        ([FIFO], [{**WRITER, "tokens": -1}, READER], "task 'a': tokens is -1"),
        ([FIFO], [{**WRITER, "style": "lazy"}, READER], 'style is "lazy", must be flushable or stalling'),
        ([FIFO], [{"name": "a", "writes": ["x"]}, READER], "'tokens' is missing"),
        ([FIFO], [{"name": "a", "program": [{"count": -1, "writes": ["x"]}]}, READER], "count of a step is -1"),
        ([FIFO], [{"name": "a", "program": [{"count": 1, "delta": -1}]}, READER], "delta of a step is -1"),
        ([FIFO], [{"name": "a", "program": [{"repeat": -1, "body": []}]}, READER], "repeat is -1"),
        ([FIFO], [{"name": "a", "program": [{"repeat": 2}]}, READER], "'body' is missing"),
        ([FIFO], [{"name": "a", "program": [{"count": 1, "writes": ["x", "x"]}]}, READER], "writes FIFO 'x' twice"),
        ([FIFO], [{"name": "a", "program": [{"cuont": 1}]}, READER], "no key 'cuont', did you mean 'count'"),
        (
            [FIFO],
            [{"name": "a", "program": [{"count": 2**53, "delta": 2, "writes": ["x"]}]}, READER],
            "takes .* cycles",
        ),
        ([FIFO], {}, '"tasks" is an object, must be a list'),
    ],
)
def test_what_can_not_be_is_named(fifos: Any, tasks: Any, message: str) -> None:
    with pytest.raises(UserError, match=message):
        graph_from_json({"schema": SCHEMA, "fifos": fifos, "tasks": tasks})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is not JSON"),
        ("[1]", "the graph is a list"),
        ('{"schema": "streamtensor.graph/2", "fifos": [], "tasks": []}', 'must be "streamtensor.graph/1"'),
        ('{"schema": "streamtensor.graph/1", "tasks": []}', "'fifos' is missing"),
        ("[" * 100_000, "is not JSON"),
        (
            '{"schema": "streamtensor.graph/1", "fifos": [], "tasks": [{"name": "a", "program": '
            + '[{"repeat": 1, "body": ' * 150
            + "[]"
            + "}]" * 150
            + "}]}",
            "nested more than",
        ),
    ],
)
def test_broken_files(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "graph.json"
    file.write_text(text)
    with pytest.raises(UserError, match=message):
        read_graph(file)


def test_files_that_can_not_be_read(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot read the graph"):
        read_graph(tmp_path / "none.json")
    (tmp_path / "binary.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match="cannot read the graph"):
        read_graph(tmp_path / "binary.json")

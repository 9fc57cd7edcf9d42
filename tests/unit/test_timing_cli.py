# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`streamtensor simulate` and `streamtensor size`: answers, exit codes, files."""

import json
from pathlib import Path
from typing import Any

import pytest

from streamtensor.cli.entry import run_for_code
from streamtensor.cli.main import command
from streamtensor.timing.graph_json import SCHEMA, read_graph
from streamtensor.timing.simulator import simulate

MULTI_SOURCE: dict[str, Any] = {
    "schema": SCHEMA,
    "fifos": [{"name": name, "bits": 32, "depth": 2} for name in ("0-3", "0-4", "1-2", "1-4", "2-3")],
    "tasks": [
        {"name": "0", "tokens": 100, "writes": ["0-3", "0-4"]},
        {"name": "1", "tokens": 100, "writes": ["1-2", "1-4"]},
        {"name": "2", "tokens": 100, "delay": 6, "style": "stalling", "reads": ["1-2"], "writes": ["2-3"]},
        {"name": "3", "tokens": 100, "reads": ["0-3", "2-3"]},
        {"name": "4", "tokens": 100, "reads": ["0-4", "1-4"]},
    ],
}


@pytest.fixture
def graph(tmp_path: Path) -> Path:
    file = tmp_path / "graph.json"
    file.write_text(json.dumps(MULTI_SOURCE))
    return file


def run(capsys: pytest.CaptureFixture[str], *arguments: str | Path, code: int = 0) -> str:
    capsys.readouterr()
    assert run_for_code(command, "streamtensor", [str(argument) for argument in arguments]) == code
    return capsys.readouterr().out


def test_simulate_gives_times_or_waits(capsys: pytest.CaptureFixture[str], graph: Path) -> None:
    dead = json.loads(run(capsys, "simulate", graph, "--json"))
    assert {wait["fifo"] for wait in dead["deadlock"]["waits"]} == {"0-3", "0-4", "1-2", "1-4", "2-3"}
    assert "deadlock at cycle" in run(capsys, "simulate", graph)
    value = {**MULTI_SOURCE, "fifos": [{**f, "depth": 9} for f in MULTI_SOURCE["fifos"]]}
    graph.write_text(json.dumps(value))
    answer = json.loads(run(capsys, "simulate", graph, "--json"))
    assert answer["deadlock"] is None
    assert answer["cycles"] == max(task["end"] for task in answer["tasks"].values())
    assert answer["tasks"]["3"]["end"] == answer["tasks"]["3.out"]["end"]
    assert answer["tasks"]["3"]["parts"] == ["3.in", "3.out"]
    assert answer["fifos"]["0-3"]["high_water"] == 9
    assert answer["fifos"]["0-3"]["tokens"] == 100
    table = run(capsys, "simulate", graph)
    assert f"{answer['cycles']:,} cycles (simulated)" in table
    assert answer["provenance"] == "simulated"
    assert "high water" in table


def test_the_trace_accounts_for_every_cycle(capsys: pytest.CaptureFixture[str], graph: Path, tmp_path: Path) -> None:
    value = {**MULTI_SOURCE, "fifos": [{**f, "depth": 9} for f in MULTI_SOURCE["fifos"]]}
    graph.write_text(json.dumps(value))
    trace = tmp_path / "trace.json"
    answer = json.loads(run(capsys, "simulate", graph, "--trace", trace, "--json"))
    events = json.loads(trace.read_text())["traceEvents"]
    names = {event["tid"]: event["args"]["name"] for event in events if event["name"] == "thread_name"}
    assert set(names.values()) == {"0.in", "0.out", "1.in", "1.out", "2", "3.in", "3.out", "4.in", "4.out"}
    for thread, name in names.items():
        slices = [event for event in events if event["ph"] == "X" and event["tid"] == thread]
        assert max(event["ts"] + event["dur"] for event in slices) == answer["tasks"][name]["end"] + 1
        waited = sum(event["dur"] for event in slices if event["name"] != "busy")
        # One bucket is one cycle here, so that nothing is rounded.
        expected = answer["tasks"][name]["stalled_read_cycles"] + answer["tasks"][name]["stalled_write_cycles"]
        assert waited == expected
    run(capsys, "simulate", graph, "--trace", graph / "trace.json", code=1)


def test_milliseconds_of_a_graph_need_a_clock(capsys: pytest.CaptureFixture[str], graph: Path) -> None:
    value = {**MULTI_SOURCE, "fifos": [{**f, "depth": 9} for f in MULTI_SOURCE["fifos"]]}
    graph.write_text(json.dumps(value))
    answer = json.loads(run(capsys, "simulate", graph, "--clock-mhz", "250", "--json"))
    assert answer["milliseconds"] == answer["cycles"] / 250_000
    assert f"{answer['cycles']} cycles, 0.000 ms at 250 MHz" in run(capsys, "simulate", graph, "--clock-mhz", "250")
    assert "milliseconds" not in json.loads(run(capsys, "simulate", graph, "--json"))
    run(capsys, "simulate", graph, "--clock-mhz", "0", code=2)


def test_size_gives_depths_with_evidence(capsys: pytest.CaptureFixture[str], graph: Path, tmp_path: Path) -> None:
    answer = json.loads(run(capsys, "size", graph, "--json"))
    assert answer["cycles"] == answer["cycles_unbounded"]
    assert all(answer["certificates"][what]["holds"] for what in ("no_deadlock", "latency", "locally_minimal"))
    assert answer["total_bits"] == sum(f["depth"] * f["bits"] for f in answer["fifos"].values())
    assert set(answer["fifos"]) == {"0-3", "0-4", "1-2", "1-4", "2-3"}
    first = {one["name"]: one for one in answer["strategies"]}
    assert first["published-lp-normal"]["deadlock"]
    assert first["everything"]["words"] == 500
    assert "no FIFO can have a word less" in run(capsys, "size", graph)

    sized = tmp_path / "sized.json"
    run(capsys, "size", graph, "--min-depth", "2", "-o", sized)
    result = simulate(read_graph(sized))
    assert result.cycles == answer["cycles_unbounded"]
    again = json.loads(run(capsys, "simulate", sized, "--json"))
    assert sum(fifo["depth"] for name, fifo in again["fifos"].items() if "pipe" not in name) == 17


@pytest.mark.parametrize("strategy", ["normal", "conservative", "exact"])
def test_the_strategies(capsys: pytest.CaptureFixture[str], graph: Path, strategy: str) -> None:
    answer = json.loads(run(capsys, "size", graph, "--strategy", strategy, "--json"))
    assert answer["strategy"] == strategy
    assert answer["certificates"]["locally_minimal"]["holds"]
    if strategy == "exact":
        assert answer["exact"]["proved"]
        assert "no depths with fewer bits do" in run(capsys, "size", graph, "--strategy", strategy)


def test_the_published_form_is_not_mended(capsys: pytest.CaptureFixture[str], graph: Path) -> None:
    answer = json.loads(run(capsys, "size", graph, "--strategy", "published-lp", "--json"))
    assert {fifo["depth"] for fifo in answer["fifos"].values()} == {2}
    assert not answer["certificates"]["no_deadlock"]["holds"]
    assert "deadlock at cycle" in run(capsys, "size", graph, "--strategy", "published-lp")


def test_latency_against_memory(capsys: pytest.CaptureFixture[str], graph: Path) -> None:
    points = json.loads(run(capsys, "size", graph, "--pareto", "--json"))["points"]
    assert len(points) > 2
    assert [p["cycles"] for p in points] == sorted(p["cycles"] for p in points)
    assert "slower" in run(capsys, "size", graph, "--pareto")
    slower = json.loads(run(capsys, "size", graph, "--allow-slowdown", "150", "--json"))
    assert slower["total_bits"] < points[0]["total_bits"]
    assert 0 < slower["certificates"]["latency"]["slowdown_percent"] <= 150


def test_prefetch_has_a_budget(capsys: pytest.CaptureFixture[str], graph: Path) -> None:
    fifos = [{**f, "prefetch": f["name"] == "0-3"} for f in MULTI_SOURCE["fifos"]]
    graph.write_text(json.dumps({**MULTI_SOURCE, "fifos": fifos}))
    free = json.loads(run(capsys, "size", graph, "--json"))
    assert free["prefetch"]["fifos"] == ["0-3"]
    assert free["prefetch"]["loss_percent"] == 0
    answer = json.loads(run(capsys, "size", graph, "--prefetch-bits", "64", "--json"))
    assert answer["fifos"]["0-3"]["depth"] <= 2
    assert answer["certificates"]["no_deadlock"]["holds"]
    assert answer["cycles"] == answer["prefetch"]["cycles"]
    assert "FIFO behind weight DMAs" in run(capsys, "size", graph, "--prefetch-bits", "64")


def test_plots(capsys: pytest.CaptureFixture[str], graph: Path, tmp_path: Path) -> None:
    page = tmp_path / "fifos.html"
    run(capsys, "size", graph, "--plot", "2-3", "--html", page)
    assert "0-3: from" not in page.read_text()
    assert "2-3: from" in page.read_text()
    run(capsys, "size", graph, "--plot", "2-3", code=2)
    run(capsys, "size", graph, "--plot", "nothing", "--html", page, code=1)
    run(capsys, "size", graph, "--pareto", "--html", page, code=2)


def test_what_is_wrong_is_said(capsys: pytest.CaptureFixture[str], graph: Path, tmp_path: Path) -> None:
    for name in ("simulate", "size"):
        error = json.loads(run(capsys, name, tmp_path / "none.json", "--json", code=1))
        assert error["error"]["code"] == "ST0101"
    run(capsys, "size", graph, "--strategy", "guess", code=2)
    run(capsys, "size", graph, "--pareto", "-o", tmp_path / "out.json", code=2)
    run(capsys, "size", graph, "-o", graph / "out.json", code=1)
    ring = {
        "schema": SCHEMA,
        "fifos": [{"name": "x"}, {"name": "y"}],
        "tasks": [
            {"name": "a", "tokens": 3, "reads": ["y"], "writes": ["x"]},
            {"name": "b", "tokens": 3, "reads": ["x"], "writes": ["y"]},
        ],
    }
    graph.write_text(json.dumps(ring))
    error = json.loads(run(capsys, "size", graph, "--json", code=1))
    assert error["error"]["code"] == "ST0704"
    assert "waits to read token 0 of FIFO" in error["error"]["message"]
    assert error["error"]["hint"] == "give the ring initial tokens"


@pytest.mark.parametrize(
    ("first", "second", "hint"),
    [
        ({"tokens": 3, "reads": [], "writes": ["x"]}, {"tokens": 4}, "a.out must write as many tokens of FIFO x as b"),
        ({"program": [{"count": 9, "writes": ["x"]}]}, {"tokens": 12}, "a must write as many tokens of FIFO x as b"),
    ],
)
def test_a_reader_that_waits_for_more_tokens_than_there_are(
    capsys: pytest.CaptureFixture[str], graph: Path, first: dict[str, Any], second: dict[str, Any], hint: str
) -> None:
    tasks = [{"name": "a", **first}, {"name": "b", "reads": ["x"], "writes": [], **second}]
    graph.write_text(json.dumps({"schema": SCHEMA, "fifos": [{"name": "x"}], "tasks": tasks}))
    error = json.loads(run(capsys, "size", graph, "--json", code=1))["error"]
    assert error["code"] == "ST0704"
    assert error["hint"].startswith(hint)
    assert error["hint"].endswith("reads")

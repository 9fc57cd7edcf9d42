# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`simulate DIR` and `size DIR`: the graphs that a compilation writes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from streamtensor import flow
from streamtensor.algebra.safe_depths import MIN_DEPTH
from streamtensor.cli.entry import run_for_code
from streamtensor.cli.main import command
from streamtensor.diagnostics import UserError
from streamtensor.flow.timing import simulate_folder
from streamtensor.timing.load import load_graph
from streamtensor.timing.simulator import simulate


class Sums(torch.nn.Module):
    """A norm twice: two equal functions, or one that is launched twice."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.softmax(x, dim=-1) + x


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("timing") / "sums"
    flow.compile_module(Sums().eval(), (torch.randn(16, 64),), out=out, tile=8)
    return out


def run(capsys: pytest.CaptureFixture[str], *arguments: str | Path, code: int = 0) -> str:
    capsys.readouterr()
    assert run_for_code(command, "streamtensor", [str(argument) for argument in arguments]) == code
    return capsys.readouterr().out


def answer(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> dict[str, Any]:
    return json.loads(run(capsys, *arguments, "--json"))


def test_a_folder_takes_as_long_as_its_kernels(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    found = answer(capsys, "simulate", folder)
    kernels = found["programs"]["main"]["kernels"]
    assert set(kernels) == {file.stem for file in (folder / "main" / "graphs").iterdir()}
    assert found["deadlock"] is None
    assert found["cycles"] == sum(one["cycles"] * one["launches"] for one in kernels.values())
    assert found["milliseconds"] == pytest.approx(found["cycles"] / 250e3)
    for name, one in kernels.items():
        graph = load_graph(folder / "main" / "graphs" / f"{name}.json")
        result = simulate(graph)
        assert result.cycles == one["cycles"] == max(times.end for times in result.tasks.values())
        for fifo in graph.sized:
            assert found["fifos"][f"{name}/{fifo.name}"]["high_water"] == result.fifos[fifo.name].high_water
        for task in graph.groups:
            assert found["tasks"][f"{name}/{task}"]["end"] <= one["cycles"]
        moved = sum(channel["bytes_read"] for channel in one["channels"])
        assert moved % (16 * 64 * 4) == 0
        assert moved >= 16 * 64 * 4
        assert sum(channel["bytes_written"] for channel in one["channels"]) == 16 * 64 * 4
        assert all(0 < channel["utilisation"] <= 1 for channel in one["channels"])
    table = run(capsys, "simulate", folder)
    assert f"{found['cycles']:,} cycles" in table
    assert "memory channel" in table
    assert answer(capsys, "simulate", folder, "--program", "main")["cycles"] == found["cycles"]


def test_no_depth_of_a_folder_is_below_what_hardware_has(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    """What `size` calls minimal, `simulate` does not call too deep."""
    table = [line.split() for line in run(capsys, "simulate", folder).splitlines()]
    least = [line for line in table if len(line) == 6 and line[2] == str(MIN_DEPTH)]
    assert least
    assert {line[4] for line in least} == {"yes"}


def test_the_trace_of_a_folder_has_a_process_for_each_kernel(
    capsys: pytest.CaptureFixture[str], folder: Path, tmp_path: Path
) -> None:
    found = answer(capsys, "simulate", folder, "--trace", tmp_path / "trace.json")
    kernels = found["programs"]["main"]["kernels"]
    trace = json.loads((tmp_path / "trace.json").read_text())
    names = {e["pid"]: e["args"]["name"] for e in trace["traceEvents"] if e["name"] == "process_name"}
    assert len(names) == len(kernels)
    offset = 0
    for process, (name, one) in enumerate(kernels.items()):
        assert names[process] == f"main: {name}, one of {one['launches']} launches, cycles shown as microseconds"
        slices = [e for e in trace["traceEvents"] if e["ph"] == "X" and e["pid"] == process]
        assert min(e["ts"] for e in slices) >= offset
        assert max(e["ts"] + e["dur"] for e in slices) == offset + one["cycles"] + 1
        offset += one["cycles"] + 1
    assert trace["otherData"]["cycles"] == offset - 1


def test_one_graph_of_a_folder_is_a_graph(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    file = next((folder / "main" / "graphs").iterdir())
    assert answer(capsys, "simulate", file)["cycles"] > 0
    found = answer(capsys, "size", file, "--min-depth", "2")
    assert set(found["fifos"]) == {fifo.name for fifo in load_graph(file).sized}


def test_the_depths_of_a_folder_cannot_be_less(
    capsys: pytest.CaptureFixture[str], folder: Path, tmp_path: Path
) -> None:
    found = answer(capsys, "size", folder)
    assert found["cycles"] == found["cycles_unbounded"]
    for one in found["kernels"].values():
        assert one["certificates"]["locally_minimal"]["holds"]
        assert {c["name"] for c in one["strategies"]} >= {"normal", "just-in-time", "published-lp-normal", "everything"}
    assert found["total_bits"] == sum(f["depth"] * f["bits"] for f in found["fifos"].values())
    # What the compiler chose for each kernel stands in its summary, and in the IR.
    summary = json.loads((folder / "main" / "summary.json").read_text())
    sizes = summary["levels"]["stream"]["fifo_sizing"].values()
    assert sum(one["bits"] for one in sizes) >= found["total_bits"]
    assert all(one["cycles"] == one["cycles_unbounded"] for one in sizes)
    file = tmp_path / "sized.json"
    if len(found["kernels"]) == 1:
        run(capsys, "size", folder, "-o", file)
        assert simulate(load_graph(file)).cycles == found["cycles"]
    assert "points" in next(iter(answer(capsys, "size", folder, "--pareto")["kernels"].values()))


def test_errors(capsys: pytest.CaptureFixture[str], folder: Path, tmp_path: Path) -> None:
    run(capsys, "simulate", folder, "--program", "mian", code=1)
    run(capsys, "simulate", tmp_path, code=1)
    run(capsys, "simulate", folder, "--position", "3", code=1)
    run(capsys, "size", tmp_path / "none", code=1)
    file = next((folder / "main" / "graphs").iterdir())
    run(capsys, "simulate", file, "--program", "main", code=2)
    run(capsys, "size", file, "--program", "main", code=2)


@pytest.mark.parametrize("name", ["program.json", "channels.json"])
@pytest.mark.parametrize("text", ["{", "[]", "{}"])
def test_a_damaged_file_is_named(folder: Path, tmp_path: Path, name: str, text: str) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(folder, broken)
    file = broken / "main" / name
    file.write_text(text)
    with pytest.raises(UserError) as caught:
        simulate_folder(broken)
    assert caught.value.code == "ST0503"
    assert str(file) in caught.value.message


def test_an_unknown_choice_is_an_error_of_the_folder(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(folder, other)
    record = json.loads((other / "compile.json").read_text())
    record["choices"][record["programs"][0]]["colour"] = 3
    (other / "compile.json").write_text(json.dumps(record))
    with pytest.raises(UserError, match="colour") as caught:
        flow.recompile(other, start="stream")
    assert caught.value.code == "ST0503"


def test_a_folder_without_a_language_model_says_so(folder: Path) -> None:
    with pytest.raises(UserError, match="holds no language model") as caught:
        flow.generate(folder, [1])
    assert caught.value.code == "ST0108"

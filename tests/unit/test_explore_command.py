# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`streamtensor explore`: studies from the command line, on a toy space and on a small model."""

import json
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import streamtensor
from command_line import Run
from streamtensor.dialects import context
from streamtensor.flow import explore
from streamtensor.ir.text import parse_module
from streamtensor.pipelines import LEVEL_FILES
from streamtensor.simulate import interpreter

TESTS = Path(__file__).resolve().parents[1]


@pytest.fixture
def run(run: Run) -> Run:
    """`streamtensor explore`."""
    return partial(run, "explore")


@pytest.fixture
def toy(run: Run, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The same, where every model has the toy space."""
    monkeypatch.setattr(explore, "SPACE_OF", "toy_space:open_cli")
    return run


def read(text: str) -> dict[str, Any]:
    return json.loads(text)


def test_a_study_is_made_shown_and_gone_on_with(toy: Run) -> None:
    code, out, err = toy("toy", "--trials", "20", "--seed", "3", "--out", "study")
    assert (code, err) == (0, "")
    assert "20 trials" in out
    assert "unroll=16" in out
    assert "latency, cycles (simulated)" in out
    assert "bits (model)" in out
    assert {"study.json", "trials.jsonl", "pareto.json", "report.html", "optuna.jsonl"} <= set(os.listdir("study"))
    assert toy("study", "--show")[1] in out
    assert read(toy("study", "--show", "--json")[1])["trials"] == 20
    code, out, _ = toy("study", "--resume", "--trials", "30", "--workers", "2", "--json")
    assert code == 0
    found = read(out)
    assert found["ending"] == "trials"
    assert found["trials"] == 30
    assert found["points"] == read(Path("study/pareto.json").read_text())["points"]
    assert toy("study", "--replay")[1] == "30 trials, none has changed\n"


def test_one_objective_gives_one_point(toy: Run) -> None:
    found = read(toy("toy", "--trials", "25", "--objective", "dsp", "--searcher", "exhaustive", "--json")[1])
    assert [point["objectives"]["dsp"] for point in found["points"]] == [1]
    assert found["objectives"] == {"dsp": "DSP blocks"}
    assert (found["provenance"]["latency"], found["provenance"]["dsp"]) == ("simulated", "model")
    assert found["study"] == "study-toy"


def test_a_fixed_parameter_stays(toy: Run) -> None:
    toy("toy", "--trials", "12", "--fix", "tile=8", "--fix", "lanes=2x2", "--out", "study")
    points = [json.loads(line)["point"] for line in Path("study/trials.jsonl").read_text().splitlines()]
    assert len(points) == 10  # five unrolls and two orders are left
    assert {(point["tile"], *point["lanes"]) for point in points} == {(8, 2, 2)}


def test_why_a_point_does_not_fit(toy: Run) -> None:
    toy("toy", "--trials", "60", "--searcher", "exhaustive", "--fix", "tile=64", "--out", "study")
    code, out, _ = toy("study", "--explain", "0")
    assert code == 0
    assert "on-chip bits: 4,136 bits needed, 4,000 available" in out
    assert "over by 136 bits, 3.4%" in out
    assert "term:  tiles 4,096" in out
    assert "lever: tile: a smaller one" in out
    assert read(toy("study", "--explain", "0", "--json")[1])["violations"][0]["needed"] == 4136
    failed = next(line for line in Path("study/trials.jsonl").read_text().splitlines() if '"failed"' in line)
    assert "failed: ST0306" in toy("study", "--explain", str(json.loads(failed)["number"]))[1]
    assert "no point fits" in toy("study", "--resume", "--trials", "60")[1]


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (["toy", "--objective", "latenc"], 1, "did you mean 'latency'"),
        (["toy", "--objective", "bits,bits"], 1, "each once"),
        (["toy", "--fix", "tile"], 1, "NAME=VALUE"),
        (["toy", "--fix", "tiles=4"], 1, "did you mean 'tile'"),
        (["toy", "--fix", "tile=5"], 1, "4, 8, 16, 32, 64"),
        (["toy", "--show"], 1, "is not a study"),
        (["toy", "--apply", "1"], 1, "is not a study"),
        (["study", "--trials", "20"], 2, "is a study"),
        (["study", "--show", "--trials", "5"], 2, "--trials can't be given here: --show evaluates no new points"),
        (["study", "--resume", "--seed", "4"], 2, "--seed can't be given here"),
        (["study", "--show", "--explain", "1"], 2, "different questions"),
        (["toy", "--out", "study", "--resume", "--force"], 2, "one of them"),
        (["study", "--apply", "1"], 2, "-o"),
        (["study", "--explain", "99"], 1, "no trial 99"),
        (["study", "--apply", "0", "-o", "design"], 1, "not about a model"),
        (["toy", "--out", "study"], 1, "already holds a study"),
        (["toy", "--out", "study", "--resume", "--objective", "dsp"], 1, "latency, bits"),
    ],
)
def test_mistakes(toy: Run, arguments: list[str], code: int, text: str) -> None:
    toy("toy", "--trials", "2", "--out", "study")
    found, _, err = toy(*arguments)
    assert (found, text in err) == (code, True), err


def test_an_interruption_keeps_and_prints_what_was_found(tmp_path: Path) -> None:
    code = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)  # where tests run in the background\n"
        "from streamtensor.flow import explore; explore.SPACE_OF = 'toy_space:open_slow'\n"
        "from streamtensor.cli.main import main; main()\n"
    )
    command = [sys.executable, "-c", code, "explore", "toy", "--trials", "1000", "--workers", "2", "--out", "study"]
    environment = {**os.environ, "PYTHONPATH": str(TESTS)}
    process = subprocess.Popen(
        command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    trials = tmp_path / "study" / "trials.jsonl"
    deadline = time.monotonic() + 60
    while not trials.exists() or len(trials.read_text().splitlines()) < 3:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "in the Pareto set" in out
    assert "nothing is lost" in err
    assert "Traceback" not in err
    assert read((tmp_path / "study" / "pareto.json").read_text())["trials"] >= 3
    assert (tmp_path / "study" / "report.html").exists()


def test_a_trial_that_takes_too_long_is_named(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explore, "SPACE_OF", "toy_space:open_hanging")
    code, out, err = run("toy", "--trials", "4", "--searcher", "exhaustive", "--trial-timeout", "0.5", "--out", "study")
    assert code == 0
    assert "4 trials, 3 fit" in out
    assert err == "trial 1 lost: ST0813: the evaluation took longer than 0.5 s and was stopped\n"
    assert "took longer than 0.5 s" in run("study", "--explain", "1")[1]
    assert run("study", "--replay")[1] == "3 trials, none has changed; 1 without a result\n"
    counts = {"study": "study", "trials": 4, "evaluated": 3}
    assert read(run("study", "--replay", "--json")[1]) == {**counts, "differences": []}
    assert "--trial-timeout can't be given here" in run("study", "--show", "--trial-timeout", "3")[2]


def test_a_search_without_a_trial_writes_no_page(toy: Run, tmp_path: Path) -> None:
    code, out, err = toy("toy", "--timeout", "0", "--out", "study")
    assert (code, out) == (0, "")
    assert "the time is over" in err
    assert not (tmp_path / "study" / "report.html").exists()
    assert toy("study", "--resume", "--trials", "2")[0] == 0
    assert (tmp_path / "study" / "report.html").exists()


class Product(torch.nn.Module):
    """A product, a bias and a non-linear function."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.linspace(-1, 1, 96).reshape(8, 12))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(x @ self.weight) + 1


@pytest.mark.needs("g++")
def test_a_point_of_a_small_model_is_found_and_compiled(run: Run) -> None:
    module, x = Product().eval(), torch.linspace(-2, 2, 64).reshape(8, 8)
    streamtensor.compile(module, (x,), device="u55c", out="model", tile=2)
    code, out, err = run("model", "--trials", "12", "--seed", "1", "--out", "study", "--json")
    assert (code, err) == (0, "")
    found = read(out)
    default = read(run("study", "--explain", "0", "--json")[1])
    best = found["points"][0]
    assert best["objectives"]["latency"] < default["objectives"]["latency"]
    again = read(run("model", "--trials", "12", "--seed", "1", "--out", "again", "--json")[1])
    assert again["points"] == found["points"]
    assert Path("again/pareto.json").read_bytes() == Path("study/pareto.json").read_bytes()

    code, out, err = run("study", "--apply", str(best["number"]), "-o", "design", "--json")
    assert code == 0, err
    record = read(Path("design/compile.json").read_text())
    assert record["points"]["main"] == best["point"]
    assert record["choices"]["main"] != read(Path("model/compile.json").read_text())["choices"]["main"]
    ir = parse_module(context(), (Path("design/main") / LEVEL_FILES["stream"]).read_text(), "stream")
    (numbers,) = interpreter.run(ir, {"weight": module.weight.detach().numpy(), "x": x.numpy()})
    assert np.allclose(numbers, module(x).detach().numpy(), atol=1e-5)

    # Another model in the same place is another space.
    streamtensor.compile(Product().eval(), (x[:4],), device="u55c", out="model", tile=2)
    code, _, err = run("study", "--resume", "--trials", "14")
    assert code == 1
    assert "ST0811" in err
    assert "program:" in err

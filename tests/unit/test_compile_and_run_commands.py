# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`streamtensor compile` and `run`, with a flow that only records."""

import importlib
import inspect
import json
import re
import types
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import streamtensor as streamtensor_package
from command_line import Run
from streamtensor.flow.token_counts import FifoDifference, TokenCheck


@dataclass
class Recorder:
    """Stands in for streamtensor.flow: checks that a call fits the real function, and notes it down."""

    real: types.ModuleType
    calls: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = field(default_factory=list)
    equal: bool = True
    counted: TokenCheck = field(default_factory=lambda: TokenCheck(3, ()))

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*arguments: Any, events: Any, **options: Any) -> Any:
            inspect.signature(getattr(self.real, name)).bind(*arguments, events=events, **options)
            events.stage("import", 0, 2)
            events.note("a note")
            self.calls.append((name, arguments, options))
            if name == "generate":
                options["on_text"]("a")
                options["on_text"]("bc")
                found = self.real.Check((1, 2), "abc", 2, 0.5, 0.0, self.equal, self.counted)
                check = found if options["check"] else None
                return self.real.GenerateResult((7,), (1, 2), "abc", "count", 0.5, 0.25, check=check)
            if name == "run_inputs":
                return self.real.RunResult((np.array([1.5]),), equal=self.equal, max_rel_diff=0.5)
            summary = {"kernels": 3, "bits": {"fused": 12345}}
            return self.real.CompileResult(Path("d"), summary, [Path("d/x.mlir")], {"import": 0.25})

        return call


@pytest.fixture
def flow(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    recorder = Recorder(importlib.import_module("streamtensor.flow"))
    monkeypatch.setattr(streamtensor_package, "flow", recorder)
    return recorder


def test_compile_passes_its_options_on(run: Run, flow: Recorder) -> None:
    options = "--device u280 --prompt-len 40 --context 80 --scheme w4a8 --calibration text --to fused"
    more = "--random-weights 7 --tile 8 --unroll 4 --launch one --force --verify-each --verify-numerics --timing"
    dma = ("--parameter-dma", "4096")
    code, out, err = run("compile", "gpt2", "-o", "dir", *options.split(), *more.split(), *dma)
    assert code == 0
    (name, arguments, given), *_ = flow.calls
    assert (name, arguments) == ("compile_model", ("gpt2", Path("dir")))
    assert given == {
        "device": "u280",
        "prompt_len": 40,
        "context": 80,
        "scheme": "w4a8",
        "calibration": Path("text"),
        "to": "fused",
        "random_weights": 7,
        "tile": 8,
        "unroll": 4,
        "fifo_sizing": "schedule",
        "fifo_slowdown_percent": 0.0,
        "prefetch_percent": 25.0,
        "launch": "one",
        "parameter_bytes": 4096,
        "extern_kernels": [],
        "force": True,
        "verify_each": True,
        "verify_numerics": True,
    }
    assert re.search(r"^bits.fused +12,345$", out, re.MULTILINE)
    assert "d/x.mlir" in out
    assert "a note" in err
    assert "0.250 s" in err


def test_compile_as_json_says_nothing_else(run: Run, flow: Recorder) -> None:
    code, out, err = run("compile", "gpt2", "-o", "dir", "--json")
    assert (code, err) == (0, "")
    assert json.loads(out) == {
        "summary": {"kernels": 3, "bits": {"fused": 12345}},
        "files": ["d/x.mlir"],
        "timings": {"import": 0.25},
    }


def test_compile_from_a_level(run: Run, flow: Recorder) -> None:
    assert run("compile", "dir", "--from", "fused", "--to", "stream", "--quiet")[0] == 0
    ((name, arguments, given),) = flow.calls
    assert (name, arguments) == ("recompile", (Path("dir"),))
    assert given == {"start": "fused", "to": "stream", "out": None}


def test_choices_of_the_first_compilation_do_not_go_with_from(run: Run, flow: Recorder) -> None:
    code, _, err = run("compile", "dir", "--from", "fused", "--tile", "16")
    assert code == 2
    assert "--tile does not go with --from" in err
    assert not flow.calls


def test_run_on_a_prompt(run: Run, flow: Recorder) -> None:
    code, out, _ = run("run", "dir", "--prompt", "ab", "-n", "3", "--depth", "2", "--fifos", "unbounded")
    assert (code, out) == (0, "abc\n")
    ((name, arguments, given),) = flow.calls
    assert (name, arguments) == ("generate", (Path("dir"), "ab", 3))
    given.pop("on_text")
    assert given == {
        "temperature": 0.0,
        "seed": 0,
        "check": False,
        "ignore_end": False,
        "fifos": "unbounded",
        "depth": 2,
    }


def test_run_says_how_it_went(run: Run, flow: Recorder) -> None:
    code, out, err = run("run", "dir", "--ids", "3, 4", "--temperature", "0.5", "--seed", "9", "--ignore-end")
    assert (code, out) == (0, "abc\n")
    assert "prompt 0.50 s, then 4.00 tokens/s" in err
    ((_, arguments, given),) = flow.calls
    assert arguments == (Path("dir"), [3, 4], 16)
    assert (given["temperature"], given["seed"], given["ignore_end"]) == (0.5, 9, True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--prompt", "a", "--ids", "1"), "give one of"),
        (("--ids", "1,x"), "--ids takes numbers"),
        (("--inputs", "x.npz", "--temperature", "1"), "--temperature does not go with --inputs"),
        (("--prompt", "a", "--program", "decode"), "--program does not go with --prompt or --ids"),
    ],
)
def test_run_options_that_do_not_fit(run: Run, flow: Recorder, arguments: tuple[str, ...], message: str) -> None:
    code, _, err = run("run", "dir", *arguments)
    assert code == 2
    assert message in err
    assert not flow.calls


def test_run_on_arrays(run: Run, flow: Recorder) -> None:
    code, out, _ = run("run", "dir", "--inputs", "x.npz", "--json")
    told = json.loads(out)
    assert (code, told["outputs"], told["equal"]) == (0, [[1.5]], True)
    assert flow.calls[0][:2] == ("run_inputs", (Path("dir"), Path("x.npz")))
    assert run("run", "dir", "--inputs", "x.npz")[1] == "output 0  1 float64\n  [1.5]\n"


def test_check_fails_when_results_differ(run: Run, flow: Recorder) -> None:
    flow.equal = False
    code, out, err = run("run", "dir", "--prompt", "ab", "--check")
    assert (code, out) == (1, "abc\n")
    assert "error[ST0605]: the results differ from PyTorch: the largest relative difference is 0.5" in err
    code, out, err = run("run", "dir", "--prompt", "ab", "--check", "--json")
    assert (code, json.loads(out)["equal"], err) == (1, False, "")
    assert run("run", "dir", "--prompt", "ab")[0] == 0


def test_check_fails_when_tokens_differ(run: Run, flow: Recorder) -> None:
    flow.counted = TokenCheck(3, (FifoDifference("k", "x", 7, 6, 8),))
    code, _, err = run("run", "dir", "--prompt", "ab", "--check")
    assert code == 1
    assert "error[ST0609]: 1 of 3 FIFOs carry other tokens than the step programs say" in err
    assert "FIFO x of k: 7 tokens written and 6 read in C simulation, 8 in the step programs" in err
    code, out, _ = run("run", "dir", "--prompt", "ab", "--check", "--json")
    assert (code, json.loads(out)["fifo_tokens_equal"], json.loads(out)["fifos_compared"]) == (1, False, 3)
    assert run("run", "dir", "--prompt", "ab")[0] == 0

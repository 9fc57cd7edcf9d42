# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The command line around the library: exit codes, JSON, pipelines as text, progress, streamtensor-opt."""

import importlib
import inspect
import io
import json
import re
import subprocess
import sys
import types
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import click
import numpy as np
import pytest

import streamtensor as streamtensor_package
from streamtensor import pipelines
from streamtensor.cli import entry
from streamtensor.cli.main import command as streamtensor
from streamtensor.cli.opt import command as opt
from streamtensor.cli.pipeline_text import PassText, build_pass, describe_options, parse_pipeline
from streamtensor.cli.progress import TerminalEvents
from streamtensor.cli.split_input import Expected, compare_errors, expected_errors, split_input
from streamtensor.cli.tables import flatten
from streamtensor.diagnostics import InternalError, Location, UserError, UserErrors
from streamtensor.flow.token_counts import FifoDifference, TokenCheck
from streamtensor.ir.builtin import ModuleOp, UnitAttr
from streamtensor.ir.core import Context, ModulePass
from streamtensor.timing import native_library

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a program in an empty folder; gives exit code, standard output and standard error."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str, program: click.Command = streamtensor) -> tuple[int, str, str]:
        code = entry.run_for_code(program, "program", list(arguments))
        out, err = capsys.readouterr()
        return code, out, err

    return call


# ---- exit codes and errors ---------------------------------------------------------------------------------------


def test_help_names_every_command(run: Run) -> None:
    code, out, err = run("--help")
    assert code == 0
    assert not err
    for name in ("compile", "run", "doctor", "explain"):
        assert re.search(rf"^  {name} +\S", out, re.MULTILINE)


@pytest.mark.parametrize("name", ["compile", "run", "doctor", "explain"])
def test_every_command_has_help_and_json(run: Run, name: str) -> None:
    code, out, _ = run(name, "--help")
    assert code == 0
    assert "--json" in out


def test_help_imports_no_heavy_library() -> None:
    code = (
        "import sys\n"
        "from streamtensor.cli.entry import run_for_code\n"
        "from streamtensor.cli.main import command\n"
        "run_for_code(command, 'streamtensor', ['--help'])\n"
        "print('loaded:', *sorted({name.split('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split("loaded:")[1].split())
    assert not loaded & {"torch", "transformers", "xdsl", "numpy", "scipy", "rich"}


def test_the_package_is_the_program() -> None:
    command = [sys.executable, "-m", "streamtensor", "explain", "ST0504", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["code"] == "ST0504"


def test_unknown_command_is_wrong_usage(run: Run) -> None:
    code, out, err = run("comple")
    assert code == 2
    assert not out
    assert "did you mean 'compile'?" in err


def test_usage_errors_are_json_too(run: Run) -> None:
    code, out, err = run("compile", "gpt2", "--json")
    assert code == 2
    assert not err
    told = json.loads(out)["error"]
    assert told["code"] == "ST0504"
    assert "-o" in told["message"]


def test_run_wants_one_kind_of_input(run: Run) -> None:
    assert run("run", "folder")[0] == 2
    assert run("run", "folder", "--prompt", "a", "--inputs", "b.npz")[0] == 2


def failing(error: BaseException) -> click.Command:
    @click.command()
    @click.option("--json", "as_json", is_flag=True)
    @click.argument("file", required=False)
    def command(as_json: bool, file: str | None) -> None:
        del as_json, file
        raise error

    return command


def test_user_error_is_one_and_has_no_traceback(run: Run) -> None:
    code, out, err = run(program=failing(UserError("ST0101", "there is no folder 'x'")))
    assert (code, out) == (1, "")
    assert err == "error[ST0101]: there is no folder 'x'\n"


def test_user_errors_as_json_go_to_standard_output(run: Run) -> None:
    error = UserErrors([UserError("ST0402", "a"), UserError("ST0402", "b")])
    code, out, err = run("--json", program=failing(error))
    assert (code, err) == (1, "")
    assert [one["message"] for one in json.loads(out)["errors"]] == ["a", "b"]


def test_interrupt_is_130_and_clean(run: Run) -> None:
    code, out, err = run(program=failing(KeyboardInterrupt()))
    assert (code, out) == (130, "")
    assert err.strip() == "program: interrupted"


def test_our_bug_is_70_and_writes_a_bundle(run: Run, tmp_path: Path) -> None:
    (tmp_path / "20-dataflow.mlir").write_text("module {}")
    code, out, err = run("20-dataflow.mlir", program=failing(InternalError("impossible")))
    assert (code, out) == (70, "")
    assert "Traceback" not in err
    (bundle,) = tmp_path.glob("streamtensor-bug-*")
    assert str(bundle) in err
    report = json.loads((bundle / "report.json").read_text())
    assert report["ir_files"] == ["20-dataflow.mlir"]
    assert report["command"] == "program 20-dataflow.mlir"


def test_our_bug_as_json(run: Run) -> None:
    code, out, err = run("--json", program=failing(RuntimeError("boom")))
    assert (code, err) == (70, "")
    told = json.loads(out)["error"]
    assert told["code"] == "internal"
    assert told["message"] == "RuntimeError: boom"
    assert Path(told["bundle"]).is_dir()


# ---- explain and doctor ------------------------------------------------------------------------------------------


def test_explain(run: Run) -> None:
    code, out, _ = run("explain", "st0604")
    assert code == 0
    assert out.startswith("ST0604: deadlock\n")
    assert json.loads(run("explain", "ST0604", "--json")[1])["title"] == "deadlock"


def test_explain_lists_all(run: Run) -> None:
    code, out, _ = run("explain")
    assert code == 0
    assert "ST0101  " in out
    assert json.loads(run("explain", "--json")[1])["codes"]["ST0604"] == "deadlock"


def test_explain_of_nothing(run: Run) -> None:
    code, _, err = run("explain", "ST9999")
    assert code == 1
    assert "error[ST0505]" in err


def test_doctor_here(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    built = tmp_path / "timing.so"
    monkeypatch.setattr(native_library, "installed", lambda: built)
    monkeypatch.setenv("CXX", sys.executable)  # answers --version as every compiler does
    code, out, _ = run("doctor", "--json")
    told = json.loads(out)
    checks = {check["name"]: check for check in told["checks"]}
    assert told["ok"] == (code == 0)
    assert checks["python"]["ok"]
    assert checks["c++ compiler"]["ok"]
    assert checks["cycle simulator"]["found"].startswith("not compiled yet")
    assert checks["torch"]["found"].startswith("2.")
    assert not checks["v++"]["needed"]
    assert "u55c" in told["devices"]
    built.touch()
    assert f"compiled at installation: {built}" in run("doctor")[1]


def test_doctor_misses_a_compiler(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    monkeypatch.setattr(native_library, "installed", lambda: tmp_path / "timing.so")
    code, out, _ = run("doctor")
    assert code == 1
    assert re.search(r"^MISSING +c\+\+ compiler +no-such-compiler: not on the PATH$", out, re.MULTILINE)
    assert re.search(r"^absent +cycle simulator +not compiled", out, re.MULTILINE)
    assert "apt-get install g++" in out


# ---- compile and run, with a flow that only records --------------------------------------------------------------


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


# ---- progress ----------------------------------------------------------------------------------------------------


def test_no_bar_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with TerminalEvents(patience_seconds=0.0) as events:
        events.stage("import", 0, 3)
        events.note("padded to 32")
    assert capsys.readouterr() == ("", "padded to 32\n")


def test_quiet_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with TerminalEvents(quiet=True) as events:
        events.note("padded to 32")
    assert capsys.readouterr() == ("", "")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_bar_on_a_terminal_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with TerminalEvents(patience_seconds=0.0) as events:
        timer = events._timer  # pyright: ignore[reportPrivateUsage]
        assert timer is not None
        timer.join()
        events.stage("fusion", 1, 3)
        events.note("a note")
        (progress, _) = events._bar or pytest.fail("no bar")  # pyright: ignore[reportPrivateUsage]
        progress.refresh()
        events.transfer("weights", 0, 500_000_000)
        events.transfer("weights", 120_000_000, 500_000_000)
        progress.refresh()
    assert "fusion" in terminal.getvalue()
    assert "1/3" in terminal.getvalue()
    assert "weights, MB, " in terminal.getvalue()
    assert "MB/s" in terminal.getvalue()
    assert "120/500" in terminal.getvalue()
    assert "a note" in terminal.getvalue()


def test_no_bar_for_quick_work(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with TerminalEvents(patience_seconds=60.0) as events:
        events.stage("fusion", 1, 3)
    assert terminal.getvalue() == ""


# ---- tables ------------------------------------------------------------------------------------------------------


def test_flatten() -> None:
    values = {"a": 1234567, "b": {"c": 0.00012345, "d": {"e": True}}, "f": [1, 2], "g": None, "h": "x"}
    assert flatten(values) == [
        ("a", "1,234,567"),
        ("b.c", "0.0001234"),
        ("b.d.e", "yes"),
        ("f", "2 entries"),
        ("h", "x"),
    ]


# ---- pipelines as text -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class SamplePass:
    """before  -->  after"""

    tile: int = 16
    order: tuple[int, ...] = ()
    only_if: bool = False
    ratio: float = 0.5
    mode: Literal["fast", "small"] = "fast"
    label: str | None = None


@dataclass(frozen=True)
class NeedsPass:
    """Has an option without a default."""

    depth: int


KNOWN: dict[str, type[Any]] = {"sample": SamplePass, "needs": NeedsPass}


def built(text: str) -> Any:
    (one,) = parse_pipeline(text)
    return build_pass(one, KNOWN)


def test_parse_pipeline() -> None:
    assert parse_pipeline("") == []
    assert parse_pipeline(' a , b-c { x=1  y = [2, -3] z=4,5 flag w="q, \\"}" v=[] },d{}') == [
        PassText("a", {}),
        PassText("b-c", {"x": 1, "y": (2, -3), "z": (4, 5), "flag": True, "w": 'q, "}', "v": ()}),
        PassText("d", {}),
    ]
    assert parse_pipeline("a{x=true y=false z=1.5 w=1e3 v=word}")[0].options == {
        "x": True,
        "y": False,
        "z": 1.5,
        "w": 1000.0,
        "v": "word",
    }


@pytest.mark.parametrize(
    ("text", "column", "what"),
    [
        ("a,", 3, "expected the name of a pass, found the end"),
        (",a", 1, "expected the name of a pass, found ','"),
        ("a b", 3, "expected ',', found 'b'"),
        ("a{x=1", 6, "expected the name of an option, or '}', found the end"),
        ("a{x=}", 5, "expected a value, found '}'"),
        ("a{x=1 x=2}", 7, "option 'x' is given twice"),
        ("a{x=[1 2]}", 8, "expected ',', found '2'"),
        ('a{x="1}', 5, "a quoted string that does not end"),
        ("a}", 2, "expected ',', found '}'"),
    ],
)
def test_broken_pipeline_text(text: str, column: int, what: str) -> None:
    with pytest.raises(UserError) as caught:
        parse_pipeline(text)
    assert caught.value.code == "ST0301"
    assert f"at column {column}: {what}" in caught.value.message
    assert caught.value.notes[0].splitlines()[1].find("^") == column - 1


def test_options_reach_the_pass() -> None:
    assert built("sample") == SamplePass()
    assert built("sample{tile=32 order=[2,0,1] only-if ratio=2 mode=small label=x}") == SamplePass(
        32, (2, 0, 1), True, 2, "small", "x"
    )
    assert built("sample{order=3 label=none only-if=false}") == SamplePass(order=(3,), label=None)
    assert built('sample{label="none"}') == SamplePass(label=None)
    assert built("sample{label=7}") == SamplePass(label="7")
    assert built("needs{depth=2}") == NeedsPass(2)


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("sampel", "ST0301", "did you mean 'sample'?"),
        ("sample{tiles=1}", "ST0302", "did you mean 'tile'?"),
        ("sample{tile=x}", "ST0302", "option 'tile' of pass 'sample' must be int, not x"),
        ("sample{tile=true}", "ST0302", "must be int, not true"),
        ("sample{tile=1,2}", "ST0302", "must be int, not [1,2]"),
        ("sample{tile=1.5}", "ST0302", "must be int, not 1.5"),
        ("sample{order=[1,x]}", "ST0302", "must be [int,...], not [1,x]"),
        ("sample{only-if=1}", "ST0302", "must be bool, not 1"),
        ("sample{mode=slow}", "ST0302", "must be fast|small, not slow"),
        ("needs", "ST0302", "needs the option depth"),
    ],
)
def test_wrong_options(text: str, code: str, said: str) -> None:
    with pytest.raises(UserError) as caught:
        built(text)
    assert caught.value.code == code
    assert said in str(caught.value)


def test_describe_options() -> None:
    assert describe_options(NeedsPass) == "{depth=int}"
    assert describe_options(SamplePass).startswith("{tile=int (16) order=[int,...] ([]) only-if=bool (false) ")


# ---- test files with several modules and expected errors ----------------------------------------------------------


def test_split_input_keeps_line_numbers() -> None:
    text: str = "a\nb\n// -----\nc\n// -----\n\nd\n"
    parts = split_input(text)
    assert [part.strip() for part in parts] == ["a\nb", "c", "d"]
    for letter, part in zip("acd", parts, strict=True):
        place = f"{letter}\n"
        assert part.count("\n", 0, part.index(place)) == text.count("\n", 0, text.index(place))


def test_expected_errors() -> None:
    text = "x // expected-error {{one}}\n// expected-error@+1 {{two}}\n\n// expected-error@above {{3}}\n"
    text += "// expected-error @unknown {{any}} // expected-error@below {{b}}\n"
    assert expected_errors(text) == [
        Expected(1, "one"),
        Expected(3, "two"),
        Expected(3, "3"),
        Expected(None, "any"),
        Expected(6, "b"),
    ]


def test_compare_errors() -> None:
    error = UserError("ST0202", "too wide", location=Location("f", 4))
    assert compare_errors([Expected(4, "ST0202: too")], [error], "f") == []
    assert compare_errors([Expected(None, "wide")], [error], "f") == []
    assert compare_errors([], [error], "f") == ["f:4: unexpected error: ST0202: too wide"]
    assert compare_errors([Expected(4, "narrow")], [], "f") == ["f:4: this error was expected but did not come: narrow"]
    assert len(compare_errors([Expected(5, "wide")], [error], "f")) == 2
    assert len(compare_errors([Expected(4, "wide")], [error], "other")) == 2


# ---- streamtensor-opt --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class MarkPass(ModulePass):
    """module  -->  module {test.NAME}"""

    name = "mark"
    label: str = "seen"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        op.attributes[f"test.{self.label}"] = UnitAttr()


@dataclass(frozen=True)
class RefusePass(ModulePass):
    """Refuses everything."""

    name = "refuse"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        raise UserError("ST0306", "refuse cannot handle this")


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipelines, "all_passes", lambda: {"mark": MarkPass, "refuse": RefusePass})


GOOD = "builtin.module {\n  func.func @f() {\n    func.return\n  }\n}\n"


def test_opt_prints_what_it_read(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.mlir").write_text(GOOD)
    code, out, err = run("a.mlir", program=opt)
    assert (code, err) == (0, "")
    assert out.strip() == GOOD.strip()


@pytest.mark.usefixtures("passes")
def test_opt_runs_passes_in_order(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.mlir").write_text(GOOD)
    options = ("--verify-each", "--timing", "--print-ir-after-all", "-o", "b.mlir")
    code, out, err = run("a.mlir", "-p", "mark,mark{label=x}", *options, program=opt)
    assert (code, out) == (0, "")
    assert "test.seen" in (tmp_path / "b.mlir").read_text()
    assert "test.x" in (tmp_path / "b.mlir").read_text()
    assert re.search(r"^mark  +\d+\.\d+ s$", err, re.MULTILINE)
    dumps = err.split("// ----- IR after mark -----")
    assert len(dumps) == 3
    assert "test.x" not in dumps[1]
    assert "test.x" in dumps[2]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.mlir", "b.mlir"]


@pytest.mark.usefixtures("passes")
def test_opt_lists_passes(run: Run) -> None:
    code, out, _ = run("--list-passes", program=opt)
    assert code == 0
    assert "mark{label=str (seen)}\n    module  -->  module {test.NAME}\n" in out
    assert json.loads(run("--list-passes", "--json", program=opt)[1])["passes"][1]["name"] == "refuse"


def test_opt_reads_standard_input(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(GOOD))
    code, out, _ = run("-", "--json", program=opt)
    assert code == 0
    assert json.loads(out)["modules"][0].strip() == GOOD.strip()


def test_opt_names_the_line_that_does_not_parse(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.mlir").write_text(GOOD.replace("func.return", "func.retrun"))
    code, out, err = run("a.mlir", program=opt)
    assert (code, out) == (1, "")
    assert "error[ST0201]" in err
    assert "a.mlir:3" in err


def test_opt_unknown_pass_and_file(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.mlir").write_text(GOOD)
    assert "error[ST0301]" in run("a.mlir", "-p", "no-such-pass", program=opt)[2]
    code, _, err = run("missing.mlir", program=opt)
    assert code == 1
    assert "error[ST0101]" in err


@pytest.mark.usefixtures("passes")
def test_opt_split_input_and_expected_errors(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "a.mlir"
    path.write_text(GOOD + "// -----\n" + GOOD)
    code, out, _ = run("a.mlir", "--split-input-file", "-p", "mark", program=opt)
    assert code == 0
    assert out.count("test.seen") == 2
    assert "// -----\n" in out
    path.write_text(f"// expected-error@unknown {{{{cannot handle}}}}\n{GOOD}// -----\n{GOOD}")
    both = ("--split-input-file", "--verify-diagnostics", "-p", "refuse")
    code, out, err = run("a.mlir", *both, program=opt)
    assert (code, out) == (1, "")
    assert err == "a.mlir: unexpected error: ST0306: refuse cannot handle this\n"
    path.write_text("// -----\n".join([f"// expected-error@unknown {{{{cannot handle}}}}\n{GOOD}"] * 2))
    assert run("a.mlir", *both, program=opt) == (0, "", "")
    path.write_text(GOOD.replace("func.return", "func.retrun // expected-error {{ST0201}}"))
    assert run("a.mlir", "--verify-diagnostics", program=opt) == (0, "", "")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", 1),
        ("builtin.module {\n", 1),
        ("builtin.module {\n  %0 = arith.addf %a, %a : f32\n\n}\n", 2),
        ('builtin.module attributes {a = "' + "x" * 200 + "\n} {}", 1),
        ("\x00", 1),
        ('builtin.module {\n  "func.func"() {iterator_types = [#linalg.iterator_type<pallel>]} : () -> ()\n}', 2),
    ],
)
def test_opt_broken_texts_end_with_a_line(run: Run, tmp_path: Path, text: str, line: int) -> None:
    """Also those on which the framework's own parser fails with a plain Python error, or searches without end."""
    (tmp_path / "a.mlir").write_text(text)
    code, _, err = run("a.mlir", program=opt)
    assert code == 1
    assert "error[ST0201]" in err
    assert f"--> a.mlir:{line}" in err

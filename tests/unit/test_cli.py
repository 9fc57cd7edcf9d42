# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The command line around the library: exit codes, errors, JSON, explain, doctor."""

import json
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from command_line import Run
from streamtensor import cli
from streamtensor.diagnostics import InternalError, UserError, UserErrors
from streamtensor.timing import native_library

COMMANDS = sorted(module.stem.removesuffix("_command") for module in Path(cli.__path__[0]).glob("*_command.py"))


def test_help_names_every_command(run: Run) -> None:
    code, out, err = run("--help")
    assert code == 0
    assert not err
    for name in COMMANDS:
        assert re.search(rf"^  {name} +\S", out, re.MULTILINE)


@pytest.mark.parametrize("name", COMMANDS)
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


@pytest.mark.parametrize(
    "arguments",
    [
        ("simulate", "graph.json", "--clock-mhz"),
        ("size", "graph.json", "--allow-slowdown"),
        ("compile", "gpt2", "-o", "out", "--fifo-slowdown"),
        ("compile", "gpt2", "-o", "out", "--prefetch"),
        ("explore", "gpt2", "--timeout"),
        ("explore", "gpt2", "--trial-timeout"),
        ("run", "out", "--prompt", "a", "--temperature"),
    ],
)
@pytest.mark.parametrize("value", ["nan", "inf"])
def test_numbers_are_finite(run: Run, arguments: tuple[str, ...], value: str) -> None:
    code, out, err = run(*arguments, value)
    assert (code, out) == (2, "")
    assert f"'{arguments[-1]}'" in err
    assert "finite number" in err or "not in the range" in err


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

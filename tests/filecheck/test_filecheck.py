# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs the `// RUN:` lines of the .mlir files below this folder, in this process.

A line is `streamtensor-opt ARGUMENTS [| filecheck %s [OPTIONS]]`, with `not` in front when an error is expected; `%s`
is the file itself. The program's own command line is parsed, so that options of passes are tested as users write
them; no shell and no process is started, so that a few hundred files take seconds. lit runs the same lines.
"""

import io
import shlex
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from tempfile import NamedTemporaryFile

import pytest
from filecheck.matcher import Matcher
from filecheck.options import parse_argv_options

from streamtensor.cli.entry import run_for_code
from streamtensor.cli.opt import command

FOLDER = Path(__file__).parent
FILES = sorted(FOLDER.rglob("*.mlir"))


def run_lines(file: Path) -> list[str]:
    lines = file.read_text().splitlines()
    return [line.partition("RUN:")[2].strip() for line in lines if line.lstrip().startswith("// RUN:")]


def execute(line: str, file: Path) -> None:
    """Runs one line and checks what it promises."""
    program, *checks = (shlex.split(part.replace("%s", str(file))) for part in line.split("|"))
    expect_error = program[0] == "not"
    name, *arguments = program[1:] if expect_error else program
    assert name == "streamtensor-opt", f"unknown program in RUN line: {name}"
    output, errors = io.StringIO(), io.StringIO()
    with redirect_stdout(output), redirect_stderr(errors):
        code = run_for_code(command, name, arguments)
    assert (code != 0) == expect_error, f"exit code {code}\n{errors.getvalue()}"
    text = output.getvalue() + (errors.getvalue() if expect_error else "")
    for check in checks:
        assert check[0] == "filecheck", f"unknown program in RUN line: {check[0]}"
        match(text, check)


def match(text: str, arguments: list[str]) -> None:
    """Checks `text` against the directives of the file that the arguments name."""
    options = parse_argv_options(list(arguments))
    report = io.StringIO()
    with NamedTemporaryFile("w", suffix=".mlir") as output, redirect_stdout(report), redirect_stderr(report):
        output.write(text)
        output.flush()
        options.input_file = output.name
        code = Matcher.from_opts(options).run()
    assert code == 0, f"{report.getvalue()}\n{text}"


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(FOLDER)))
def test_run_lines(file: Path) -> None:
    lines = run_lines(file)
    assert lines, "no RUN line"
    for line in lines:
        execute(line, file)


def test_a_check_that_does_not_match_fails(tmp_path: Path) -> None:
    file = tmp_path / "wrong.mlir"
    file.write_text("// CHECK: func.func @other\nfunc.func @some() { return }\n")
    with pytest.raises(AssertionError):
        execute("streamtensor-opt %s | filecheck %s", file)

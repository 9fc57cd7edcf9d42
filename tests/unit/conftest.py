# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The fixture `run` of all tests of the command line."""

from pathlib import Path

import click
import pytest

from command_line import Run
from streamtensor.cli.entry import run_for_code
from streamtensor.cli.main import command


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a program, `streamtensor` unless given, in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str, program: click.Command = command) -> tuple[int, str, str]:
        code = run_for_code(program, "program", list(arguments))
        out, err = capsys.readouterr()
        return code, out, err

    return call

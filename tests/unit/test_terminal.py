# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Progress and tables on a terminal."""

import io
import sys

import pytest

from streamtensor.cli.progress import TerminalEvents
from streamtensor.cli.tables import flatten


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


def test_flatten() -> None:
    values = {"a": 1234567, "b": {"c": 0.00012345, "d": {"e": True}}, "f": [1, 2], "g": None, "h": "x"}
    assert flatten(values) == [
        ("a", "1,234,567"),
        ("b.c", "0.0001234"),
        ("b.d.e", "yes"),
        ("f", "2 entries"),
        ("h", "x"),
    ]

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Generated text as it comes, with a line of progress under it."""

import shutil
import sys
from types import TracebackType
from typing import Self

import click

from streamtensor.cli.progress import TerminalEvents


class LiveText(TerminalEvents):
    """The events of a generation.

    Text goes to standard output at once. On a terminal that shows both, the text grows above the progress bar, and
    becomes standard output when the bar is taken away.
    """

    def __init__(self, *, quiet: bool = False, show_text: bool = True) -> None:
        super().__init__(quiet=quiet)
        self._show_text = show_text
        self._text = ""
        self._is_above_bar = False
        self._is_in_line = False

    def __enter__(self) -> Self:
        """Looks where standard output and standard error go."""
        super().__enter__()
        self._is_above_bar = self._timer is not None and sys.stdout.isatty()
        return self

    def text(self, new: str) -> None:
        """The next piece of the text."""
        if not self._show_text:
            return
        self._text += new
        if self._is_above_bar:
            self._show()
        else:
            click.echo(new, nl=False)
            sys.stdout.flush()
            self._is_in_line = True

    def note(self, text: str) -> None:
        """One sentence for the user, after the line of text."""
        self._end_line()
        super().note(text)

    def above(self) -> str:
        """As much of the end of the text as there is room for."""
        size = shutil.get_terminal_size()
        return self._text[-size.columns * max(size.lines - 4, 1) :]

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Takes the bar away and leaves the text, with the end of its line."""
        super().__exit__(kind, error, trace)
        self._end_line()
        if self._text and self._is_above_bar:
            click.echo(self._text)

    def _end_line(self) -> None:
        if self._is_in_line:
            click.echo()
            self._is_in_line = False

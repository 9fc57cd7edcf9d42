# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Progress on standard error: a bar when a command takes longer than two seconds, on a terminal only."""

import sys
import threading
from collections.abc import Iterable
from time import monotonic
from types import TracebackType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_PATIENCE_SECONDS = 2.0
_MEGABYTE = 1_000_000


class TerminalEvents:
    """The events of a flow, shown to a person; use it as a context manager, so that the bar ends with the work.

    `quiet` shows nothing at all. Notes are printed also where no terminal is: they are talk, not decoration.
    """

    def __init__(self, *, quiet: bool = False, patience_seconds: float = _PATIENCE_SECONDS) -> None:
        self._quiet = quiet
        self._patience_seconds = patience_seconds
        self._lock = threading.Lock()
        self._stage = ("", 0, 0)
        self._transfer_start = 0.0
        self._bar: tuple[Progress, TaskID] | None = None
        self._timer: threading.Timer | None = None

    def __enter__(self) -> Self:
        """Starts to wait for the moment at which the bar appears."""
        if not self._quiet and sys.stderr.isatty():
            self._timer = threading.Timer(self._patience_seconds, self._show)
            self._timer.daemon = True
            self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Takes the bar away, also after an error or Ctrl-C."""
        if self._timer is not None:
            self._timer.cancel()
        with self._lock:
            self._timer = None
            if self._bar is not None:
                self._bar[0].stop()
                self._bar = None

    def stage(self, name: str, done: int, total: int) -> None:
        """The work has come to the stage `name`; `done` of `total` stages are behind it."""
        self._update(name, done, total)

    def transfer(self, name: str, done_bytes: int, total_bytes: int) -> None:
        """Until the next stage the bar counts megabytes, with their rate."""
        now = monotonic()
        if not done_bytes:
            self._transfer_start = now
        seconds = now - self._transfer_start
        rate = f", {done_bytes / seconds / _MEGABYTE:.0f} MB/s" if seconds > 0 else ""
        self._update(f"{name}, MB{rate}", done_bytes // _MEGABYTE, total_bytes // _MEGABYTE)

    def _update(self, name: str, done: int, total: int) -> None:
        with self._lock:
            self._stage = (name, done, total)
            if self._bar is not None:
                progress, task = self._bar
                progress.update(task, description=name, completed=done, total=total or None)

    def note(self, text: str) -> None:
        """One sentence for the user."""
        if self._quiet:
            return
        with self._lock:
            if self._bar is not None:
                self._bar[0].console.print(text, highlight=False, markup=False)
            else:
                print(text, file=sys.stderr)

    def above(self) -> str:
        """What stands above the bar."""
        return ""

    def _show(self) -> None:
        from rich.console import Console, RenderableType
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
        from rich.text import Text

        above = self.above

        class _WithText(Progress):
            def get_renderables(self) -> Iterable[RenderableType]:
                """The text, and the bar under it."""
                if text := above():
                    yield Text(text)
                yield from super().get_renderables()

        with self._lock:
            if self._timer is None or self._bar is not None:  # the work ended in the meantime, or the bar is there
                return
            name, done, total = self._stage
            progress = _WithText(
                SpinnerColumn(),
                TextColumn("{task.description}", markup=False),
                BarColumn(bar_width=30),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                console=Console(stderr=True),
                transient=True,
            )
            task = progress.add_task(name, completed=done, total=total or None)
            progress.start()
            self._bar = (progress, task)

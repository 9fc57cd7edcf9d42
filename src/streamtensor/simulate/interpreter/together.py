# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Tasks that take turns: what a kernel needs in which a task reads what a later one writes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

from streamtensor.diagnostics import InternalError


class _CancelledError(Exception):
    """Ends the thread of a task that will never go on."""


class _Turn:
    """One task in a thread of its own; it runs only between `resume` and its next wait."""

    def __init__(self, task: Callable[[], object], back: threading.Semaphore) -> None:
        self._task = task
        self._mine, self._back = threading.Semaphore(0), back
        self.waits_for: tuple[list[Any], int, str] | None = None
        self.is_done = self.is_cancelled = False
        self.error: BaseException | None = None
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    @property
    def is_ready(self) -> bool:
        """Whether it can go on."""
        return not self.is_done and (self.waits_for is None or len(self.waits_for[0]) > self.waits_for[1])

    def resume(self) -> None:
        """Runs the task until it waits or ends."""
        self._mine.release()
        self._back.acquire()

    def wait(self, tokens: list[Any], what: str) -> None:
        """Lets the others run until there are more tokens."""
        self.waits_for = tokens, len(tokens), what
        self._back.release()
        self._mine.acquire()
        self.waits_for = None
        if self.is_cancelled:
            raise _CancelledError

    def _run(self) -> None:
        self._mine.acquire()
        try:
            if not self.is_cancelled:
                self._task()
        except _CancelledError:
            pass
        except BaseException as error:
            self.error = error
        self.is_done = True
        self._back.release()


class Together:
    """Runs tasks in turns, each until it reads an empty FIFO; one at a time, always in the same order."""

    def __init__(self) -> None:
        self.tasks: list[Callable[[], object]] = []
        self._turns: Sequence[_Turn] = ()

    def run(self) -> None:
        """Runs all tasks to their ends. Raises what a task raises, InternalError when they wait for each other."""
        back = threading.Semaphore(0)
        self._turns = [_Turn(task, back) for task in self.tasks]
        try:
            while any(not turn.is_done for turn in self._turns):
                ready = [turn for turn in self._turns if turn.is_ready]
                if not ready:
                    waits = "; ".join(turn.waits_for[2] for turn in self._turns if turn.waits_for is not None)
                    raise InternalError(f"tasks wait for each other: {waits}")
                for turn in ready:
                    turn.resume()
                    if turn.error is not None:
                        raise turn.error
        finally:
            for turn in self._turns:
                if not turn.is_done:
                    turn.is_cancelled = True
                    turn.resume()
                turn.thread.join()

    def wait(self, tokens: list[Any], what: str) -> None:
        """Called by the task that runs: lets the others run until `tokens` are more; `what` it waits for."""
        current = threading.current_thread()
        next(turn for turn in self._turns if turn.thread is current).wait(tokens, what)

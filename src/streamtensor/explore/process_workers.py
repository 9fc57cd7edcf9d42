# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Workers in processes of this machine. One that is killed loses its trial; another takes its place."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from time import monotonic
from typing import IO, Any

from streamtensor.diagnostics import UserError
from streamtensor.explore.trial import Problem
from streamtensor.explore.workers import ONE_THREAD, Outcome, Recipe, outcome, raise_refusal, too_long
from streamtensor.spaces.evaluation import Point, point_to_json

MOST_DEATHS = 5
"""Workers that may go away in a row, with no answer in between, before this is taken to be no accident."""

_LAST_BYTES = 2000
_ENDING_SECONDS = 5.0  # between the end of its output and the end of a process
_CHUNK_BYTES = 1 << 16


@dataclass
class _Worker:
    name: str
    process: subprocess.Popen[bytes]
    talk: IO[bytes]
    trial: int | None = None
    ready: bool = False  # it has opened the space
    began: float = 0.0  # the evaluation, where it is ready
    received: bytes = b""
    lines: list[bytes] = field(default_factory=list[bytes])

    def send(self, value: dict[str, Any]) -> None:
        """Writes a line; that the worker is gone shows when its answer is read."""
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write(json.dumps(value).encode() + b"\n")
            self.process.stdin.flush()

    def receive(self) -> bool:
        """Takes what has come; False when nothing will come any more."""
        assert self.process.stdout is not None
        chunk = os.read(self.process.stdout.fileno(), _CHUNK_BYTES)
        *whole, self.received = (self.received + chunk).split(b"\n")
        self.lines += whole
        return bool(chunk)

    def last_words(self) -> str:
        """The end of what the process wrote to standard error."""
        self.talk.seek(0, os.SEEK_END)
        self.talk.seek(max(0, self.talk.tell() - _LAST_BYTES))
        return self.talk.read().decode(errors="replace").strip()

    def stop(self, patience_seconds: float = 0.0) -> int:
        """Ends the process, which has so long to end by itself; its exit code."""
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()
        try:
            code = self.process.wait(patience_seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        self.talk.close()
        return code


class ProcessWorkers:
    """`count` processes, each with one thread, that opened the space by `recipe`.

    They start when the first points come. One whose evaluation takes longer than `trial_seconds` is stopped, and its
    trial is lost; to open the space may take as long as it takes.

    Raises UserError for what opening the space raises, and ST0812 when workers go away again and again.
    """

    def __init__(self, recipe: Recipe, count: int, trial_seconds: float | None = None) -> None:
        self.count = count
        self._trial_seconds = trial_seconds
        self._recipe = recipe
        self._workers: dict[str, _Worker] = {}
        self._selector = selectors.DefaultSelector()
        self._deaths = 0

    @property
    def free(self) -> int:
        """How many more points can be started now."""
        return self.count - sum(worker.trial is not None for worker in self._workers.values())

    @property
    def processes(self) -> dict[str, int]:
        """The process number of each worker that runs, by its name."""
        return {name: worker.process.pid for name, worker in self._workers.items()}

    def start(self, number: int, point: Point) -> None:
        """A free worker takes the point; a new process where one is missing."""
        idle = [worker for worker in self._workers.values() if worker.trial is None]
        worker = idle[0] if idle else self._spawn()
        worker.trial = number
        worker.began = monotonic()
        worker.send({"number": number, "point": point_to_json(point)})

    def wait(self, timeout_seconds: float) -> list[Outcome]:
        """What has ended, waiting for it at most that long."""
        found: list[Outcome] = []
        for key, _ in self._selector.select(timeout_seconds):
            worker: _Worker = key.data
            alive = worker.receive()
            found += self._answers(worker)
            if not alive:
                found += self._bury(worker)
        return found + self._stop_late()

    def close(self) -> None:
        """Ends all processes."""
        for worker in self._workers.values():
            self._selector.unregister(worker.process.stdout)  # pyright: ignore[reportArgumentType]
            worker.stop()
        self._workers.clear()
        self._selector.close()

    def _spawn(self) -> _Worker:
        name = next(str(n) for n in range(self.count) if str(n) not in self._workers)
        paths = [entry or os.getcwd() for entry in sys.path]
        environment = {**os.environ, **ONE_THREAD, "PYTHONPATH": os.pathsep.join(paths)}
        talk = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the worker
        process = subprocess.Popen(
            [sys.executable, "-m", "streamtensor.explore.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=talk,
            env=environment,
        )
        worker = self._workers[name] = _Worker(name, process, talk)
        assert process.stdout is not None
        self._selector.register(process.stdout, selectors.EVENT_READ, worker)
        worker.send(self._recipe.to_json())
        return worker

    def _answers(self, worker: _Worker) -> list[Outcome]:
        found: list[Outcome] = []
        for line in worker.lines:
            value = json.loads(line)
            raise_refusal(value)
            if "ready" in value:
                worker.ready, worker.began = True, monotonic()
            if "number" in value:
                found.append(outcome(value["number"], worker.name, value))
                worker.trial = None
                self._deaths = 0
        worker.lines.clear()
        return found

    def _stop_late(self) -> list[Outcome]:
        found: list[Outcome] = []
        for worker in list(self._workers.values()):
            if self._trial_seconds is None or worker.trial is None or not worker.ready:
                continue
            if monotonic() - worker.began > self._trial_seconds:
                self._forget(worker)
                worker.stop()
                found.append(too_long(worker.trial, worker.name, self._trial_seconds))
        return found

    def _forget(self, worker: _Worker) -> None:
        self._selector.unregister(worker.process.stdout)  # pyright: ignore[reportArgumentType]
        del self._workers[worker.name]

    def _bury(self, worker: _Worker) -> list[Outcome]:
        self._forget(worker)
        words = worker.last_words()
        problem = Problem("", f"worker {worker.name} {_ending(worker.stop(_ENDING_SECONDS))}", words)
        self._deaths += 1
        if self._deaths >= MOST_DEATHS:
            raise UserError("ST0812", f"{self._deaths} workers in a row went away: {problem}", notes=[words])
        if worker.trial is None:
            return []
        return [Outcome(worker.trial, worker.name, None, problem, lost=True)]


def _ending(code: int) -> str:
    if code >= 0:
        return f"ended with exit code {code}"
    name = signal.Signals(-code).name
    return f"was killed by {name}" + (", as the system does when memory runs out" if name == "SIGKILL" else "")

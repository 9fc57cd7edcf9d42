# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Workers on a Ray cluster (extra `distributed`). One that goes away loses its trial; another takes its place."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from time import monotonic
from typing import Any

from streamtensor.diagnostics import UserError
from streamtensor.explore.process_workers import MOST_DEATHS
from streamtensor.explore.trial import Problem
from streamtensor.explore.workers import (
    ONE_THREAD,
    Outcome,
    Recipe,
    answer,
    outcome,
    problem_of,
    raise_refusal,
    too_long,
)
from streamtensor.spaces.evaluation import Point, point_to_json
from streamtensor.spaces.space import Space

LOCAL = "local"
"""The address that starts a cluster on this machine, which ends with the search."""


class Evaluator:
    """What runs on the cluster: opens the space, then evaluates points."""

    def __init__(self, recipe: Mapping[str, Any]) -> None:
        self._recipe = Recipe(**recipe)
        self._space: Space | None = None
        self._refused: dict[str, Any] = {}

    def process(self) -> int:
        """The number of the process."""
        return os.getpid()

    def open(self) -> None:
        """Opens the space; what that raises is the answer to every point."""
        try:
            self._space = self._recipe.open()
        except Exception as error:
            self._refused = {"refused": vars(problem_of(error))}

    def evaluate(self, point: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to a point, as JSON values."""
        return self._refused if self._space is None else answer(self._space, point)


@dataclass
class _Actor:
    handle: Any
    opened: Any  # a reference that is there when the space is open


@dataclass
class _Job:
    number: int
    worker: str
    began: float | None  # when its actor had the space open; None until then


class RayWorkers:
    """`count` actors with one CPU each (0: as many as the cluster has CPUs) on the cluster at `address`.

    The machines of the cluster need this package, of the same version, and the model at the same place. An actor whose
    evaluation takes longer than `trial_seconds` is stopped, and its trial is lost; to open the space may take as long
    as it takes.

    Raises UserError ST0812 without Ray, when there is no cluster at the address, and when workers go away again and
    again; and for what opening the space raises.
    """

    def __init__(
        self, recipe: Recipe, address: str = LOCAL, count: int = 0, trial_seconds: float | None = None
    ) -> None:
        try:
            import ray
        except ImportError as error:
            raise UserError("ST0812", "Ray is not installed", hint="pip install 'streamtensor[distributed]'") from error
        self._ray: Any = ray
        self._recipe = recipe
        self._trial_seconds = trial_seconds
        self._deaths = 0
        self._actors: dict[str, _Actor] = {}
        self._running: dict[Any, _Job] = {}
        self._environment = dict(ONE_THREAD)
        self._silence = contextlib.ExitStack()
        # Ray prints what happens to workers on standard output, where only results belong.
        self._silence.enter_context(contextlib.redirect_stdout(io.StringIO()))
        self._owned = not ray.is_initialized()
        if self._owned:
            try:
                self._connect(address, count)
            except Exception as error:
                self._silence.close()
                hint = f"{LOCAL} starts one on this machine; 'ray start --head' one that others can join"
                raise UserError("ST0812", f"there is no Ray cluster at {address}: {error}", hint=hint) from error
        self.count = count or max(1, int(ray.cluster_resources().get("CPU", 1)))

    @property
    def free(self) -> int:
        """How many more points can be started now."""
        return self.count - len(self._running)

    @property
    def processes(self) -> dict[str, int]:
        """The process number of each worker that is idle, by its name; on whichever machine."""
        busy = {job.worker for job in self._running.values()}
        idle = {name: actor for name, actor in self._actors.items() if name not in busy}
        return {name: self._ray.get(actor.handle.process.remote()) for name, actor in idle.items()}

    def start(self, number: int, point: Point) -> None:
        """A free worker takes the point; a new actor where one is missing."""
        busy = {job.worker for job in self._running.values()}
        name = next(str(n) for n in range(self.count) if str(n) not in busy)
        if name not in self._actors:
            made = self._ray.remote(Evaluator).options(num_cpus=1, runtime_env={"env_vars": self._environment})
            handle = made.remote(self._recipe.to_json())
            self._actors[name] = _Actor(handle, handle.open.remote())
        reference = self._actors[name].handle.evaluate.remote(point_to_json(point))
        self._running[reference] = _Job(number, name, None)

    def wait(self, timeout_seconds: float) -> list[Outcome]:
        """What has ended, waiting for it at most that long."""
        if not self._running:
            return []
        ready, _ = self._ray.wait(list(self._running), num_returns=1, timeout=timeout_seconds)
        return [self._ended(reference) for reference in ready] + self._stop_late()

    def close(self) -> None:
        """Ends the actors, and the cluster if this started it."""
        for actor in self._actors.values():
            self._ray.kill(actor.handle)
        self._actors.clear()
        self._running.clear()
        if self._owned:
            self._ray.shutdown()
        self._silence.close()

    def _connect(self, address: str, count: int) -> None:
        here: dict[str, Any] = {}
        if address == LOCAL:
            here = {"num_cpus": count or None, "include_dashboard": False}
            self._environment["PYTHONPATH"] = os.pathsep.join(entry or os.getcwd() for entry in sys.path)
        self._ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, **here)

    def _ended(self, reference: Any) -> Outcome:
        job = self._running.pop(reference)
        try:
            answered = self._ray.get(reference)
        except self._ray.exceptions.RayError as error:
            return self._lost(job, error)
        raise_refusal(answered)
        self._deaths = 0
        return outcome(job.number, job.worker, answered)

    def _stop_late(self) -> list[Outcome]:
        found: list[Outcome] = []
        if self._trial_seconds is None:
            return found
        for reference, job in list(self._running.items()):
            actor, now = self._actors[job.worker], monotonic()
            if job.began is None and self._ray.wait([actor.opened], timeout=0)[0]:
                job.began = now
            if job.began is not None and now - job.began > self._trial_seconds:
                del self._running[reference], self._actors[job.worker]
                self._ray.kill(actor.handle)
                found.append(too_long(job.number, job.worker, self._trial_seconds))
        return found

    def _lost(self, job: _Job, error: Exception) -> Outcome:
        del self._actors[job.worker]
        self._deaths += 1
        words = str(error)
        problem = Problem("", f"worker {job.worker} went away: {type(error).__name__}", words)
        if self._deaths >= MOST_DEATHS:
            raise UserError("ST0812", f"{self._deaths} workers in a row went away: {problem}", notes=[words])
        return Outcome(job.number, job.worker, None, problem, lost=True)

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Workers on a Ray cluster (extra `distributed`). One that goes away loses its trial; another takes its place."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import sys
from collections.abc import Mapping
from typing import Any

from streamtensor.diagnostics import UserError
from streamtensor.explore.process_workers import MOST_DEATHS
from streamtensor.explore.trial import Problem
from streamtensor.explore.workers import ONE_THREAD, Outcome, Recipe, answer, outcome, problem_of, raise_refusal
from streamtensor.spaces.evaluation import Point, point_to_json
from streamtensor.spaces.space import Space

LOCAL = "local"
"""The address that starts a cluster on this machine, which ends with the search."""


class Evaluator:
    """What runs on the cluster: opens the space when the first point comes."""

    def __init__(self, recipe: Mapping[str, Any]) -> None:
        self._recipe = Recipe(**recipe)
        self._space: Space | None = None

    def process(self) -> int:
        """The number of the process."""
        return os.getpid()

    def evaluate(self, point: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to a point, as JSON values."""
        if self._space is None:
            try:
                self._space = self._recipe.open()
            except Exception as error:
                return {"refused": vars(problem_of(error))}
        return answer(self._space, point)


class RayWorkers:
    """`count` actors with one CPU each (0: as many as the cluster has CPUs) on the cluster at `address`.

    The machines of the cluster need this package, of the same version, and the model at the same place.

    Raises UserError ST0812 without Ray, when there is no cluster at the address, and when workers go away again and
    again; and for what opening the space raises.
    """

    def __init__(self, recipe: Recipe, address: str = LOCAL, count: int = 0) -> None:
        try:
            import ray
        except ImportError as error:
            raise UserError("ST0812", "Ray is not installed", hint="pip install 'streamtensor[distributed]'") from error
        self._ray: Any = ray
        self._recipe = recipe
        self._deaths = 0
        self._actors: dict[str, Any] = {}
        self._running: dict[Any, tuple[str, int]] = {}
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
        busy = {name for name, _ in self._running.values()}
        idle = {name: actor for name, actor in self._actors.items() if name not in busy}
        return {name: self._ray.get(actor.process.remote()) for name, actor in idle.items()}

    def start(self, number: int, point: Point) -> None:
        """A free worker takes the point; a new actor where one is missing."""
        busy = {name for name, _ in self._running.values()}
        name = next(str(n) for n in range(self.count) if str(n) not in busy)
        if name not in self._actors:
            made = self._ray.remote(Evaluator).options(num_cpus=1, runtime_env={"env_vars": self._environment})
            self._actors[name] = made.remote(self._recipe.to_json())
        reference = self._actors[name].evaluate.remote(point_to_json(point))
        self._running[reference] = (name, number)

    def wait(self, timeout_seconds: float) -> list[Outcome]:
        """What has ended, waiting for it at most that long."""
        if not self._running:
            return []
        ready, _ = self._ray.wait(list(self._running), num_returns=1, timeout=timeout_seconds)
        return [self._ended(reference) for reference in ready]

    def close(self) -> None:
        """Ends the actors, and the cluster if this started it."""
        for actor in self._actors.values():
            self._ray.kill(actor)
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
        name, number = self._running.pop(reference)
        try:
            answered = self._ray.get(reference)
        except self._ray.exceptions.RayError as error:
            return self._lost(name, number, error)
        raise_refusal(answered)
        self._deaths = 0
        return outcome(number, name, answered)

    def _lost(self, name: str, number: int, error: Exception) -> Outcome:
        del self._actors[name]
        self._deaths += 1
        words = str(error)
        problem = Problem("", f"worker {name} went away: {type(error).__name__}", words)
        if self._deaths >= MOST_DEATHS:
            raise UserError("ST0812", f"{self._deaths} workers in a row went away: {problem}", notes=[words])
        return Outcome(number, name, None, problem, lost=True)

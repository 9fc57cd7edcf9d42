# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Workers: who evaluates points. One interface for this process, processes of this machine, and a Ray cluster."""

from __future__ import annotations

import importlib
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from streamtensor.diagnostics import UserError
from streamtensor.explore.trial import Problem
from streamtensor.spaces.evaluation import Evaluation, Point
from streamtensor.spaces.space import Space

ONE_THREAD: Mapping[str, str] = dict.fromkeys(
    ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS"), "1"
)
"""The environment of a worker: several on one machine must not each start as many threads as there are cores."""


@dataclass(frozen=True)
class Recipe:
    """How another process opens the space: a function as MODULE:NAME, and its arguments as JSON values."""

    opener: str
    arguments: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def open(self) -> Space:
        """The space. Raises whatever the function raises."""
        module, _, name = self.opener.partition(":")
        found = getattr(importlib.import_module(module), name)(**self.arguments)
        if not isinstance(found, Space):
            raise TypeError(f"{self.opener} gave a {type(found).__name__}, not a Space")
        return found

    def to_json(self) -> dict[str, Any]:
        """The fields as JSON values."""
        return {"opener": self.opener, "arguments": dict(self.arguments)}


@dataclass(frozen=True)
class Outcome:
    """What became of a point: an evaluation, or a problem; `lost` where the worker went away or was stopped."""

    number: int
    worker: str
    evaluation: Evaluation | None
    problem: Problem | None = None
    lost: bool = False


class Workers(Protocol):
    """Who evaluates points, one each at a time."""

    count: int

    @property
    def free(self) -> int:
        """How many more points can be started now."""
        ...

    def start(self, number: int, point: Point) -> None:
        """A free worker takes the point of the trial `number`."""
        ...

    def wait(self, timeout_seconds: float) -> list[Outcome]:
        """What has ended, waiting for it at most that long; the trial of a worker that went away is lost."""
        ...

    def close(self) -> None:
        """Lets the workers go, whatever they are doing."""
        ...


def too_long(number: int, worker: str, seconds: float) -> Outcome:
    """The outcome of a point whose worker was stopped, since an evaluation may take `seconds` and no more."""
    message = f"the evaluation took longer than {seconds:g} s and was stopped"
    hint = "give --trial-timeout more seconds, or leave it out"
    return Outcome(number, worker, None, Problem("ST0813", message, hint), lost=True)


def problem_of(error: Exception) -> Problem:
    """An error that an evaluation raised."""
    if isinstance(error, UserError):
        return Problem(error.code, error.message, "\n".join((*error.terms, *error.levers, error.hint)).strip())
    return Problem("", f"{type(error).__name__}: {error}".strip(), traceback.format_exc())


def answer(space: Space, point: Mapping[str, Any]) -> dict[str, Any]:
    """The evaluation of a point, or the problem with it, as JSON values: what a worker sends back."""
    try:
        return {"evaluation": space.evaluate(space.point_from_json(point)).to_json()}
    except Exception as error:
        return {"problem": vars(problem_of(error))}


def outcome(number: int, worker: str, answered: Mapping[str, Any]) -> Outcome:
    """What a worker's answer says."""
    if "evaluation" in answered:
        return Outcome(number, worker, Evaluation.from_json(answered["evaluation"]))
    return Outcome(number, worker, None, Problem(**answered["problem"]))


def raise_refusal(answered: Mapping[str, Any]) -> None:
    """Raises the UserError of a worker that could not open the space."""
    if "refused" not in answered:
        return
    problem = Problem(**answered["refused"])
    if problem.code:
        raise UserError(problem.code, problem.message, hint=problem.details)
    raise UserError("ST0812", f"a worker can't open the space: {problem}", notes=[problem.details])


class InlineWorker:
    """This process evaluates, while it waits."""

    count = 1

    def __init__(self, space: Space) -> None:
        self._space = space
        self._job: tuple[int, Point] | None = None

    @property
    def free(self) -> int:
        """One while there is no point to evaluate."""
        return 1 if self._job is None else 0

    def start(self, number: int, point: Point) -> None:
        """Keeps the point until somebody waits for it."""
        self._job = (number, point)

    def wait(self, timeout_seconds: float) -> list[Outcome]:
        """Evaluates the point, however long that takes."""
        if self._job is None:
            return []
        number, point = self._job
        self._job = None
        try:
            return [Outcome(number, "0", self._space.evaluate(point))]
        except Exception as error:
            return [Outcome(number, "0", None, problem_of(error))]

    def close(self) -> None:
        """Nothing to let go."""

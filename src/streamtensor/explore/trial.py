# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A trial of a study: a point that was asked for, and what came of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

from streamtensor.spaces.evaluation import Evaluation, Objective, Point, point_to_json, to_value

State = Literal["done", "failed", "lost"]
"""done: there is an evaluation. failed: the evaluation raised an error. lost: its worker went away, or took too
long and was stopped."""


@dataclass(frozen=True)
class Problem:
    """Why a trial has no evaluation: the code of a user's error ("" for any other), a sentence, and the details."""

    code: str
    message: str
    details: str = ""

    def __str__(self) -> str:
        return f"{self.code}: {self.message}" if self.code else self.message


@dataclass(frozen=True)
class Trial:
    """The trial `number`. `origin` is the heuristic or the searcher that proposed the point, `known` how many
    trials had ended when it did, `worker` who evaluated it.
    """

    number: int
    origin: str
    point: Point
    known: int
    worker: str
    evaluation: Evaluation | None = None
    problem: Problem | None = None
    lost: bool = False

    @property
    def state(self) -> State:
        """How the trial ended."""
        if self.evaluation is not None:
            return "done"
        return "lost" if self.lost else "failed"

    @property
    def feasible(self) -> bool:
        """Whether there is an evaluation without violations."""
        return self.evaluation is not None and self.evaluation.feasible

    def values(self, objectives: Sequence[Objective]) -> tuple[float, ...] | None:
        """The values of `objectives`; None where the trial has none."""
        found = self.evaluation.objectives if self.evaluation is not None else {}
        return tuple(found[one] for one in objectives) if all(one in found for one in objectives) else None

    def to_json(self) -> dict[str, Any]:
        """The trial as a line of trials.jsonl."""
        head = {"number": self.number, "origin": self.origin, "state": self.state}
        tail = {"known": self.known, "worker": self.worker}
        if self.evaluation is not None:
            return {**head, **self.evaluation.to_json(), **tail}
        problem = self.problem or Problem("", "")
        shown = {"code": problem.code, "message": problem.message, "details": problem.details}
        return {**head, "point": point_to_json(self.point), "problem": shown, **tail}

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Trial:
        """The inverse of `to_json`. Raises KeyError, TypeError or ValueError for other data."""
        state = cast(State, data["state"])
        if state not in get_args(State):
            raise ValueError(f"unknown state {state}")
        point = {name: to_value(value) for name, value in data["point"].items()}
        evaluation = Evaluation.from_json(data) if state == "done" else None
        problem = Problem(**data["problem"]) if state != "done" else None
        numbers = (int(data["number"]), str(data["origin"]), point, int(data["known"]), str(data["worker"]))
        return Trial(*numbers, evaluation, problem, state == "lost")


def pareto(trials: Iterable[Trial], objectives: Sequence[Objective]) -> list[Trial]:
    """The feasible trials that no other one dominates: none is at least as good in all objectives and better in one.

    Of several with equal values the one with the lowest number stays. In the order of the values.
    """
    known = ((trial.values(objectives), trial) for trial in trials if trial.feasible)
    ordered = sorted(
        ((values, t) for values, t in known if values is not None), key=lambda one: (one[0], one[1].number)
    )
    front: list[tuple[tuple[float, ...], Trial]] = []
    for values, trial in ordered:  # whatever dominates a trial, or equals it, comes before it
        if not any(all(a <= b for a, b in zip(other, values, strict=True)) for other, _ in front):
            front.append((values, trial))
    return [trial for _, trial in front]

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A study: a folder with what was asked, every trial as it ended, and what follows from them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from streamtensor.diagnostics import UserError
from streamtensor.explore.files import append_line, drop_partial_line, locked, write_json
from streamtensor.explore.optuna_search import OptunaSearch
from streamtensor.explore.searcher import SEARCHERS, Heuristics, Searcher
from streamtensor.explore.trial import Trial, pareto
from streamtensor.explore.workers import Recipe
from streamtensor.spaces.evaluation import PROVENANCE, UNITS, Objective, point_to_json
from streamtensor.spaces.space import Space

SCHEMA = "streamtensor.study/1"
PARETO_SCHEMA = "streamtensor.pareto/1"
STUDY, TRIALS, PARETO, PAGE, JOURNAL, LOCK = (
    *("study.json", "trials.jsonl", "pareto.json", "report.html"),
    *("optuna.jsonl", ".lock"),
)
SEARCHER_NAMES = ("optuna", *SEARCHERS)


@dataclass(frozen=True)
class Question:
    """What a study asks: how its space is opened, what the space says of itself, what is to be small, who searches.

    `heuristics` are the points that the rules of the space choose, the default among them. `compiler` is the hash of
    the sources that evaluate points; a difference there is worth a note, and none in the question.
    """

    recipe: Recipe
    space: Mapping[str, Any]
    parameters: Sequence[Mapping[str, Any]]
    objectives: tuple[Objective, ...]
    searcher: str
    seed: int
    fixed: Mapping[str, Any]
    heuristics: Mapping[str, Mapping[str, Any]]
    compiler: str = ""

    @staticmethod
    def of(
        recipe: Recipe,
        space: Space,
        objectives: Sequence[Objective],
        searcher: str,
        seed: int,
        fixed: Mapping[str, Any],
        compiler: str = "",
    ) -> Question:
        """The question about `space`, which `recipe` opened and in which `fixed` holds."""
        listed = [parameter.to_json() for parameter in space.parameters]
        described: dict[str, Any] = json.loads(json.dumps(space.describe()))
        rules = {one.origin: point_to_json(one.point) for one in Heuristics(space).proposals}
        return Question(recipe, described, listed, tuple(objectives), searcher, seed, dict(fixed), rules, compiler)

    def to_json(self) -> dict[str, Any]:
        """The content of study.json."""
        return {
            "schema": SCHEMA,
            "recipe": self.recipe.to_json(),
            "space": dict(self.space),
            "objectives": [str(one) for one in self.objectives],
            "searcher": self.searcher,
            "seed": self.seed,
            "fixed": dict(self.fixed),
            "compiler": self.compiler,
            "heuristics": {name: dict(point) for name, point in self.heuristics.items()},
            "parameters": [dict(one) for one in self.parameters],
        }

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Question:
        """The inverse of `to_json`. Raises KeyError, TypeError or ValueError for other data."""
        if data["schema"] != SCHEMA:
            raise ValueError(f"its schema is {data['schema']}, not {SCHEMA}")
        return Question(
            Recipe(**data["recipe"]),
            data["space"],
            data["parameters"],
            tuple(Objective(name) for name in data["objectives"]),
            data["searcher"],
            data["seed"],
            data["fixed"],
            data["heuristics"],
            data["compiler"],
        )

    def differences(self, other: Question) -> list[str]:
        """What `other` asks otherwise; trials of the one say nothing of the other then."""
        found = _differing("", self.space, other.space)
        ours = {one["name"]: one["values"] for one in self.parameters}
        theirs = {one["name"]: one["values"] for one in other.parameters}
        found += _differing("parameter ", ours, theirs)
        pairs = (("objectives", self.objectives, other.objectives), ("searcher", self.searcher, other.searcher))
        found += [
            f"{name}: {_shown(a)} -> {_shown(b)}" for name, a, b in (*pairs, ("seed", self.seed, other.seed)) if a != b
        ]
        return found


class Study:
    """A study in the folder `folder`."""

    def __init__(self, folder: Path, question: Question, trials: Sequence[Trial]) -> None:
        self.folder = folder
        self.question = question
        self.trials = list(trials)

    @staticmethod
    def create(folder: Path, question: Question, *, force: bool = False) -> Study:
        """A new study. Raises UserError ST0501 where something else is, ST0810 where a study is (without `force`), or
        where another process works on that.
        """
        if (folder / STUDY).is_file() and not force:
            hint = "add --resume to go on with it, --force to begin anew, or name another folder with --out"
            raise UserError("ST0810", f"{folder} already holds a study", hint=hint)
        if folder.exists() and not (folder / STUDY).is_file() and (not folder.is_dir() or any(folder.iterdir())):
            raise UserError(
                "ST0501", f"{folder} holds something else than a study", hint="name another folder with --out"
            )
        try:
            if (folder / STUDY).is_file():
                with locked(folder / LOCK):
                    shutil.rmtree(folder)
            folder.mkdir(parents=True)
            write_json(folder / STUDY, question.to_json())
        except OSError as error:
            raise UserError("ST0501", f"{folder} can't be written: {error.strerror or error}") from error
        return Study(folder, question, [])

    @staticmethod
    def read(folder: Path) -> Study:
        """The study in a folder. Raises UserError ST0810 when there is none or it is damaged."""
        file = folder / STUDY
        if not file.is_file():
            raise UserError(
                "ST0810", f"{folder} is not a study: it has no {STUDY}", hint="explore a model into it first"
            )
        try:
            question = Question.from_json(json.loads(file.read_text(encoding="utf-8")))
            file = folder / TRIALS
            text = file.read_text(encoding="utf-8") if file.is_file() else ""
            whole = text[: text.rfind("\n") + 1]  # a process that was killed may have left a part of a line
            trials = [Trial.from_json(json.loads(line)) for line in whole.splitlines()]
            _check_trials(trials, question)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise UserError("ST0810", f"{file} is damaged: {error}", hint="explore again with --force") from error
        return Study(folder, question, trials)

    def refresh(self) -> None:
        """Takes over what other processes added since the study was read; to be called with its lock.

        Raises UserError ST0810 and ST0811 when it is gone, damaged, or another one now.
        """
        found = Study.read(self.folder)
        found.check_same(self.question)
        self.trials = found.trials

    def check_same(self, question: Question) -> None:
        """Raises UserError ST0811 when `question` is another one than this study's, saying what differs."""
        if differences := self.question.differences(question):
            raise UserError(
                "ST0811",
                f"the study in {self.folder} is about something else: {len(differences)} differences",
                terms=differences,
                hint="explore into another folder with --out, or begin anew with --force",
            )

    def searcher(self, space: Space) -> Searcher:
        """The searcher of this study, which has heard of every trial."""
        question = self.question
        if question.searcher == "optuna":
            made: Searcher = OptunaSearch(space, question.objectives, question.seed, self.folder / JOURNAL)
        else:
            made = SEARCHERS[question.searcher](space, question.seed)
        for trial in self.trials:
            made.tell(trial)
        return made

    def add(self, trial: Trial) -> None:
        """Keeps a trial, on the disk before this returns."""
        if not self.trials:
            drop_partial_line(self.folder / TRIALS)
        append_line(self.folder / TRIALS, trial.to_json())
        self.trials.append(trial)

    def repair(self) -> None:
        """Drops what a process that was killed left of a line; before the first `add` of a run."""
        drop_partial_line(self.folder / TRIALS)

    def trial(self, number: int) -> Trial:
        """The trial with that number. Raises UserError ST0810 when there is none."""
        found = next((trial for trial in self.trials if trial.number == number), None)
        if found is None:
            last = max((trial.number for trial in self.trials), default=None)
            known = f"its trials are 0 to {last}" if last is not None else "it has no trials yet"
            raise UserError("ST0810", f"{self.folder} has no trial {number}", hint=known)
        return found

    @property
    def evaluated(self) -> list[Trial]:
        """The trials that have an evaluation, whether or not they fit."""
        return [trial for trial in self.trials if trial.evaluation is not None]

    @property
    def front(self) -> list[Trial]:
        """The Pareto set, in the order of the values of the first objective."""
        return pareto(self.trials, self.question.objectives)

    @property
    def defaults(self) -> Mapping[str, Any]:
        """The default value of each parameter, as JSON."""
        return {one["name"]: one["default"] for one in self.question.parameters}

    def changes(self, trial: Trial) -> dict[str, Any]:
        """The parameters in which a trial differs from the default point, with their values, as JSON."""
        point = point_to_json(trial.point)
        return {name: point[name] for name, value in self.defaults.items() if point[name] != value}

    def rule(self, trial: Trial) -> str:
        """The heuristic that chooses the point of a trial, whoever proposed it there; "" where none does."""
        point = point_to_json(trial.point)
        return next((name for name, one in self.question.heuristics.items() if one == point), "")

    def best(self, objective: Objective) -> Trial | None:
        """The feasible trial that is best in one objective, the first of equals."""
        return next(iter(pareto(self.trials, [objective])), None)

    def pareto_json(self) -> dict[str, Any]:
        """The content of pareto.json: nothing in it depends on a clock or on who evaluated what."""
        objectives = self.question.objectives
        points = [
            {
                "number": trial.number,
                "origin": trial.origin,
                "rule": self.rule(trial),
                "objectives": {str(name): value for name, value in sorted(trial.evaluation.objectives.items())},
                "changes": self.changes(trial),
                "point": point_to_json(trial.point),
            }
            for trial in self.front
            if trial.evaluation is not None
        ]
        return {
            "schema": PARETO_SCHEMA,
            "objectives": {str(one): UNITS[one] for one in objectives},
            "provenance": {str(one): PROVENANCE[one] for one in Objective},
            "trials": len(self.trials),
            "feasible": sum(trial.feasible for trial in self.trials),
            "points": points,
        }

    def write_pareto(self) -> None:
        """Writes pareto.json."""
        write_json(self.folder / PARETO, self.pareto_json())


def _check_trials(trials: Sequence[Trial], question: Question) -> None:
    """Raises ValueError for what no run writes: a number twice, or a point of another space."""
    names = {one["name"] for one in question.parameters}
    seen: set[int] = set()
    for line, trial in enumerate(trials, 1):
        if trial.number in seen:
            raise ValueError(f"line {line} has trial {trial.number} again")
        if other := names ^ set(trial.point):
            raise ValueError(f"line {line} has other parameters than the study: {', '.join(sorted(other)[:5])}")
        seen.add(trial.number)


def _differing(what: str, ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> list[str]:
    names = [*ours, *(name for name in theirs if name not in ours)]
    pairs = ((name, ours.get(name), theirs.get(name)) for name in names)
    return [f"{what}{name}: {_shown(a)} -> {_shown(b)}" for name, a, b in pairs if a != b]


def _shown(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(str, value)) + "]"
    if isinstance(value, Mapping):
        return ", ".join(f"{name}={_shown(one)}" for name, one in value.items())
    return str(value)

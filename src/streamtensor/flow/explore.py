# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Exploring the design space of a model: a study from its question to its report, and compiling what it found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from streamtensor.cost.content_cache import sources_digest
from streamtensor.diagnostics import UserError, did_you_mean
from streamtensor.explore.files import locked, write_whole
from streamtensor.explore.process_workers import ProcessWorkers
from streamtensor.explore.ray_workers import RayWorkers
from streamtensor.explore.search import Ending, Progress, search
from streamtensor.explore.study import LOCK, PAGE, SEARCHER_NAMES, STUDY, Question, Study
from streamtensor.explore.trial import Trial
from streamtensor.explore.workers import InlineWorker, Recipe, Workers
from streamtensor.flow.compile import CompileResult, Design, compile_model, recompile
from streamtensor.flow.events import Events, SilentEvents
from streamtensor.flow.folder import RECORD
from streamtensor.spaces.evaluation import Objective
from streamtensor.spaces.program_space import ProgramSpace
from streamtensor.spaces.space import Parameter, Space

_COMPILED = ("device", "scheme", "prompt_len", "context")  # what a space and a compilation both depend on

SPACE_OF = "streamtensor.spaces.sources:space_of"
DEFAULT_OBJECTIVES = ("latency", "bits")


@dataclass(frozen=True)
class Explored:
    """A study after a run, and why the run ended."""

    study: Study
    ending: Ending


@dataclass(frozen=True)
class Crew:
    """Who evaluates: `workers` processes of this machine (1: this process), or actors on the Ray cluster `ray` (a
    number of 0: as many as it has CPUs). An evaluation that takes longer than `trial_seconds` is stopped; for that one
    worker is a process of its own, too.
    """

    workers: int = 1
    ray: str | None = None
    trial_seconds: float | None = None

    def gather(self, recipe: Recipe, space: Space) -> Workers:
        """The workers. Raises UserError ST0812 when there are none."""
        if self.ray is not None:
            return RayWorkers(recipe, self.ray, self.workers, self.trial_seconds)
        if self.workers > 1 or self.trial_seconds is not None:
            return ProcessWorkers(recipe, self.workers, self.trial_seconds)
        return InlineWorker(space)


def recipe_of(source: str, arguments: Mapping[str, Any]) -> Recipe:
    """How any process opens the space of `source`; what is None is left out, and the paths of the model and of a device
    file become whole ones.
    """
    file, colon, name = source.partition(":")
    whole = f"{Path(file).resolve()}{colon}{name}" if Path(file).exists() else source
    given = {key: value for key, value in arguments.items() if value is not None}
    if Path(given.get("device", "")).suffix == ".toml":
        given["device"] = str(Path(given["device"]).resolve())
    return Recipe(SPACE_OF, {"source": whole, **given})


def objectives_of(names: Sequence[str]) -> tuple[Objective, ...]:
    """The objectives with these names. Raises UserError ST0504 for an unknown one, none, or one twice."""
    known = [str(one) for one in Objective]
    for name in names:
        if name not in known:
            hint = did_you_mean(name, known) or f"there are {', '.join(known)}"
            raise UserError("ST0504", f"unknown objective '{name}'", hint=hint)
    if not names or len(set(names)) < len(names):
        raise UserError("ST0504", f"objectives are names, each once, not '{','.join(names)}'")
    return tuple(Objective(name) for name in names)


def fixed_values(space: Space, settings: Sequence[str]) -> dict[str, Any]:
    """The values of `NAME=VALUE`, by name, as JSON has them.

    Raises UserError ST0504 for another form, ST0801 and ST0802 for what the space does not have.
    """
    known = {parameter.name: parameter for parameter in space.parameters}
    found: dict[str, Any] = {}
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not equals:
            raise UserError("ST0504", f"'{setting}' is not of the form NAME=VALUE")
        if name not in known:
            space.check({name: text})  # raises, with the nearest name
        found[name] = _value(known[name], text)
    space.point_from_json(found)
    return found


def _value(parameter: Parameter, text: str) -> Any:
    """The legal value that is written like `text`; else the text, which no legal value is."""
    shown = {_written(value): list(value) if isinstance(value, tuple) else value for value in parameter.values}
    return shown.get(text, text)


def _written(value: Any) -> str:
    return (
        "x".join(map(str, value))
        if isinstance(value, tuple)
        else f"{value:g}"
        if isinstance(value, float)
        else str(value)
    )


def begin(
    recipe: Recipe,
    folder: Path,
    *,
    objectives: Sequence[str] = DEFAULT_OBJECTIVES,
    searcher: str = "optuna",
    seed: int = 0,
    fix: Sequence[str] = (),
    resume: bool = False,
    force: bool = False,
) -> tuple[Study, Space]:
    """A new study in `folder`, or with `resume` the one that is there, and the space that it is about.

    Raises UserError ST0810 and ST0501 when the folder can't be used, ST0811 when a study that is resumed asks
    something else, and what opening the space raises.
    """
    if searcher not in SEARCHER_NAMES:
        hint = did_you_mean(searcher, SEARCHER_NAMES) or f"there are {', '.join(SEARCHER_NAMES)}"
        raise UserError("ST0504", f"unknown searcher '{searcher}'", hint=hint)
    chosen = objectives_of(objectives)
    space = recipe.open()
    fixed = fixed_values(space, fix)
    space = space.fixed(fixed) if fixed else space
    question = Question.of(recipe, space, chosen, searcher, seed, fixed, sources_digest())
    if not resume or not (folder / STUDY).is_file():
        return Study.create(folder, question, force=force), space
    study = Study.read(folder)
    study.check_same(question)
    return study, space


def reopen(folder: Path) -> tuple[Study, Space]:
    """The study in `folder` and its space, from what the study says of it.

    Raises UserError ST0811 when the model or the device is not what it was.
    """
    study = Study.read(folder)
    asked = study.question
    space = asked.recipe.open()
    space = space.fixed(asked.fixed) if asked.fixed else space
    again = Question.of(
        asked.recipe, space, asked.objectives, asked.searcher, asked.seed, asked.fixed, sources_digest()
    )
    study.check_same(again)
    return study, space


def run(
    study: Study,
    space: Space,
    trials: int,
    *,
    crew: Crew | None = None,
    timeout_seconds: float | None = None,
    events: Events | None = None,
) -> Explored:
    """A run: brings the study to `trials` trials, and writes its Pareto set and (of one trial or more) its page.

    Ctrl-C ends it early.

    Raises UserError ST0810 when another process works on the study, ST0812 without workers.
    """
    events = events or SilentEvents()
    if study.question.compiler != sources_digest() and study.trials:
        events.note("the compiler changed since this study began: figures of earlier trials may be others now")
    with locked(study.folder / LOCK):
        study.refresh()
        workers = (crew or Crew()).gather(study.question.recipe, space)
        try:
            ending = search(
                study,
                study.searcher(space),
                workers,
                trials,
                timeout_seconds=timeout_seconds,
                watch=lambda progress: events.stage(_line(progress), progress.done, progress.total),
            )
        finally:
            workers.close()
            if study.trials:
                write_page(study)
    return Explored(study, ending)


def compile_point(
    study: Study,
    space: Space,
    number: int,
    out: Path,
    *,
    random_weights: int = 0,
    force: bool = False,
    events: Events | None = None,
) -> CompileResult:
    """Compiles the model of a study into the folder `out`, with trial `number`'s point for the program of the study.

    The model's other programs get the default choices. A shape has no weights of its own and gets random ones.

    Raises UserError ST0810 for a trial that there is not, ST0811 for a study of something that can't be compiled, and
    as `compile_model` and `recompile` do.
    """
    if not isinstance(space, ProgramSpace):
        raise UserError("ST0811", f"the study in {study.folder} is not about a model's program")
    from streamtensor.models.shapes import SHAPES

    trial = study.trial(number)
    asked = study.question.recipe.arguments
    designs = {space.program: Design(trial.point, space.choices(trial.point))}
    events = events or SilentEvents()
    if not trial.feasible:
        known = "has not been evaluated" if trial.evaluation is None else "does not fit"
        events.note(f"point {number} {known}: streamtensor explore {study.folder} --explain {number}")
    source = str(asked["source"])
    if (Path(source) / RECORD).is_file():
        return recompile(Path(source), start="tensor", out=out, designs=designs, events=events)
    options = {name: asked[name] for name in _COMPILED if name in asked}
    seed = random_weights if source in SHAPES else None
    return compile_model(source, out, **options, designs=designs, random_weights=seed, force=force, events=events)


def write_page(study: Study) -> None:
    """Writes report.html."""
    from streamtensor.report.study_page import study_page

    write_whole(study.folder / PAGE, study_page(study))


def _line(progress: Progress) -> str:
    """What a person who waits wants to know."""
    best = [(one, progress.study.best(one)) for one in progress.study.question.objectives]
    known = [(one, trial.values([one])) for one, trial in best if trial is not None]
    parts = [f"{one} {values[0]:,.6g}" for one, values in known if values is not None]
    line = "best " + ", ".join(parts) if parts else "nothing fits yet" if progress.done else "default point"
    if progress.seconds_left is None:
        return line
    minutes, seconds = divmod(round(progress.seconds_left), 60)
    return f"{line}; {minutes}:{seconds:02d} left"


def replay(study: Study, space: Space, events: Events | None = None) -> list[str]:
    """Evaluates every point of a study again, in this process, and says where the result is another one."""
    events = events or SilentEvents()
    found: list[str] = []
    for count, trial in enumerate(study.evaluated):
        events.stage(f"trial {trial.number}", count, len(study.evaluated))
        again = space.evaluate(trial.point)
        assert trial.evaluation is not None
        found += _against(trial, dict(trial.evaluation.objectives), dict(again.objectives))
        if again.feasible != trial.feasible:
            found.append(f"trial {trial.number}: {'fits' if again.feasible else 'does not fit'} now")
    return found


def _against(trial: Trial, then: Mapping[Objective, float], now: Mapping[Objective, float]) -> list[str]:
    names = [name for name in Objective if then.get(name) != now.get(name)]
    return [f"trial {trial.number}: {name} {then.get(name)} -> {now.get(name)}" for name in names]

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A searcher that lets Optuna choose: many objectives, constraints, and a journal from which a study goes on.

It starts from the heuristics of the space and a few random points. Then every second trial is a step from a point of
the Pareto set found so far; for the others Optuna's tree-structured Parzen estimator chooses the values of some
parameters, and a point of the Pareto set those of the rest. Which ones is drawn as the space draws random points: one
with a hundred parameters of single kernels varies few of these at a time. An infeasible point that the space knows a
way back from (smaller tiles) is followed by that. Of the objectives the first one counts most: points of the Pareto set
that are good in it are started from more often.
"""

from __future__ import annotations

import json
import random
import warnings
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from streamtensor.explore.files import drop_partial_line
from streamtensor.explore.searcher import Heuristics, Proposal, key_of, rng_of, unseen_sample
from streamtensor.explore.steps import in_play, is_ordered, start_from, unseen_step
from streamtensor.explore.trial import Trial, pareto
from streamtensor.spaces.evaluation import Objective, Point, Value, to_value
from streamtensor.spaces.space import Parameter, Space

if TYPE_CHECKING:
    import optuna

_ATTEMPTS = 4  # to name a point that is new; the last one takes any
_RANDOM = 4  # random points after the heuristics: far from good, as most are, but the sampler learns what to avoid
_LOOSE = 4  # parameters at most whose values the sampler chooses in one trial
_NUMBER, _ORIGIN = "trial", "origin"
_STUDY = "streamtensor"


class OptunaSearch:
    """Optuna behind the interface of searchers, with its journal in the file `journal` (None: in memory).

    Only one process may use the journal at a time.
    """

    def __init__(self, space: Space, objectives: Sequence[Objective], seed: int, journal: Path | None = None) -> None:
        self._space, self._objectives, self._seed = space, tuple(objectives), seed
        self._first = Heuristics(space)
        self._free = [parameter for parameter in space.parameters if len(parameter.values) > 1]
        self._told: list[Trial] = []
        self._open: dict[int, int] = {}  # number of a trial that was asked for -> number in Optuna's study
        self._ended: set[int] = set()
        self._seen: set[str] = set()
        with _quiet():
            self._study = self._load(journal)
            self._distributions = {parameter.name: _distribution(parameter) for parameter in self._free}
            self._recall()

    def ask(self, number: int) -> Proposal | None:
        """A point that was not tried before; the same as in an earlier run where that did not come to its end."""
        with _quiet():
            if number in self._open:
                trial = self._trials[self._open[number]]
                return Proposal(self._point(trial.params), trial.user_attrs[_ORIGIN])
            if (first := self._first.ask(number)) is not None:
                self._enqueue(first.point, first.origin)
            for attempt in range(_ATTEMPTS):
                if not self._waiting():
                    self._suggest(number, rng_of(self._seed, number, attempt), attempt)
                if (proposal := self._ask(number, rng_of(self._seed, number, -attempt - 1))) is not None:
                    return proposal
            return None

    def tell(self, trial: Trial) -> None:
        """Hands the result to Optuna; a trial that its journal knows to have ended changes nothing."""
        import optuna

        self._told.append(trial)
        self._seen.add(key_of(trial.point))
        if trial.number in self._ended or trial.number not in self._open:
            return
        with _quiet():
            inner = self._open.pop(trial.number)
            evaluation = trial.evaluation
            if evaluation is None:
                self._study.tell(inner, state=optuna.trial.TrialState.FAIL)
                return
            if not evaluation.feasible and (back := self._space.smaller(evaluation)) is not None:
                self._enqueue(back, f"way back from {trial.number}")
            # Optuna has no public way from a number to a trial that is still open, as after an interruption.
            asked = optuna.trial.Trial(self._study, self._trials[inner]._trial_id)  # pyright: ignore[reportPrivateUsage]
            # Optuna ranks infeasible points by the sum of these, so they are shares of what there is.
            excess = {violation.constraint: violation.excess for violation in evaluation.violations}
            known = asked.constraints  # of a run that ended right here
            for name, share in (excess or {"feasible": 0.0}).items():
                if name not in known:
                    asked.set_constraint(name, share)
            values = trial.values(self._objectives)
            if values is None:
                self._study.tell(inner, state=optuna.trial.TrialState.PRUNED)
            else:
                self._study.tell(inner, list(values))

    def _load(self, journal: Path | None) -> optuna.Study:
        import optuna

        storage = optuna.storages.InMemoryStorage() if journal is None else _journal(journal)
        return optuna.create_study(
            storage=storage,
            study_name=_STUDY,
            directions=["minimize" for _ in self._objectives],
            load_if_exists=True,
        )

    @property
    def _trials(self) -> list[optuna.trial.FrozenTrial]:
        """Optuna's trials by their numbers there; not to be changed."""
        return self._study.get_trials(deepcopy=False)

    def _recall(self) -> None:
        """What an earlier run asked for."""
        for trial in self._trials:
            if _NUMBER not in trial.user_attrs:
                continue
            if trial.state.is_finished():
                self._ended.add(trial.user_attrs[_NUMBER])
            else:
                self._open[trial.user_attrs[_NUMBER]] = trial.number
            self._seen.add(key_of(self._point(trial.params)))

    def _waiting(self) -> bool:
        import optuna

        return bool(self._study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.WAITING,)))

    def _suggest(self, number: int, rng: random.Random, attempt: int) -> None:
        """Queues a point, or what is known of it, which leaves the rest to the sampler."""
        front = pareto(self._told, self._objectives)
        last = attempt == _ATTEMPTS - 1
        if last or not front or len(self._told) < len(self._first.proposals) + _RANDOM:
            point = unseen_sample(self._space, rng, self._seen)
            if point is not None:
                self._enqueue(point, "random")
        elif number % 2:
            found = unseen_step(self._space, front, rng, self._seen)
            if found is not None:
                self._enqueue(found[0], f"step from {found[1].number}")
        else:
            play = in_play(self._space, rng)
            loose = {parameter.name for parameter in rng.sample(play, min(len(play), rng.randint(1, _LOOSE)))}
            base = start_from(front, rng).point
            kept = {name: value for name, value in self._values(base).items() if name not in loose}
            self._study.enqueue_trial(kept, {_ORIGIN: "optuna"})

    def _ask(self, number: int, rng: random.Random) -> Proposal | None:
        """The next point of the queue, completed by the sampler; None where it was tried before."""
        import optuna

        if not self._waiting():
            return None
        self._study.sampler = optuna.samplers.TPESampler(seed=rng.getrandbits(32))
        trial = self._study.ask(self._distributions)
        point = self._point(trial.params)
        if key_of(point) in self._seen:
            self._study.tell(trial, state=optuna.trial.TrialState.FAIL)
            return None
        trial.set_user_attr(_NUMBER, number)
        self._open[number] = trial.number
        self._seen.add(key_of(point))
        return Proposal(point, trial.user_attrs[_ORIGIN])

    def _enqueue(self, point: Point, origin: str) -> None:
        if key_of(point) not in self._seen:
            self._study.enqueue_trial(self._values(point), {_ORIGIN: origin})

    def _values(self, point: Point) -> dict[str, Any]:
        return {parameter.name: _to_optuna(parameter, point[parameter.name]) for parameter in self._free}

    def _point(self, values: Mapping[str, Any]) -> dict[str, Value]:
        found = {parameter.name: _from_optuna(parameter, values[parameter.name]) for parameter in self._free}
        return self._space.check({**self._space.default_point(), **found})


def _distribution(parameter: Parameter) -> optuna.distributions.BaseDistribution:
    """Numbers by their place in the list, since neighbours are alike; other values as texts."""
    from optuna.distributions import CategoricalDistribution, IntDistribution

    if is_ordered(parameter):
        return IntDistribution(0, len(parameter.values) - 1)
    return CategoricalDistribution([_to_optuna(parameter, value) for value in parameter.values])


def _to_optuna(parameter: Parameter, value: Value) -> int | str:
    return parameter.values.index(value) if is_ordered(parameter) else json.dumps(value)


def _from_optuna(parameter: Parameter, value: Any) -> Value:
    return parameter.values[value] if is_ordered(parameter) else to_value(json.loads(value))


def _journal(file: Path) -> Any:
    """Optuna's journal in a file, without a lock and without waiting for the disk.

    The study's own lock keeps others away, and a lock file would outlive a killed process. A trial of a hundred
    parameters is as many lines; what counts, the evaluations, is on the disk in the study's own file.
    """
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    class Journal(JournalFileBackend):
        """Appends in one write."""

        def append_logs(self, logs: list[dict[str, Any]]) -> None:
            """Adds lines of JSON."""
            lines = (json.dumps(log, separators=(",", ":")) + "\n" for log in logs)
            with file.open("ab") as stream:
                stream.write("".join(lines).encode())

    drop_partial_line(file)
    return JournalStorage(Journal(str(file)))


@contextmanager
def _quiet() -> Generator[None, None, None]:
    """Optuna's log lines and the warnings about its experimental parts mean nothing to a user of this program."""
    import optuna

    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            yield
    finally:
        optuna.logging.set_verbosity(before)

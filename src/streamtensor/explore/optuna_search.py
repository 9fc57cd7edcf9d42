# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A searcher that lets Optuna choose: many objectives, constraints, and a journal from which a study goes on.

The sampler is the tree-structured Parzen estimator of Optuna. It starts from the heuristics of the space; every second
trial after its first ones is a step from a point of the Pareto set found so far; an infeasible point that the space
knows a way back from (smaller tiles) is followed by that.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from streamtensor.explore.files import drop_partial_line
from streamtensor.explore.searcher import Heuristics, Proposal, key_of, rng_of, unseen_sample
from streamtensor.explore.steps import is_ordered, unseen_step
from streamtensor.explore.trial import Trial, pareto
from streamtensor.spaces.evaluation import Objective, Point, Value, to_value
from streamtensor.spaces.space import Parameter, Space

if TYPE_CHECKING:
    import optuna

_ATTEMPTS = 16  # of the sampler to name a point that is new
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
        """A point that was not tried before; the same as in an earlier session where that did not come to its end."""
        with _quiet():
            if number in self._open:
                trial = self._study.trials[self._open[number]]
                return Proposal(self._point(trial.params), trial.user_attrs[_ORIGIN])
            if (first := self._first.ask(number)) is not None:
                self._enqueue(first.point, first.origin)
            elif not self._waiting() and number % 2 and (near := self._near(number)) is not None:
                self._enqueue(near.point, near.origin)
            return self._ask(number)

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
            asked = optuna.trial.Trial(self._study, self._study.trials[inner]._trial_id)  # pyright: ignore[reportPrivateUsage]
            for violation in evaluation.violations:
                # Optuna ranks infeasible points by the sum of these, so they are shares of what there is.
                asked.set_constraint(violation.constraint, violation.excess)
            if evaluation.feasible:
                asked.set_constraint("feasible", 0.0)
            values = trial.values(self._objectives)
            if values is None:
                self._study.tell(inner, state=optuna.trial.TrialState.PRUNED)
            else:
                self._study.tell(inner, list(values))

    def _load(self, journal: Path | None) -> optuna.Study:
        import optuna
        from optuna.storages import InMemoryStorage, JournalStorage
        from optuna.storages.journal import JournalFileBackend

        if journal is None:
            storage: Any = InMemoryStorage()
        else:
            drop_partial_line(journal)
            storage = JournalStorage(JournalFileBackend(str(journal), cast(Any, _NoLock())))
        return optuna.create_study(
            storage=storage,
            study_name=_STUDY,
            directions=["minimize" for _ in self._objectives],
            load_if_exists=True,
        )

    def _recall(self) -> None:
        """What an earlier session asked for."""
        for trial in self._study.trials:
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

    def _near(self, number: int) -> Proposal | None:
        front = pareto(self._told, self._objectives)
        found = unseen_step(self._space, front, rng_of(self._seed, number), self._seen)
        return Proposal(found[0], f"step from {found[1].number}") if found is not None else None

    def _ask(self, number: int) -> Proposal | None:
        """The next point of the queue, or the sampler's; repeated points are dropped."""
        import optuna

        for attempt in range(_ATTEMPTS + 1):
            if attempt == _ATTEMPTS:
                fresh = unseen_sample(self._space, rng_of(self._seed, number, attempt), self._seen)
                if fresh is None:
                    return None
                self._enqueue(fresh, "random")
            seed = rng_of(self._seed, number, attempt).getrandbits(32)
            self._study.sampler = optuna.samplers.TPESampler(seed=seed)
            trial = self._study.ask(self._distributions)
            point = self._point(trial.params)
            origin = trial.user_attrs.get(_ORIGIN, "optuna")
            if key_of(point) not in self._seen:
                trial.set_user_attr(_ORIGIN, origin)
                trial.set_user_attr(_NUMBER, number)
                self._open[number] = trial.number
                self._seen.add(key_of(point))
                return Proposal(point, origin)
            self._study.tell(trial, state=optuna.trial.TrialState.FAIL)
        return None

    def _enqueue(self, point: Point, origin: str) -> None:
        if key_of(point) not in self._seen:
            values = {parameter.name: _to_optuna(parameter, point[parameter.name]) for parameter in self._free}
            self._study.enqueue_trial(values, {_ORIGIN: origin})

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


class _NoLock:
    """Always free: the study's own lock keeps others away, and a lock file would outlive a killed process."""

    def acquire(self) -> bool:
        """Succeeds."""
        return True

    def release(self) -> None:
        """Does nothing."""


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

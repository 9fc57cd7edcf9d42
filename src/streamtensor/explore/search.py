# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A run of a study: asks the searcher, lets workers evaluate, keeps what ends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import Literal

from streamtensor.diagnostics import InternalError, UserError
from streamtensor.explore.searcher import Proposal, Searcher
from streamtensor.explore.study import Study
from streamtensor.explore.trial import Trial
from streamtensor.explore.workers import Outcome, Workers

Ending = Literal["trials", "space", "time", "interrupted"]
"""Why a run ended: all trials are there, nothing is left to try, the time is over, or Ctrl-C."""

_LOOK_SECONDS = 0.5  # between two looks at the clock while workers are busy


@dataclass(frozen=True)
class Progress:
    """How far a run is: trials that ended and that were asked for, the seconds that the rest takes at this rate."""

    study: Study
    done: int
    total: int
    seconds_left: float | None


Watch = Callable[[Progress], None]


def search(
    study: Study,
    searcher: Searcher,
    workers: Workers,
    trials: int,
    *,
    timeout_seconds: float | None = None,
    watch: Watch = lambda progress: None,
) -> Ending:
    """Brings the study to `trials` trials, those of earlier runs among them, and writes its Pareto set.

    When the time is over, trials that run come to their end; Ctrl-C drops them, and a later run asks for
    them again.

    Raises UserError or InternalError when the first trial of the study, the default point, raises an error, as every
    other one would, or takes too long, since all others are compared with it; and what the workers raise.
    """
    start, ended = monotonic(), 0
    known = {trial.number for trial in study.trials}
    numbers = (number for number in range(trials) if number not in known)
    running: dict[int, tuple[Proposal, int]] = {}
    ending: Ending | None = None
    before = len(study.trials)

    def tell() -> None:
        seconds = monotonic() - start
        left = seconds / ended * (trials - before - ended) if ended else None
        watch(Progress(study, before + ended, trials, left))

    study.repair()
    tell()
    try:
        while True:
            while ending is None and workers.free:
                if timeout_seconds is not None and monotonic() - start >= timeout_seconds:
                    ending = "time"
                elif (number := next(numbers, None)) is None:
                    ending = "trials"
                elif (proposal := searcher.ask(number)) is None:
                    ending = "space"
                else:
                    running[number] = (proposal, len(study.trials))
                    workers.start(number, proposal.point)
            if not running:
                break
            for outcome in workers.wait(_LOOK_SECONDS):
                proposal, heard = running.pop(outcome.number)
                trial = _trial(outcome, proposal, heard)
                if trial.number == 0 and trial.problem is not None and (trial.problem.code or not trial.lost):
                    _raise(trial)
                study.add(trial)
                searcher.tell(trial)
                ended += 1
                tell()
    except KeyboardInterrupt:
        ending = "interrupted"
    finally:
        study.write_pareto()
    return ending or "trials"


def _trial(outcome: Outcome, proposal: Proposal, known: int) -> Trial:
    return Trial(
        outcome.number,
        proposal.origin,
        proposal.point,
        known,
        outcome.worker,
        outcome.evaluation,
        outcome.problem,
        outcome.lost,
    )


def _raise(trial: Trial) -> None:
    problem = trial.problem
    assert problem is not None
    if problem.code:
        raise UserError(problem.code, f"the default point: {problem.message}", hint=problem.details)
    raise InternalError(f"the default point can't be evaluated: {problem.message}\n{problem.details}")

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Workers in other processes: a study survives what happens to them."""

import os
import signal
import time
from pathlib import Path

import pytest

from streamtensor.diagnostics import UserError
from streamtensor.explore.optuna_search import OptunaSearch
from streamtensor.explore.process_workers import MOST_DEATHS, ProcessWorkers
from streamtensor.explore.ray_workers import RayWorkers
from streamtensor.explore.search import search
from streamtensor.explore.study import PARETO, Question, Study
from streamtensor.explore.workers import Outcome, Recipe, Workers
from streamtensor.spaces.evaluation import Objective
from toy_space import ToySpace, toy_recipe

BOTH = (Objective.LATENCY, Objective.BITS)


def study_in(folder: Path, searcher: str, recipe: Recipe) -> Study:
    return Study.create(folder, Question.of(recipe, recipe.open(), BOTH, searcher, 0, {}))


def explore(study: Study, workers: Workers, trials: int) -> str:
    try:
        return search(study, study.searcher(study.question.recipe.open()), workers, trials)
    finally:
        workers.close()


def wait_for(workers: Workers) -> Outcome:
    """The next outcome; a test that hangs fails after a minute."""
    for _ in range(120):
        if found := workers.wait(0.5):
            return found[0]
    raise AssertionError("nothing came")


def test_many_workers_find_what_one_finds(tmp_path: Path) -> None:
    one = study_in(tmp_path / "one", "exhaustive", toy_recipe())
    explore(one, ProcessWorkers(toy_recipe(), 1), 40)
    two = study_in(tmp_path / "two", "exhaustive", toy_recipe())
    explore(two, ProcessWorkers(toy_recipe(), 2), 40)
    assert (one.folder / PARETO).read_bytes() == (two.folder / PARETO).read_bytes()
    assert {trial.worker for trial in two.trials} == {"0", "1"}


def test_what_many_workers_did_can_be_asked_for_again(tmp_path: Path) -> None:
    """Each trial says how many had ended when it was proposed, and they stand in the order in which they ended."""
    study = study_in(tmp_path / "study", "optuna", toy_recipe())
    explore(study, ProcessWorkers(toy_recipe(), 3), 30)
    again = OptunaSearch(ToySpace(), BOTH, 0)
    told = 0
    for trial in sorted(study.trials, key=lambda one: one.number):
        for earlier in study.trials[told : trial.known]:
            again.tell(earlier)
        told = trial.known
        proposal = again.ask(trial.number)
        assert proposal is not None
        assert (proposal.point, proposal.origin) == (trial.point, trial.origin)


def test_a_killed_worker_loses_its_trial_only(tmp_path: Path) -> None:
    recipe = toy_recipe(kill=8, mark=str(tmp_path / "mark"))
    study = study_in(tmp_path / "study", "exhaustive", recipe)
    assert explore(study, ProcessWorkers(recipe, 2), 40) == "trials"
    (lost,) = (trial for trial in study.trials if trial.state == "lost")
    assert lost.point["unroll"] == 8
    assert lost.problem is not None
    assert "killed by SIGKILL" in lost.problem.message
    assert sorted(trial.number for trial in study.trials) == list(range(40))
    assert sum(trial.point["unroll"] == 8 and trial.state == "done" for trial in study.trials) > 1


def test_workers_that_always_die_are_an_error() -> None:
    workers = ProcessWorkers(Recipe("os:_exit", {"status": 3}), 1)
    for number in range(MOST_DEATHS - 1):
        workers.start(number, {})
        assert wait_for(workers).lost
    workers.start(MOST_DEATHS, {})
    with pytest.raises(UserError, match=f"{MOST_DEATHS} workers in a row .* exit code 3") as caught:
        wait_for(workers)
    workers.close()
    assert caught.value.code == "ST0812"


def test_a_space_that_can_t_be_opened_is_the_error_that_it_raises() -> None:
    workers = ProcessWorkers(Recipe("toy_space:open_toy", {"limit_bits": 1, "unknown": 2}), 1)
    workers.start(0, {})
    with pytest.raises(UserError, match="can't open the space: TypeError") as caught:
        wait_for(workers)
    workers.close()
    assert caught.value.code == "ST0812"


def test_each_worker_has_one_thread_and_ends_with_the_pool() -> None:
    workers = ProcessWorkers(toy_recipe(seconds=30.0), 1)
    workers.start(0, ToySpace().default_point())
    (process,) = workers.processes.values()
    deadline = time.monotonic() + 20
    while b"OMP_NUM_THREADS=1" not in (environment := Path(f"/proc/{process}/environ").read_bytes()):
        assert time.monotonic() < deadline, environment
    workers.close()
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)


def test_a_trial_that_takes_too_long_is_stopped_and_no_other(tmp_path: Path) -> None:
    recipe = toy_recipe(hang=8)
    study = study_in(tmp_path / "study", "exhaustive", recipe)
    assert explore(study, ProcessWorkers(recipe, 2, trial_seconds=0.5), 28) == "trials"
    hanging = [trial for trial in study.trials if trial.point["unroll"] == 8]
    assert len(hanging) > MOST_DEATHS  # which are no workers that die
    assert [trial for trial in study.trials if trial.state == "lost"] == hanging
    assert {str(trial.problem) for trial in hanging} == {
        "ST0813: the evaluation took longer than 0.5 s and was stopped"
    }


def test_a_default_point_that_takes_too_long_ends_the_search(tmp_path: Path) -> None:
    recipe = toy_recipe(hang=4)
    study = study_in(tmp_path / "study", "exhaustive", recipe)
    with pytest.raises(UserError, match=r"the default point: .* longer than 0.5 s") as caught:
        explore(study, ProcessWorkers(recipe, 1, trial_seconds=0.5), 3)
    assert caught.value.code == "ST0813"
    assert "--trial-timeout" in caught.value.hint
    assert study.trials == []  # so that --resume asks for it again


def test_to_open_the_space_is_no_part_of_a_trial() -> None:
    workers = ProcessWorkers(toy_recipe(opening_seconds=3.0), 1, trial_seconds=1.0)
    workers.start(0, ToySpace().default_point())
    assert wait_for(workers).evaluation is not None
    workers.close()


@pytest.mark.slow
def test_a_cluster_stops_what_takes_too_long(tmp_path: Path) -> None:
    recipe = toy_recipe(hang=16, opening_seconds=3.0)
    study = study_in(tmp_path / "study", "exhaustive", recipe)
    assert explore(study, RayWorkers(recipe, "local", 2, trial_seconds=1.0), 6) == "trials"
    assert {trial.number for trial in study.trials if trial.state == "lost"} == {1}


@pytest.mark.slow
def test_a_cluster_survives_a_killed_worker(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe = toy_recipe(kill=8, mark=str(tmp_path / "mark"))
    study = study_in(tmp_path / "study", "exhaustive", recipe)
    assert explore(study, RayWorkers(recipe, "local", 2), 40) == "trials"
    (lost,) = (trial for trial in study.trials if trial.state == "lost")
    assert lost.point["unroll"] == 8
    assert sorted(trial.number for trial in study.trials) == list(range(40))
    assert capsys.readouterr().out == ""
    one = study_in(tmp_path / "one", "exhaustive", toy_recipe())
    explore(one, ProcessWorkers(toy_recipe(), 1), 40)
    costs = {trial.number: trial.evaluation for trial in one.trials}
    for trial in study.trials:
        assert trial.state == "lost" or trial.evaluation == costs[trial.number]


def test_without_ray_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    with pytest.raises(UserError, match="Ray is not installed") as caught:
        RayWorkers(toy_recipe())
    assert "streamtensor[distributed]" in caught.value.hint


def test_the_signal_of_a_killed_worker_is_named() -> None:
    workers = ProcessWorkers(toy_recipe(seconds=30.0), 1)
    workers.start(5, ToySpace().default_point())
    os.kill(workers.processes["0"], signal.SIGTERM)
    outcome = wait_for(workers)
    workers.close()
    assert outcome.lost
    assert outcome.number == 5
    assert outcome.problem is not None
    assert "SIGTERM" in outcome.problem.message

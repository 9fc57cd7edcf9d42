# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Searchers and runs on a toy space: what is tried, that nothing is lost, and that it comes out the same again."""

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from streamtensor.diagnostics import UserError
from streamtensor.explore.files import locked
from streamtensor.explore.optuna_search import OptunaSearch
from streamtensor.explore.search import Progress, search
from streamtensor.explore.searcher import SEARCHERS, Exhaustive, Heuristics, RandomSearch, Searcher, key_of
from streamtensor.explore.study import JOURNAL, LOCK, PARETO, SEARCHER_NAMES, STUDY, TRIALS, Question, Study
from streamtensor.explore.trial import Trial, pareto
from streamtensor.explore.workers import InlineWorker, Outcome, Workers
from streamtensor.flow.explore import begin, reopen, replay, run, write_page
from streamtensor.report.study_page import study_plots
from streamtensor.spaces.evaluation import Objective
from toy_space import ToySpace, toy_recipe

BOTH = (Objective.LATENCY, Objective.BITS)


def question(searcher: str = "optuna", seed: int = 0, objectives: Sequence[Objective] = BOTH) -> Question:
    return Question.of(toy_recipe(), ToySpace(), objectives, searcher, seed, {})


def search_run(study: Study, trials: int, workers: Workers | None = None, timeout_seconds: float | None = None) -> str:
    space = ToySpace()
    return search(study, study.searcher(space), workers or InlineWorker(space), trials, timeout_seconds=timeout_seconds)


def asked(searcher: Searcher, count: int, space: ToySpace | None = None) -> list[str]:
    """The points of the first trials, whose results are told."""
    space, found = space or ToySpace(), list[str]()
    for number in range(count):
        proposal = searcher.ask(number)
        if proposal is None:
            break
        found.append(key_of(proposal.point))
        try:
            evaluation = space.evaluate(proposal.point)
        except UserError:
            evaluation = None
        searcher.tell(Trial(number, proposal.origin, proposal.point, number, "0", evaluation))
    return found


# ---- searchers ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [*(make for name, make in SEARCHERS.items() if name != "heuristics"), None])
def test_each_point_comes_once_and_all_of_them_in_the_end(make: object) -> None:
    space = ToySpace().fixed({"order": "rows"})
    searcher = OptunaSearch(space, BOTH, 0) if make is None else make(space, 0)  # type: ignore[operator]
    found = asked(searcher, space.size + 1)
    assert len(found) == len(set(found)) == space.size
    assert found[:2] == [key_of(space.default_point()), key_of(space.heuristics()["wide"])]


def test_heuristics_are_tried_once_each() -> None:
    searcher = Heuristics(ToySpace())
    assert [proposal.origin for proposal in searcher.proposals] == ["default", "wide"]
    assert searcher.ask(2) is None


def test_exhaustive_skips_what_is_there() -> None:
    whole = asked(Exhaustive(ToySpace()), 20)
    again = Exhaustive(ToySpace())
    assert [key_of(p.point) for p in map(again.ask, (1, 7, 8, 19)) if p is not None] == [
        whole[n] for n in (1, 7, 8, 19)
    ]


def test_random_depends_on_the_seed() -> None:
    space = ToySpace()
    assert asked(RandomSearch(space, 1), 20) == asked(RandomSearch(space, 1), 20)
    assert asked(RandomSearch(space, 1), 20) != asked(RandomSearch(space, 2), 20)


def test_optuna_follows_a_point_that_does_not_fit_by_smaller_tiles() -> None:
    space = ToySpace(limit_bits=100)  # the default point needs 296
    searcher = OptunaSearch(space, BOTH, 0)
    asked(searcher, 1, space)
    back = searcher.ask(1)
    assert back is not None
    assert back.origin == "way back from 0"
    assert back.point == {**space.default_point(), "tile": 8}


@pytest.mark.parametrize("seed", range(3))
def test_optuna_finds_the_best_point_long_before_it_has_tried_all(seed: int) -> None:
    space = ToySpace()
    points = [point for point in space.points() if (point["tile"], point["unroll"]) != (64, 1)]
    every = [Trial(n, "all", point, n, "0", space.evaluate(point)) for n, point in enumerate(points)]
    (best,) = pareto(every, [Objective.LATENCY])
    assert key_of(best.point) in asked(OptunaSearch(space, [Objective.LATENCY], seed), len(every) // 3)


def test_optuna_says_nothing_to_the_user(tmp_path: Path) -> None:
    code = (
        "from pathlib import Path; from toy_space import ToySpace\n"
        "from streamtensor.spaces.evaluation import Objective\n"
        "from streamtensor.explore.optuna_search import OptunaSearch; from streamtensor.explore.trial import Trial\n"
        f"space = ToySpace(); searcher = OptunaSearch(space, [Objective.BITS], 0, Path({str(tmp_path / JOURNAL)!r}))\n"
        "for n in range(14):\n"
        "    one = searcher.ask(n); searcher.tell(Trial(n, one.origin, one.point, n, '0', space.evaluate(one.point)))\n"
    )
    tests = Path(__file__).resolve().parents[1]
    done = subprocess.run([sys.executable, "-c", code], cwd=tests, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


# ---- runs ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("searcher", SEARCHER_NAMES)
def test_a_study_in_one_go_and_in_three_are_the_same_bytes(tmp_path: Path, searcher: str) -> None:
    whole = Study.create(tmp_path / "whole", question(searcher))
    search_run(whole, 40)
    parts = Study.create(tmp_path / "parts", question(searcher))
    for trials in (5, 23, 40):
        parts = Study.read(parts.folder)
        search_run(parts, trials)
    assert (whole.folder / PARETO).read_bytes() == (parts.folder / PARETO).read_bytes()
    assert [trial.point for trial in whole.trials] == [trial.point for trial in parts.trials]


def test_the_pareto_set_depends_on_the_seed_and_on_nothing_else(tmp_path: Path) -> None:
    texts: list[bytes] = []
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        study = Study.create(tmp_path / name, question(seed=seed))
        search_run(study, 25)
        texts.append((study.folder / PARETO).read_bytes())
    assert texts[0] == texts[1] != texts[2]


def test_a_trial_that_was_interrupted_is_asked_for_again(tmp_path: Path) -> None:
    class Interrupted(InlineWorker):
        """Ctrl-C comes in the middle of trial 6."""

        def wait(self, timeout_seconds: float) -> list[Outcome]:
            if self._job is not None and self._job[0] == 6:  # pyright: ignore[reportPrivateUsage]
                raise KeyboardInterrupt
            return super().wait(timeout_seconds)

    whole = Study.create(tmp_path / "whole", question())
    search_run(whole, 12)
    study = Study.create(tmp_path / "study", question())
    assert search_run(study, 12, Interrupted(ToySpace())) == "interrupted"
    assert len(study.trials) == 6
    assert json.loads((study.folder / PARETO).read_text())["trials"] == 6
    again = Study.read(study.folder)
    assert search_run(again, 12) == "trials"
    assert [trial.point for trial in again.trials] == [trial.point for trial in whole.trials]


def test_a_run_ends_with_the_time_or_the_space(tmp_path: Path) -> None:
    study = Study.create(tmp_path / "study", question("heuristics"))
    assert search_run(study, 10, timeout_seconds=0.0) == "time"
    assert not study.trials
    assert search_run(study, 10) == "space"
    assert [trial.origin for trial in study.trials] == ["default", "wide"]


def test_an_error_in_the_middle_is_a_failed_trial_and_at_the_default_point_an_error(tmp_path: Path) -> None:
    study = Study.create(tmp_path / "study", question("exhaustive"))
    search_run(study, 150)
    failed = [trial for trial in study.trials if trial.state == "failed"]
    assert {(trial.point["tile"], trial.point["unroll"]) for trial in failed} == {(64, 1)}
    assert failed[0].problem is not None
    assert failed[0].problem.code == "ST0306"
    space = ToySpace().fixed({"tile": 64, "unroll": 1})
    other = Study.create(tmp_path / "other", Question.of(toy_recipe(), space, BOTH, "optuna", 0, {}))
    with pytest.raises(UserError, match="can't handle") as caught:
        search(other, other.searcher(space), InlineWorker(space), 3)
    assert caught.value.code == "ST0306"


def test_progress_says_how_far_and_how_long(tmp_path: Path) -> None:
    seen: list[Progress] = []
    study = Study.create(tmp_path / "study", question("random"))
    search(study, study.searcher(ToySpace()), InlineWorker(ToySpace()), 5, watch=seen.append)
    assert [progress.done for progress in seen] == [0, 1, 2, 3, 4, 5]
    assert seen[0].seconds_left is None
    assert seen[-1].seconds_left == 0.0


# ---- the folder --------------------------------------------------------------------------------------------------


def test_a_line_that_was_cut_off_is_forgotten(tmp_path: Path) -> None:
    study = Study.create(tmp_path / "study", question())
    search_run(study, 8)
    for name in (TRIALS, JOURNAL):
        file = study.folder / name
        file.write_bytes(file.read_bytes()[:-20])
    cut = Study.read(study.folder)
    assert len(cut.trials) == 7
    search_run(cut, 8)
    again = Study.read(study.folder)
    assert [trial.point for trial in again.trials] == [trial.point for trial in study.trials]


def test_a_study_of_something_else_is_refused_with_what_differs(tmp_path: Path) -> None:
    begin(toy_recipe(limit_bits=500), tmp_path / "study", objectives=["latency"], seed=1)
    with pytest.raises(UserError) as caught:
        begin(toy_recipe(limit_bits=600), tmp_path / "study", resume=True, fix=["tile=8"])
    assert caught.value.code == "ST0811"
    assert set(caught.value.terms) == {
        "limit_bits: 500 -> 600",
        "fixed: none -> tile=8",
        "parameter tile: [4, 8, 16, 32, 64] -> [8]",
        "objectives: [latency] -> [latency, bits]",
        "seed: 1 -> 0",
    }
    study, _ = begin(toy_recipe(limit_bits=500), tmp_path / "study", objectives=["latency"], seed=1, resume=True)
    assert study.question.seed == 1


def test_a_study_is_not_overwritten_unasked(tmp_path: Path) -> None:
    begin(toy_recipe(), tmp_path / "study")
    with pytest.raises(UserError, match="already holds a study"):
        begin(toy_recipe(), tmp_path / "study")
    begin(toy_recipe(), tmp_path / "study", seed=3, force=True)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "letter.txt").touch()
    with pytest.raises(UserError) as caught:
        begin(toy_recipe(), tmp_path / "other", force=True)
    assert caught.value.code == "ST0501"
    assert (tmp_path / "other" / "letter.txt").exists()


@pytest.mark.parametrize(("name", "text"), [(STUDY, "{"), (STUDY, '{"schema": "x/1"}'), (TRIALS, "{}\n")])
def test_a_damaged_study_is_named(tmp_path: Path, name: str, text: str) -> None:
    study = Study.create(tmp_path / "study", question())
    (study.folder / name).write_text(text)
    with pytest.raises(UserError, match="damaged") as caught:
        Study.read(study.folder)
    assert name in caught.value.message


def test_only_one_process_works_on_a_study(tmp_path: Path) -> None:
    with locked(tmp_path / LOCK), pytest.raises(UserError, match="another process"), locked(tmp_path / LOCK):
        pass
    with locked(tmp_path / LOCK):
        pass


def test_a_study_that_is_worked_on_is_not_replaced(tmp_path: Path) -> None:
    study, _ = begin(toy_recipe(), tmp_path / "study")
    with locked(study.folder / LOCK), pytest.raises(UserError, match="another process"):
        begin(toy_recipe(), study.folder, force=True)
    assert Study.read(study.folder).question == study.question


def test_a_run_begins_with_what_others_added_since(tmp_path: Path) -> None:
    study, space = begin(toy_recipe(), tmp_path / "study", searcher="exhaustive")
    stale = Study.read(study.folder)
    run(study, space, 3)
    assert [trial.number for trial in run(stale, space, 5).study.trials] == [0, 1, 2, 3, 4]
    begin(toy_recipe(), study.folder, seed=1, force=True)
    with pytest.raises(UserError) as caught:
        run(stale, space, 5)
    assert caught.value.code == "ST0811"


@pytest.mark.parametrize("change", [lambda line: line, lambda line: line.replace('"tile"', '"tiles"')])
def test_trials_of_something_else_are_damage(tmp_path: Path, change: Callable[[str], str]) -> None:
    study = Study.create(tmp_path / "study", question())
    search_run(study, 3)
    file = study.folder / TRIALS
    lines = file.read_text().splitlines()
    file.write_text("\n".join([*lines[1:], change(lines[1])]) + "\n")
    with pytest.raises(UserError, match="line 3 has"):
        Study.read(study.folder)


def test_replay_finds_what_changed(tmp_path: Path) -> None:
    study = Study.create(tmp_path / "study", question())
    search_run(study, 12)
    again, space = reopen(study.folder)
    assert replay(again, space) == []
    changed = replay(again, ToySpace(limit_bits=100))
    assert any(line.endswith("does not fit now") for line in changed)


def test_the_page_is_whole_and_needs_no_network(tmp_path: Path) -> None:
    study = Study.create(tmp_path / "study", question("exhaustive"))
    space = ToySpace(limit_bits=200)
    search(study, study.searcher(space), InlineWorker(space), 60)
    write_page(study)
    page = (study.folder / "report.html").read_text()
    shown = page[: page.index("<script")] + page[page.rindex("<script") :]
    assert "src=" not in shown
    assert "http" not in shown.replace("https://vega.github.io/schema/", "")  # a name, which nothing opens
    for trial in study.trials:
        assert f"<td>{trial.number}</td>" in shown
    assert "wide" in shown
    violation = next(v for t in study.trials if t.evaluation is not None for v in t.evaluation.violations)
    assert str(violation) in shown
    assert all(f'<td class="text">{one.name}</td>' in shown for one in ToySpace().parameters)
    plot = study_plots(study)["trials"]
    labels = plot["datasets"][plot["layer"][2]["data"]["name"]]
    places = [tuple(row[str(one)] for one in BOTH) for row in labels]
    assert len(places) == len(set(places)) > 0

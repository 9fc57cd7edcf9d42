# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The Pareto set of random trials against its definition."""

from hypothesis import given
from hypothesis import strategies as st

from streamtensor.explore.trial import Trial, pareto
from streamtensor.spaces.evaluation import Evaluation, Objective, Violation

OBJECTIVES = (Objective.LATENCY, Objective.BITS, Objective.DSP)
TOO_MUCH = Violation("dsp", 2.0, 1.0, "DSP blocks", {"all": 2.0})

values = st.tuples(*(st.integers(0, 3) for _ in OBJECTIVES))
outcomes = st.lists(st.tuples(values, st.sampled_from(["fits", "does not fit", "stopped", "lost"])), max_size=12)


def trial(number: int, found: tuple[int, ...], kind: str) -> Trial:
    if kind == "lost":
        return Trial(number, "random", {}, number, "0", lost=True)
    objectives: dict[Objective, float] = {}
    if kind != "stopped":
        objectives.update(zip(OBJECTIVES, found, strict=True))
    violations = () if kind == "fits" else (TOO_MUCH,)
    return Trial(number, "random", {}, number, "0", Evaluation({}, objectives, violations))


@given(outcomes, st.integers(1, len(OBJECTIVES)))
def test_a_trial_is_in_the_set_where_no_other_one_is_better(found: list[tuple[tuple[int, ...], str]], n: int) -> None:
    trials = [trial(number, *one) for number, one in enumerate(found)]
    known = {number: one[:n] for number, (one, kind) in enumerate(found) if kind == "fits"}

    def dominated(number: int) -> bool:
        mine = known[number]
        return any(
            all(a <= b for a, b in zip(its, mine, strict=True)) and (its != mine or other < number)
            for other, its in known.items()
            if other != number
        )

    wanted = sorted((number for number in known if not dominated(number)), key=lambda number: known[number])
    assert [one.number for one in pareto(reversed(trials), OBJECTIVES[:n])] == wanted


@given(outcomes)
def test_trials_are_what_their_lines_say(found: list[tuple[tuple[int, ...], str]]) -> None:
    for number, one in enumerate(found):
        assert Trial.from_json(trial(number, *one).to_json()).to_json() == trial(number, *one).to_json()

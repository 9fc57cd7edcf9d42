# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Whatever point of a design space is chosen, the program computes the same numbers, and costs the same again."""

import random

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from small_spaces import small_space
from streamtensor.simulate import interpreter
from streamtensor.spaces.evaluation import Value
from streamtensor.spaces.program_space import ProgramSpace
from streamtensor.transforms.tiling.unroll_kernels import Work, spread

TOLERANCE = 1e-4  # of the largest element: sums of floats in another order
FEW = settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def wild(space: ProgramSpace, seed: int) -> dict[str, Value]:
    """A point with many more choices for single kernels than `sample` makes."""
    rng = random.Random(seed)
    point = space.sample(rng)
    for parameter in space.parameters:
        if "." in parameter.name and rng.random() < (0.05 if parameter.name.startswith("group") else 0.3):
            point[parameter.name] = rng.choice(parameter.values)
    return point


@pytest.mark.parametrize(("part", "scheme"), [("decode", "float32"), ("decode", "w4a8"), ("prefill", "w4a8")])
@FEW
@given(seed=st.integers(0, 10_000))
def test_every_point_computes_the_same_numbers(part: str, scheme: str, seed: int) -> None:
    space = small_space(part, scheme)
    inputs = interpreter.random_inputs(space.module, "main", 0)
    wanted = interpreter.run(space.module, inputs)
    found = interpreter.run(space.apply(wild(space, seed)), inputs)
    for got, want in zip(found, wanted, strict=True):
        limit = TOLERANCE if np.issubdtype(want.dtype, np.floating) else 0.0
        assert interpreter.compare(got, want) <= limit


@pytest.mark.needs("g++")
@FEW
@given(seed=st.integers(0, 10_000))
def test_a_point_costs_the_same_twice(seed: int) -> None:
    space = small_space()
    point = wild(space, seed)
    first = space.evaluate(point)
    assert space.evaluate(point) == first
    assert bool(first.objectives) or not first.feasible
    for violation in first.violations:
        assert sum(violation.terms.values()) == pytest.approx(violation.needed)


@given(
    st.lists(st.builds(Work, st.integers(1, 1 << 20), st.integers(1, 8), st.integers(1, 256), st.integers(0, 1 << 16))),
    st.integers(0, 10_000),
)
def test_a_budget_goes_to_the_slowest(works: list[Work], budget: int) -> None:
    lanes = spread(works, budget)
    assert all(1 <= n <= work.most_lanes for n, work in zip(lanes, works, strict=True))
    spent = sum(work.operations * n for work, n in zip(works, lanes, strict=True))
    assert spent <= max(budget, sum(work.operations for work in works))
    slowest = max((work.cycles(n) for n, work in zip(lanes, works, strict=True)), default=0)
    for n, work in zip(lanes, works, strict=True):
        if work.cycles(n) < slowest:
            continue
        more = min(n, work.most_lanes - n)
        can_have_more = more and spent + more * work.operations <= budget and work.cycles(n + more) < work.cycles(n)
        assert not can_have_more, "the slowest kernel could have had more lanes"

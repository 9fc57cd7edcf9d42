# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Steps from a good point to a point near it: in a space of many parameters most random points are bad ones."""

from __future__ import annotations

import random
from collections.abc import Sequence

from streamtensor.explore.searcher import key_of
from streamtensor.explore.trial import Trial
from streamtensor.spaces.evaluation import Point, Value
from streamtensor.spaces.space import Parameter, Space

DRAWS = 50
"""Steps that are drawn before the neighbourhood counts as known."""

MOST_CHANGES = 3
"""How many parameters of a point change in a step; at least one does."""


def is_ordered(parameter: Parameter) -> bool:
    """Whether the values are numbers, so that neighbours in the list are alike."""
    return all(isinstance(value, int | float) for value in parameter.values)


def in_play(space: Space, rng: random.Random) -> list[Parameter]:
    """The parameters that a random point of the space sets to something else than the default: a space with many
    parameters that matter little sets few of them at a time.
    """
    drawn, default = space.sample(rng), space.default_point()
    return [one for one in space.parameters if drawn[one.name] != default[one.name]]


def step(space: Space, point: Point, rng: random.Random) -> dict[str, Value]:
    """A point that differs from `point` in a few parameters: numbers go to the next value up or down, others to any."""
    free = in_play(space, rng)
    found = dict(space.check(point))
    for parameter in rng.sample(free, min(len(free), rng.randint(1, MOST_CHANGES))):
        found[parameter.name] = _other(parameter, found[parameter.name], rng)
    return found


def start_from(front: Sequence[Trial], rng: random.Random) -> Trial:
    """One of a Pareto set, in the order of the first objective: those that are good in it are likelier to be taken."""
    return front[int(len(front) * rng.random() ** 2)]


def unseen_step(
    space: Space, front: Sequence[Trial], rng: random.Random, seen: set[str]
) -> tuple[dict[str, Value], Trial] | None:
    """A step from one of `front` to a point not in `seen`, and where it starts; None where there is none."""
    for _ in range(DRAWS if front else 0):
        start = start_from(front, rng)
        point = step(space, start.point, rng)
        if key_of(point) not in seen:
            return point, start
    return None


def _other(parameter: Parameter, value: Value, rng: random.Random) -> Value:
    if not is_ordered(parameter):
        return rng.choice([one for one in parameter.values if one != value])
    place = parameter.values.index(value)
    return rng.choice([parameter.values[n] for n in (place - 1, place + 1) if 0 <= n < len(parameter.values)])

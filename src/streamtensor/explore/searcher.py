# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Searchers: what proposes the points of a study. They know a space and evaluations, and nothing else.

The proposal for a trial depends on the seed, the trial's number and what was told before, never on a clock or a state
that is lost with the process: an interrupted study goes on as if nothing had happened.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

from streamtensor.explore.trial import Trial
from streamtensor.spaces.evaluation import Point, Value, point_to_json
from streamtensor.spaces.space import Space

DRAWS = 1000
"""Random points that are drawn before a searcher believes that it has seen all of a space."""


@dataclass(frozen=True)
class Proposal:
    """A point to evaluate, and where it comes from: the name of a heuristic, or of the searcher."""

    point: Point
    origin: str


class Searcher(Protocol):
    """Proposes points and hears what they cost."""

    def ask(self, number: int) -> Proposal | None:
        """The point of the trial `number`; numbers rise. None when there is nothing left to try."""
        ...

    def tell(self, trial: Trial) -> None:
        """A trial ended; also those of an earlier run, before the first `ask`."""
        ...


def key_of(point: Point) -> str:
    """A text that is equal for equal points."""
    return json.dumps(point_to_json(point))


class Heuristics:
    """The points that the rules of a space choose, the default first, each point once."""

    def __init__(self, space: Space) -> None:
        found = {"default": space.default_point(), **space.heuristics()}
        seen: set[str] = set()
        self.proposals: list[Proposal] = []
        for name, point in found.items():
            if key_of(point) not in seen:
                seen.add(key_of(point))
                self.proposals.append(Proposal(space.check(point), name))

    def ask(self, number: int) -> Proposal | None:
        """The heuristic with that number."""
        return self.proposals[number] if number < len(self.proposals) else None

    def tell(self, trial: Trial) -> None:
        """Changes nothing."""


class Exhaustive:
    """The heuristics, then every other point of the space in its own order."""

    def __init__(self, space: Space) -> None:
        self._space = space
        self._first = Heuristics(space)
        self._known = {key_of(one.point) for one in self._first.proposals}
        self._rest = self._others()
        self._next = len(self._first.proposals)

    def _others(self) -> Iterator[dict[str, Value]]:
        return (point for point in self._space.points() if key_of(point) not in self._known)

    def ask(self, number: int) -> Proposal | None:
        """The point with that number in the order."""
        if (first := self._first.ask(number)) is not None:
            return first
        point = next(islice(self._rest, number - self._next, None), None)
        self._next = number + 1
        return Proposal(point, "exhaustive") if point is not None else None

    def tell(self, trial: Trial) -> None:
        """Changes nothing."""


class RandomSearch:
    """The heuristics, then random points, each once."""

    def __init__(self, space: Space, seed: int) -> None:
        self._space, self._seed = space, seed
        self._first = Heuristics(space)
        self._seen = {key_of(one.point) for one in self._first.proposals}

    def ask(self, number: int) -> Proposal | None:
        """A point that was not tried before."""
        if (first := self._first.ask(number)) is not None:
            return first
        point = unseen_sample(self._space, rng_of(self._seed, number), self._seen)
        if point is None:
            return None
        self._seen.add(key_of(point))
        return Proposal(point, "random")

    def tell(self, trial: Trial) -> None:
        """Its point is not drawn again."""
        self._seen.add(key_of(trial.point))


def rng_of(seed: int, number: int, attempt: int = 0) -> random.Random:
    """The random numbers of one trial; a text as seed gives the same ones in every process."""
    return random.Random(f"{seed} {number} {attempt}")


def unseen_sample(space: Space, rng: random.Random, seen: set[str]) -> dict[str, Value] | None:
    """A random point that is not in `seen`; None where `DRAWS` draws found none and the space has none."""
    if len(seen) >= space.size:
        return None
    drawn = (space.sample(rng) for _ in range(DRAWS))
    found = next((point for point in drawn if key_of(point) not in seen), None)
    if found is None and space.size <= DRAWS:
        return next((point for point in space.points() if key_of(point) not in seen), None)
    return found


Maker = Callable[[Space, int], Searcher]

SEARCHERS: dict[str, Maker] = {
    "exhaustive": lambda space, seed: Exhaustive(space),
    "heuristics": lambda space, seed: Heuristics(space),
    "random": RandomSearch,
}
"""Searchers that need only a space and a seed, by name; "optuna" also needs a journal (`optuna_search`)."""

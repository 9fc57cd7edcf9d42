# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A design space as an object: named parameters with legal values, and what a point of them costs.

Searchers know this interface and nothing else.
"""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import TYPE_CHECKING, Any, Literal

from streamtensor.diagnostics import UserError, did_you_mean
from streamtensor.spaces.evaluation import Evaluation, Point, Value, to_value

if TYPE_CHECKING:
    import networkx as nx

    from streamtensor.ir.builtin import ModuleOp

SpaceName = Literal["tiling", "fusion", "resources"]


@dataclass(frozen=True)
class Parameter:
    """One choice: its legal values in order, the value that it has when nobody chooses, the space that it belongs to,
    and what it means.
    """

    name: str
    values: tuple[Value, ...]
    default: Value
    space: SpaceName
    meaning: str

    def to_json(self) -> dict[str, Any]:
        """The fields as JSON values."""
        listed = [list(value) if isinstance(value, tuple) else value for value in (*self.values, self.default)]
        return {
            "name": self.name,
            "values": listed[:-1],
            "default": listed[-1],
            "space": self.space,
            "meaning": self.meaning,
        }


class Space(ABC):
    """A design space. A point gives each parameter one of its values, so it is JSON and replays exactly."""

    @property
    @abstractmethod
    def parameters(self) -> tuple[Parameter, ...]:
        """The parameters, in a stable order."""

    @abstractmethod
    def describe(self) -> dict[str, Any]:
        """What the space was made from (source, device, ...) as JSON values; equal for equal spaces."""

    @abstractmethod
    def heuristics(self) -> Mapping[str, Point]:
        """Points that rules choose, by the name of the rule; "default" is one of them."""

    @abstractmethod
    def evaluate(self, point: Point) -> Evaluation:
        """What a point costs. A point that can't be built is a result with violations.

        Raises UserError ST0801 and ST0802 for a point that is not of this space.
        """

    @abstractmethod
    def graph(self, point: Point | None = None) -> nx.MultiDiGraph[str]:
        """The kernels and what streams between them at a point (None: the default point)."""

    @abstractmethod
    def apply(self, point: Point) -> ModuleOp:
        """The program at a point, at the level `stream`. Raises UserError where the point can't be built."""

    def smaller(self, evaluation: Evaluation) -> Point | None:
        """The way back when a design does not fit: a point with smaller tiles, or None where there is none."""
        del evaluation
        return None

    @property
    def size(self) -> int:
        """How many points there are."""
        return prod(len(parameter.values) for parameter in self.parameters)

    def default_point(self) -> dict[str, Value]:
        """Each parameter at its default."""
        return {parameter.name: parameter.default for parameter in self.parameters}

    def sample(self, rng: random.Random) -> dict[str, Value]:
        """A random point: each parameter on its own, each value as likely as any other."""
        return {parameter.name: rng.choice(parameter.values) for parameter in self.parameters}

    def points(self) -> Iterator[dict[str, Value]]:
        """All points, the last parameter changing fastest."""
        names = [parameter.name for parameter in self.parameters]
        for values in product(*(parameter.values for parameter in self.parameters)):
            yield dict(zip(names, values, strict=True))

    def check(self, point: Mapping[str, Any]) -> dict[str, Value]:
        """The whole point in the order of the parameters; names that are not given get their defaults.

        Raises UserError ST0802 for a name that the space does not have, ST0801 for a value that is not legal.
        """
        known = {parameter.name: parameter for parameter in self.parameters}
        for name in point:
            if name not in known:
                raise UserError("ST0802", f"the space has no parameter '{name}'", hint=did_you_mean(name, known))
        return {name: _legal(known[name], point.get(name, known[name].default)) for name in known}

    def point_from_json(self, data: Mapping[str, Any]) -> dict[str, Value]:
        """The point that JSON values describe; errors as in `check`."""
        return self.check({name: to_value(value) for name, value in data.items()})

    def fixed(self, values: Mapping[str, Any]) -> Space:
        """The same space with some parameters held at a value; errors as in `check`."""
        return _Fixed(self, values)


class _Fixed(Space):
    """A space in which some parameters have one value only. Points still name them."""

    def __init__(self, inside: Space, values: Mapping[str, Any]) -> None:
        whole = inside.point_from_json(values)
        self._inside = inside
        self._parameters = tuple(
            Parameter(p.name, (whole[p.name],), whole[p.name], p.space, p.meaning) if p.name in values else p
            for p in inside.parameters
        )
        self._values = {name: whole[name] for name in values}

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        return self._parameters

    def describe(self) -> dict[str, Any]:
        fixed = {name: list(v) if isinstance(v, tuple) else v for name, v in sorted(self._values.items())}
        return {**self._inside.describe(), "fixed": fixed}

    def heuristics(self) -> Mapping[str, Point]:
        return {name: {**point, **self._values} for name, point in self._inside.heuristics().items()}

    def evaluate(self, point: Point) -> Evaluation:
        return self._inside.evaluate(self.check(point))

    def graph(self, point: Point | None = None) -> nx.MultiDiGraph[str]:
        return self._inside.graph(self.check(point or {}))

    def apply(self, point: Point) -> ModuleOp:
        return self._inside.apply(self.check(point))

    def smaller(self, evaluation: Evaluation) -> Point | None:
        found = self._inside.smaller(evaluation)
        if found is None or any(found[name] != value for name, value in self._values.items()):
            return None
        return found


def _legal(parameter: Parameter, value: Any) -> Value:
    found = next(
        (one for one in parameter.values if one == value and isinstance(one, str) == isinstance(value, str)), None
    )
    if found is None:
        shown = ", ".join(map(str, parameter.values[:12])) + (", ..." if len(parameter.values) > 12 else "")
        raise UserError("ST0801", f"{parameter.name} = {value} is not a legal value", hint=f"one of {shown}")
    return found

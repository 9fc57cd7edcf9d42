# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A design space whose costs are formulas, for tests of searchers, studies and workers."""

import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import networkx as nx

from streamtensor.diagnostics import UserError
from streamtensor.explore.workers import Recipe
from streamtensor.ir.builtin import ModuleOp
from streamtensor.spaces.evaluation import Evaluation, Objective, Point, Violation
from streamtensor.spaces.space import Parameter, Space


class ToySpace(Space):
    """Latency falls with tile and unroll, bits and DSPs rise; above `limit_bits` a point does not fit.

    `kill` is an unroll at which the first process that evaluates it dies: the file `mark` says that it did. `hang` is
    one at which an evaluation takes ten minutes.
    """

    def __init__(
        self, limit_bits: int = 4000, kill: int = 0, mark: str = "", seconds: float = 0.0, hang: int = 0
    ) -> None:
        self._limit_bits, self._kill, self._mark, self._seconds = limit_bits, kill, mark, seconds
        self._hang = hang

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        return (
            Parameter("tile", (4, 8, 16, 32, 64), 16, "tiling", "size of a tile"),
            Parameter("unroll", (1, 2, 4, 8, 16), 4, "tiling", "operations at once"),
            Parameter("order", ("rows", "columns"), "rows", "tiling", "order of the loops"),
            Parameter("lanes", ((1, 1), (1, 2), (2, 2)), (1, 1), "resources", "lanes of the streams"),
        )

    def describe(self) -> dict[str, Any]:
        return {"source": "toy", "limit_bits": self._limit_bits}

    def heuristics(self) -> Mapping[str, Point]:
        default = self.default_point()
        return {"default": default, "wide": {**default, "unroll": 16}, "same": default}

    def evaluate(self, point: Point) -> Evaluation:
        tile, unroll, lanes = point["tile"], point["unroll"], point["lanes"]
        assert isinstance(tile, int)
        assert isinstance(unroll, int)
        assert isinstance(lanes, tuple)
        time.sleep(600 if unroll == self._hang else self._seconds)
        if unroll == self._kill and not Path(self._mark).exists():
            Path(self._mark).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        if tile == 64 and unroll == 1:
            raise UserError("ST0306", "this pass can't handle it")
        wide = lanes[0] * lanes[1]
        bits = tile * tile * wide + 10 * unroll
        cycles = 1_000_000 // (unroll * wide) + 5000 * unroll // tile + (300 if point["order"] == "columns" else 0)
        terms = {"tiles": float(tile * tile * wide), "fifos": 10.0 * unroll}
        violations = (
            (Violation("on-chip bits", bits, self._limit_bits, "bits", terms, ("tile: a smaller one",)),)
            if bits > self._limit_bits
            else ()
        )
        values = {Objective.LATENCY: cycles, Objective.BITS: bits, Objective.DSP: unroll * wide}
        known = {} if tile == 64 and wide == 4 else values  # too large even to be looked at
        return Evaluation(point, known, violations, 0.01, 3, 1)

    def smaller(self, evaluation: Evaluation) -> Point | None:
        tile = evaluation.point["tile"]
        assert isinstance(tile, int)
        return {**evaluation.point, "tile": tile // 2} if tile > 4 else None

    def graph(self, point: Point | None = None) -> "nx.MultiDiGraph[str]":
        return nx.MultiDiGraph()

    def apply(self, point: Point) -> ModuleOp:
        return ModuleOp([])


def open_toy(opening_seconds: float = 0.0, **arguments: Any) -> ToySpace:
    """What a recipe names."""
    time.sleep(opening_seconds)
    return ToySpace(**arguments)


def toy_recipe(**arguments: Any) -> Recipe:
    """The toy space for another process."""
    return Recipe("toy_space:open_toy", arguments)


def open_cli(source: str, device: str = "", limit_bits: int = 4000, **_: Any) -> ToySpace:
    """What the command line opens in tests: the source says what shall happen."""
    return ToySpace(limit_bits)


def open_hanging(source: str, **_: Any) -> ToySpace:
    """One with points that take ten minutes."""
    return ToySpace(hang=16)


def open_slow(source: str, **_: Any) -> ToySpace:
    """One whose evaluations take a while."""
    return ToySpace(seconds=0.3)

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The design space of a program: tiling, fusion and resources of its kernels on a device."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from streamtensor.dialects import context
from streamtensor.ir.builtin import ModuleOp
from streamtensor.ir.text import print_module
from streamtensor.pipelines import LEVEL_FILES, Choices, choices_for, passes_to
from streamtensor.spaces.evaluation import Evaluation, Point, Value
from streamtensor.spaces.heuristics import heuristic_points
from streamtensor.spaces.mode_comparison import mode_points
from streamtensor.spaces.parameters import kernel_parameters, whole_parameters
from streamtensor.spaces.program_graph import program_graph
from streamtensor.spaces.settings import choices_at, values_of
from streamtensor.spaces.space import Parameter, Space
from streamtensor.spaces.trial import Front, evaluate
from streamtensor.targets import Device

if TYPE_CHECKING:
    import networkx as nx

KERNELS_OF_A_SAMPLE = 3
"""How many parameters of single kernels a random point sets, on average."""


class ProgramSpace(Space):
    """The three spaces of one program.

    `module` is the program at the level `tensor`, called `program`; `origin` says as JSON values what it was made from,
    `base` what is chosen where a point says nothing. `rules` are choices that rules derive from the model and the
    device, by the name of the rule: heuristic points, whose values are legal.
    """

    def __init__(
        self,
        module: ModuleOp,
        device: Device,
        *,
        program: str,
        origin: Mapping[str, Any],
        base: Choices | None = None,
        rules: Mapping[str, Choices] | None = None,
    ) -> None:
        self.program = program
        self._module = module
        self._front = Front(module)
        self._device = device
        self._base = base or choices_for(device)
        self._origin = dict(origin)
        self._rules = dict(rules or {})
        whole = whole_parameters(self._base, device.dies, self._rules.values())
        self._parameters = (*whole, *kernel_parameters(module))

    @property
    def module(self) -> ModuleOp:
        """The program at the level `tensor`, not to be changed."""
        return self._module

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """Those of the whole program, and behind them those of single kernels, which have a dot in their names."""
        return self._parameters

    def describe(self) -> dict[str, Any]:
        """Origin, device, the hash of its figures, and that of the program."""
        figures = hashlib.sha256(repr(replace(self._device, sources={})).encode()).hexdigest()[:32]
        return {**self._origin, "device": self._device.name, "device_figures": figures, "program": self._digest}

    def heuristics(self) -> Mapping[str, Point]:
        """See `spaces.heuristics` and `spaces.mode_comparison`."""
        default = self.default_point()
        return {
            **heuristic_points(default, self.program),
            **{name: {**default, **values_of(rule, default)} for name, rule in self._rules.items()},
            **mode_points(self._module, default, self._parameters),
        }

    def sample(self, rng: random.Random) -> dict[str, Value]:
        """A random point. Parameters of single kernels mostly stay with the rules: there are a hundred of them, and
        each new group of kernels goes through external memory.
        """
        single = [parameter for parameter in self._parameters if "." in parameter.name]
        chance = KERNELS_OF_A_SAMPLE / max(1, len(single))
        return {
            p.name: p.default if "." in p.name and rng.random() >= chance else rng.choice(p.values)
            for p in self._parameters
        }

    def evaluate(self, point: Point) -> Evaluation:
        """See `spaces.trial`."""
        whole = self.check(point)
        return evaluate(self._front, choices_at(whole, self._base), self._device, whole)

    def choices(self, point: Point) -> Choices:
        """What the pipeline is told at a point."""
        return choices_at(self.check(point), self._base)

    def graph(self, point: Point | None = None) -> nx.MultiDiGraph[str]:
        """See `spaces.program_graph`."""
        return program_graph(self._module, self.choices(point or {}))

    def apply(self, point: Point) -> ModuleOp:
        """The program at the level `stream`, with the FIFO depths of the safe rule."""
        choices = self.choices(point)
        module = self._module.clone()
        for level in list(LEVEL_FILES)[1:]:
            for one in passes_to(level, choices):
                one.apply(context(), module)
        return module

    def smaller(self, evaluation: Evaluation) -> Point | None:
        """The same point with half of the default tile, or of the lanes where DSPs are missing."""
        if evaluation.feasible:
            return None
        missing = {violation.constraint for violation in evaluation.violations}
        names = ("macs", "overall_unroll_size", "row_tile") if missing == {"dsp"} else ()
        for name in (*names, "default_tile_size"):
            less = self._less(name, evaluation.point[name])
            if less is not None:
                return {**evaluation.point, name: less}
        return None

    def _less(self, name: str, value: Value) -> Value | None:
        """The next smaller value above 0 of a parameter."""
        (parameter,) = (one for one in self._parameters if one.name == name)
        assert isinstance(value, int)
        found = [one for one in parameter.values if isinstance(one, int) and 0 < one < value]
        return found[-1] if found else None

    @cached_property
    def _digest(self) -> str:
        return hashlib.sha256(print_module(self._module).encode()).hexdigest()[:32]

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The design space of a program: tiling, fusion and resources of its kernels on a device."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from streamtensor.cost.content_cache import digest_of
from streamtensor.dialects import context
from streamtensor.ir.builtin import ModuleOp
from streamtensor.ir.text import print_module
from streamtensor.pipelines import LEVEL_FILES, Choices, choices_for, passes_to
from streamtensor.spaces.evaluation import Evaluation, Point, Value
from streamtensor.spaces.parameters import whole_parameters
from streamtensor.spaces.settings import settings_at
from streamtensor.spaces.space import Parameter, Space
from streamtensor.spaces.trial import evaluate
from streamtensor.targets import Device

if TYPE_CHECKING:
    import networkx as nx


class ProgramSpace(Space):
    """The three spaces of one program.

    `module` is the program at the level `tensor`; `origin` says as JSON values what it was made from.
    """

    def __init__(
        self, module: ModuleOp, device: Device, *, origin: Mapping[str, Any], base: Choices | None = None
    ) -> None:
        self._module = module
        self._device = device
        self._base = base or choices_for(device)
        self._origin = dict(origin)
        self._parameters = whole_parameters(self._base)
        self._text = print_module(module)

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        return self._parameters

    def describe(self) -> dict[str, Any]:
        return {**self._origin, "device": self._device.name, "program": digest_of(self._text)}

    def heuristics(self) -> Mapping[str, Point]:
        return {"default": self.default_point()}

    def evaluate(self, point: Point) -> Evaluation:
        whole = self.check(point)
        return evaluate(self._module, settings_at(whole, self._base), self._device, whole)

    def graph(self, point: Point | None = None) -> nx.MultiDiGraph[str]:
        raise NotImplementedError

    def apply(self, point: Point) -> ModuleOp:
        settings = settings_at(self.check(point), self._base)
        module = self._module.clone()
        for level in list(LEVEL_FILES)[1:]:
            for one in passes_to(level, settings.choices):
                one.apply(context(), module)
        return module

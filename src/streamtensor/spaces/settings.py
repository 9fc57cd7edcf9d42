# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""From a point to what the pipeline is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace

from streamtensor.pipelines import Choices
from streamtensor.spaces.evaluation import Point, Value

NAMES: Mapping[str, str] = {"default_tile_size": "tile", "overall_unroll_size": "unroll_budget"}
"""Parameters that the pipeline calls otherwise."""

_OF_DIES = ("on_chip_bits", "bram36", "uram")
"""What a die has an equal share of."""

_FIELDS = frozenset(field.name for field in fields(Choices))


def choices_at(point: Point, base: Choices) -> Choices:
    """What the pipeline is told at a point; `base` says what the point does not name, such as the sizes of a device.

    Parameters with a dot choose something for one kernel; 0, and an empty order, leave it to the rules. On fewer dies
    than `base` has there is as much less on-chip memory: dies are alike.
    """
    named = {NAMES.get(name, name): value for name, value in point.items() if "." not in name}
    chosen = {name: value for name, value in named.items() if name in _FIELDS}
    single = [f"{name}={_text(point[name])}" for name in sorted(point) if "." in name and point[name] not in (0, ())]
    found = replace(base, **chosen, kernels=(*base.kernels, *single))
    shares = {name: vars(base)[name] * found.dies // base.dies for name in _OF_DIES}
    return replace(found, **shares)


def values_of(choices: Choices, point: Point) -> dict[str, Value]:
    """The inverse: what choices say of the parameters of the whole program that `point` has."""
    return {name: vars(choices)[NAMES.get(name, name)] for name in point if "." not in name}


def _text(value: Value) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)

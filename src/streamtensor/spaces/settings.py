# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""From a point to what the pipeline is told."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

from streamtensor.pipelines import Choices
from streamtensor.spaces.evaluation import Point

NAMES = {"default_tile_size": "tile", "overall_unroll_size": "budget"}
"""Parameters that the pipeline calls otherwise."""

_FIELDS = {field.name for field in fields(Choices)}


@dataclass(frozen=True)
class Settings:
    """The choices of a whole program at a point."""

    choices: Choices


def settings_at(point: Point, base: Choices) -> Settings:
    """What the pipeline is told at a point; `base` says what the point does not name, such as the device's sizes."""
    named = {NAMES.get(name, name): value for name, value in point.items()}
    return Settings(replace(base, **{name: value for name, value in named.items() if name in _FIELDS}))

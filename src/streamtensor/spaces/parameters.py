# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The parameters of a program's design spaces: those of the whole program."""

from __future__ import annotations

from collections.abc import Mapping

from streamtensor.pipelines import Choices
from streamtensor.spaces.evaluation import Value
from streamtensor.spaces.settings import NAMES
from streamtensor.spaces.space import Parameter, SpaceName

_WHOLE: tuple[tuple[str, SpaceName, tuple[Value, ...], str], ...] = (
    ("default_tile_size", "tiling", (1, 2, 4, 8, 16, 32, 64, 128, 256), "every loop longer than it is tiled by it"),
    ("unroll", "tiling", (1, 2, 4, 8, 16, 32, 64), "iterations of a tile's innermost loop at once"),
    ("row_tile", "tiling", (0, 1, 2, 4, 8, 16, 32), "tile of an axis that shares weights; 0: like the others"),
    ("reduction_tile", "tiling", (0, 1, 2, 4, 8), "tile of the reductions of products; 0: like the others"),
    ("lane_bits", "tiling", (0, 128, 256, 512), "bits of a row of weights in a tile; 0: no limit"),
    ("slice_bytes", "tiling", (0, 1 << 16, 1 << 18, 1 << 20), "weights of more bytes are cut; 0: none are"),
    ("most_slices", "tiling", (2, 4, 8), "into how many parts weights are cut at most"),
    ("macs", "tiling", (0, 16, 32, 64, 128, 256, 512, 1024, 2048), "iterations of a product's tile at once"),
    ("plain_lanes", "tiling", (0, 2, 4, 8, 16, 32), "elements at once where nothing is multiplied"),
    ("product_lanes", "tiling", (0, 1, 2, 4, 8, 16), "elements at once where something is multiplied"),
    ("multipliers", "tiling", (1, 2, 4, 8, 16, 24, 32, 64), "multiplications at once of a task on elements"),
    ("fifo_width_bits", "tiling", (32, 64, 128, 256, 512), "the widest FIFO: vector factors keep to it"),
    ("fifo_sizing", "resources", ("safe", "schedule"), "where FIFO depths come from"),
    ("fifo_slowdown_percent", "resources", (0.0, 1.0, 2.0, 5.0, 10.0, 25.0), "what may be lost to shallower FIFOs"),
    ("lutram_words", "resources", (16, 32, 64, 128, 256, 512), "banks of at most so many words are LUT memory"),
)


def whole_parameters(base: Choices) -> tuple[Parameter, ...]:
    """The parameters of the whole program; their defaults are what `base` says."""
    defaults: Mapping[str, Value] = vars(base)
    found: list[Parameter] = []
    for name, space, values, meaning in _WHOLE:
        default = defaults[NAMES.get(name, name)]
        legal = values if default in values else tuple(sorted((*values, default), key=_order))
        found.append(Parameter(name, legal, default, space, meaning))
    return tuple(found)


def _order(value: Value) -> float:
    return value if isinstance(value, int | float) else 0.0

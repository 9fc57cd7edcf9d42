# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The parameters of a program's design spaces: those of the whole program, and those of each kernel."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from itertools import islice, permutations, product

from streamtensor.ir import func, linalg
from streamtensor.ir.builtin import ModuleOp
from streamtensor.pipelines import Choices
from streamtensor.spaces.evaluation import Value
from streamtensor.spaces.settings import NAMES
from streamtensor.spaces.space import Parameter, SpaceName
from streamtensor.transforms.build import is_device
from streamtensor.transforms.tiling.axes import Axes, is_parallel
from streamtensor.transforms.tiling.default_tiling import loop_extents
from streamtensor.transforms.tiling.kernel_choices import kernel_name

MOST_TILES = 10  # of one loop that a parameter lists
MOST_ORDERS = 24
MOST_LANES = 4096
_LARGEST_TILE = 512

_WHOLE: tuple[tuple[str, SpaceName, tuple[Value, ...], str], ...] = (
    ("default_tile_size", "tiling", (1, 2, 4, 8, 16, 32, 64, 128, 256), "every loop longer than it is tiled by it"),
    (
        "overall_unroll_size",
        "tiling",
        (0, 64, 128, 256, 512, 1024, 2048, 4096, 8192),
        "parallel operations, given to the slowest kernels first; 0: unroll, macs and lanes say it for all",
    ),
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
    (
        "pad_below_percent",
        "tiling",
        (0, 50, 100),
        "a loop that would get less than this share of its tile is padded; 0: none is",
    ),
    ("loop_order", "tiling", ("search", "result"), "orders with small converters, or that of each result"),
    ("fifo_width_bits", "tiling", (32, 64, 128, 256, 512), "the widest FIFO: vector factors keep to it"),
    ("fusion", "fusion", ("search", "greedy"), "how groups of kernels are chosen"),
    ("fusion_percent", "fusion", (5, 10, 25, 50, 70, 85), "share of the on-chip memory for the kernels of a group"),
    (
        "fifo_sizing",
        "resources",
        ("safe", "schedule", "normal", "conservative"),
        "where FIFO depths come from; normal, conservative: the equalisations of the linear programme",
    ),
    ("fifo_slowdown_percent", "resources", (0.0, 1.0, 2.0, 5.0, 10.0, 25.0), "what may be lost to shallower FIFOs"),
    (
        "prefetch_percent",
        "resources",
        (0.0, 1.0, 5.0, 10.0, 25.0, 50.0),
        "share of the on-chip memory that buffers leave for weights that are loaded ahead",
    ),
    ("parameter_bytes", "resources", (0, 1 << 14, 1 << 16), "parameters of fewer bytes share a DMA"),
    ("lutram_words", "resources", (16, 32, 64, 128, 256, 512), "banks of at most so many words are LUT memory"),
)


def whole_parameters(base: Choices, dies: int = 1, rules: Collection[Choices] = ()) -> Iterator[Parameter]:
    """The parameters of the whole program on a device of so many dies; their defaults are what `base` says. What
    `rules` choose is legal too.
    """
    on_dies = ("dies", "resources", tuple(range(1, dies + 1)), "how many dies of the device may be used")
    for name, space, values, meaning in (*_WHOLE, on_dies):
        default, *others = [_said(choices, name) for choices in (base, *rules)]
        more = [value for value in dict.fromkeys((default, *others)) if value not in values]
        legal = tuple(sorted((*values, *more), key=_order)) if more else values
        yield Parameter(name, legal, default, space, meaning)


def _said(choices: Choices, name: str) -> Value:
    said: Mapping[str, Value] = vars(choices)
    return said[NAMES.get(name, name)]


def kernel_parameters(module: ModuleOp) -> Iterator[Parameter]:
    """The parameters of each kernel of a module of the tensor level; their defaults leave it to the rules."""
    for function in [f for f in module.ops if isinstance(f, func.FuncOp) and is_device(f)]:
        axes = Axes(function)
        for number, generic in enumerate(axes.generics):
            name = kernel_name(generic)
            yield from _tiles(axes, generic, name)
            yield Parameter(f"unroll.{name}", _lanes(generic), 0, "tiling", "iterations at once; 0: by the rules")
            orders = _orders(generic)
            if orders:
                yield Parameter(f"order.{name}", ((), *orders), (), "tiling", "loops between tiles; (): by the rules")
            if number:
                yield Parameter(f"group.{name}", (0, 1), 0, "fusion", "1: a new group of kernels starts here")


def _tiles(axes: Axes, generic: linalg.GenericOp, name: str) -> Iterator[Parameter]:
    for loop, extent in enumerate(loop_extents(generic)):
        node = (generic, loop)
        if extent > 1 and axes.role(node) == "plain" and not axes.is_contraction_batch(node):
            sizes = [size for size in range(1, min(extent, _LARGEST_TILE) + 1) if extent % size == 0]
            step = -(-len(sizes) // MOST_TILES)
            legal = (0, *sorted({*sizes[::-step], sizes[0]}))
            yield Parameter(
                f"tile.{name}.{loop}", legal, 0, "tiling", f"tile of a loop of {extent} and its axis; 0: by the rules"
            )


def _lanes(generic: linalg.GenericOp) -> tuple[int, ...]:
    most = 1
    for loop, extent in enumerate(loop_extents(generic)):
        most *= extent if is_parallel(generic, loop) else 1
    lanes = [1]
    while lanes[-1] * 2 <= min(most, MOST_LANES):
        lanes.append(lanes[-1] * 2)
    return (0, *lanes)


def _orders(generic: linalg.GenericOp) -> list[tuple[int, ...]]:
    """Orders that differ in loops of more than one iteration, reductions innermost; nothing where there is only one."""
    extents = loop_extents(generic)
    outer = [loop for loop in range(len(extents)) if is_parallel(generic, loop)]
    inner = [loop for loop in range(len(extents)) if not is_parallel(generic, loop)]
    both = product(_moved(outer, extents), _moved(inner, extents))
    found = [(*first, *second) for first, second in islice(both, MOST_ORDERS)]
    return found if len(found) > 1 else []


def _moved(loops: list[int], extents: list[int]) -> Iterator[tuple[int, ...]]:
    places = [place for place, loop in enumerate(loops) if extents[loop] > 1]
    for chosen in permutations([loops[place] for place in places]):
        order = list(loops)
        for place, loop in zip(places, chosen, strict=True):
            order[place] = loop
        yield tuple(order)


def _order(value: Value) -> float:
    return value if isinstance(value, int | float) else 0.0

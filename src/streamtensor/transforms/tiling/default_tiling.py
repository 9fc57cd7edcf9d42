# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""default-tiling: a tile and a loop order for every linalg operation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from streamtensor.ir import func, linalg
from streamtensor.ir.builtin import DenseArrayBase, ModuleOp, TensorType, i64
from streamtensor.ir.core import Context, ModulePass, SSAValue
from streamtensor.transforms.build import is_device, linear_map

TILE = "dataflow.tile"
ORDER = "dataflow.order"


@dataclass(frozen=True)
class DefaultTilingPass(ModulePass):
    """linalg.generic  -->  linalg.generic {dataflow.tile = [...], dataflow.order = [...]}

    Dimensions that meet through a tensor get the same tile, so that a consumer takes the tokens that its producer
    makes: loops and tensor dimensions are joined into axes, and an axis gets the largest divisor of its extent that
    is not above `tile`. An axis over which some contraction is a batch (attention heads) gets 1: a token then holds
    one head. Between tiles parallel loops are outermost in the order of the result, reductions innermost, so that
    partial sums stay in one tile (design document spaces.md).

    An operation that has the attributes already keeps them.
    """

    name = "default-tiling"

    tile: int = 16

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for function in op.ops:
            if isinstance(function, func.FuncOp) and is_device(function):
                self._tile(function)

    def _tile(self, function: func.FuncOp) -> None:
        generics = [g for g in function.walk() if isinstance(g, linalg.GenericOp)]
        axes = _Axes()
        for generic in generics:
            for loop, value, dim in _meetings(generic):
                axes.join((generic, loop), (value, dim))
        batch = {axes.find((g, loop)) for g in generics for loop in _batch_loops(g)}
        for generic in generics:
            extents = loop_extents(generic)
            tiles = [
                1 if axes.find((generic, loop)) in batch else largest_divisor(extent, self.tile)
                for loop, extent in enumerate(extents)
            ]
            if TILE not in generic.attributes:
                generic.attributes[TILE] = DenseArrayBase.from_list(i64, tiles)
            if ORDER not in generic.attributes:
                generic.attributes[ORDER] = DenseArrayBase.from_list(i64, _default_order(generic))


def largest_divisor(extent: int, limit: int) -> int:
    """The largest divisor of `extent` that is at most `limit`."""
    return next(n for n in range(min(extent, limit), 0, -1) if extent % n == 0)


def loop_extents(generic: linalg.GenericOp) -> list[int]:
    """The number of iterations of each loop, from the shapes of the operands."""
    extents: dict[int, int] = {}
    for loop, value, dim in _meetings(generic):
        assert isinstance(value.type, TensorType)
        extents[loop] = value.type.get_shape()[dim]
    return [extents[loop] for loop in range(len(generic.iterator_types))]


def _meetings(generic: linalg.GenericOp) -> Iterator[tuple[int, SSAValue, int]]:
    """(loop, tensor, dimension) wherever a loop runs over exactly one dimension; results stand for their outs."""
    values = [*generic.inputs, *generic.results]
    for value, map in zip(values, generic.indexing_maps, strict=True):
        if not isinstance(value.type, TensorType):
            continue
        for dim, expression in enumerate(linear_map(map.data).results):
            if expression.single_dim is not None:
                yield expression.single_dim, value, dim


def _is_parallel(generic: linalg.GenericOp, loop: int) -> bool:
    return generic.iterator_types.data[loop].data == linalg.IteratorType.PARALLEL


def _batch_loops(generic: linalg.GenericOp) -> list[int]:
    """Parallel loops that every operand of a contraction (two or more tensors and a reduction) runs over."""
    loops = range(len(generic.iterator_types))
    maps = [
        linear_map(map.data).used_dims
        for map, value in zip(generic.indexing_maps, [*generic.inputs, *generic.results], strict=True)
        if isinstance(value.type, TensorType)
    ]
    if len(maps) < 3 or all(_is_parallel(generic, loop) for loop in loops):
        return []
    return [loop for loop in loops if _is_parallel(generic, loop) and all(loop in used for used in maps)]


def _default_order(generic: linalg.GenericOp) -> list[int]:
    result = linear_map(generic.indexing_maps.data[len(generic.inputs)].data)
    order = [e.single_dim for e in result.results if e.single_dim is not None]
    loops = range(len(generic.iterator_types))
    order += [loop for loop in loops if loop not in order and _is_parallel(generic, loop)]
    return order + [loop for loop in loops if loop not in order]


class _Axes:
    """Union-find over loops and tensor dimensions."""

    def __init__(self) -> None:
        self._parent: dict[tuple[object, int], tuple[object, int]] = {}

    def find(self, node: tuple[object, int]) -> tuple[object, int]:
        parent = self._parent.setdefault(node, node)
        if parent != node:
            parent = self._parent[node] = self.find(parent)
        return parent

    def join(self, a: tuple[object, int], b: tuple[object, int]) -> None:
        self._parent[self.find(a)] = self.find(b)

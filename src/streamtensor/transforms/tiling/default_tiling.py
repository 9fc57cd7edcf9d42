# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""default-tiling: a tile and a loop order for every linalg operation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import gcd, prod

from streamtensor.ir import func, linalg, tensor
from streamtensor.ir.builtin import DenseArrayBase, ModuleOp, TensorType, UnitAttr, i64
from streamtensor.ir.core import Context, ModulePass, Operation
from streamtensor.transforms.build import is_device, linear_map
from streamtensor.transforms.tiling.axes import (
    Axes,
    Node,
    accesses,
    is_contraction,
    is_parallel,
    padding,
    shape_of,
    windows_of,
)
from streamtensor.transforms.tiling.kernel_choices import wanted_tile

TILE = "dataflow.tile"
ORDER = "dataflow.order"
ORDER_IS_DEFAULT = "dataflow.order_is_default"  # for order-loops, which may choose another one

WHOLE_RESULT = 4096
"""A reduction over rows keeps all of its result in one token when it has at most so many elements."""


@dataclass(frozen=True)
class DefaultTilingPass(ModulePass):
    """linalg.generic  -->  linalg.generic {dataflow.tile = [...], dataflow.order = [...]}, also for tensor.pad and
    tensor.concat

    Dimensions that meet through a tensor get the same tile, so that a consumer takes the tokens that its producer
    makes: loops and tensor dimensions are joined into axes, and an axis gets the largest divisor of its extent that
    is not above `tile`. An axis over which some contraction is a batch (attention heads) gets 1: a token then holds
    one head. Where these are not 0, an axis whose indices share weights (the tokens of a prompt) gets at most `rows`,
    and the reductions of contractions at most `reduction`: with 1 a tile of the result is a sum of outer products, and
    all of its elements can be added to at once. A row of weights in such a tile has at most `lane_bits` bits, a power
    of two of elements over all dimensions that the row has, innermost first, and comes as one word. Between tiles
    parallel loops are outermost in the order of the result, reductions innermost, so that partial sums stay in one tile
    (design document spaces.md).

    Where windows move over a tensor (convolutions, pooling), rows come one by one and stand outside of the channels, in
    everything that is connected; within a row the width stays whole. A window of k rows then needs a line buffer
    of k rows. Where they move along one dimension only, it is tiled like others.

    An operation that has the attributes already keeps them. Where a tile is wanted for a loop (`dataflow.wanted_tile`),
    that one takes the place of `tile`, `rows` and `reduction`; also for the rest of its axis, where nothing else is
    wanted: what meets the loop through tensors goes with it.
    """

    name = "default-tiling"

    tile: int = 16
    rows: int = 0
    reduction: int = 0
    lane_bits: int = 0

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for function in op.ops:
            if isinstance(function, func.FuncOp) and is_device(function):
                axes = Axes(function)
                for generic in axes.generics:
                    self._write(generic, self._generic_tiles(axes, generic), _generic_order(axes, generic))
                for pad in axes.pads:
                    self._write(pad, self._pad_tiles(axes, pad), _tensor_order(axes, pad, shape_of(pad.result)))
                for concat in axes.concats:
                    order = _tensor_order(axes, concat, shape_of(concat.result))
                    self._write(concat, self._concat_tiles(axes, concat), order)

    def _write(self, op: Operation, tiles: list[int], order: list[int]) -> None:
        op.attributes.setdefault(TILE, DenseArrayBase.from_list(i64, tiles))
        if ORDER not in op.attributes:
            op.attributes[ORDER] = DenseArrayBase.from_list(i64, order)
            op.attributes[ORDER_IS_DEFAULT] = UnitAttr()

    def limit(self, axes: Axes, node: Node, extent: int) -> int:
        """The tile that a loop or dimension of `extent` would get if it divided it."""
        if axes.is_contraction_batch(node):
            return 1
        if axes.wanted_tile(node):
            return axes.wanted_tile(node)
        match axes.role(node):
            case "row" | "batch":
                return 1
            case "within":
                return extent
            case _:
                shared = self.rows and axes.shares_weights(node)
                limit = self.rows if shared else self.tile
                bits = axes.element_bits(node) if self.lane_bits and not shared else 0
                lanes = min(limit, self.lane_bits // bits) if bits else limit
                return max(1, lanes // axes.inner_elements(node)) if bits else limit

    def tile_of(self, axes: Axes, node: Node, extent: int) -> int:
        """The tile of a loop or dimension of `extent`."""
        limit = self.limit(axes, node, extent)
        if self.lane_bits and axes.element_bits(node) and not axes.wanted_tile(node):
            limit = min(limit, power_of_two_in(extent))  # words of ports are powers of two
        return largest_divisor(extent, limit)

    def _generic_tiles(self, axes: Axes, generic: linalg.GenericOp) -> list[int]:
        extents = loop_extents(generic)
        tiles = [self.tile_of(axes, (generic, loop), extent) for loop, extent in enumerate(extents)]
        parallel = [is_parallel(generic, loop) for loop in range(len(extents))]
        sums_rows = not windows_of(generic) and any(
            axes.role((generic, loop)) in ("row", "line") for loop, p in enumerate(parallel) if not p
        )
        if sums_rows and prod(e for e, p in zip(extents, parallel, strict=True) if p) <= WHOLE_RESULT:
            # Rows are summed up as they come: all channels of a row, then the next row.
            tiles = [e if p else t for e, t, p in zip(extents, tiles, parallel, strict=True)]
        if self.reduction and is_contraction(generic):
            tiles = [
                t if p or wanted_tile(generic, loop) else largest_divisor(t, self.reduction)
                for loop, (t, p) in enumerate(zip(tiles, parallel, strict=True))
            ]
        return tiles

    def _pad_tiles(self, axes: Axes, pad: tensor.PadOp) -> list[int]:
        """Tiles of the source: rows divide the padding and the data, other padded dimensions stay whole."""
        shape, sizes = shape_of(pad.source), padding(pad)
        row = padded_row(sizes, _tensor_order(axes, pad, shape))
        tiles: list[int] = []
        for dim, (extent, (low, high)) in enumerate(zip(shape, sizes, strict=True)):
            if dim == row:
                tiles.append(largest_divisor(gcd(extent, low, high), self.tile_of(axes, (pad.source, dim), extent)))
            else:
                tiles.append(extent if low or high else self.tile_of(axes, (pad.source, dim), extent))
        return tiles

    def _concat_tiles(self, axes: Axes, concat: tensor.ConcatOp) -> list[int]:
        """Tiles of the result, which divide every piece."""
        joined = concat.dim.value.data
        tiles = [self.tile_of(axes, (concat.result, d), extent) for d, extent in enumerate(shape_of(concat.result))]
        tiles[joined] = largest_divisor(gcd(*(shape_of(value)[joined] for value in concat.inputs)), tiles[joined])
        return tiles


def largest_divisor(extent: int, limit: int) -> int:
    """The largest divisor of `extent` that is at most `limit`."""
    return next(n for n in range(min(extent, limit), 0, -1) if extent % n == 0)


def power_of_two_in(extent: int) -> int:
    """The largest power of two that divides `extent`."""
    return extent & -extent


def loop_extents(generic: linalg.GenericOp) -> list[int]:
    """The number of iterations of each loop, from the shapes of the operands."""
    extents: dict[int, int] = {}
    for value, dim, expression in accesses(generic):
        assert isinstance(value.type, TensorType)
        if expression.single_dim is not None:
            extents[expression.single_dim] = value.type.get_shape()[dim]
    return [extents[loop] for loop in range(len(generic.iterator_types))]


def padded_row(sizes: Sequence[tuple[int, int]], order: Sequence[int]) -> int:
    """The dimension of a padding that is filled by whole tokens: the outermost one in `order` that is padded."""
    return next(dim for dim in order if any(sizes[dim]))


_OUTSIDE = {"batch": 0, "row": 1, "line": 1}  # any other role: 2


def _rank(axes: Axes, node: Node) -> int:
    """Where the loops of an axis stand: the batch (and heads) outside of rows, rows outside of everything else."""
    if axes.has_rows and axes.is_contraction_batch(node):
        return 0
    return _OUTSIDE.get(axes.role(node), 2)


def _generic_order(axes: Axes, generic: linalg.GenericOp) -> list[int]:
    result = linear_map(generic.indexing_maps.data[len(generic.inputs)].data)
    order = [e.single_dim for e in result.results if e.single_dim is not None]
    loops = range(len(generic.iterator_types))
    order += [loop for loop in loops if loop not in order and is_parallel(generic, loop)]
    order += [loop for loop in loops if loop not in order]
    return sorted(order, key=lambda loop: (not is_parallel(generic, loop), _rank(axes, (generic, loop))))


def _tensor_order(axes: Axes, op: tensor.PadOp | tensor.ConcatOp, shape: Sequence[int]) -> list[int]:
    return sorted(range(len(shape)), key=lambda dim: _rank(axes, (op.result, dim)))

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""apply-tiling: the choices of the tiling space as loops and slices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from streamtensor.algebra.affine import AffineMap
from streamtensor.algebra.errors import AffineError
from streamtensor.algebra.linear import LinearExpr
from streamtensor.diagnostics import UserError
from streamtensor.ir import arith, func, linalg, tensor
from streamtensor.ir.builtin import AffineMapAttr, DenseArrayBase, IntegerType, ModuleOp, TensorType
from streamtensor.ir.core import AffineMap as IRAffineMap
from streamtensor.ir.core import Block, Context, ModulePass, SSAValue
from streamtensor.ir.locations import copy_location, location
from streamtensor.ir.text import parse_affine_map
from streamtensor.transforms.build import (
    IndexConstants,
    affine_index,
    build_nest,
    extract_slice,
    insert_slice,
    is_device,
    linear_map,
    splice,
)
from streamtensor.transforms.tiling.default_tiling import ORDER, TILE, loop_extents
from streamtensor.transforms.tiling.kernel_choices import KERNEL, LANES, STARTS_GROUP, carry


@dataclass(frozen=True)
class ApplyTilingPass(ModulePass):
    """generic(a, b) -> c  -->  for parallel tiles { acc = empty; for reduction tiles { acc = generic(a[..], b[..]) };
    c[..] = acc }

    The loops come in `dataflow.order`, with steps `dataflow.tile`; a loop of one tile is not built. `linalg.index` in
    the body becomes the index within the tile plus the offset of the tile. Right because every element of the result
    is made by the same iterations in the same order, when reductions are tiled inside the parallel loops.

    Raises UserError ST0306 for a map that is not linear, and for an order that puts a reduction outside a
    parallel loop.
    """

    name = "apply-tiling"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for function in op.ops:
            if isinstance(function, func.FuncOp) and is_device(function):
                constants = IndexConstants(function.body.block)
                for generic in [g for g in function.walk() if isinstance(g, linalg.GenericOp)]:
                    if TILE in generic.attributes:
                        _apply(generic, constants)


def _apply(generic: linalg.GenericOp, constants: IndexConstants) -> None:
    tiles, order = (_integers(generic, name) for name in (TILE, ORDER))
    extents = loop_extents(generic)
    parallel = [t.data == linalg.IteratorType.PARALLEL for t in generic.iterator_types]
    _check(generic, tiles, order, extents, parallel)
    try:
        maps = [linear_map(map.data) for map in generic.indexing_maps]
    except AffineError as error:
        raise UserError("ST0306", f"linalg.generic: {error}", location=location(generic)) from error
    counts = [(extent // tile, tile) for extent, tile in zip(extents, tiles, strict=True)]
    if all(count == 1 for count, _ in counts):
        return  # one tile of each operand: there is nothing to slice
    outer = [loop for loop in order if parallel[loop]]
    inner = [loop for loop in order if not parallel[loop]]
    _Nest(generic, constants, maps, tiles, counts, outer, inner).build()


@dataclass
class _Nest:
    """The loop nest that takes the place of a generic; (tripcount, step) and the tile of each of its loops."""

    generic: linalg.GenericOp
    constants: IndexConstants
    maps: list[AffineMap]
    tiles: list[int]
    counts: list[tuple[int, int]]
    outer: list[int]
    inner: list[int]
    position: dict[int, SSAValue] = field(default_factory=dict[int, SSAValue])

    def build(self) -> None:
        """Replaces the generic."""
        block = Block()
        # One loop around everything, so that the nest is one operation; of one iteration where it has to be.
        nest = [self.counts[loop] for loop in self.outer] or [(1, 1)]
        keep = all(count == 1 for count, _ in nest)
        outputs = list(self.generic.outputs)
        results = build_nest(block, self.constants, nest, outputs, self._parallel_body, keep_outermost=keep)
        copy_location(self.generic, splice(block, self.generic))
        for old, new in zip(self.generic.results, results, strict=True):
            old.replace_all_uses_with(new)
        self.generic.detach()
        self.generic.erase()

    def _parallel_body(self, block: Block, variables: list[SSAValue], carried: list[SSAValue]) -> list[SSAValue]:
        """One tile of each result: its reduction, and where it goes."""
        self.position.update(zip(self.outer, variables, strict=False))  # one more when there is no parallel loop
        maps = self.maps[len(self.generic.inputs) :]
        starts: list[SSAValue] = []
        for value, map in zip(self.generic.outputs, maps, strict=True):
            assert isinstance(value.type, TensorType)
            empty = tensor.EmptyOp([], TensorType(value.type.element_type, _tile_shape(map, self.tiles)))
            block.add_op(empty)
            starts.append(empty.tensor)
        loops = [self.counts[loop] for loop in self.inner]
        sums = build_nest(block, self.constants, loops, starts, self._reduction_body)
        results: list[SSAValue] = []
        for sum, dest, map in zip(sums, carried, maps, strict=True):
            insert = insert_slice(sum, dest, self._offsets(block, map))
            block.add_op(insert)
            results.append(insert.result)
        return results

    def _reduction_body(self, block: Block, variables: list[SSAValue], carried: list[SSAValue]) -> list[SSAValue]:
        """One step of the reduction of a tile: the generic on slices of its inputs."""
        self.position.update(zip(self.inner, variables, strict=True))
        operands: list[SSAValue] = []
        arguments = self.generic.body.block.args
        for value, map, argument in zip(self.generic.inputs, self.maps, arguments, strict=False):
            if isinstance(value.type, TensorType) and isinstance(value.owner, tensor.EmptyOp) and not argument.uses:
                # It only says how many iterations there are (the window of a pooling).
                empty = tensor.EmptyOp([], TensorType(value.type.element_type, _tile_shape(map, self.tiles)))
                block.add_op(empty)
                value = empty.tensor
            elif isinstance(value.type, TensorType):
                op = extract_slice(value, self._offsets(block, map), _tile_shape(map, self.tiles))
                block.add_op(op)
                value = op.result
            operands.append(value)
        tile = _tile_generic(self.generic, self.tiles, operands, carried)
        _offset_indices(tile, self.constants, self._starts())
        block.add_op(tile)
        return list(tile.results)

    def _starts(self) -> list[SSAValue]:
        """Where the current tile starts, for each loop."""
        return [self.position.get(loop, self.constants[0]) for loop in range(len(self.tiles))]

    def _offsets(self, block: Block, map: AffineMap) -> list[SSAValue]:
        return [affine_index(block, self.constants, _lowest(e, self.tiles), self._starts()) for e in map.results]


def _integers(generic: linalg.GenericOp, name: str) -> list[int]:
    attribute = generic.attributes.get(name)
    if not isinstance(attribute, DenseArrayBase) or not isinstance(attribute.elt_type, IntegerType):
        fault = "is missing" if attribute is None else "is not an array of integers"
        raise UserError("ST0306", f"linalg.generic: {name} {fault}", location=location(generic))
    return [int(n) for n in attribute.get_values()]


def _check(
    generic: linalg.GenericOp, tiles: list[int], order: list[int], extents: list[int], parallel: list[bool]
) -> None:
    def refuse(reason: str, hint: str) -> UserError:
        return UserError("ST0306", f"linalg.generic: {reason}", location=location(generic), hint=hint)

    if sorted(order) != list(range(len(extents))) or len(tiles) != len(extents):
        raise refuse(
            f"{ORDER} {order} and {TILE} {tiles} do not name its {len(extents)} loops", "give one entry for each loop"
        )
    for loop, (extent, tile) in enumerate(zip(extents, tiles, strict=True)):
        if tile < 1 or extent % tile:
            raise refuse(f"tile {tile} does not divide loop {loop} of {extent}", "choose a divisor")
    tiled = [parallel[loop] for loop in order if extents[loop] > tiles[loop]]
    if tiled != sorted(tiled, reverse=True):
        raise refuse(f"{ORDER} {order} puts a reduction around a parallel loop", "put reductions innermost")


def _tile_shape(map: AffineMap, tiles: Sequence[int]) -> list[int]:
    """The extent of each result of `map` while every loop runs over one tile."""
    return [1 + sum(abs(c) * (t - 1) for c, t in zip(e.coefficients, tiles, strict=True)) for e in map.results]


def _tile_generic(
    generic: linalg.GenericOp, tiles: Sequence[int], inputs: Sequence[SSAValue], outputs: Sequence[SSAValue]
) -> linalg.GenericOp:
    """The same operation on tiles."""
    tile = linalg.GenericOp(
        inputs,
        outputs,
        generic.body.clone(),
        [AffineMapAttr(_within_tile(map.data, tiles)) for map in generic.indexing_maps],
        generic.iterator_types,
        [value.type for value in outputs],
    )
    carry(generic, [tile], (KERNEL, LANES, STARTS_GROUP))
    return tile


def _within_tile(map: IRAffineMap, tiles: Sequence[int]) -> IRAffineMap:
    """The map within a tile: where a loop runs backwards in a dimension, the slice begins at the loop's last value."""
    expressions = [
        LinearExpr(e.coefficients, -sum(min(c, 0) * (t - 1) for c, t in zip(e.coefficients, tiles, strict=True)))
        for e in linear_map(map).results
    ]
    return parse_affine_map(str(AffineMap(len(tiles), tuple(expressions))))


def _lowest(expression: LinearExpr, tiles: Sequence[int]) -> LinearExpr:
    """The expression whose value at the start of a tile is the least one of `expression` within it."""
    least = sum(min(c, 0) * (t - 1) for c, t in zip(expression.coefficients, tiles, strict=True))
    return LinearExpr(expression.coefficients, expression.constant + least)


def _offset_indices(generic: linalg.GenericOp, constants: IndexConstants, position: Sequence[SSAValue]) -> None:
    """index of the loop  -->  index within the tile + where the tile starts"""
    for op in list(generic.body.block.ops):
        if isinstance(op, linalg.IndexOp):
            start = position[op.dim.value.data]
            if start is constants[0]:
                continue
            total = arith.AddiOp(op.result, start)
            op.result.replace_uses_with_if(total.result, lambda use, total=total: use.operation is not total)
            generic.body.block.insert_op_after(total, op)

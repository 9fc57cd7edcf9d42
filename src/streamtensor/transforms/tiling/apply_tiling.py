# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""apply-tiling: the choices of the tiling space as loops and slices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from streamtensor.algebra.affine import AffineMap
from streamtensor.algebra.errors import AffineError
from streamtensor.diagnostics import UserError
from streamtensor.ir import arith, func, linalg, tensor
from streamtensor.ir.builtin import DenseArrayBase, ModuleOp, TensorType
from streamtensor.ir.core import Block, Context, ModulePass, SSAValue
from streamtensor.ir.locations import copy_location, location
from streamtensor.transforms.build import (
    IndexConstants,
    affine_index,
    build_nest,
    extract_slice,
    insert_slice,
    is_device,
    linear_map,
)
from streamtensor.transforms.tiling.default_tiling import ORDER, TILE, loop_extents


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

    outer = [loop for loop in order if parallel[loop]]
    inner = [loop for loop in order if not parallel[loop]]
    counts = [(extents[loop] // tiles[loop], tiles[loop]) for loop in range(len(tiles))]
    if all(count == 1 for count, _ in counts):
        return  # one tile of each operand: there is nothing to slice
    inputs, outputs = maps[: len(generic.inputs)], maps[len(generic.inputs) :]
    block = Block()
    position: dict[int, SSAValue] = {}

    def values(loops: Sequence[int]) -> list[SSAValue]:
        return [position.get(loop, constants[0]) for loop in loops]

    def slice_of(block: Block, value: SSAValue, map: AffineMap) -> SSAValue:
        if not isinstance(value.type, TensorType):
            return value
        op = _slice(block, constants, value, map, tiles, values(range(len(tiles))))
        return op.result

    def parallel_body(block: Block, variables: list[SSAValue], carried: list[SSAValue]) -> list[SSAValue]:
        position.update(zip(outer, variables, strict=False))  # one more when there is no parallel loop
        starts: list[SSAValue] = []
        for value, map in zip(generic.outputs, outputs, strict=True):
            assert isinstance(value.type, TensorType)
            empty = tensor.EmptyOp([], TensorType(value.type.element_type, _tile_shape(map, tiles)))
            block.add_op(empty)
            starts.append(empty.tensor)
        sums = build_nest(block, constants, [counts[loop] for loop in inner], starts, reduction_body)
        results: list[SSAValue] = []
        for sum, dest, map in zip(sums, carried, outputs, strict=True):
            offsets = [affine_index(block, constants, e, values(range(len(tiles)))) for e in map.results]
            insert = insert_slice(sum, dest, offsets)
            block.add_op(insert)
            results.append(insert.result)
        return results

    def reduction_body(block: Block, variables: list[SSAValue], carried: list[SSAValue]) -> list[SSAValue]:
        position.update(zip(inner, variables, strict=True))
        operands = [slice_of(block, v, m) for v, m in zip(generic.inputs, inputs, strict=True)]
        tile = _tile_generic(generic, operands, carried)
        _offset_indices(tile, constants, values(range(len(tiles))))
        block.add_op(tile)
        return list(tile.results)

    # One loop around everything, so that the nest is one operation; of one iteration where it has to be.
    nest = [counts[loop] for loop in outer] or [(1, 1)]
    keep = all(count == 1 for count, _ in nest)
    results = build_nest(block, constants, nest, list(generic.outputs), parallel_body, keep_outermost=keep)
    parent = generic.parent
    assert parent is not None
    made = list(block.ops)
    for op in made:
        op.detach()
        parent.insert_op_before(op, generic)
    copy_location(generic, made)
    for old, new in zip(generic.results, results, strict=True):
        old.replace_all_uses_with(new)
    generic.detach()
    generic.erase()


def _integers(generic: linalg.GenericOp, name: str) -> list[int]:
    attribute = generic.attributes[name]
    assert isinstance(attribute, DenseArrayBase)
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


def _slice(
    block: Block,
    constants: IndexConstants,
    value: SSAValue,
    map: AffineMap,
    tiles: Sequence[int],
    position: Sequence[SSAValue],
) -> tensor.ExtractSliceOp:
    assert isinstance(value.type, TensorType)
    offsets = [affine_index(block, constants, e, position) for e in map.results]
    shape = _tile_shape(map, tiles)
    op = extract_slice(value, offsets, shape)
    block.add_op(op)
    return op


def _tile_generic(
    generic: linalg.GenericOp, inputs: Sequence[SSAValue], outputs: Sequence[SSAValue]
) -> linalg.GenericOp:
    """The same operation on tiles."""
    return linalg.GenericOp(
        inputs,
        outputs,
        generic.body.clone(),
        generic.indexing_maps,
        generic.iterator_types,
        [value.type for value in outputs],
    )


def _offset_indices(generic: linalg.GenericOp, constants: IndexConstants, position: Sequence[SSAValue]) -> None:
    """index of the loop  -->  index within the tile + where the tile starts"""
    for op in list(generic.body.block.ops):
        if isinstance(op, linalg.IndexOp):
            start = position[op.dim.value.data]
            if start is constants[0]:
                continue
            total = arith.AddiOp(op.result, start)
            op.result.replace_uses_with_if(total.result, lambda use: use.operation is not total)
            generic.body.block.insert_op_after(total, op)

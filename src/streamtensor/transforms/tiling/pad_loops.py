# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""pad-loops: loops that the wanted tile does not divide become longer."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from math import lcm

from streamtensor.algebra.errors import AffineError
from streamtensor.dialects.tensor_ext import CropOp, ExtendOp
from streamtensor.ir import func, linalg, tensor
from streamtensor.ir.builtin import DenseArrayBase, FunctionType, ModuleOp, TensorType, i64
from streamtensor.ir.core import Attribute, Block, Context, ModulePass, Operation, Rewriter, SSAValue
from streamtensor.ir.locations import copy_location
from streamtensor.transforms.tiling.axes import Axes, is_contraction, is_parallel, shape_of
from streamtensor.transforms.tiling.default_tiling import TILE, DefaultTilingPass, largest_divisor, loop_extents
from streamtensor.transforms.tiling.kernel_choices import wanted_tile
from streamtensor.transforms.tiling.masks import mask_padding
from streamtensor.transforms.tiling.padded_axes import PaddedAxes
from streamtensor.transforms.tiling.slice_weights import SliceWeightsPass

Extents = Mapping[Hashable, int]
"""The new extent of each axis that is padded."""


@dataclass(frozen=True)
class PadLoopsPass(ModulePass):
    """main(x : 97x31) { y = f(x, w) }  -->  main(x : 97x31) { y = crop f(extend x, extend w) }

    with loops of 112 in `f` for those of 97.

    A loop takes the largest divisor of its extent that is not above the wanted tile. Where that is below half of the
    wanted tile (97 has no divisor from 8 to 16), the loop is padded to the next multiple of the tile; where
    slice-weights wants parts of one size and no operation reduces over its axis (the vocabulary of an LM head), to a
    multiple of the tile times the parts. All loops and tensors on one axis of the program are padded together, through
    views and calls: functions hand padded tensors to one another, and only what the program gets and gives, and what
    the host computes with, is extended and cropped. Parameters are extended when they are packed.

    Right because an element of a result behind the extent of a parallel loop goes nowhere but behind the extent of a
    tensor on the same axis, which is cropped at the end, and because the iterations of a reduction that lie behind its
    extent add the neutral element (0 to a sum, -inf to a maximum), or leave the result as it is (`masks`). What
    a padded element holds is therefore of no interest.

    An axis keeps its extent where something but a plain index meets it (`PaddedAxes`): windows, concatenations along
    it, a dimension that views split or join, a KV cache. A loop is padded where its tile is less than `below_percent`
    of the wanted one (0: none is; 100: all are that do not get it). The other fields are those of default-tiling and
    slice-weights.
    """

    name = "pad-loops"

    below_percent: int = 50
    tile: int = 16
    rows: int = 0
    reduction: int = 0
    lane_bits: int = 0
    slice_bytes: int = 0
    most: int = 8
    lanes: int = 0

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        if not self.below_percent:
            return
        try:
            axes = PaddedAxes(op)
        except AffineError:
            return  # apply-tiling says what is wrong
        extents = self._extents(axes)
        if extents and axes.main is not None:
            for function in axes.devices:
                _pad_function(axes, function, extents)
            _pad_program(axes, axes.main)

    def _extents(self, axes: PaddedAxes) -> Extents:
        slicing = SliceWeightsPass(self.slice_bytes, self.most, lanes=self.lanes)
        tiling = DefaultTilingPass(self.tile, self.rows, self.reduction, self.lane_bits)
        extents: dict[Hashable, int] = {}
        wholes: dict[Hashable, int] = {}
        divides_badly: set[Hashable] = set()
        reduced = _reduced(axes)
        for function in axes.devices:
            inside = axes.inside[function]
            for generic in inside.generics:
                wanted, even = slicing.cut(generic, even=False), slicing.cut(generic)
                for loop, extent in enumerate(loop_extents(generic)):
                    axis = axes.axis((generic, loop))
                    is_free = axis not in reduced
                    parts = wanted[1] if wanted is not None and wanted[0] == loop and is_free else 1
                    found = even[1] if even is not None and even[0] == loop and is_free else 1
                    limit, tile = self._tiles(tiling, inside, generic, loop, extent // found)
                    extents[axis] = extent
                    wholes[axis] = lcm(wholes.get(axis, 1), limit * parts)
                    if 100 * found * tile < self.below_percent * min(extent, limit * parts):
                        divides_badly.add(axis)
        return {
            axis: -(-extents[axis] // wholes[axis]) * wholes[axis]
            for axis in divides_badly
            if not axes.is_kept(axis) and extents[axis] % wholes[axis]
        }

    def _tiles(
        self, tiling: DefaultTilingPass, inside: Axes, generic: linalg.GenericOp, loop: int, extent: int
    ) -> tuple[int, int]:
        """The tile that is wanted for a loop, and the one that default-tiling gives it."""
        given = generic.attributes.get(TILE)
        if isinstance(given, DenseArrayBase):
            tile = int(given.get_values()[loop])  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
            return tile, tile
        limit, tile = tiling.limit(inside, (generic, loop), extent), tiling.tile_of(inside, (generic, loop), extent)
        is_sum = self.reduction and is_contraction(generic) and not is_parallel(generic, loop)
        if is_sum and not wanted_tile(generic, loop):
            return min(limit, self.reduction), largest_divisor(tile, self.reduction)
        return limit, tile


def _reduced(axes: PaddedAxes) -> set[Hashable]:
    """The axes over which some operation reduces."""
    return {
        axes.axis((generic, loop))
        for function in axes.devices
        for generic in axes.inside[function].generics
        for loop in range(len(generic.iterator_types))
        if not is_parallel(generic, loop)
    }


def _pad_function(axes: PaddedAxes, function: func.FuncOp, extents: Extents) -> None:
    """Gives the values and loops of a function of the device their new extents."""
    block = function.body.block
    types = {value: _padded(axes, value, extents) for value in _values(block)}
    loops = {
        generic: {
            loop: extent for loop, extent in enumerate(loop_extents(generic)) if axes.axis((generic, loop)) in extents
        }
        for generic in axes.inside[function].generics
    }
    for op in list(block.ops):
        if isinstance(op, linalg.GenericOp):
            _own_outs(op, [types[result] for result in op.results])
            if loops[op]:
                mask_padding(op, loops[op])
        elif isinstance(op, tensor.ExpandShapeOp):
            op.properties["static_output_shape"] = _shape_attribute(types[op.result])
        elif isinstance(op, tensor.ExtractSliceOp):
            op.properties["static_sizes"] = _shape_attribute(types[op.result])
    for value, type in types.items():
        if value.type != type:
            Rewriter.replace_value_with_new_type(value, type)
    for op in list(block.ops):
        if isinstance(op, tensor.EmptyOp) and not op.tensor.uses:
            Rewriter.erase_op(op)
    last = block.last_op
    assert last is not None
    function.function_type = FunctionType.from_lists([a.type for a in block.args], [v.type for v in last.operands])


def _pad_program(axes: PaddedAxes, main: func.FuncOp) -> None:
    """Gives calls the types of what they call, and changes extents where a value is wanted with others."""
    block = main.body.block
    for call in [op for op in block.ops if isinstance(op, func.CallOp)]:
        for result, type in zip(call.results, axes.callee(call).function_type.outputs, strict=True):
            if result.type != type:
                Rewriter.replace_value_with_new_type(result, type)
    made: dict[tuple[SSAValue, Attribute], SSAValue] = {}
    for op in list(block.ops):
        match op:
            case func.CallOp():
                wanted = axes.callee(op).function_type.inputs.data
            case func.ReturnOp():
                wanted = main.function_type.outputs.data
            case _:
                continue
        for number, (value, type) in enumerate(zip(list(op.operands), wanted, strict=True)):
            if value.type != type:
                if (value, type) not in made:
                    made[value, type] = _resized(value, type, op)
                op.operands[number] = made[value, type]


def _resized(value: SSAValue, type: Attribute, before: Operation) -> SSAValue:
    """`value` with the extents of `type`, put before an operation."""
    assert isinstance(type, TensorType)
    is_longer = any(new > old for new, old in zip(type.get_shape(), shape_of(value), strict=True))
    op = (ExtendOp if is_longer else CropOp)(value, type)
    block = before.parent
    assert block is not None
    block.insert_op_before(op, before)
    return op.result


def _values(block: Block) -> list[SSAValue]:
    """The tensors of a function."""
    values = [*block.args, *(result for op in block.ops for result in op.results)]
    return [value for value in values if isinstance(value.type, TensorType)]


def _padded(axes: PaddedAxes, value: SSAValue, extents: Extents) -> Attribute:
    """The type of a value of a function with its new extents."""
    assert isinstance(value.type, TensorType)
    shape = [extents.get(axes.axis((value, dim)), extent) for dim, extent in enumerate(shape_of(value))]
    return TensorType(value.type.element_type, shape, value.type.encoding)


def _own_outs(generic: linalg.GenericOp, types: Sequence[Attribute]) -> None:
    """Gives an operation empty tensors of `types` to fill where its own have others."""
    block = generic.parent
    assert block is not None
    for number, (out, type) in enumerate(zip(list(generic.outputs), types, strict=True)):
        if out.type != type and isinstance(out.owner, tensor.EmptyOp):
            assert isinstance(type, TensorType)
            empty = tensor.EmptyOp([], type)
            copy_location(generic, [empty])
            block.insert_op_before(empty, generic)
            generic.operands[len(generic.inputs) + number] = empty.tensor


def _shape_attribute(type: Attribute) -> Attribute:
    assert isinstance(type, TensorType)
    return DenseArrayBase.from_list(i64, type.get_shape())

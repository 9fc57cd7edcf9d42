# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""vectorize-itensors: tokens become vectors that a FIFO can carry in one cycle."""

from __future__ import annotations

from dataclasses import dataclass

from streamtensor.algebra.affine import LinearExpr
from streamtensor.algebra.rewrites import vectorize
from streamtensor.dialects.dataflow import ITensorReadOp, ITensorType, ITensorWriteOp, KernelOp, task_around
from streamtensor.ir import tensor
from streamtensor.ir.builtin import ModuleOp, TensorType, VectorType
from streamtensor.ir.core import Block, Context, ModulePass, Operation, Rewriter, SSAValue
from streamtensor.transforms.build import (
    IndexConstants,
    add_index,
    affine_index,
    build_nest,
    slice_offsets,
    splice,
    transfer_read,
    transfer_write,
)


@dataclass(frozen=True)
class VectorizeITensorsPass(ModulePass):
    """read a : tile  -->  for vectors in the tile { tile[..] = read a : vector }, and writes likewise

    The vector is made of the innermost elements of the token, as many as `width_bits` holds and divide it; it depends
    on the type alone, so both ends of a FIFO agree. The type becomes element := vector<V>, tripcounts ++ element/V,
    steps ++ V, map_d += d_(n+d) (itensor.md). A token that comes from a slice, or goes into one, is taken apart and
    put together in place, without a tile in between.
    """

    name = "vectorize-itensors"

    width_bits: int = 512

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for kernel in [k for k in op.walk() if isinstance(k, KernelOp)]:
            types: dict[ITensorType, ITensorType] = {}
            for value in [v for inner in kernel.walk() for v in _values(inner)]:
                if isinstance(value.type, ITensorType) and isinstance(value.type.element, TensorType):
                    if value.type not in types:
                        types[value.type] = self.vector_type(value.type)
                    Rewriter.replace_value_with_new_type(value, types[value.type])
            for inner in list(kernel.walk()):
                if isinstance(inner, ITensorReadOp):
                    _expand_read(inner)
                elif isinstance(inner, ITensorWriteOp):
                    _expand_write(inner)

    def vector_type(self, itensor: ITensorType) -> ITensorType:
        """The type of the same stream in vectors."""
        shape = itensor.layout.element
        lanes = max(1, self.width_bits // itensor.scalar_bits)
        sizes = [1] * len(shape)
        for dim in reversed(range(len(shape))):
            sizes[dim] = next(n for n in range(min(lanes, shape[dim]), 0, -1) if shape[dim] % n == 0)
            lanes //= sizes[dim]
            if sizes[dim] < shape[dim]:
                break
        layout = vectorize(itensor.layout, sizes).canonical()
        return ITensorType.get(VectorType(itensor.scalar, sizes), layout)


def _values(op: Operation) -> list[SSAValue]:
    return [*op.results, *(arg for region in op.regions for block in region.blocks for arg in block.args)]


def _loops(shape: tuple[int, ...], sizes: tuple[int, ...]) -> list[tuple[int, int]]:
    return [(extent // size, size) for extent, size in zip(shape, sizes, strict=True)]


def _expand_read(read: ITensorReadOp) -> None:
    """The vectors of a token, assembled where the token was wanted."""
    itensor, tile = read.source.type, read.result.type
    assert isinstance(itensor, ITensorType)
    if not isinstance(tile, TensorType):
        return
    sizes = itensor.layout.element
    block = read.parent
    assert block is not None
    scratch = Block()
    constants = _constants_of(read)
    uses = list(read.result.uses)
    insert = uses[0].operation if len(uses) == 1 else None
    if isinstance(insert, tensor.InsertSliceOp) and insert.source is read.result:
        start, base, last = insert.dest, slice_offsets(insert), insert
    else:
        empty = tensor.EmptyOp([], tile)
        scratch.add_op(empty)
        start, base, last, insert = empty.tensor, [0] * len(sizes), read, None

    def body(block: Block, variables: list[SSAValue], carried: list[SSAValue]) -> list[SSAValue]:
        token = ITensorReadOp(read.source)
        block.add_op(token)
        indices = _indices(block, constants, base, variables)
        write = transfer_write(token.result, carried[0], indices)
        block.add_op(write)
        assert write.result is not None  # a tensor, so the write gives a new one
        return [write.result]

    (result,) = build_nest(scratch, constants, _loops(tuple(tile.get_shape()), sizes), [start], body)
    splice(scratch, last)
    if insert is not None:
        insert.result.replace_all_uses_with(result)
        Rewriter.erase_op(insert)
    else:
        read.result.replace_all_uses_with(result)
    Rewriter.erase_op(read)


def _expand_write(write: ITensorWriteOp) -> None:
    """The token, written vector by vector."""
    itensor, tile = write.dest.type, write.value.type
    assert isinstance(itensor, ITensorType)
    if not isinstance(tile, TensorType):
        return
    sizes = itensor.layout.element
    constants = _constants_of(write)
    extract = write.value.owner
    source, base = write.value, [0] * len(sizes)
    scratch = Block()
    direct = isinstance(extract, tensor.ExtractSliceOp) and len(list(write.value.uses)) == 1
    if isinstance(extract, tensor.ExtractSliceOp) and direct:
        source, base = extract.source, slice_offsets(extract)
    padding = constants.zero(tile.element_type)

    def body(block: Block, variables: list[SSAValue], carried: list[SSAValue]) -> list[SSAValue]:
        read = transfer_read(source, _indices(block, constants, base, variables), padding, sizes)
        append = ITensorWriteOp(read.result, carried[0])
        block.add_ops([read, append])
        return [append.result]

    (result,) = build_nest(scratch, constants, _loops(tuple(tile.get_shape()), sizes), [write.dest], body)
    splice(scratch, write)
    write.result.replace_all_uses_with(result)
    Rewriter.erase_op(write)
    if direct:
        assert isinstance(extract, Operation)
        Rewriter.erase_op(extract)


def _constants_of(op: Operation) -> IndexConstants:
    """The constants at the start of the task around `op`."""
    task = task_around(op)
    assert task is not None
    return IndexConstants(task.body.block)


def _indices(
    block: Block, constants: IndexConstants, base: list[SSAValue | int] | list[int], variables: list[SSAValue]
) -> list[SSAValue]:
    found: list[SSAValue] = []
    for start, variable in zip(base, variables, strict=True):
        if isinstance(start, int):
            start = affine_index(block, constants, LinearExpr((), start), [])
        found.append(add_index(block, constants, [start, variable]))
    return found

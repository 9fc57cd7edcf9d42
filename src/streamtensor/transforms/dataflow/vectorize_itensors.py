# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""vectorize-itensors: tokens become vectors that a FIFO can carry in one cycle."""

from __future__ import annotations

from dataclasses import dataclass

from streamtensor.algebra.linear import LinearExpr
from streamtensor.dialects.dataflow import ITensorReadOp, ITensorType, ITensorWriteOp, KernelOp, task_around
from streamtensor.dialects.dataflow.vectors import vector_shape, vector_type
from streamtensor.ir import tensor
from streamtensor.ir.builtin import FixedBitwidthType, ModuleOp, TensorType
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
from streamtensor.transforms.dataflow.extern_tasks import check_width
from streamtensor.transforms.dataflow.external_tokens import expand_words
from streamtensor.transforms.dataflow.view_vectors import types_under_views


@dataclass(frozen=True)
class VectorizeITensorsPass(ModulePass):
    """read a : tile  -->  for vectors in the tile { tile[..] = read a : vector }, and writes likewise

    The vector is made of the innermost elements of the token, as many as `width_bits` holds and divide it; it depends
    on the type alone, so both ends of a FIFO agree (types between which a view stands agree on the elements: see
    `view_vectors`). The type becomes element := vector<V>, tripcounts ++ element/V,
    steps ++ V, map_d += d_(n+d) (itensor.md). A token that comes from a slice, or goes into one, is taken apart and
    put together in place, without a tile in between; one that is only passed on goes vector by vector.
    """

    name = "vectorize-itensors"

    width_bits: int = 512

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for kernel in [k for k in op.walk() if isinstance(k, KernelOp)]:
            types: dict[ITensorType, ITensorType] = dict(types_under_views(kernel, self.width_bits))
            for value in [v for inner in kernel.walk() for v in _values(inner)]:
                if isinstance(value.type, ITensorType) and isinstance(value.type.element, TensorType):
                    if value.type not in types:
                        types[value.type] = self.vector_type(value.type)
                    Rewriter.replace_value_with_new_type(value, types[value.type])
            check_width(kernel, self.width_bits)
            expand_words(kernel)
            for inner in list(kernel.walk()):
                if inner.parent is None or _pass_on(inner):
                    continue
                if isinstance(inner, ITensorReadOp):
                    _expand_read(inner)
                elif isinstance(inner, ITensorWriteOp):
                    _expand_write(inner)
                elif isinstance(inner, tensor.InsertSliceOp):
                    self._expand_copy(inner)

    def vector_type(self, itensor: ITensorType) -> ITensorType:
        """The type of the same stream in vectors."""
        return vector_type(itensor, self.width_bits)

    def _vector_shape(self, shape: tuple[int, ...], scalar_bits: int) -> list[int]:
        return vector_shape(shape, scalar_bits, self.width_bits)

    def _expand_copy(self, insert: tensor.InsertSliceOp) -> None:
        """A tile that is put into another, vector by vector; a slice that is only taken for that is not made.

        A slice of the tensor itself moves to lower indices along one dimension (the rows of a line buffer): its
        vectors go in that order, so that each is taken before something is put over it.
        """
        extract, tile = insert.source.owner, insert.source.type
        assert isinstance(tile, TensorType)
        assert isinstance(tile.element_type, FixedBitwidthType)
        source, source_base = insert.source, [0] * len(tile.get_shape())
        direct = isinstance(extract, tensor.ExtractSliceOp) and insert.source.has_one_use()
        if isinstance(extract, tensor.ExtractSliceOp) and direct:
            source, source_base = extract.source, slice_offsets(extract)
        constants = _constants_of(insert)
        padding = constants.zero(tile.element_type)
        dest_base = slice_offsets(insert)
        shape = tuple(tile.get_shape())
        sizes = self._vector_shape(shape, tile.element_type.bitwidth)
        inplace = source is insert.dest
        if inplace:
            moves = [(a, b) for a, b in zip(source_base, dest_base, strict=True) if a is not b and a != b]
            assert len(moves) == 1
            assert all(isinstance(a, int) and isinstance(b, int) and a > b for a, b in moves)

        def body(block: Block, variables: list[SSAValue], carried: list[SSAValue]) -> list[SSAValue]:
            indices = _indices(block, constants, source_base, variables)
            read = transfer_read(carried[0] if inplace else source, indices, padding, sizes)
            block.add_op(read)
            write = transfer_write(read.result, carried[0], _indices(block, constants, dest_base, variables))
            block.add_op(write)
            assert write.result is not None  # a tensor, so the write gives a new one
            return [write.result]

        scratch = Block()
        (result,) = build_nest(scratch, constants, _loops(shape, tuple(sizes)), [insert.dest], body)
        splice(scratch, insert)
        insert.result.replace_all_uses_with(result)
        Rewriter.erase_op(insert)
        if isinstance(extract, tensor.ExtractSliceOp) and direct:
            Rewriter.erase_op(extract)


def _values(op: Operation) -> list[SSAValue]:
    return [*op.results, *(arg for region in op.regions for block in region.blocks for arg in block.args)]


def _loops(shape: tuple[int, ...], sizes: tuple[int, ...]) -> list[tuple[int, int]]:
    return [(extent // size, size) for extent, size in zip(shape, sizes, strict=True)]


def _pass_on(read: Operation) -> bool:
    """write (read a) : tile  -->  for vectors in the tile { write (read a) }; whether `read` was such a read."""
    uses = list(read.results[0].uses) if isinstance(read, ITensorReadOp) else []
    write = uses[0].operation if len(uses) == 1 else None
    if not isinstance(read, ITensorReadOp) or not isinstance(write, ITensorWriteOp) or write.parent is not read.parent:
        return False
    itensor, tile, target = read.source.type, read.result.type, write.dest.type
    assert isinstance(itensor, ITensorType)
    assert isinstance(target, ITensorType)
    if not isinstance(tile, TensorType) or target.element != itensor.element:
        return False

    def body(block: Block, variables: list[SSAValue], carried: list[SSAValue]) -> list[SSAValue]:
        token = ITensorReadOp(read.source)
        append = ITensorWriteOp(token.result, carried[0])
        block.add_ops([token, append])
        return [append.result]

    scratch = Block()
    loops = _loops(tuple(tile.get_shape()), itensor.layout.element)
    (result,) = build_nest(scratch, _constants_of(read), loops, [write.dest], body)
    splice(scratch, write)
    write.result.replace_all_uses_with(result)
    Rewriter.erase_op(write)
    Rewriter.erase_op(read)
    return True


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

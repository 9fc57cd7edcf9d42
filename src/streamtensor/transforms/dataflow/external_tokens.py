# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Tokens and where they lie in external memory: what DMA tasks read and write."""

from __future__ import annotations

from collections.abc import Sequence

from streamtensor.algebra.external import ExternalLayout
from streamtensor.algebra.layout import StreamLayout
from streamtensor.dialects.dataflow import ITensorReadOp, ITensorType, ITensorWriteOp, KernelOp, task_around
from streamtensor.dialects.tensor_ext import PackOp, UnpackOp, UnwidenOp, WidenOp, scalar_of
from streamtensor.ir import arith, tensor
from streamtensor.ir.builtin import TensorType, VectorType
from streamtensor.ir.core import Attribute, Block, Operation, Rewriter, SSAValue
from streamtensor.transforms.build import (
    IndexConstants,
    add_index,
    build_nest,
    extract_slice,
    insert_slice,
    slice_offsets,
    splice,
    transfer_read,
    transfer_write,
)


def word_offsets(
    block: Block,
    constants: IndexConstants,
    layout: StreamLayout,
    external: ExternalLayout,
    variables: Sequence[SSAValue],
) -> list[SSAValue]:
    """Where in memory a token is, in words, appended to `block`: (outer index ++ inner index) when it is packed.

    `variables` are the loops of `external.loops(layout)`, in steps of the data: the outer index is offset floordiv
    tile.
    """
    steps = external.loops(layout).steps
    words = external.words(layout)
    strides = [words.stride(loop) for loop in range(words.num_loops)]
    offsets: list[SSAValue] = []
    for dim, result in enumerate(words.map.results):
        terms = [
            _scaled(block, constants, variable, strides[loop][dim], steps[loop])
            for loop, variable in enumerate(variables)
            if strides[loop][dim]
        ]
        if result.constant:
            terms.append(constants[result.constant])
        offsets.append(add_index(block, constants, terms))
    return offsets


def _scaled(block: Block, constants: IndexConstants, variable: SSAValue, stride: int, step: int) -> SSAValue:
    """`variable * stride / step`: a loop of step `step` that moves by `stride` words."""
    if variable is constants[0]:
        return variable
    if stride % step == 0:
        factor, divisor = stride // step, 1
    elif step % stride == 0:
        factor, divisor = 1, step // stride
    else:
        factor, divisor = stride, step
    for kind, number in ((arith.MuliOp, factor), (arith.DivSIOp, divisor)):
        if number != 1:
            op = kind(variable, constants[number])
            block.add_op(op)
            variable = op.results[0]
    return variable


def load_token(
    block: Block, memory: SSAValue, external: ExternalLayout, layout: StreamLayout, offsets: Sequence[SSAValue]
) -> SSAValue:
    """The token at `offsets` of `memory`: a slice, without its words, without its tiles."""
    slice = extract_slice(memory, offsets, external.words(layout).element)
    block.add_op(slice)
    value: SSAValue = slice.result
    if external.vector is not None:
        widened = UnwidenOp(value)
        block.add_op(widened)
        value = widened.result
    if external.tile is not None:
        assert isinstance(memory.type, TensorType)
        unpacked = UnpackOp(value, TensorType(scalar_of(memory.type), layout.element))
        block.add_op(unpacked)
        value = unpacked.result
    return value


def store_token(
    block: Block, token: SSAValue, memory: SSAValue, external: ExternalLayout, offsets: Sequence[SSAValue]
) -> SSAValue:
    """`memory` with a token put at `offsets`, in tiles and words."""
    if external.tile is not None:
        assert isinstance(token.type, TensorType)
        tile = [min(size, t) for size, t in zip(token.type.get_shape(), external.tile, strict=True)]
        packed = PackOp(token, tile)
        block.add_op(packed)
        token = packed.result
    if external.vector is not None:
        widened = WidenOp(token, external.vector)
        block.add_op(widened)
        token = widened.result
    insert = insert_slice(token, memory, offsets)
    block.add_op(insert)
    return insert.result


def expand_words(kernel: KernelOp) -> None:
    """Tokens that DMA tasks take from packed or widened memory, or put there, word by word.

    Where a word is what the FIFO carries it goes from one to the other; else the token is put together in a buffer.
    """
    for op in list(kernel.walk()):
        if isinstance(op, ITensorWriteOp) and isinstance(op.value.owner, UnpackOp | UnwidenOp):
            _expand_load(op)
        elif isinstance(op, tensor.InsertSliceOp) and isinstance(op.source.owner, PackOp | WidenOp):
            _expand_store(op)


def _changes(value: SSAValue) -> tuple[SSAValue, list[Operation]]:
    found: list[Operation] = []
    while isinstance(value.owner, PackOp | UnpackOp | WidenOp | UnwidenOp):
        found.append(value.owner)
        value = value.owner.operands[0]
    return value, found


class _Words:
    """The words of one token of `shape` in memory of type `memory`: loops over them, and where each of them is."""

    def __init__(self, memory: Attribute, shape: Sequence[int], offsets: Sequence[SSAValue | int], task: Block) -> None:
        assert isinstance(memory, TensorType)
        self.constants = IndexConstants(task)
        self.element = memory.element_type
        self.vector = tuple(self.element.get_shape()) if isinstance(self.element, VectorType) else (1,) * len(shape)
        self._offsets = offsets
        self._tile: tuple[int, ...] | None = None
        if len(offsets) == 2 * len(shape):
            inner = memory.get_shape()[len(shape) :]
            self._tile = tuple(n * v for n, v in zip(inner, self.vector, strict=True))
        self.loops: list[tuple[int, int]] = []
        for dim, size in enumerate(shape):
            tile = size if self._tile is None else min(size, self._tile[dim])
            self.loops += [(size // tile, tile), (tile // self.vector[dim], self.vector[dim])]

    def places(self, block: Block, variables: Sequence[SSAValue]) -> tuple[list[SSAValue], list[SSAValue]]:
        """(indices of the word in memory, where its elements are in the token) for one iteration of the loops."""
        rank = len(self.vector)
        inside = [add_index(block, self.constants, [variables[2 * dim], variables[2 * dim + 1]]) for dim in range(rank)]
        steps: list[SSAValue] = []
        if self._tile is not None:
            steps = [_scaled(block, self.constants, variables[2 * d], 1, self.loops[2 * d][1]) for d in range(rank)]
        steps += [_scaled(block, self.constants, variables[2 * d + 1], 1, self.vector[d]) for d in range(rank)]
        indices: list[SSAValue] = []
        for base, step in zip(self._offsets, steps, strict=True):
            start = self.constants[base] if isinstance(base, int) else base
            indices.append(add_index(block, self.constants, [start, step]))
        return indices, inside


def _expand_load(write: ITensorWriteOp) -> None:
    source, changes = _changes(write.value)
    slice = source.owner
    assert isinstance(slice, tensor.ExtractSliceOp)
    itensor, token = write.dest.type, write.value.type
    assert isinstance(itensor, ITensorType)
    assert isinstance(token, TensorType)
    words = _Words(slice.source.type, token.get_shape(), slice_offsets(slice), _task_block(write))
    direct = words.element == itensor.element

    def word(block: Block, variables: list[SSAValue], carried: list[SSAValue]) -> list[SSAValue]:
        indices, inside = words.places(block, variables)
        load = tensor.ExtractOp(slice.source, indices, words.element)
        block.add_op(load)
        if direct:
            append = ITensorWriteOp(load.result, carried[0])
            block.add_op(append)
            return [append.result]
        return [_put(block, load.result, carried[0], inside)]

    scratch = Block()
    start: SSAValue = write.dest
    if not direct:
        empty = tensor.EmptyOp([], token)
        scratch.add_op(empty)
        start = empty.tensor
    (result,) = build_nest(scratch, words.constants, words.loops, [start], word)
    splice(scratch, write)
    if direct:
        write.result.replace_all_uses_with(result)
        Rewriter.erase_op(write)
    else:
        write.value.replace_all_uses_with(result)
    _erase([*changes, slice])


def _expand_store(insert: tensor.InsertSliceOp) -> None:
    token, changes = _changes(insert.source)
    read = token.owner
    assert isinstance(token.type, TensorType)
    words = _Words(insert.dest.type, token.type.get_shape(), slice_offsets(insert), _task_block(insert))
    itensor = read.source.type if isinstance(read, ITensorReadOp) else None
    direct = isinstance(itensor, ITensorType) and words.element == itensor.element and token.has_one_use()
    padding = words.constants.zero(token.type.element_type)

    def word(block: Block, variables: list[SSAValue], carried: list[SSAValue]) -> list[SSAValue]:
        indices, inside = words.places(block, variables)
        if direct:
            assert isinstance(read, ITensorReadOp)
            taken: Operation = ITensorReadOp(read.source)
        elif isinstance(words.element, VectorType):
            taken = transfer_read(token, inside, padding, words.vector)
        else:
            taken = tensor.ExtractOp(token, inside, words.element)
        block.add_op(taken)
        store = tensor.InsertOp(taken.results[0], carried[0], indices)
        block.add_op(store)
        return [store.result]

    scratch = Block()
    (result,) = build_nest(scratch, words.constants, words.loops, [insert.dest], word)
    splice(scratch, insert)
    insert.result.replace_all_uses_with(result)
    Rewriter.erase_op(insert)
    _erase(changes)
    if direct:
        assert isinstance(read, Operation)
        Rewriter.erase_op(read)


def _put(block: Block, word: SSAValue, tile: SSAValue, indices: Sequence[SSAValue]) -> SSAValue:
    """`tile` with a word, or a single number, in it."""
    if isinstance(word.type, VectorType):
        write = transfer_write(word, tile, indices)
        block.add_op(write)
        assert write.result is not None  # a tensor, so the write gives a new one
        return write.result
    insert = tensor.InsertOp(word, tile, list(indices))
    block.add_op(insert)
    return insert.result


def _task_block(op: Operation) -> Block:
    task = task_around(op)
    assert task is not None
    return task.body.block


def _erase(ops: Sequence[Operation]) -> None:
    for op in ops:
        if not op.results[0].uses:
            Rewriter.erase_op(op)

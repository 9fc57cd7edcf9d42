# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Changes of layout on buffers: words and numbers in the same memory, and the copies that the host makes."""

from __future__ import annotations

from math import prod

from streamtensor.diagnostics import UserError
from streamtensor.dialects.tensor_ext import (
    CropOp,
    ExtendOp,
    LanesOp,
    PackOp,
    UnpackOp,
    UnwidenOp,
    WidenOp,
    scalar_of,
)
from streamtensor.ir.builtin import MemRefType, VectorType
from streamtensor.ir.core import Attribute, Block, Operation, SSAValue
from streamtensor.ir.locations import location
from streamtensor.transforms.lowering.views import Strided, memref_type, reinterpret, strided_of

CHANGES = (PackOp, UnpackOp, WidenOp, UnwidenOp, ExtendOp, CropOp)


def has_words(type: Attribute) -> bool:
    """Whether the elements of a memref are vectors."""
    return isinstance(type, MemRefType) and isinstance(type.element_type, VectorType)


def numbers_of(block: Block, words: SSAValue) -> SSAValue:
    """The numbers of a row-major buffer of words, lanes last."""
    assert isinstance(words.type, MemRefType)
    assert isinstance(words.type.element_type, VectorType)
    shape = (*words.type.get_shape(), *words.type.element_type.get_shape())
    lanes = LanesOp(words, MemRefType(scalar_of(words.type), shape))
    block.add_op(lanes)
    return lanes.result


def words_of(block: Block, numbers: SSAValue, words: MemRefType[Attribute]) -> SSAValue:
    """A row-major buffer of numbers as words of the type `words`, whose lanes are runs of addresses."""
    assert isinstance(words.element_type, VectorType)
    shape = (*words.get_shape(), *words.element_type.get_shape())
    cast = reinterpret(numbers, Strided.contiguous(shape))
    lanes = LanesOp(cast.result, words)
    block.add_ops([cast, lanes])
    return lanes.result


def view_as_words(block: Block, op: WidenOp, numbers: SSAValue) -> SSAValue:
    """`op` on the device: runs of numbers along the last dimension are words. Raises UserError ST0306 for others."""
    layout, vector = strided_of(numbers.type), op.vector
    run = vector[-1]
    outer = [s for n, s in zip(layout.shape[:-1], layout.strides[:-1], strict=True) if n != 1]
    if prod(vector) != run or layout.strides[-1] != 1 or any(s % run for s in (*outer, layout.offset)):
        raise _left_on_device(op)
    cast = reinterpret(numbers, layout.tiles(vector))
    lanes_layout = Strided(
        (*layout.shape[:-1], layout.shape[-1] // run),
        (*(s // run for s in layout.strides[:-1]), 1),
        layout.offset // run,
    )
    assert isinstance(numbers.type, MemRefType)
    lanes = LanesOp(cast.result, memref_type(VectorType(numbers.type.element_type, list(vector)), lanes_layout))
    block.add_ops([cast, lanes])
    return lanes.result


def view_as_numbers(block: Block, op: UnwidenOp, words: SSAValue) -> SSAValue:
    """`op` on the device, the inverse of `view_as_words` for a whole buffer."""
    if prod(op.vector) != op.vector[-1]:
        raise _left_on_device(op)
    cast = reinterpret(numbers_of(block, words), Strided.contiguous(op.result.type.get_shape()))
    block.add_op(cast)
    return cast.result


def tiles_of(block: Block, numbers: SSAValue, tile: tuple[int, ...]) -> SSAValue:
    """The numbers of a buffer in the order of its tiles: another way to walk through the same memory."""
    cast = reinterpret(numbers, strided_of(numbers.type).tiles(tile))
    block.add_op(cast)
    return cast.result


def first_part(block: Block, numbers: SSAValue, shape: tuple[int, ...]) -> SSAValue:
    """The first `shape` numbers of a buffer, as a view."""
    rank = len(shape)
    cast = reinterpret(numbers, strided_of(numbers.type).slice([0] * rank, shape, [1] * rank))
    block.add_op(cast)
    return cast.result


def _left_on_device(op: Operation) -> UserError:
    return UserError(
        "ST0306",
        f"{op.name} is left in a function of the device, where it would be a copy",
        location=location(op),
        hint="run lower-pack-unpack, which moves it to the host",
    )


def check_host(op: Operation, is_host: bool) -> None:
    """Raises UserError ST0306 for a copy to another layout that is left on the device."""
    if not is_host:
        raise _left_on_device(op)

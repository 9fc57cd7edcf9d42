# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Gives sums the width that their readers look at."""

from dataclasses import dataclass

from streamtensor.ir import arith
from streamtensor.ir.builtin import IntegerAttr, IntegerType, ModuleOp, TensorType
from streamtensor.ir.core import Block, Context, ModulePass, Operation, SSAValue
from streamtensor.ir.linalg import GenericOp, YieldOp
from streamtensor.transforms.linalg.generics import (
    Access,
    device_functions,
    empty_like,
    erase_dead,
    generics,
    input_arguments,
    inputs,
    insert_before,
    is_empty,
    output_arguments,
    outputs,
    rebuild,
    replace,
    replace_uses,
    yielded,
)

_RING = (arith.AddiOp, arith.SubiOp, arith.MuliOp)


@dataclass(frozen=True)
class NarrowAccumulatorsPass(ModulePass):
    """%s = sum of products : i64;  trunci %s : i64 to i32 in every reader  -->  %s = sum of products : i32

    The result is made by additions, subtractions, multiplications, extensions and selections between such values, from
    constants and from its own earlier value; all its readers are generics that only look at the lower 32 bits.

    Right because truncation is a homomorphism of rings: the lower 32 bits of a sum or a product are the sum or product
    of the lower 32 bits of its operands, so every step may be done at 32 bits; no range has to be known. Torch-MLIR
    sums integer products at 64 bits whatever the result's type is.
    """

    name = "narrow-accumulators"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Runs on every device function of the module."""
        for function in device_functions(op):
            for generic in generics(function):
                width = _width_read(generic)
                if width is not None and _is_ring(generic, yielded(generic)[0], set()):
                    _narrow(generic, width)
            erase_dead(function)


def _width_read(op: GenericOp) -> IntegerType | None:
    """The one type to which all readers truncate the one result of a sum, else None."""
    if len(op.results) != 1 or not op.results[0].uses or not is_empty(op.outputs[0]):
        return None
    found: set[IntegerType] = set()
    for use in op.results[0].uses:
        reader = use.operation
        if not isinstance(reader, GenericOp) or use.index >= len(reader.inputs):
            return None
        for read in input_arguments(reader)[use.index].uses:
            if not isinstance(read.operation, arith.TruncIOp):
                return None
            kind = read.operation.result.type
            assert isinstance(kind, IntegerType)
            found.add(kind)
    return found.pop() if len(found) == 1 else None


def _is_ring(op: GenericOp, value: SSAValue, seen: set[SSAValue]) -> bool:
    """Whether the lower bits of `value` follow from the lower bits of what it is made of."""
    if value in seen or value in output_arguments(op):
        return True
    seen.add(value)
    source = value.owner
    if isinstance(source, Block):
        return False  # an input of the full width
    if isinstance(source, arith.ConstantOp):
        return isinstance(source.value, IntegerAttr)
    if isinstance(source, arith.ExtSIOp):
        return True
    if isinstance(source, arith.SelectOp):
        return _is_ring(op, source.lhs, seen) and _is_ring(op, source.rhs, seen)
    return isinstance(source, _RING) and all(_is_ring(op, operand, seen) for operand in source.operands)


def _narrow(op: GenericOp, width: IntegerType) -> None:
    body = op.body.block
    old_argument = output_arguments(op)[0]
    new_argument = body.insert_arg(width, len(body.args))
    made: dict[SSAValue, SSAValue] = {old_argument: new_argument}
    end = body.last_op
    assert isinstance(end, YieldOp)
    result = _at_width(end.operands[0], width, made, end)
    end.operands[0] = result
    for inner in reversed(list(body.ops)):
        if inner.results and not any(value.uses for value in inner.results):
            body.erase_op(inner)
    body.erase_arg(old_argument)

    readers = list(op.results[0].uses)
    kind = op.results[0].type
    assert isinstance(kind, TensorType)
    out = outputs(op)[0]
    empty = empty_like(op, TensorType(width, kind.get_shape()), kind.get_shape())
    new = rebuild(op, inputs(op), [Access(empty, out.map)])
    for use in readers:
        assert isinstance(use.operation, GenericOp)
        _read_narrow(use.operation, use.index, width)
    replace(op, new.results)


def _read_narrow(reader: GenericOp, index: int, width: IntegerType) -> None:
    """Gives the reader's argument the narrow type; its truncations are gone."""
    block = reader.body.block
    old = block.args[index]
    new = block.insert_arg(width, index)
    for use in list(old.uses):
        truncation = use.operation
        replace_uses(truncation.results[0], new)
        block.erase_op(truncation)
    block.erase_arg(old)


def _at_width(value: SSAValue, width: IntegerType, made: dict[SSAValue, SSAValue], place: Operation) -> SSAValue:
    """`value` computed at `width`, before `place`."""
    if value in made:
        return made[value]
    source = value.owner
    assert isinstance(source, Operation)
    if isinstance(source, arith.ExtSIOp):
        result = _extended(source.input, width, place)
    else:
        if isinstance(source, arith.ConstantOp):
            assert isinstance(source.value, IntegerAttr)
            new: Operation = arith.ConstantOp(IntegerAttr(_wrapped(source.value.value.data, width.width.data), width))
        elif isinstance(source, arith.SelectOp):
            arms = [_at_width(arm, width, made, place) for arm in (source.lhs, source.rhs)]
            new = arith.SelectOp(source.cond, *arms)
        else:
            operands = [_at_width(operand, width, made, place) for operand in source.operands]
            new = type(source)(*operands)  # pyright: ignore[reportCallIssue]
        insert_before(place, new)
        result = new.results[0]
    made[value] = result
    return result


def _extended(narrow: SSAValue, width: IntegerType, place: Operation) -> SSAValue:
    """What an extension of `narrow` is in its lower bits."""
    kind = narrow.type
    assert isinstance(kind, IntegerType)
    if kind == width:
        return narrow
    wider = kind.width.data < width.width.data
    new = arith.ExtSIOp(narrow, width) if wider else arith.TruncIOp(narrow, width)
    insert_before(place, new)
    return new.result


def _wrapped(number: int, bits: int) -> int:
    half = 1 << (bits - 1)
    return (number + half) % (2 * half) - half

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What keeps the iterations of a padded loop out of the results of an operation."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from streamtensor.ir import arith, linalg
from streamtensor.ir.builtin import AnyFloat, FloatAttr, IndexType, IntegerAttr, IntegerType
from streamtensor.ir.core import Attribute, BlockArgument, Operation, OpResult, SSAValue
from streamtensor.transforms.tiling.axes import is_parallel

_DIVISIONS = (
    arith.DivSIOp,
    arith.DivUIOp,
    arith.RemSIOp,
    arith.RemUIOp,
    arith.CeilDivSIOp,
    arith.CeilDivUIOp,
    arith.FloorDivSIOp,
)


def mask_padding(generic: linalg.GenericOp, extents: Mapping[int, int]) -> None:
    """Makes the body leave alone what lies behind `extents` (of the loops that are longer now).

    Reductions: what goes into a result there is the neutral element of the operation that puts it in (0 for a sum, -inf
    for a maximum), or where that has none (maxnumf, whose accumulator may be NaN) the result stays as it was. Divisions
    of integers: the divisor is 1 there, because nothing else would stop a division of nothing by nothing.
    """
    body = generic.body.block
    last = body.last_op
    assert isinstance(last, linalg.YieldOp)
    sums = {loop: n for loop, n in extents.items() if not is_parallel(generic, loop)}
    outs = body.args[len(generic.inputs) :]
    if sums:
        inside = _inside(last, sums)
        for number, value in enumerate(last.operands):
            contribution = _contribution(value, outs)
            if contribution is None:
                last.operands[number] = _selected(last, inside, value, outs[number])
                continue
            op, operand, neutral = contribution
            constant = arith.ConstantOp(neutral, value.type)
            body.insert_op_before(constant, op)
            _move_before(op, inside)
            op.operands[operand] = _selected(op, inside, op.operands[operand], constant.result)
    divisions = [op for op in body.ops if isinstance(op, _DIVISIONS) and _may_be_zero(op.operands[1])]
    if divisions:
        inside = _inside(divisions[0], extents)
        for op in divisions:
            type = op.operands[1].type
            assert isinstance(type, IntegerType | IndexType)
            one = arith.ConstantOp(IntegerAttr(1, type))
            body.insert_op_before(one, op)
            op.operands[1] = _selected(op, inside, op.operands[1], one.result)


def _inside(before: Operation, extents: Mapping[int, int]) -> SSAValue:
    """Whether the iteration is one of those that the model has; computed right before an operation."""
    body = before.parent
    assert body is not None
    found: SSAValue | None = None
    for loop, extent in sorted(extents.items()):
        index = linalg.IndexOp(loop)
        end = arith.ConstantOp(IntegerAttr(extent, IndexType()))
        is_less = arith.CmpiOp(index.result, end.result, "slt")
        body.insert_ops_before([index, end, is_less], before)
        if found is None:
            found = is_less.result
        else:
            both = arith.AndIOp(found, is_less.result)
            body.insert_op_before(both, before)
            found = both.result
    assert found is not None
    return found


def _move_before(op: Operation, value: SSAValue) -> None:
    """Puts what makes `value`, and only needs constants, before `op` where it stands behind it."""
    block = op.parent
    assert block is not None
    made: list[Operation] = []

    def collect(one: SSAValue) -> None:
        if isinstance(one, OpResult) and one.op not in made and not one.op.is_before_in_block(op):
            for operand in one.op.operands:
                collect(operand)
            made.append(one.op)

    collect(value)
    for one in made:
        one.detach()
        block.insert_op_before(one, op)


def _selected(before: Operation, condition: SSAValue, value: SSAValue, other: SSAValue) -> SSAValue:
    select = arith.SelectOp(condition, value, other)
    body = before.parent
    assert body is not None
    body.insert_op_before(select, before)
    return select.result


def _contribution(
    value: SSAValue, outs: Sequence[BlockArgument]
) -> tuple[Operation, int, FloatAttr | IntegerAttr] | None:
    """For a result op(accumulator, x) with a neutral element: the operation, which operand x is, and the element."""
    op = value.owner
    if not isinstance(op, Operation) or len(op.operands) != 2 or len(list(value.uses)) != 1:
        return None
    neutral = _neutral(op.name, value.type)
    from_outs = [any(one in outs for one in _behind(operand)) for operand in op.operands]
    if neutral is None or sorted(from_outs) != [False, True]:
        return None
    return op, from_outs.index(False), neutral


def _behind(value: SSAValue) -> Iterator[SSAValue]:
    """A value and everything that it is made of within the body."""
    yield value
    if isinstance(value, OpResult):
        for operand in value.op.operands:
            yield from _behind(operand)


def _neutral(name: str, type: Attribute) -> FloatAttr | IntegerAttr | None:
    """The x with `name`(a, x) = a for every a."""
    if isinstance(type, IntegerType):
        low, high = -(1 << (type.width.data - 1)), (1 << (type.width.data - 1)) - 1
        numbers = {"addi": 0, "ori": 0, "xori": 0, "maxui": 0, "muli": 1, "andi": -1, "minui": -1}
        numbers |= {"maxsi": low, "minsi": high}
        number = numbers.get(name.removeprefix("arith."))
        return None if number is None or type.width.data == 1 else IntegerAttr(number, type)
    if isinstance(type, AnyFloat):
        # -0 and not 0: -0 + 0 would be 0. None for maxnumf and minnumf: of NaN and an infinity they give the infinity.
        values = {"addf": -0.0, "mulf": 1.0, "maximumf": -math.inf, "minimumf": math.inf}
        found = values.get(name.removeprefix("arith."))
        return None if found is None else FloatAttr(found, type)
    return None


def _may_be_zero(divisor: SSAValue) -> bool:
    """Whether a divisor is anything but a constant."""
    return not isinstance(divisor.owner, arith.ConstantOp)

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Makes bodies self-contained and rid of conversions of constants."""

from dataclasses import dataclass

import numpy as np

from streamtensor.ir import arith, func
from streamtensor.ir.builtin import FloatAttr, ModuleOp, f32, f64
from streamtensor.ir.core import Attribute, Block, Context, ModulePass, Operation, SSAValue
from streamtensor.ir.linalg import GenericOp
from streamtensor.transforms.linalg.generics import (
    Access,
    Scalar,
    device_functions,
    erase_dead,
    generics,
    inputs,
    insert_before,
    loops_known,
    outputs,
    rebuild,
    replace,
    replace_uses,
)


@dataclass(frozen=True)
class FoldTruncatedConstantsPass(ModulePass):
    """Constants in their final type, inside the bodies that use them.

    truncf (constant c : f64)                     -->  constant (c rounded to f32)   (and extf the other way)
    x * 1.0,  1.0 * x,  x / 1.0                   -->  x
    generic { ... %c ... }, %c constant outside   -->  generic { %k = constant; ... %k ... }
    generic ins(%c) { ^bb0(%in): ... }            -->  generic { %k = constant; ... %k ... }

    Right because rounding is a function of the constant alone (nearest even, what truncf does), multiplication by
    one is exact for every value, and a scalar constant is the same wherever it is written. A scalar operand stays
    where it is when a loop's extent could not be known without it.
    """

    name = "fold-truncated-constants"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Runs on every device function of the module."""
        for function in device_functions(op):
            for inner in list(function.walk()):
                _fold_conversion(inner)
            for inner in list(function.walk()):
                _fold_unit_factor(inner)
            for generic in generics(function):
                _take_in_constants(generic)
            _erase_dead_in_bodies(function)
            erase_dead(function)


def scalar_constant(value: SSAValue) -> Scalar | None:
    """The number behind a scalar `arith.constant`, else None."""
    source = value.owner
    if isinstance(source, arith.ConstantOp) and isinstance(source.value, Scalar):
        return source.value
    return None


def _fold_conversion(op: Operation) -> None:
    if not isinstance(op, arith.TruncFOp | arith.ExtFOp):
        return
    number = scalar_constant(op.input)
    if isinstance(number, FloatAttr):
        rounded = rounded_to(number.value.data, op.result.type)
        if rounded is not None:
            made = arith.ConstantOp(rounded)
            insert_before(op, made)
            replace(op, made.results)


def rounded_to(number: float, to: Attribute) -> FloatAttr | None:
    """`number` rounded to the nearest value of a 32- or 64-bit float type; None for other types."""
    if to == f64:
        return FloatAttr(number, f64)
    if to == f32:
        with np.errstate(over="ignore"):
            return FloatAttr(float(np.float32(number)), f32)
    return None


def _fold_unit_factor(op: Operation) -> None:
    if not isinstance(op, arith.MulfOp | arith.DivfOp):
        return
    if _is_one(op.rhs):
        replace(op, [op.lhs])
    elif isinstance(op, arith.MulfOp) and _is_one(op.lhs):
        replace(op, [op.rhs])


def _is_one(value: SSAValue) -> bool:
    number = scalar_constant(value)
    return isinstance(number, FloatAttr) and number.value.data == 1.0


def _take_in_constants(op: GenericOp) -> None:
    """Clones the scalar constants that the body captures or reads as operands into the body."""
    body = op.body.block
    copies: dict[SSAValue, SSAValue] = {}
    for inner in list(body.ops):
        for position, operand in enumerate(inner.operands):
            if scalar_constant(operand) is not None and _defined_outside(operand, body):
                inner.operands[position] = _copy_into(body, operand, copies)
    kept: list[Access] = []
    dropped = False
    for access in inputs(op):
        argument = body.args[len(kept)]
        if scalar_constant(access.value) is not None:
            replace_uses(argument, _copy_into(body, access.value, copies))
            body.erase_arg(argument)
            dropped = True
        else:
            kept.append(access)
    if dropped:
        assert loops_known(kept, outputs(op)), "a scalar has no dimension that could tell a loop's extent"
        replace(op, rebuild(op, kept, outputs(op)).results)


def _defined_outside(value: SSAValue, body: Block) -> bool:
    source = value.owner
    return isinstance(source, Operation) and source.parent is not body


def _copy_into(body: Block, value: SSAValue, copies: dict[SSAValue, SSAValue]) -> SSAValue:
    """A clone of the constant `value` at the start of `body`, one for each constant."""
    if value not in copies:
        source = value.owner
        assert isinstance(source, arith.ConstantOp)
        assert body.first_op is not None
        clone = arith.ConstantOp(source.value)
        insert_before(body.first_op, clone)
        copies[value] = clone.result
    return copies[value]


def _erase_dead_in_bodies(function: func.FuncOp) -> None:
    for op in generics(function):
        for inner in reversed(list(op.body.block.ops)):
            if isinstance(inner, arith.ConstantOp) and not inner.result.uses:
                op.body.block.erase_op(inner)

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a body knows about its loops (`linalg.index`) when a rewrite changes the loops."""

from collections.abc import Sequence

from streamtensor.ir import arith
from streamtensor.ir.builtin import IndexType, IntegerAttr
from streamtensor.ir.core import (
    AffineBinaryOpExpr,
    AffineBinaryOpKind,
    AffineConstantExpr,
    AffineDimExpr,
    AffineExpr,
    Block,
    Operation,
    SSAValue,
)
from streamtensor.ir.linalg import IndexOp
from streamtensor.transforms.linalg.generics import insert_before, replace


def rewrite_indices(body: Block, loops: Sequence[AffineExpr]) -> None:
    """linalg.index i  -->  the expression loops[i] over the new loops, as index arithmetic."""
    for op in list(body.ops):
        if isinstance(op, IndexOp):
            replace(op, [_value_of(loops[op.dim.value.data], op)])


def _value_of(expr: AffineExpr, place: Operation) -> SSAValue:
    """Operations before `place` that compute `expr`, made of loops, constants, sums and products."""
    match expr:
        case AffineDimExpr():
            made: Operation = IndexOp(expr.position)
        case AffineConstantExpr():
            made = arith.ConstantOp(IntegerAttr(expr.value, IndexType()))
        case AffineBinaryOpExpr(kind=AffineBinaryOpKind.Add):
            made = arith.AddiOp(_value_of(expr.lhs, place), _value_of(expr.rhs, place))
        case AffineBinaryOpExpr(kind=AffineBinaryOpKind.Mul):
            made = arith.MuliOp(_value_of(expr.lhs, place), _value_of(expr.rhs, place))
        case _:
            raise AssertionError(f"a loop is never replaced by {expr}")
    insert_before(place, made)
    return made.results[0]

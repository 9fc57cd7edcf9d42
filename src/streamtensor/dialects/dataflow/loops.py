# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The loop nest around an operation, as the itensor verifiers and the passes see it."""

from __future__ import annotations

from dataclasses import dataclass

from streamtensor.ir import arith, scf
from streamtensor.ir.builtin import IntegerAttr
from streamtensor.ir.core import SSAValue, VerifyException

MOST = "dataflow.most"
"""Attribute of a loop that ends at a run-time bound: its iterations at the largest bound."""


@dataclass(frozen=True)
class Loop:
    """One counted loop: its induction variable takes the values 0, step, ... (tripcount - 1) * step."""

    op: scf.ForOp
    tripcount: int
    step: int

    @property
    def variable(self) -> SSAValue:
        """The induction variable."""
        return self.op.body.block.args[0]


def constant_index(value: SSAValue) -> int | None:
    """The integer behind `value` when an `arith.constant` makes it, else None."""
    if isinstance(value.owner, arith.ConstantOp) and isinstance(value.owner.value, IntegerAttr):
        return value.owner.value.value.data
    return None


def loop_of(op: scf.ForOp) -> Loop:
    """The static form of a loop from 0.

    Raises VerifyException when a bound or the step is not a constant, or the loop does not start at 0.
    """
    lower, upper, step = (constant_index(value) for value in (op.lb, op.ub, op.step))
    if lower is None or upper is None or step is None:
        raise VerifyException("a loop around a token has constant bounds and a constant step")
    if lower != 0 or step <= 0 or upper % step:
        raise VerifyException(
            f"a loop around a token runs from 0 in whole steps, not from {lower} to {upper} by {step}"
        )
    return Loop(op, upper // step, step)


def largest_loop(op: scf.ForOp) -> Loop:
    """Like `loop_of`; a loop that ends at a run-time bound has the iterations of the largest bound.

    Raises VerifyException as `loop_of` does.
    """
    most, step = op.attributes.get(MOST), constant_index(op.step)
    if isinstance(most, IntegerAttr) and step is not None and constant_index(op.lb) == 0:
        return Loop(op, most.value.data, step)
    return loop_of(op)


def bound_of(op: scf.ForOp) -> tuple[SSAValue, int] | None:
    """The run-time bound at which a loop ends, and the iterations for each of it; None for a static loop."""
    step = constant_index(op.step)
    if MOST not in op.attributes or step is None:
        return None
    end, factor = op.ub, 1
    if isinstance(end.owner, arith.MuliOp):
        scale = constant_index(end.owner.rhs)
        end, factor = end.owner.lhs, 0 if scale is None else scale
    if not factor or factor % step:
        raise VerifyException("a loop up to a run-time bound ends at a whole number of steps for each of it")
    return end, factor // step

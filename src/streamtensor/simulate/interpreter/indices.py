# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Between which bounds an index value lies, seen from the IR alone.

Python counts negative indices from the end of an array and numpy cuts slices that reach over the end, so an index is
checked when it is used. Almost all indices are sums and products of loop variables, which are known to be in bounds.
"""

from __future__ import annotations

from dataclasses import dataclass

from streamtensor.ir import arith, linalg, scf
from streamtensor.ir.builtin import IntegerAttr
from streamtensor.ir.core import BlockArgument, OpResult, SSAValue

_UNKNOWN = 1 << 62


@dataclass(frozen=True)
class Axis:
    """The values of a loop variable whose iterations run at once: dimension `place` of arrays of `rank` dimensions."""

    place: int
    rank: int
    values: range


@dataclass(frozen=True, slots=True)
class Bounds:
    """All values from `low` to `high`, both included; 2**62 stands for "not known"."""

    low: int = -_UNKNOWN
    high: int = _UNKNOWN

    def __add__(self, other: Bounds) -> Bounds:
        return _known(self.low + other.low, self.high + other.high)

    def __sub__(self, other: Bounds) -> Bounds:
        return _known(self.low - other.high, self.high - other.low)

    def __mul__(self, other: Bounds) -> Bounds:
        products = [a * b for a in (self.low, self.high) for b in (other.low, other.high)]
        return _known(min(products), max(products))

    def __or__(self, other: Bounds) -> Bounds:
        return Bounds(min(self.low, other.low), max(self.high, other.high))


def bounds_of(value: SSAValue) -> Bounds:
    """The tightest bounds that this file can find for an index value."""
    if isinstance(value, BlockArgument):
        loop = value.block.parent_op()
        return _loop_bounds(loop) if isinstance(loop, scf.ForOp) and value.index == 0 else Bounds()
    if not isinstance(value, OpResult):
        return Bounds()
    op = value.op
    match op:
        case arith.ConstantOp():
            number = op.value.value.data if isinstance(op.value, IntegerAttr) else None
            return Bounds() if number is None else Bounds(number, number)
        case linalg.IndexOp():
            return Bounds(0)
        case arith.AddiOp():
            return bounds_of(op.lhs) + bounds_of(op.rhs)
        case arith.SubiOp():
            return bounds_of(op.lhs) - bounds_of(op.rhs)
        case arith.MuliOp():
            return bounds_of(op.lhs) * bounds_of(op.rhs)
        case arith.SelectOp():
            return bounds_of(op.lhs) | bounds_of(op.rhs)
        case arith.MaxSIOp():
            a, b = bounds_of(op.lhs), bounds_of(op.rhs)
            return Bounds(max(a.low, b.low), max(a.high, b.high))
        case arith.MinSIOp():
            a, b = bounds_of(op.lhs), bounds_of(op.rhs)
            return Bounds(min(a.low, b.low), min(a.high, b.high))
        case arith.DivSIOp() | arith.DivUIOp() | arith.FloorDivSIOp():
            a, b = bounds_of(op.lhs), bounds_of(op.rhs)
            return Bounds(a.low // b.high, a.high // b.low) if a.low >= 0 and b.low >= 1 else Bounds()
        case arith.RemSIOp() | arith.RemUIOp():
            a, b = bounds_of(op.lhs), bounds_of(op.rhs)
            return Bounds(0, min(a.high, b.high - 1)) if a.low >= 0 and b.low >= 1 else Bounds()
        case _:
            return Bounds()


def _loop_bounds(loop: scf.ForOp) -> Bounds:
    """First to last value of a loop variable."""
    lower, upper, step = bounds_of(loop.lb), bounds_of(loop.ub), bounds_of(loop.step)
    if step.low < 1:
        return Bounds()
    last = upper.high - 1
    if lower.low == lower.high and step.low == step.high and upper.high < _UNKNOWN:
        last -= (last - lower.low) % step.low
    return _known(lower.low, max(lower.low, last))


def _known(low: int, high: int) -> Bounds:
    """The bounds, where anything as large as "not known" is not known."""
    return Bounds(low if abs(low) < _UNKNOWN else -_UNKNOWN, high if abs(high) < _UNKNOWN else _UNKNOWN)

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Which loops over buffers may run all iterations at once, as numpy arrays, without a change of any number.

for i: for j: c[i, j] = c[i, j] + a[i] * b[j]  -->  c = c + a[:, None] * b[None, :]

It is right when no iteration sees what another one writes. The test is on the IR alone: a loop is *parallel* when every
buffer that is written inside it is a local one that nothing else is a view of, and all accesses to the buffer inside
the loop have, in one and the same position, the loop variable plus the same number from outside. Then different
iterations use different elements of the buffer. What each iteration does stays in order, so sums are added in the order
that the IR says.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from streamtensor.ir import arith, memref, scf
from streamtensor.ir.builtin import IndexType, IntegerAttr
from streamtensor.ir.core import Operation, OpResult, SSAValue
from streamtensor.simulate.interpreter.arith import HANDLERS as ARITH
from streamtensor.simulate.interpreter.indices import Axis, bounds_of
from streamtensor.simulate.interpreter.math import HANDLERS as MATH
from streamtensor.simulate.interpreter.types import is_shaped

_Access = memref.LoadOp | memref.StoreOp

_WORTH_IT = 16  # iterations; below, numpy's cost per operation is more than Python's per iteration

_VIEWS: tuple[type[Operation], ...] = (
    memref.CastOp,
    memref.CollapseShapeOp,
    memref.ExpandShapeOp,
    memref.ReinterpretCastOp,
    memref.SubviewOp,
)


def parallel_loops(outer: scf.ForOp) -> dict[SSAValue, Axis]:
    """The loop `outer` and those inside it that may run at once, by loop variable, outermost first.

    Empty when `outer` is not parallel itself, when it contains anything but arithmetic on numbers of buffers, and when
    there are too few iterations to gain anything.
    """
    inside = list(outer.walk())
    if not all(_is_simple(op) for op in inside):
        return {}
    loops = [op for op in inside if isinstance(op, scf.ForOp)]
    ranges = {loop: _range(loop) for loop in loops}
    if any(values is None for values in ranges.values()) or not _is_parallel(outer):
        return {}
    chosen = [(loop, values) for loop, values in ranges.items() if values is not None and _is_parallel(loop)]
    if prod(len(values) for _, values in chosen) < _WORTH_IT:
        return {}
    return {loop.body.block.args[0]: Axis(place, len(chosen), values) for place, (loop, values) in enumerate(chosen)}


def written_in(loop: scf.ForOp) -> set[SSAValue]:
    """The buffers that are written inside `loop`."""
    return {op.memref for op in loop.walk() if isinstance(op, memref.StoreOp)}


def _is_simple(op: Operation) -> bool:
    if isinstance(op, scf.ForOp):
        return not any(is_shaped(value.type) or isinstance(value.type, IndexType) for value in op.iter_args)
    if type(op) in ARITH or type(op) in MATH:
        return not any(is_shaped(value.type) for value in op.results)
    return isinstance(op, memref.LoadOp | memref.StoreOp | scf.YieldOp)


def _range(loop: scf.ForOp) -> range | None:
    """The values of the loop variable; None unless they are known."""
    bounds = [bounds_of(value) for value in (loop.lb, loop.ub, loop.step)]
    if any(bound.low != bound.high for bound in bounds) or bounds[2].low < 1:
        return None
    return range(bounds[0].low, bounds[1].low, bounds[2].low)


def _is_parallel(loop: scf.ForOp) -> bool:
    if loop.iter_args:
        return False
    accesses: dict[SSAValue, list[_Access]] = {}
    for op in loop.walk():
        if isinstance(op, _Access):
            accesses.setdefault(op.memref, []).append(op)
    written = written_in(loop)
    return bool(written) and all(_is_local(buffer) and _are_apart(loop, accesses[buffer]) for buffer in written)


def _is_local(buffer: SSAValue) -> bool:
    """True when the only name of the memory is `buffer`."""
    owner = buffer.owner
    return isinstance(owner, memref.AllocOp | memref.AllocaOp) and not any(
        isinstance(use.operation, _VIEWS) for use in buffer.uses
    )


def _are_apart(loop: scf.ForOp, accesses: Sequence[_Access]) -> bool:
    """True when one position of all accesses is the loop variable plus the same value from outside of the loop."""
    for position in range(len(accesses[0].indices)):
        offsets = {_offset(loop, access.indices[position]) for access in accesses}
        if len(offsets) == 1 and None not in offsets:
            return True
    return False


def _offset(loop: scf.ForOp, index: SSAValue) -> SSAValue | int | None:
    """What `index` adds to the variable of `loop`: a number, or a value from outside; None when it is neither."""
    variable = loop.body.block.args[0]
    if index is variable:
        return 0
    if not isinstance(index, OpResult) or not isinstance(index.op, arith.AddiOp):
        return None
    terms = [index.op.lhs, index.op.rhs]
    if variable not in terms:
        return None
    other = terms[1 - terms.index(variable)]
    if isinstance(other.owner, arith.ConstantOp):
        return other.owner.value.value.data if isinstance(other.owner.value, IntegerAttr) else None
    current = other.owner if isinstance(other.owner, Operation) else other.owner.parent_op()
    return None if current is not None and loop.is_ancestor(current) else other

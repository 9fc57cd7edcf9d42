# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""group-sums: a loop that adds up integers adds several of them in each iteration."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from streamtensor.dialects.dataflow import TaskOp
from streamtensor.dialects.dataflow.loops import Loop, constant_index, loop_of
from streamtensor.ir import arith, memref, scf
from streamtensor.ir.builtin import IndexType, IntegerAttr, IntegerType, ModuleOp, UnitAttr
from streamtensor.ir.core import Block, BlockArgument, Context, ModulePass, Operation, Region, SSAValue
from streamtensor.ir.locations import copy_location
from streamtensor.transforms.build import IndexConstants, offset_expression
from streamtensor.transforms.lowering.generate_directives import UNROLL
from streamtensor.transforms.tiling.default_tiling import largest_divisor

_Combining = arith.AddiOp | arith.MaxSIOp | arith.MinSIOp


@dataclass(frozen=True)
class GroupSumsPass(ModulePass):
    """for i = 0 to n { acc = acc + v(i) }  -->  for j = 0 to n step f { t = 0; for k = 0 to f { t = t + v(j + k) }
    acc = acc + t }

    Done to innermost loops that combine integers by addition, maximum or minimum into one element of a buffer. The loop
    over the group is unrolled: its f values are made at once and combined as a tree, so that each iteration adds to the
    buffer once and the next one need not wait longer. f is the largest divisor of n up to `plain`, or up to `products`
    where v multiplies, and then with at most `multipliers` multiplications in all; 0 leaves a kind of loop as it is.
    Right because these operations on integers are associative and commutative, wrapping included. Where the first
    iteration starts from a constant and not from the buffer (`select`), the first group does: the condition compares a
    sum of indices, in which i counts, with 0, so that within a group it can only hold for the first element.
    """

    name = "group-sums"

    plain: int = 0
    products: int = 0
    multipliers: int = 64

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        if not self.plain and not self.products:
            return
        for task in [t for t in op.walk() if isinstance(t, TaskOp)]:
            constants = IndexConstants(task.body.block)
            for found in [f for f in task.walk() if isinstance(f, scf.ForOp)]:
                reduction = _reduction(found)
                if reduction is not None:
                    self._group(reduction, constants)

    def _group(self, found: _Reduction, constants: IndexConstants) -> None:
        multiplied = [op.result.type for op in found.values if isinstance(op, arith.MuliOp)]
        products = sum(not isinstance(type, IndexType) for type in multiplied)
        limit = min(self.products, self.multipliers // products) if products else self.plain
        factor = largest_divisor(found.loop.tripcount, max(1, limit))
        if factor > 1:
            _rewrite(found, factor, constants)


@dataclass(frozen=True)
class _Reduction:
    """store(combine(start, value)): `starts` are the operations that make what the buffer holds so far, `values` those
    that make what an iteration brings.
    """

    loop: Loop
    store: memref.StoreOp
    combine: _Combining
    start: SSAValue
    value: SSAValue
    starts: tuple[Operation, ...]
    values: tuple[Operation, ...]


def _reduction(op: scf.ForOp) -> _Reduction | None:
    """The loop as a reduction, or None when it is none."""
    body = [inner for inner in op.body.block.ops if inner is not op.body.block.last_op]
    stores = [inner for inner in body if isinstance(inner, memref.StoreOp)]
    if op.iter_args or len(stores) != 1 or any(inner.regions for inner in body):
        return None
    (store,) = stores
    combine = store.value.owner
    if not isinstance(combine, _Combining) or not isinstance(combine.result.type, IntegerType):
        return None
    if isinstance(store.memref, BlockArgument) or not combine.result.has_one_use():
        return None
    loop = loop_of(op)
    for start, value in ((combine.lhs, combine.rhs), (combine.rhs, combine.lhs)):
        starts, values = _behind(start, body), _behind(value, body)
        if (
            _is_start(start, store, loop, starts)
            and not any(isinstance(inner, memref.LoadOp) and inner.memref is store.memref for inner in values)
            and {*starts, *values, store, combine} >= {inner for inner in body if not _is_pure(inner)}
            and all(_is_pure(inner) or isinstance(inner, memref.LoadOp) for inner in (*starts, *values))
            and not _depends(store.indices, loop, body)
        ):
            return _Reduction(loop, store, combine, start, value, starts, values)
    return None


def _is_start(start: SSAValue, store: memref.StoreOp, loop: Loop, starts: Sequence[Operation]) -> bool:
    """Whether `start` is what the stored element holds, or a constant in its place before the first iteration."""
    loads = [op for op in starts if isinstance(op, memref.LoadOp)]
    if len(loads) != 1 or loads[0].memref is not store.memref or list(loads[0].indices) != list(store.indices):
        return False
    if start is loads[0].res:
        return True
    select = start.owner
    if not isinstance(select, arith.SelectOp) or select.rhs is not loads[0].res:
        return False
    return isinstance(select.lhs.owner, arith.ConstantOp) and _is_first(select.cond, loop)


def _is_first(condition: SSAValue, loop: Loop) -> bool:
    """Whether a condition holds for no iteration of `loop` but the first one."""
    compare = condition.owner
    if isinstance(compare, arith.AndIOp):
        return _is_first(compare.lhs, loop) or _is_first(compare.rhs, loop)
    if not isinstance(compare, arith.CmpiOp) or compare.predicate.value.data != 0:  # eq
        return False
    around: list[SSAValue] = []
    current: Operation | None = loop.op
    while current is not None and not isinstance(current, TaskOp):
        if isinstance(current, scf.ForOp):
            around.append(current.body.block.args[0])
        current = current.parent_op()
    sum = offset_expression(compare.lhs, around)
    if sum is None or constant_index(compare.rhs) != 0 or sum.constant < 0:
        return False
    return sum.coefficients[0] > 0 and all(coefficient >= 0 for coefficient in sum.coefficients)


def _behind(value: SSAValue, body: Sequence[Operation]) -> tuple[Operation, ...]:
    """The operations of the body that `value` is made by, in their order."""
    needed: set[Operation] = set()
    waiting = [value]
    while waiting:
        owner = waiting.pop().owner
        if isinstance(owner, Operation) and owner in body and owner not in needed:
            needed.add(owner)
            waiting += owner.operands
    return tuple(op for op in body if op in needed)


def _depends(values: Iterable[SSAValue], loop: Loop, body: Sequence[Operation]) -> bool:
    """Whether one of the values changes from iteration to iteration."""
    return any(
        loop.variable in (value, *(operand for op in _behind(value, body) for operand in op.operands))
        for value in values
    )


def _is_pure(op: Operation) -> bool:
    return op.name.startswith(("arith.", "math."))


def _rewrite(found: _Reduction, factor: int, constants: IndexConstants) -> None:
    loop, type = found.loop, found.combine.result.type
    assert isinstance(type, IntegerType)
    outer, inner = Block(arg_types=[IndexType()]), Block(arg_types=[IndexType(), type])
    index = arith.AddiOp(outer.args[0], inner.args[0])
    inner.add_op(index)
    brought: dict[SSAValue, SSAValue] = {loop.variable: index.result}
    inner.add_ops([op.clone(brought) for op in found.values])
    sum = _class_of(found.combine)(inner.args[1], brought.get(found.value, found.value))
    inner.add_ops([sum, scf.YieldOp(sum.result)])
    neutral = arith.ConstantOp(IntegerAttr(_neutral(found.combine, type), type))
    width, step = constants[factor * loop.step], constants[loop.step]
    group = scf.ForOp(constants[0], width, step, [neutral.result], Region(inner))
    group.attributes[UNROLL] = UnitAttr()
    held: dict[SSAValue, SSAValue] = {loop.variable: outer.args[0]}
    outer.add_ops([neutral, group, *(op.clone(held) for op in found.starts)])
    indices = _behind_all(found.store.indices, found, held)
    total = _class_of(found.combine)(held.get(found.start, found.start), group.results[0])
    store = memref.StoreOp.get(total.result, found.store.memref, [held.get(i, i) for i in found.store.indices])
    outer.add_ops([*indices, total, store, scf.YieldOp()])
    new = scf.ForOp(constants[0], loop.op.ub, width, (), Region(outer))
    new.attributes |= loop.op.attributes
    copy_location(loop.op, [new])
    block = loop.op.parent
    assert block is not None
    block.insert_op_before(new, loop.op)
    loop.op.detach()
    loop.op.erase()


def _behind_all(values: Iterable[SSAValue], found: _Reduction, held: dict[SSAValue, SSAValue]) -> list[Operation]:
    """Copies of the operations that make `values`, as far as there are none yet."""
    body = list(found.loop.op.body.block.ops)
    needed = dict.fromkeys(op for value in values for op in _behind(value, body))
    return [op.clone(held) for op in needed if op.results[0] not in held]


def _class_of(op: _Combining) -> type[arith.AddiOp] | type[arith.MaxSIOp] | type[arith.MinSIOp]:
    """The class of an operation that combines."""
    match op:
        case arith.AddiOp():
            return arith.AddiOp
        case arith.MaxSIOp():
            return arith.MaxSIOp
        case arith.MinSIOp():
            return arith.MinSIOp


def _neutral(op: _Combining, type: IntegerType) -> int:
    """What changes nothing when it is combined with."""
    bits = type.width.data
    match op:
        case arith.AddiOp():
            return 0
        case arith.MaxSIOp():
            return -(1 << (bits - 1))
        case arith.MinSIOp():
            return (1 << (bits - 1)) - 1

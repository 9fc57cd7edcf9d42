# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Where in a buffer a task reads and writes, as sums over the loops around it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from streamtensor.dialects.dataflow import TaskOp
from streamtensor.dialects.dataflow.loops import constant_index, largest_loop
from streamtensor.dialects.memory_views import behind_memory_views
from streamtensor.ir import arith, memref, scf, vector
from streamtensor.ir.builtin import MemRefType, VectorType
from streamtensor.ir.core import Attribute, BlockArgument, Operation, SSAValue, VerifyException
from streamtensor.transforms.lowering.views import strided_of

Kind: TypeAlias = Literal["read", "write"]


@dataclass(frozen=True)
class Term:
    """`stride * k` with 0 <= k < trips: k counts the iterations of `loop`, or the lanes of a vector when it is None."""

    loop: scf.ForOp | None
    stride: int
    trips: int


@dataclass(frozen=True)
class Address:
    """The numbers of a buffer that one access touches: `offset` and the sum of the terms, in numbers from its start."""

    terms: tuple[Term, ...]
    offset: int

    def span(self, loop: scf.ForOp) -> tuple[int, int] | None:
        """(stride, stride * trips) of `loop` when (address / stride) % trips is its iteration; None when it is not.

        That is so when all smaller terms together, and the offset, stay below the stride, and all others are multiples
        of the span.
        """
        mine = next((term for term in self.terms if term.loop is loop), None)
        if mine is None or mine.stride < 1:
            return None
        span = mine.stride * mine.trips
        below = self.offset % span
        for term in self.terms:
            if term is mine or term.trips == 1:
                continue
            if 0 <= term.stride < mine.stride:
                below += term.stride * (term.trips - 1)
            elif term.stride % span:
                return None
        return (mine.stride, span) if below < mine.stride else None


@dataclass(frozen=True)
class Access:
    """One read or write of a buffer by a task; `address` is None when it is no sum over the loops around it."""

    op: Operation
    kind: Kind
    buffer: SSAValue
    address: Address | None


def accesses(op: Operation) -> list[Access]:
    """The reads and writes of `op`, each with the buffer behind its views; none when it touches no memory."""
    match op:
        case memref.LoadOp():
            return [_access(op, "read", op.memref, list(op.indices), ())]
        case memref.StoreOp():
            return [_access(op, "write", op.memref, list(op.indices), ())]
        case vector.TransferReadOp():
            return [_transfer(op, "read", op.source, op.result.type)]
        case vector.TransferWriteOp():
            return [_transfer(op, "write", op.source, op.vector.type)]
        case memref.CopyOp():
            return [
                Access(op, "read", behind_memory_views(op.source), None),
                Access(op, "write", behind_memory_views(op.destination), None),
            ]
        case _:
            return []


def loops_around(op: Operation) -> list[scf.ForOp]:
    """The loops of the task around `op`, innermost first."""
    found: list[scf.ForOp] = []
    current = op.parent_op()
    while current is not None and not isinstance(current, TaskOp):
        if isinstance(current, scf.ForOp):
            found.append(current)
        current = current.parent_op()
    return found


def index_sum(value: SSAValue) -> tuple[Mapping[scf.ForOp, int], int] | None:
    """`value` as sum of iteration numbers of loops times factors, and a constant; None when it is no such sum."""
    number = constant_index(value)
    if number is not None:
        return {}, number
    if isinstance(value, BlockArgument):
        loop = value.block.parent_op()
        if not isinstance(loop, scf.ForOp) or value.index:
            return None
        try:
            return {loop: largest_loop(loop).step}, 0
        except VerifyException:
            return None
    op = value.owner
    if not isinstance(op, arith.AddiOp | arith.MuliOp | arith.DivSIOp):
        return None
    left, right = index_sum(op.lhs), index_sum(op.rhs)
    if left is None or right is None:
        return None
    if isinstance(op, arith.AddiOp):
        factors = {loop: left[0].get(loop, 0) + right[0].get(loop, 0) for loop in (*left[0], *right[0])}
        return factors, left[1] + right[1]
    if isinstance(op, arith.MuliOp):
        if left[0] and right[0]:
            return None
        (factors, constant), scale = (right, left[1]) if not left[0] else (left, right[1])
        return {loop: factor * scale for loop, factor in factors.items()}, constant * scale
    divisor = right[1]
    if right[0] or divisor < 1 or any(number % divisor for number in (*left[0].values(), left[1])):
        return None
    return {loop: factor // divisor for loop, factor in left[0].items()}, left[1] // divisor


def _transfer(
    op: vector.TransferReadOp | vector.TransferWriteOp, kind: Kind, buffer: SSAValue, type: Attribute
) -> Access:
    assert isinstance(type, VectorType)
    shape = tuple(int(n) for n in type.get_shape())
    rank = len(list(op.indices))
    plain = [str(result) for result in op.permutation_map.data.results] == [f"d{n}" for n in range(rank)]
    if not plain or len(shape) != rank:
        return Access(op, kind, behind_memory_views(buffer), None)
    return _access(op, kind, buffer, list(op.indices), shape)


def _access(op: Operation, kind: Kind, buffer: SSAValue, indices: list[SSAValue], shape: tuple[int, ...]) -> Access:
    type = buffer.type
    assert isinstance(type, MemRefType)
    layout, lanes = strided_of(type), 1
    terms: list[Term] = []
    if isinstance(type.element_type, VectorType):
        for size in type.element_type.get_shape():
            lanes *= size
        terms.append(Term(None, 1, lanes))
    offset = layout.offset * lanes
    strides: dict[scf.ForOp, int] = {}
    for index, stride in zip(indices, layout.strides, strict=True):
        found = index_sum(index)
        if found is None:
            return Access(op, kind, behind_memory_views(buffer), None)
        offset += found[1] * stride * lanes
        for loop, factor in found[0].items():
            strides[loop] = strides.get(loop, 0) + factor * stride * lanes
    terms += [Term(None, stride * lanes, size) for stride, size in zip(layout.strides, shape, strict=False)]
    terms += [Term(loop, stride, largest_loop(loop).tripcount) for loop, stride in strides.items()]
    return Access(op, kind, behind_memory_views(buffer), Address(tuple(terms), offset))

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""generate-directives: which loops are pipelined, unrolled, and how buffers are partitioned."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from streamtensor.dialects.dataflow import StreamReadOp, StreamWriteOp, TaskOp
from streamtensor.dialects.dataflow.loops import loop_of
from streamtensor.ir import arith, memref, scf, vector
from streamtensor.ir.builtin import (
    DenseArrayBase,
    IndexType,
    IntegerAttr,
    MemRefType,
    ModuleOp,
    UnitAttr,
    VectorType,
    i64,
)
from streamtensor.ir.core import BlockArgument, Context, ModulePass, Operation, SSAValue
from streamtensor.transforms.build import offset_expression

PIPELINE = "dataflow.pipeline"
UNROLL = "dataflow.unroll"
PARTITION = "dataflow.partition"


@dataclass(frozen=True)
class GenerateDirectivesPass(ModulePass):
    """for i { for j { compute } }  -->  for i {dataflow.pipeline = 1} { for j {dataflow.unroll} { compute } }

    In each task the innermost loop is pipelined with an initiation interval of 1. When it only computes (no FIFO, no
    port), has at most `unroll` iterations and stands alone in the loop around it, it is unrolled and that one is
    pipelined instead. A nest that multiplies once and adds to a buffer is unrolled as long as it has at most `macs`
    iterations, also where the loop around it moves tokens. A local buffer is partitioned by what one cycle touches: the
    lanes of a vector transfer, the iterations of an unrolled loop (`dataflow.partition`, a factor for each dimension).
    """

    name = "generate-directives"

    unroll: int = 16
    macs: int = 0

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for task in [t for t in op.walk() if isinstance(t, TaskOp)]:
            for loop in [f for f in task.walk() if isinstance(f, scf.ForOp)]:
                if not any(isinstance(inner, scf.ForOp) for inner in loop.body.block.ops):
                    self._direct(loop)
            for alloc in [a for a in task.walk() if isinstance(a, memref.AllocOp)]:
                factors = _partition(alloc)
                if any(factor > 1 for factor in factors):
                    alloc.attributes[PARTITION] = DenseArrayBase.from_list(i64, factors)

    def _direct(self, innermost: scf.ForOp) -> None:
        nest = self._multiplies(innermost)
        if nest is not None:
            for loop in nest:
                loop.attributes[UNROLL] = UnitAttr()
            outer = nest[-1].parent_op()
            assert isinstance(outer, scf.ForOp)
            outer.attributes[PIPELINE] = IntegerAttr(1, i64)
            return
        outer = innermost.parent_op()
        if _computes(innermost) and _is_alone(innermost) and loop_of(innermost).tripcount <= self.unroll:
            assert isinstance(outer, scf.ForOp)
            only = all(isinstance(op, scf.ForOp | scf.YieldOp) for op in outer.body.block.ops)
            if only:
                innermost.attributes[UNROLL] = UnitAttr()
                innermost = outer
        innermost.attributes[PIPELINE] = IntegerAttr(1, i64)

    def _multiplies(self, innermost: scf.ForOp) -> list[scf.ForOp] | None:
        """The loops to unroll, from the inside, where they multiply once and add the product to a buffer."""
        products = [
            op
            for op in innermost.walk()
            if isinstance(op, arith.MuliOp | arith.MulfOp) and not isinstance(op.result.type, IndexType)
        ]
        stored = [op.memref for op in innermost.walk() if isinstance(op, memref.StoreOp)]
        adds = any(isinstance(op, memref.LoadOp) and op.memref in stored for op in innermost.walk())
        if len(products) != 1 or not adds:
            return None
        nest: list[scf.ForOp] = []
        iterations, loop = 1, innermost
        while (
            _computes(loop)
            and _is_alone(loop)
            and _is_parallel(loop, stored)
            and iterations * loop_of(loop).tripcount <= self.macs
        ):
            iterations *= loop_of(loop).tripcount
            nest.append(loop)
            outer = loop.parent_op()
            assert isinstance(outer, scf.ForOp)
            loop = outer
        return nest or None


def _computes(loop: scf.ForOp) -> bool:
    """Whether a loop moves no tokens."""
    return not any(isinstance(op, StreamReadOp | StreamWriteOp) or _is_port(op) for op in loop.walk())


def _is_alone(loop: scf.ForOp) -> bool:
    """Whether there is a loop around it, and no other one in that."""
    outer = loop.parent_op()
    return isinstance(outer, scf.ForOp) and sum(isinstance(op, scf.ForOp) for op in outer.body.block.ops) == 1


def _is_parallel(loop: scf.ForOp, stored: Collection[SSAValue]) -> bool:
    """Whether each iteration adds to other elements of the buffers `stored`."""
    stores = [op for op in loop.walk() if isinstance(op, memref.StoreOp) and op.memref in stored]
    variable = loop.body.block.args[0]
    expressions = [[offset_expression(index, [variable]) for index in op.indices] for op in stores]
    return all(any(e is not None and any(e.coefficients) for e in indices) for indices in expressions)


def _is_port(op: Operation) -> bool:
    """Whether `op` moves a word of external memory, of which a port does one in a cycle."""
    return isinstance(op, memref.LoadOp | memref.StoreOp) and isinstance(op.memref, BlockArgument)


def _partition(alloc: memref.AllocOp) -> list[int]:
    """For each dimension of a buffer, how many of its elements one cycle touches."""
    assert isinstance(alloc.memref.type, MemRefType)
    factors = [1] * len(alloc.memref.type.get_shape())
    for use in alloc.memref.uses:
        op = use.operation
        if isinstance(op, vector.TransferReadOp | vector.TransferWriteOp):
            lanes = op.result.type if isinstance(op, vector.TransferReadOp) else op.vector.type
            assert isinstance(lanes, VectorType)
            touched = list(lanes.get_shape())
        elif isinstance(op, memref.LoadOp | memref.StoreOp):
            touched = [_unrolled(index, op) for index in op.indices]
        else:
            continue
        factors = [max(a, b) for a, b in zip(factors, touched, strict=True)]
    return factors


def _unrolled(index: SSAValue, op: Operation) -> int:
    """The iterations of the unrolled loop around `op` on which `index` depends, or 1."""
    for loop in _loops(op):
        if UNROLL in loop.attributes:
            expression = offset_expression(index, [loop.body.block.args[0]])
            if expression is not None and any(expression.coefficients):
                return loop_of(loop).tripcount
    return 1


def _loops(op: Operation) -> Iterator[scf.ForOp]:
    current = op.parent_op()
    while current is not None and not isinstance(current, TaskOp):
        if isinstance(current, scf.ForOp):
            yield current
        current = current.parent_op()

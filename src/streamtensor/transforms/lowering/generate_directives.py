# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""generate-directives: which loops are pipelined, unrolled, and how buffers are partitioned."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from streamtensor.dialects.dataflow import TaskOp
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
from streamtensor.ir.core import Context, ModulePass, Operation, SSAValue
from streamtensor.transforms.build import offset_expression
from streamtensor.transforms.lowering.parallel_nest import computes, is_alone, lanes_around, parallel_nest

PIPELINE = "dataflow.pipeline"
UNROLL = "dataflow.unroll"
PARTITION = "dataflow.partition"


@dataclass(frozen=True)
class GenerateDirectivesPass(ModulePass):
    """for i { for j { compute } }  -->  for i {dataflow.pipeline = 1} { for j {dataflow.unroll} { compute } }

    In each task the innermost loop is pipelined with an initiation interval of 1. When it only computes (no FIFO, no
    port), has at most `unroll` iterations and stands alone in the loop around it, it is unrolled and that one is
    pipelined instead. A nest that multiplies once and adds to a buffer is unrolled as long as it has at most `macs`
    iterations, also where the loop around it moves tokens. Around a loop that an earlier pass has unrolled (group-sums)
    the next one is pipelined. A local buffer is partitioned by what one cycle touches: the
    lanes of a vector transfer, the iterations of an unrolled loop (`dataflow.partition`, a factor for each dimension).

    Where iterations at once were chosen for an operation (`dataflow.lanes` on its outermost loop), these take the place
    of `unroll` and of `macs`, and any nest of parallel loops is unrolled, whatever it computes.
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
        if UNROLL in innermost.attributes:  # a group of an earlier pass
            around = innermost.parent_op()
            assert isinstance(around, scf.ForOp)
            around.attributes[PIPELINE] = IntegerAttr(1, i64)
            return
        lanes = lanes_around(innermost)
        nest = _within(innermost, lanes) if lanes else self._multiplies(innermost)
        if nest:
            for loop in nest:
                loop.attributes[UNROLL] = UnitAttr()
            outer = nest[-1].parent_op()
            assert isinstance(outer, scf.ForOp)
            outer.attributes[PIPELINE] = IntegerAttr(1, i64)
            return
        outer = innermost.parent_op()
        if computes(innermost) and is_alone(innermost) and loop_of(innermost).tripcount <= (lanes or self.unroll):
            assert isinstance(outer, scf.ForOp)
            only = all(isinstance(op, scf.ForOp | scf.YieldOp) for op in outer.body.block.ops)
            if only:
                innermost.attributes[UNROLL] = UnitAttr()
                innermost = outer
        innermost.attributes[PIPELINE] = IntegerAttr(1, i64)

    def _multiplies(self, innermost: scf.ForOp) -> list[scf.ForOp]:
        """The loops to unroll, from the inside, where they multiply once and add the product to a buffer."""
        products = [
            op
            for op in innermost.walk()
            if isinstance(op, arith.MuliOp | arith.MulfOp) and not isinstance(op.result.type, IndexType)
        ]
        stored = [op.memref for op in innermost.walk() if isinstance(op, memref.StoreOp)]
        adds = any(isinstance(op, memref.LoadOp) and op.memref in stored for op in innermost.walk())
        return _within(innermost, self.macs) if len(products) == 1 and adds else []


def _within(innermost: scf.ForOp, limit: int) -> list[scf.ForOp]:
    """The parallel loops from the inside that have at most `limit` iterations together."""
    nest: list[scf.ForOp] = []
    iterations = 1
    for loop in parallel_nest(innermost):
        iterations *= loop_of(loop).tripcount
        if iterations > limit:
            break
        nest.append(loop)
    return nest


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

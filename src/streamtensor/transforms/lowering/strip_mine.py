# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""strip-mine: long loops over the elements of a tile become loops over groups of elements."""

from __future__ import annotations

from dataclasses import dataclass

from streamtensor.dialects.dataflow import StreamReadOp, StreamWriteOp, TaskOp
from streamtensor.dialects.dataflow.loops import Loop, loop_of
from streamtensor.ir import arith, memref, scf
from streamtensor.ir.builtin import IndexType, ModuleOp
from streamtensor.ir.core import Block, BlockArgument, Context, ModulePass, Operation, Region, SSAValue
from streamtensor.transforms.build import IndexConstants
from streamtensor.transforms.lowering.parallel_nest import lanes_around, parallel_nest
from streamtensor.transforms.tiling.default_tiling import largest_divisor


@dataclass(frozen=True)
class StripMinePass(ModulePass):
    """for i = 0 to n { body(i) }  -->  for j = 0 to n step f { for k = 0 to f { body(j + k) } }

    Done to innermost loops that only compute, element by element, and that have more iterations than `unroll`, so that
    generate-directives unrolls the inner of the two. f is the largest divisor of n up to `plain`, or up to `products`
    where the body multiplies, and then with at most `multipliers` multiplications in all, which take DSPs; 0 leaves a
    kind of loop as it is. A loop that adds to a buffer stays: its additions would wait for each other. Right because
    the iterations are the same, in the same order.

    Where iterations at once were chosen for an operation (`dataflow.lanes` on its outermost loop), these take the place
    of all of the pass's own options for its loops: from the inside, parallel loops are taken whole while that many
    iterations are not exceeded, and the next one in part.
    """

    name = "strip-mine"

    unroll: int = 16
    plain: int = 0
    products: int = 0
    multipliers: int = 64

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for task in [t for t in op.walk() if isinstance(t, TaskOp)]:
            constants = IndexConstants(task.body.block)
            for found in [f for f in task.walk() if isinstance(f, scf.ForOp)]:
                if not any(isinstance(inner, scf.ForOp) for inner in found.body.block.ops):
                    lanes = lanes_around(found)
                    if lanes:
                        _take_lanes(found, lanes, constants)
                    elif self.plain or self.products:
                        self._mine(loop_of(found), constants)

    def _mine(self, loop: Loop, constants: IndexConstants) -> None:
        if loop.tripcount <= self.unroll or loop.op.iter_args or not _is_elementwise(loop.op):
            return
        products = sum(isinstance(op, arith.MuliOp | arith.MulfOp) for op in loop.op.walk())
        limit = min(self.products, self.multipliers // products) if products else self.plain
        factor = largest_divisor(loop.tripcount, max(1, limit))
        if factor > 1:
            _split(loop, factor, constants)


def _take_lanes(innermost: scf.ForOp, lanes: int, constants: IndexConstants) -> None:
    """Splits the loop that, with all loops inside of it, has more than `lanes` iterations."""
    nest = parallel_nest(innermost)
    rest = lanes
    for loop in (loop_of(one) for one in nest):
        if loop.tripcount > rest:
            factor = largest_divisor(loop.tripcount, rest)
            if factor > 1:
                _split(loop, factor, constants)
            return
        rest //= loop.tripcount


def _is_elementwise(loop: scf.ForOp) -> bool:
    """Whether a loop moves no tokens and no words of external memory, and reads no buffer that it writes."""
    stored: set[SSAValue] = set()
    loaded: set[SSAValue] = set()
    for op in loop.walk():
        if isinstance(op, StreamReadOp | StreamWriteOp):
            return False
        if isinstance(op, memref.LoadOp | memref.StoreOp):
            if isinstance(op.memref, BlockArgument):
                return False
            (stored if isinstance(op, memref.StoreOp) else loaded).add(op.memref)
    return bool(stored) and stored.isdisjoint(loaded)


def _split(loop: Loop, factor: int, constants: IndexConstants) -> None:
    old = loop.op
    attributes = dict(old.attributes)
    inner = Block(arg_types=[IndexType()])
    outer = Block(arg_types=[IndexType()])
    index = arith.AddiOp(outer.args[0], inner.args[0])
    loop.variable.replace_all_uses_with(index.result)
    inner.add_op(index)
    for op in list(old.body.block.ops):
        op.detach()
        inner.add_op(op)
    step = constants[loop.step]
    width = constants[factor * loop.step]
    outer.add_op(scf.ForOp(constants[0], width, step, (), Region(inner)))
    outer.add_op(scf.YieldOp())
    new: Operation = scf.ForOp(constants[0], old.ub, width, (), Region(outer))
    new.attributes |= attributes
    block = old.parent
    assert block is not None
    block.insert_op_before(new, old)
    old.detach()
    old.erase()

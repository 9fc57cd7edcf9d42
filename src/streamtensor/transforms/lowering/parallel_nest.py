# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The loops within a tile whose iterations can all happen at once."""

from __future__ import annotations

from collections.abc import Collection

from streamtensor.dialects.dataflow import StreamReadOp, StreamWriteOp, TaskOp
from streamtensor.ir import memref, scf
from streamtensor.ir.core import BlockArgument, Operation, SSAValue
from streamtensor.transforms.build import offset_expression
from streamtensor.transforms.tiling.kernel_choices import lanes_of


def parallel_nest(innermost: scf.ForOp) -> list[scf.ForOp]:
    """Loops around each other, from the inside, that only compute, have nothing beside them, and of which each
    iteration stores other elements. The outermost of them has a loop around it.
    """
    stored = [op.memref for op in innermost.walk() if isinstance(op, memref.StoreOp)]
    nest: list[scf.ForOp] = []
    loop = innermost
    while computes(loop) and is_alone(loop) and stores_apart(loop, stored):
        nest.append(loop)
        outer = loop.parent_op()
        assert isinstance(outer, scf.ForOp)
        loop = outer
    return nest


def lanes_around(op: Operation) -> int:
    """How many iterations at once were chosen for the operation that a loop was made of; 0 where nothing was."""
    current: Operation | None = op
    while current is not None and not isinstance(current, TaskOp):
        if lanes_of(current):
            return lanes_of(current)
        current = current.parent_op()
    return 0


def computes(loop: scf.ForOp) -> bool:
    """Whether a loop moves no tokens."""
    return not any(isinstance(op, StreamReadOp | StreamWriteOp) or is_port(op) for op in loop.walk())


def is_alone(loop: scf.ForOp) -> bool:
    """Whether there is a loop around it, and no other one in that."""
    outer = loop.parent_op()
    return isinstance(outer, scf.ForOp) and sum(isinstance(op, scf.ForOp) for op in outer.body.block.ops) == 1


def stores_apart(loop: scf.ForOp, stored: Collection[SSAValue]) -> bool:
    """Whether each iteration adds to other elements of the buffers `stored`."""
    stores = [op for op in loop.walk() if isinstance(op, memref.StoreOp) and op.memref in stored]
    variable = loop.body.block.args[0]
    expressions = [[offset_expression(index, [variable]) for index in op.indices] for op in stores]
    return all(any(e is not None and any(e.coefficients) for e in indices) for indices in expressions)


def is_port(op: Operation) -> bool:
    """Whether `op` moves a word of external memory, of which a port does one in a cycle."""
    return isinstance(op, memref.LoadOp | memref.StoreOp) and isinstance(op.memref, BlockArgument)

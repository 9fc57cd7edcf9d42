# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""When two accesses to a local buffer meet: in how many iterations the same element, in one cycle the same bank."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, prod

from streamtensor.algebra.linear import LinearExpr
from streamtensor.dialects.dataflow.loops import Loop
from streamtensor.dialects.memory_views import behind_memory_views
from streamtensor.ir import memref, vector
from streamtensor.ir.builtin import DenseArrayBase, MemRefType, StringAttr, VectorType
from streamtensor.ir.core import Operation, SSAValue
from streamtensor.targets.operations import MemoryPorts, Operations
from streamtensor.transforms.build import offset_expression
from streamtensor.transforms.lowering.addresses import loops_around
from streamtensor.transforms.lowering.generate_directives import PARTITION
from streamtensor.transforms.resources.allocate_memories import MEMORY, bank_shape


@dataclass(frozen=True)
class MemoryAccess:
    """A load or a store of `memory`: the indices where it starts (None when it goes through a view) and how many
    elements along each dimension it touches.
    """

    op: Operation
    memory: SSAValue
    indices: tuple[SSAValue, ...] | None
    sizes: tuple[int, ...]
    writes: bool

    def addresses(self, loops: Sequence[Loop]) -> tuple[LinearExpr, ...] | None:
        """The indices as linear expressions of the iterations of `loops`, and of the loops further out behind them;
        None when they are none.
        """
        if self.indices is None:
            return None
        inside = {loop.op for loop in loops}
        outer = [loop.body.block.args[0] for loop in loops_around(self.op) if loop not in inside]
        found: list[LinearExpr] = []
        for index in self.indices:
            expression = offset_expression(index, [*(loop.variable for loop in loops), *outer])
            if expression is None:
                return None
            steps = [c * loop.step for c, loop in zip(expression.coefficients, loops, strict=False)]
            found.append(LinearExpr((*steps, *expression.coefficients[len(loops) :]), expression.constant))
        return tuple(found)


def access_of(op: Operation) -> MemoryAccess | None:
    """The access that an operation makes, None for any other operation."""
    match op:
        case memref.LoadOp():
            return _access(op, op.memref, op.indices, None, writes=False)
        case memref.StoreOp():
            return _access(op, op.memref, op.indices, None, writes=True)
        case vector.TransferReadOp():
            return _access(op, op.source, op.indices, op.result, writes=False)
        case vector.TransferWriteOp():
            return _access(op, op.source, op.indices, op.vector, writes=True)
        case _:
            return None


def is_local(memory: SSAValue) -> bool:
    """Whether memory is a buffer of the task."""
    return isinstance(memory.owner, memref.AllocOp | memref.AllocaOp)


def _access(
    op: Operation, memory: SSAValue, indices: Sequence[SSAValue], lanes: SSAValue | None, *, writes: bool
) -> MemoryAccess:
    root = behind_memory_views(memory)
    sizes = (1,) * len(indices) if lanes is None else _sizes(lanes, indices)
    return MemoryAccess(op, root, tuple(indices) if root is memory else None, sizes, writes)


def _sizes(value: SSAValue, indices: Sequence[SSAValue]) -> tuple[int, ...]:
    assert isinstance(value.type, VectorType)
    shape = tuple(value.type.get_shape())
    return (1,) * (len(indices) - len(shape)) + shape


def ports_of(memory: SSAValue, table: Operations) -> MemoryPorts:
    """The ports of a bank of a local buffer. A buffer whose banks hold one word is registers."""
    alloc = memory.owner
    if not isinstance(alloc, memref.AllocOp) or bank_shape(alloc)[0] <= 1:
        return table.memories["registers"]
    kind = alloc.attributes.get(MEMORY)
    return table.memories[kind.data if isinstance(kind, StringAttr) else "bram"]


def meeting_distance(store: MemoryAccess, load: MemoryAccess, nest: Sequence[Loop], inner: Sequence[Loop]) -> int:
    """After how many iterations of a merged nest (outermost loop first) `load` finds what `store` wrote; 0: never.

    `inner` are the unrolled loops inside of the nest. Where the indices are not linear, or the loops overlap in them,
    it is 1: the next iteration may.
    """
    loops = [*nest, *inner]
    written, read = store.addresses(loops), load.addresses(loops)
    if written is None or read is None or written != read:
        return 1
    used = [
        number for number, loop in enumerate(loops) if loop.tripcount > 1 and any(e.coefficients[number] for e in read)
    ]
    sizes = [max(pair) for pair in zip(store.sizes, load.sizes, strict=True)]
    if not all(_is_injective(expression, used, loops, size) for expression, size in zip(read, sizes, strict=True)):
        return 1
    unused = [number for number in range(len(nest)) if nest[number].tripcount > 1 and number not in used]
    if not unused:
        return 0
    return prod(loop.tripcount for loop in nest[unused[-1] + 1 :])


def bank_accesses(access: MemoryAccess, unrolled: Sequence[Loop]) -> int:
    """How often the busiest bank is accessed in one cycle by all copies of an access in unrolled loops."""
    alloc = access.memory.owner
    assert isinstance(alloc, memref.AllocOp)
    assert isinstance(alloc.memref.type, MemRefType)
    expressions = access.addresses(unrolled)
    shape = alloc.memref.type.get_shape()
    partition = alloc.attributes.get(PARTITION)
    factors = [int(n) for n in partition.get_values()] if isinstance(partition, DenseArrayBase) else [1] * len(shape)
    if expressions is None:
        return prod(loop.tripcount for loop in unrolled) * prod(access.sizes)
    touched = banks = 1
    counted: set[int] = set()
    for expression, size, factor in zip(expressions, access.sizes, factors, strict=True):
        moving = [number for number in expression.used_dims if number < len(unrolled) and number not in counted]
        counted |= set(moving)
        elements = prod(unrolled[number].tripcount for number in moving) * size
        touched *= elements
        banks *= min(elements, factor)
    return ceil(touched / banks)


def _is_injective(expression: LinearExpr, used: Sequence[int], loops: Sequence[Loop], size: int) -> bool:
    """Whether different iterations of the loops that an index depends on never touch the same element: each loop steps
    over all that the finer ones reach.
    """
    reach = size
    for number in sorted(used, key=lambda n: abs(expression.coefficients[n])):
        step = abs(expression.coefficients[number])
        if not step:
            continue
        if step < reach:
            return False
        reach += step * (loops[number].tripcount - 1)
    return True

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Loops whose buffer is filled for one iteration while it is drained for the one before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from streamtensor.ir import arith, memref, scf
from streamtensor.ir.builtin import IndexType
from streamtensor.ir.core import Operation, SSAValue

PING_PONG = "dataflow.ping_pong"
"""Attribute of a buffer: it is filled for the next iteration of its loop while it is drained for this one."""

_WRITES = {"memref.store": 1, "vector.transfer_write": 1, "memref.copy": 1}
"""The operand through which these operations write memory."""


@dataclass(frozen=True)
class Stages:
    """The body of a ping-pong loop: buffers and indices that both stages see, then the two stages."""

    shared: tuple[Operation, ...]
    fill: tuple[Operation, ...]
    drain: tuple[Operation, ...]


def stages(op: scf.ForOp) -> Stages | None:
    """The stages of a loop, or None when its body is not first filling a ping-pong buffer, then draining it."""
    block = op.body.block
    allocations = [inner for inner in block.ops if isinstance(inner, memref.AllocOp)]
    buffers = [inner.memref for inner in allocations if PING_PONG in inner.attributes]
    if not buffers or op.iter_args:
        return None
    shared = tuple(inner for inner in block.ops if _is_shared(inner, buffers))
    rest = [inner for inner in block.ops if inner not in shared and inner is not block.last_op]
    writes = [number for number, inner in enumerate(rest) if _touches(inner, buffers, writing=True)]
    reads = [number for number, inner in enumerate(rest) if _touches(inner, buffers, writing=False)]
    if not writes or not reads or max(writes) >= min(reads):
        return None
    fill, drain = tuple(rest[: max(writes) + 1]), tuple(rest[max(writes) + 1 :])
    if any(is_inside(value, fill) for value in captured(drain)):
        return None
    return Stages(shared, fill, drain)


def captured(ops: Sequence[Operation]) -> list[SSAValue]:
    """What the operations use from around them, in order of use."""
    values: dict[SSAValue, None] = {}
    for op in ops:
        for inner in op.walk():
            for value in inner.operands:
                if not is_inside(value, ops):
                    values.setdefault(value)
    return list(values)


def is_inside(value: SSAValue, ops: Sequence[Operation]) -> bool:
    """Whether a value is made by one of the operations, or inside of one."""
    owner = value.owner
    current = owner if isinstance(owner, Operation) else owner.parent_op()
    while current is not None:
        if current in ops:
            return True
        current = current.parent_op()
    return False


def _is_shared(op: Operation, buffers: Sequence[SSAValue]) -> bool:
    if isinstance(op, memref.AllocOp):
        return op.memref in buffers
    if isinstance(op, arith.ConstantOp):
        return True
    is_scalar = op.name.startswith(("arith.", "math."))
    return is_scalar and all(isinstance(value.type, IndexType) for value in (*op.operands, *op.results))


def _touches(op: Operation, buffers: Sequence[SSAValue], *, writing: bool) -> bool:
    for inner in op.walk():
        for number, value in enumerate(inner.operands):
            if value in buffers and (number == _WRITES.get(inner.name)) == writing:
                return True
    return False

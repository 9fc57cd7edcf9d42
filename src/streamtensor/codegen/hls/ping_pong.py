# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A loop whose buffer is filled for one iteration while it is drained for the one before.

Synthesis overlaps two iterations only in the canonical form of a dataflow loop: from 0 by 1, the buffer declared in the
body, and nothing else in it but calls. So what fills and what drains the buffer become functions of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from streamtensor.codegen.hls.body import Body
from streamtensor.codegen.hls.elementwise import ELEMENTWISE
from streamtensor.codegen.hls.expression import Expr, integer, plus, times
from streamtensor.codegen.hls.memory import Array
from streamtensor.codegen.hls.ops_memref import emit_alloc
from streamtensor.codegen.hls.types import scalar, type_name
from streamtensor.dialects.dataflow import StreamType
from streamtensor.ir import arith, memref, scf
from streamtensor.ir.builtin import IndexType, MemRefType
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
    if any(_is_inside(value, fill) for value in _captured(drain)):
        return None
    return Stages(shared, fill, drain)


def emit_stages(body: Body, variable: str, found: Stages, lower: int, step: int, op: scf.ForOp) -> None:
    """The body of the loop; `variable` counts from 0 by 1 where the loop goes from `lower` by `step`."""
    body.bind(op.body.block.args[0], _index(variable, lower, step))
    body.out.pragma("dataflow")
    for inner in found.shared:
        if isinstance(inner, memref.AllocOp):
            emit_alloc(body, inner)
        else:
            body.emit_one(inner)
    for word, ops in (("fill", found.fill), ("drain", found.drain)):
        _emit_stage(body, word, ops)


def can_outline(body: Body, found: Stages) -> bool:
    """Whether the stages use nothing but FIFOs, local buffers, constants and indices of what is around the loop."""
    buffers = {inner.memref for inner in found.shared if isinstance(inner, memref.AllocOp)}
    values = [*_captured(found.fill), *_captured(found.drain)]
    return all(
        value in buffers
        or value in body.streams
        or isinstance(body.memories.get(value), Array)
        or isinstance(value.owner, arith.ConstantOp)
        or isinstance(value.type, IndexType)
        for value in values
    )


def _emit_stage(body: Body, word: str, ops: Sequence[Operation]) -> None:
    parameters: dict[str, str] = {}
    arguments: list[Expr] = []
    scalars: list[tuple[SSAValue, Expr]] = []
    for value in _captured(ops):
        memory = body.memories.get(value)
        if value in body.streams:
            assert isinstance(value.type, StreamType)
            name = body.streams[value]
            parameters[name] = f"hls::stream<{type_name(value.type.element)}> &{name}"
        elif isinstance(memory, Array):
            assert isinstance(value.type, MemRefType)
            name = memory.name
            parameters[name] = memory.declaration(scalar(value.type.element_type).name)
        elif isinstance(value.owner, arith.ConstantOp):
            continue
        else:
            expr = body.atom(value)
            if expr.constant is not None:
                continue
            name = expr.text if expr.is_name else body.names.fresh("index")
            scalars.append((value, Expr(name)))
            if name not in parameters:
                parameters[name] = f"{type_name(value.type)} {name}"
                arguments.append(expr)
                continue
        if len(arguments) < len(parameters):
            arguments.append(Expr(name))
    with body.outlined(word, list(parameters.values())) as (function, stage):
        for value, expr in scalars:
            stage.bind(value, expr)
        for op in ops:
            stage.emit_one(op)
    body.out.line(f"{function}({', '.join(argument.text for argument in arguments)});")


def _index(variable: str, lower: int, step: int) -> Expr:
    return plus(times(Expr(variable), integer(step)), integer(lower))


def _is_shared(op: Operation, buffers: Sequence[SSAValue]) -> bool:
    if isinstance(op, memref.AllocOp):
        return op.memref in buffers
    if isinstance(op, arith.ConstantOp):
        return True
    return op.name in ELEMENTWISE and all(isinstance(value.type, IndexType) for value in (*op.operands, *op.results))


def _touches(op: Operation, buffers: Sequence[SSAValue], *, writing: bool) -> bool:
    for inner in op.walk():
        for number, value in enumerate(inner.operands):
            if value in buffers and (number == _WRITES.get(inner.name)) == writing:
                return True
    return False


def _captured(ops: Sequence[Operation]) -> list[SSAValue]:
    """What the operations use from around them, in order of use."""
    values: dict[SSAValue, None] = {}
    for op in ops:
        for inner in op.walk():
            for value in inner.operands:
                if not _is_inside(value, ops):
                    values.setdefault(value)
    return list(values)


def _is_inside(value: SSAValue, ops: Sequence[Operation]) -> bool:
    owner = value.owner
    current = owner if isinstance(owner, Operation) else owner.parent_op()
    while current is not None:
        if current in ops:
            return True
        current = current.parent_op()
    return False

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A loop whose buffer is filled for one iteration while it is drained for the one before.

Synthesis overlaps two iterations only in the canonical form of a dataflow loop: from 0 by 1, the buffer declared in the
body, and nothing else in it but calls. So what fills and what drains the buffer become functions of their own.
"""

from __future__ import annotations

from collections.abc import Sequence

from streamtensor.codegen.hls.body import Body
from streamtensor.codegen.hls.expression import Expr, integer, plus, times
from streamtensor.codegen.hls.memory import Array
from streamtensor.codegen.hls.ops_memref import emit_alloc
from streamtensor.codegen.hls.types import scalar, type_name
from streamtensor.dialects.dataflow import StreamType
from streamtensor.dialects.dataflow.ping_pong import Stages, captured
from streamtensor.ir import arith, memref, scf
from streamtensor.ir.builtin import IndexType, MemRefType
from streamtensor.ir.core import Operation, SSAValue


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
    values = [*captured(found.fill), *captured(found.drain)]
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
    for value in captured(ops):
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

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Loops and branches. What a loop carries is a variable that each iteration assigns."""

from __future__ import annotations

from collections.abc import Mapping

from streamtensor.codegen.hls.body import Body, Emitter
from streamtensor.codegen.hls.errors import cannot_emit
from streamtensor.codegen.hls.expression import Expr, integer, times
from streamtensor.codegen.hls.names import hint
from streamtensor.codegen.hls.ping_pong import can_outline, emit_stages
from streamtensor.codegen.hls.types import scalar
from streamtensor.dialects.dataflow.loops import MOST, bound_of
from streamtensor.dialects.dataflow.ping_pong import stages
from streamtensor.ir import scf
from streamtensor.ir.builtin import IntegerAttr, MemRefType
from streamtensor.ir.core import Block, Operation

PIPELINE = "dataflow.pipeline"
"""Attribute of a loop: its initiation interval."""
UNROLL = "dataflow.unroll"
"""Attribute of a loop: all iterations at once."""


def emit_for(body: Body, op: Operation) -> None:
    """A counted loop with its label and directives."""
    assert isinstance(op, scf.ForOp)
    if any(isinstance(value.type, MemRefType) for value in op.iter_args):
        raise cannot_emit(op, "a loop that carries a memref", hint="bufferize keeps a carried tensor in one buffer")
    body.check_vectors(op)
    lower, upper, step = (body.atom(value) for value in (op.lb, op.ub, op.step))
    block = op.body.block
    carried = [
        body.variable(argument, "carried", start=body.use(init))
        for argument, init in zip(block.args[1:], op.iter_args, strict=True)
    ]
    body.before_store()
    if _emit_ping_pong(body, op, lower, upper, step):
        return
    with body.names.scope():
        variable = body.names.fresh(hint(block.args[0], f"i{_depth(op)}"))
        body.bind(block.args[0], Expr(variable))
        if body.style.is_kernel:
            body.out.label(body.label(f"loop_{variable}"))
        advance = f"++{variable}" if step.constant == 1 else f"{variable} += {step}"
        kind = scalar(block.args[0].type).name
        with body.out.block(f"for ({kind} {variable} = {lower}; {variable} < {upper}; {advance})"):
            _directives(body, op)
            body.emit(block)
            body.assign(carried, list(_yielded(block).operands))
    for result, argument in zip(op.results, block.args[1:], strict=True):
        body.bind(result, body.use(argument))


def _emit_ping_pong(body: Body, op: scf.ForOp, lower: Expr, upper: Expr, step: Expr) -> bool:
    """Writes a loop that fills and drains a buffer; False when it is another one."""
    found = stages(op) if body.style.is_kernel else None
    if found is None or not can_outline(body, found):
        return False
    if lower.constant is None or step.constant is None:
        return False
    if upper.constant is not None:
        tripcount = integer(max(0, -(-(upper.constant - lower.constant) // step.constant)))
    else:
        bound = bound_of(op)
        if bound is None:
            return False
        tripcount = times(body.atom(bound[0]), integer(bound[1]))
    with body.names.scope():
        variable = body.names.fresh(hint(op.body.block.args[0], f"i{_depth(op)}"))
        body.out.label(body.label(f"loop_{variable}"))
        with body.out.block(f"for (int {variable} = 0; {variable} < {tripcount}; ++{variable})"):
            _trip_range(body, op)
            emit_stages(body, variable, found, lower.constant, step.constant, op)
    return True


def emit_if(body: Body, op: Operation) -> None:
    """A branch; what it gives is a variable that both sides assign."""
    assert isinstance(op, scf.IfOp)
    if any(isinstance(value.type, MemRefType) for value in op.results):
        raise cannot_emit(op, "a branch that gives a memref")
    body.check_vectors(op)
    condition = body.use(op.cond)
    targets = [body.variable(value, "chosen") for value in op.results]
    body.before_store()
    regions = [region for region in (op.true_region, op.false_region) if region.blocks]
    with body.out.block(f"if ({condition})"):
        _branch(body, regions[0].block, targets)
    if len(regions) > 1 and (targets or len(regions[1].block.ops) > 1):
        with body.out.block("else"):
            _branch(body, regions[1].block, targets)


def emit_nothing(body: Body, op: Operation) -> None:
    """A terminator: the operation around it writes what it means."""


def _branch(body: Body, block: Block, targets: list[str]) -> None:
    with body.names.scope():
        body.emit(block)
        body.assign(targets, list(_yielded(block).operands))


def _yielded(block: Block) -> Operation:
    last = block.last_op
    assert last is not None
    return last


def _depth(op: Operation) -> int:
    """The number of loops around `op` in its function."""
    depth = 0
    current = op.parent_op()
    while current is not None and current.name not in ("dataflow.task", "func.func"):
        depth += isinstance(current, scf.ForOp)
        current = current.parent_op()
    return depth


def _directives(body: Body, op: scf.ForOp) -> None:
    if not body.style.is_kernel:
        return
    interval = op.attributes.get(PIPELINE)
    if isinstance(interval, IntegerAttr):
        # flp: a pipeline that can't stall in the middle holds back data that its consumer needs, a deadlock in dataflow
        body.out.pragma(f"pipeline II={interval.value.data} style=flp")
    if UNROLL in op.attributes:
        body.out.pragma("unroll")
    _trip_range(body, op)


def _trip_range(body: Body, op: scf.ForOp) -> None:
    """What reports of the synthesis tool need to give latencies."""
    most = op.attributes.get(MOST)
    if isinstance(most, IntegerAttr):
        body.out.pragma(f"loop_tripcount min=1 max={most.value.data}")


SCF: Mapping[str, Emitter] = {
    "scf.for": emit_for,
    "scf.if": emit_if,
    "scf.yield": emit_nothing,
}

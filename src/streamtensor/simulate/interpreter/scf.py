# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The scf dialect: loops and conditions are those of Python."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from streamtensor.diagnostics import InternalError
from streamtensor.ir import scf
from streamtensor.ir.builtin import IndexType, TensorType
from streamtensor.ir.core import Block, SSAValue
from streamtensor.simulate.interpreter.emitter import Emitter, Handlers
from streamtensor.simulate.interpreter.parallel import parallel_loops, written_in


def _new_storage(emit: Emitter, value: SSAValue) -> str:
    """What a loop carries: a tensor in storage of its own, so that updates inside the loop need no copies."""
    return emit.take(value) if isinstance(value.type, TensorType) else emit.name(value)


def _for(emit: Emitter, op: scf.ForOp) -> None:
    variable, *carried = op.body.block.args
    if not emit.axes and (axes := parallel_loops(op)):
        emit.axes, emit.written = axes, written_in(op)
        _write_at_once(emit, op)
        emit.axes, emit.written = {}, set()
        return
    if variable in emit.axes:
        _write_at_once(emit, op)
        return
    if not isinstance(variable.type, IndexType):
        raise InternalError(f"a loop over {variable.type}")
    for argument, initial in zip(carried, op.iter_args, strict=True):
        text = _new_storage(emit, initial)
        emit.line(f"{emit.define(argument, array=bool(emit.axes))} = {text}")
    lower, upper, step = (emit.name(value) for value in (op.lb, op.ub, op.step))
    bounds = f"{lower}, {upper}, {step}" if step != "1" else f"{lower}, {upper}" if lower != "0" else upper
    with emit.block(f"for {emit.define(variable)} in range({bounds}):"):
        _assign_all(emit, carried, emit.body(op.body.block))
    for result, argument in zip(op.res, carried, strict=True):
        emit.bind(result, emit.name(argument), array=bool(emit.axes))


def _write_at_once(emit: Emitter, op: scf.ForOp) -> None:
    """The body once, with all values of the loop variable along their dimension in its place."""
    variable = op.body.block.args[0]
    axis = emit.axes[variable]
    shape = [len(axis.values) if place == axis.place else 1 for place in range(axis.rank)]
    emit.bind(variable, emit.constant(np.array(axis.values, dtype=np.int64).reshape(shape)), array=True)
    emit.body(op.body.block)


def _assign_all(emit: Emitter, targets: Sequence[SSAValue], values: Sequence[SSAValue]) -> None:
    pairs = [(emit.name(t), _new_storage(emit, v)) for t, v in zip(targets, values, strict=True)]
    pairs = [(target, value) for target, value in pairs if target != value]
    if pairs:
        emit.line(f"{', '.join(t for t, _ in pairs)} = {', '.join(v for _, v in pairs)}")


def _if(emit: Emitter, op: scf.IfOp) -> None:
    for result in op.output:
        emit.define(result)
    _branch(emit, op, f"if {emit.name(op.cond)}:", op.true_region.block)
    if op.false_region.blocks:
        _branch(emit, op, "else:", op.false_region.block)


def _branch(emit: Emitter, op: scf.IfOp, head: str, block: Block) -> None:
    with emit.block(head):
        values = emit.body(block)
        for result, value in zip(op.output, values, strict=True):
            emit.line(f"{emit.name(result)} = {emit.name(value)}")


HANDLERS: Handlers = {scf.ForOp: _for, scf.IfOp: _if}

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The func dialect: a function gives a tuple of its results."""

from __future__ import annotations

from streamtensor.diagnostics import InternalError
from streamtensor.ir import func
from streamtensor.simulate.interpreter.emitter import Emitter, Handlers


def write_function(emit: Emitter, name: str, op: func.FuncOp) -> None:
    """Writes the IR function `op` as the Python function `name`; raises InternalError when it has no body."""
    if op.is_declaration:
        raise InternalError(f"function {op.sym_name.data} has no body")
    if len(op.body.blocks) != 1:
        raise InternalError(f"function {op.sym_name.data} has more than one block")
    block = op.body.block
    with emit.function(name, [emit.define(argument) for argument in block.args]):
        values = emit.body(block)
        emit.line(f"return ({''.join(emit.name(value) + ', ' for value in values)})")


def _call(emit: Emitter, op: func.CallOp) -> None:
    callee = emit.request(op.callee.string_value())
    call = f"{callee}({', '.join(emit.name(value) for value in op.arguments)})"
    if op.res:
        call = f"{', '.join(emit.define(result) for result in op.res)}, = {call}"
    emit.line(call)


HANDLERS: Handlers = {func.CallOp: _call}

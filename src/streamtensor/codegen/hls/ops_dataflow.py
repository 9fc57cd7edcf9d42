# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Reads and writes of FIFOs, and calls between functions of the host."""

from __future__ import annotations

from collections.abc import Mapping

from streamtensor.codegen.hls.body import Body, Emitter
from streamtensor.codegen.hls.errors import cannot_emit
from streamtensor.codegen.hls.expression import call
from streamtensor.codegen.hls.ops_scf import emit_nothing
from streamtensor.dialects.dataflow import StreamReadOp, StreamWriteOp
from streamtensor.ir.core import Operation


def emit_read(body: Body, op: Operation) -> None:
    """The next token, taken here even when it is used later or never."""
    assert isinstance(op, StreamReadOp)
    if op.stream not in body.streams:
        raise cannot_emit(op, "a FIFO that comes from outside the kernel")
    body.statement(op.result, call(f"{body.streams[op.stream]}.read"), "token")


def emit_write(body: Body, op: Operation) -> None:
    """Appends a token."""
    assert isinstance(op, StreamWriteOp)
    if op.stream not in body.streams:
        raise cannot_emit(op, "a FIFO that comes from outside the kernel")
    body.out.line(f"{body.streams[op.stream]}.write({body.use(op.value)});")


DATAFLOW: Mapping[str, Emitter] = {
    "dataflow.stream_read": emit_read,
    "dataflow.stream_write": emit_write,
    "dataflow.yield": emit_nothing,
    "func.return": emit_nothing,
}

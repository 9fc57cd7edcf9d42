# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Hand-written kernels: their C++ runs on the tokens, which are complete when it starts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from streamtensor.dialects.dataflow import ExternKernelOp, ITensorType, StreamType
from streamtensor.ir.builtin import VectorType
from streamtensor.simulate.interpreter.emitter import Emitter, Handlers
from streamtensor.simulate.interpreter.extern_code import ExternCode, flat, tiles_of, unflat, vectors_of
from streamtensor.simulate.interpreter.queues import Queue
from streamtensor.simulate.interpreter.types import Array


def code_of(op: ExternKernelOp) -> ExternCode:
    """The function behind an operation."""
    reads = tuple(op.round_tokens) if op.reads_before_writes is not None else None
    return ExternCode(
        op.task_name,
        Path(op.source.data),
        tuple(Path(header) for header in op.header_files),
        op.function.data,
        tuple(op.in_ports),
        tuple(op.out_ports),
        op.width_bits.value.data,
        op.memory_bits,
        reads,
    )


def _extern_kernel(emit: Emitter, op: ExternKernelOp) -> None:
    code, name = emit.constant(code_of(op)), emit.constant(op.task_name)
    ins = f"[{', '.join(emit.name(value) for value in op.ins)}]"
    outs = f"[{', '.join(emit.name(value) for value in op.outs)}]"
    kinds = [value.type for value in op.operands]
    if any(isinstance(kind, StreamType) for kind in kinds):
        emit.line(f"{emit.helper(_on_streams)}({code}, {name}, {ins}, {outs})")
        return
    if any(isinstance(kind, ITensorType) for kind in kinds):
        call = f"{emit.helper(_on_itensors)}({code}, {name}, {ins}, {outs}, {emit.constant(kinds)})"
    else:
        call = f"{emit.helper(_on_tensors)}({code}, {ins})"
    results = [emit.define(result) for result in op.results_]
    emit.line(f"{', '.join(results)}, = {call}")


def _on_tensors(code: ExternCode, ins: Sequence[Array]) -> list[Array]:
    return code.run_on_tensors(ins)


def _on_itensors(
    code: ExternCode, name: str, ins: Sequence[Queue], outs: Sequence[Queue], kinds: Sequence[ITensorType]
) -> list[Queue]:
    """Tokens are tiles or vectors, as the types of the operands say."""
    given: list[Array] = []
    for queue, kind, tile, port in zip(ins, kinds, code.ins, code.vector_ins, strict=False):
        whole = isinstance(kind.element, VectorType)
        given.append(flat(queue.tokens, port) if whole else vectors_of(queue.tokens, tile, port))
        queue.finish_read(name, len(queue.tokens))
    made: list[Queue] = []
    results = zip(outs, code.run(given), kinds[len(ins) :], code.outs, code.vector_outs, strict=True)
    for number, (queue, data, kind, tile, port) in enumerate(results):
        filled = queue.continued(f"the itensor of result {number} of extern kernel {name}")
        whole = isinstance(kind.element, VectorType)
        filled.tokens += unflat(data, port) if whole else tiles_of(data, tile, port)
        made.append(filled.finish_write(name, kind.layout.num_tokens))
    return made


def _on_streams(code: ExternCode, name: str, ins: Sequence[Queue], outs: Sequence[Queue]) -> None:
    given: list[Array] = []
    for queue, port in zip(ins, code.vector_ins, strict=True):
        given.append(flat(queue.tokens, port))
        queue.finish_read(name, len(queue.tokens))
    for queue, data, port in zip(outs, code.run(given), code.vector_outs, strict=True):
        queue.tokens += unflat(data, port)


HANDLERS: Handlers = {ExternKernelOp: _extern_kernel}

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Views of itensors, and itensors that are copied, cut and put together: all tokens at once, between tasks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from streamtensor.algebra.layout import StreamLayout
from streamtensor.algebra.routing import range_loop
from streamtensor.diagnostics import InternalError
from streamtensor.dialects import dataflow
from streamtensor.ir.core import Operation, SSAValue
from streamtensor.simulate.interpreter.emitter import Emitter, Handlers
from streamtensor.simulate.interpreter.queues import Queue


def reshaped_token(token: Any, shape: tuple[int, ...] | None) -> Any:
    """The numbers of `token` as an array of `shape`; None for a plain number."""
    return token.reshape(shape) if shape is not None else token.reshape(-1)[0]


def view_of(queue: Queue, name: str, shape: tuple[int, ...]) -> Queue:
    """The tokens of `queue`, each with the shape `shape`."""
    return Queue(name, [token.reshape(shape) for token in queue.tokens])


def cut(queue: Queue, names: Sequence[str], rounds: int, sizes: Sequence[int]) -> list[Queue]:
    """In each of `rounds` rounds, `sizes[i]` tokens for result i, one result after the other."""
    _check(queue, rounds * sum(sizes))
    starts = [sum(sizes[:number]) for number in range(len(sizes) + 1)]
    bases = range(0, rounds * starts[-1], max(1, starts[-1]))
    return [
        Queue(name, [token for base in bases for token in queue.tokens[base + start : base + end]])
        for name, (start, end) in zip(names, pairwise(starts), strict=True)
    ]


def put_together(queues: Sequence[Queue], name: str, rounds: int, sizes: Sequence[int]) -> Queue:
    """In each of `rounds` rounds, `sizes[i]` tokens of queue i, one queue after the other."""
    for queue, size in zip(queues, sizes, strict=True):
        _check(queue, rounds * size)
    tokens: list[Any] = []
    for number in range(rounds):
        for queue, size in zip(queues, sizes, strict=True):
            tokens += queue.tokens[number * size : (number + 1) * size]
    return Queue(name, tokens)


def _check(queue: Queue, expected: int) -> None:
    if len(queue.tokens) != expected:
        raise InternalError(f"{queue.name} holds {len(queue.tokens)} tokens, but its type holds {expected}")


def _layout(value: SSAValue) -> StreamLayout:
    assert isinstance(value.type, dataflow.ITensorType)
    return value.type.layout


def _inside(layout: StreamLayout, loop: int | None) -> int:
    """The tokens of one iteration of `loop`; without a loop all of them."""
    return math.prod(layout.tripcounts[loop + 1 :]) if loop is not None else layout.num_tokens


def _parts(whole: SSAValue, parts: Sequence[SSAValue], dim: int) -> tuple[int, list[int]]:
    """(rounds, tokens of each part in a round) of ranges along `dim`."""
    layout = _layout(whole)
    loop = range_loop(layout, dim)
    token = layout.element[dim]
    inside = _inside(layout, loop)
    sizes = [_layout(part).data_shape[dim] // token * inside for part in parts] if loop is not None else [inside]
    return layout.num_tokens // sum(sizes), sizes


def _label(emit: Emitter, op: Operation, number: int = 0) -> str:
    return emit.constant(f"result {number} of {op.name}")


def _view(emit: Emitter, op: dataflow.ITensorCastOp | dataflow.ITensorReassociateOp) -> None:
    call = f"{emit.helper(view_of)}({emit.name(op.source)}, {_label(emit, op)}, {_layout(op.result).element})"
    emit.line(f"{emit.define(op.result)} = {call}")


def _fork(emit: Emitter, op: dataflow.ITensorForkOp) -> None:
    source = emit.name(op.source)
    for number, result in enumerate(op.results_):
        emit.line(f"{emit.define(result)} = {source}.continued({_label(emit, op, number)})")


def _chunk(emit: Emitter, op: dataflow.ITensorChunkOp) -> None:
    rounds, sizes = _parts(op.source, op.results_, op.dim.value.data)
    names = ", ".join(_label(emit, op, number) for number in range(len(sizes)))
    call = f"{emit.helper(cut)}({emit.name(op.source)}, [{names}], {rounds}, {sizes})"
    emit.line(f"{', '.join(emit.define(result) for result in op.results_)}, = {call}")


def _concat(emit: Emitter, op: dataflow.ITensorConcatOp) -> None:
    _put_together(emit, op, *_parts(op.result, op.sources, op.dim.value.data))


def _join(emit: Emitter, op: dataflow.ITensorJoinOp) -> None:
    inside = _inside(_layout(op.result), op.loop.value.data)
    sizes = [inside] * len(op.sources)
    _put_together(emit, op, _layout(op.result).num_tokens // sum(sizes), sizes)


def _put_together(
    emit: Emitter, op: dataflow.ITensorConcatOp | dataflow.ITensorJoinOp, rounds: int, sizes: list[int]
) -> None:
    queues = ", ".join(emit.name(source) for source in op.sources)
    call = f"{emit.helper(put_together)}([{queues}], {_label(emit, op)}, {rounds}, {sizes})"
    emit.line(f"{emit.define(op.result)} = {call}")


def _instance(emit: Emitter, op: dataflow.ITensorInstanceOp) -> None:
    emit.line(f"{emit.define(op.result)} = {emit.helper(Queue)}({op.fifo_name!r})")


HANDLERS: Handlers = {
    dataflow.ITensorCastOp: _view,
    dataflow.ITensorChunkOp: _chunk,
    dataflow.ITensorConcatOp: _concat,
    dataflow.ITensorForkOp: _fork,
    dataflow.ITensorInstanceOp: _instance,
    dataflow.ITensorJoinOp: _join,
    dataflow.ITensorReassociateOp: _view,
}

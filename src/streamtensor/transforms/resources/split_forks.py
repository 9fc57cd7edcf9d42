# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Copies of tasks that several readers share, where one of these holds up another."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from streamtensor.dialects.dataflow import (
    KernelOp,
    StreamOp,
    StreamReadOp,
    StreamType,
    StreamWriteOp,
    TaskOp,
    stream_behind,
)
from streamtensor.dialects.dataflow.ping_pong import PING_PONG
from streamtensor.ir import arith, memref
from streamtensor.ir.builtin import FixedBitwidthType, IndexType, StringAttr
from streamtensor.ir.core import InsertPoint, Operation, Rewriter, SSAValue
from streamtensor.timing.forks import Copy, copy_name
from streamtensor.timing.schedule import BUFFERS
from streamtensor.transforms.resources.memory_accesses import access_of, is_local

_COMPUTES = ("arith.", "math.")


def shared_tasks(kernel: KernelOp) -> dict[str, int]:
    """The tasks that only move data, from one FIFO to several, the same to each; what a copy of each takes, in bits."""
    tasks = [op for op in kernel.body.block.ops if isinstance(op, TaskOp)]
    return {task.task_name: _buffer_bits(task) for task in tasks if _only_forks(task)}


def split_forks(kernel: KernelOp, copies: Sequence[Copy]) -> None:
    """task t { read x; write y; write z }  -->  task t { read x; write y }; task t_copy { read x_copy; write z }

    What writes x writes x_copy as well. Right because a task makes the same tokens of the same tokens, and every reader
    takes the tokens that it took, in the same order; see `timing.forks` for when it is worth its memory.
    """
    for copy in copies:
        streams = {op.sym_name.data: op for op in kernel.body.block.ops if isinstance(op, StreamOp)}
        tasks = {op.task_name: op for op in kernel.body.block.ops if isinstance(op, TaskOp)}
        _split(tasks[copy.task], copy_name(copy.task, tasks), {streams[name].result for name in copy.outputs}, streams)


def _split(task: TaskOp, name: str, moved: Collection[SSAValue], streams: Mapping[str, StreamOp]) -> None:
    (source,) = _streams_read(task)
    stream = source.owner
    assert isinstance(stream, StreamOp)
    assert isinstance(source.type, StreamType)
    second = StreamOp(copy_name(stream.sym_name.data, streams), source.type.element, stream.depth.value.data)
    second.attributes = dict(stream.attributes)
    Rewriter.insert_op(second, InsertPoint.after(stream))
    for use in list(source.uses):
        write = use.operation
        if isinstance(write, StreamWriteOp):
            Rewriter.insert_op(StreamWriteOp(write.value, second.result), InsertPoint.after(write))
    twin = task.clone({source: second.result})
    twin.properties["sym_name"] = StringAttr(name)
    Rewriter.insert_op(twin, InsertPoint.after(task))
    for one, keeps in ((task, False), (twin, True)):
        for write in [op for op in one.walk() if isinstance(op, StreamWriteOp)]:
            if (write.stream in moved) is not keeps:
                Rewriter.erase_op(write)


def _only_forks(task: TaskOp) -> bool:
    """Whether a task moves what it reads from one FIFO to several: each of its writes stands in all of them, nothing is
    computed but places, and no other memory is touched.
    """
    read, written = _streams_read(task), _streams_written(task)
    if len(read) != 1 or len({stream for streams in written.values() for stream in streams}) < 2:
        return False
    (source,) = read
    plain = isinstance(source.owner, StreamOp) and all(
        isinstance(use.operation, StreamReadOp | StreamWriteOp) for use in source.uses
    )
    everywhere = {stream for streams in written.values() for stream in streams}
    same = all(set(streams) == everywhere and len(streams) == len(everywhere) for streams in written.values())
    own = all(isinstance(stream.owner, StreamOp) for stream in everywhere)
    return plain and same and own and all(map(_moves, task.walk()))


def _moves(op: Operation) -> bool:
    access = access_of(op)
    if access is not None:
        return is_local(access.memory)
    computes = op.name.startswith(_COMPUTES) and not isinstance(op, arith.ConstantOp)
    return not computes or all(isinstance(result.type, IndexType) for result in op.results)


def _streams_read(task: TaskOp) -> set[SSAValue]:
    return {stream_behind(op.stream) for op in task.walk() if isinstance(op, StreamReadOp)}


def _streams_written(task: TaskOp) -> dict[SSAValue, list[SSAValue]]:
    """Token -> the FIFOs that it is written into."""
    found: dict[SSAValue, list[SSAValue]] = {}
    for op in task.walk():
        if isinstance(op, StreamWriteOp):
            found.setdefault(op.value, []).append(op.stream)
    return found


def _buffer_bits(task: TaskOp) -> int:
    bits = 0
    for op in task.walk():
        if isinstance(op, memref.AllocOp):
            element = op.memref.type.element_type
            assert isinstance(element, FixedBitwidthType)
            buffers = BUFFERS if PING_PONG in op.attributes else 1
            bits += op.memref.type.element_count() * element.bitwidth * buffers
    return bits

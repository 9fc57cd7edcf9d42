# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""place-tasks: a die for every task."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from streamtensor.algebra.placement import Edge, place
from streamtensor.dialects.dataflow import (
    ExternKernelOp,
    KernelOp,
    StreamOp,
    StreamReadOp,
    StreamType,
    StreamWriteOp,
    TaskOp,
    task_around,
)
from streamtensor.ir import memref, vector
from streamtensor.ir.builtin import FixedBitwidthType, IntegerAttr, MemRefType, ModuleOp, i64
from streamtensor.ir.core import BlockArgument, Context, ModulePass, Operation, Use

DIE = "dataflow.die"

LOGIC_BITS = 4096
"""What a task weighs beside its memories, in bits of memory: loops, arithmetic and control."""


@dataclass(frozen=True)
class PlaceTasksPass(ModulePass):
    """task  -->  task {dataflow.die = n}

    The die of each task of a kernel, so that few FIFO wires cross between dies and no die holds much more than its
    share (`algebra.placement`). A task that reads or writes external memory lies on `memory_die`, beside the
    controllers. Changes no numbers: the floorplan of the link step is made of it. On a device of one die nothing is
    written.
    """

    name = "place-tasks"

    dies: int = 1
    memory_die: int = 0

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        if self.dies > 1:
            for kernel in [k for k in op.walk() if isinstance(k, KernelOp)]:
                self._place(kernel)

    def _place(self, kernel: KernelOp) -> None:
        tasks = [task for task in kernel.body.block.ops if isinstance(task, TaskOp | ExternKernelOp)]
        number = {task: index for index, task in enumerate(tasks)}
        edges: list[Edge] = []
        for stream in [s for s in kernel.body.block.ops if isinstance(s, StreamOp)]:
            ends = {_end(use): use.operation for use in stream.result.uses}
            found = [ends.get(end) for end in (StreamWriteOp, StreamReadOp)]
            source, target = [_process(op) if op is not None else None for op in found]
            assert isinstance(stream.result.type, StreamType)
            if source in number and target in number:
                assert source is not None
                assert target is not None
                edges.append((number[source], number[target], stream.result.type.token_bits))
        weights = [LOGIC_BITS + _memory_bits(task) for task in tasks]
        pinned = {index: self.memory_die for task, index in number.items() if _uses_external_memory(task, kernel)}
        for task, die in zip(tasks, place(weights, edges, self.dies, pinned), strict=True):
            task.attributes[DIE] = IntegerAttr(die, i64)


def _end(use: Use) -> type[Operation]:
    """Whether a use of a FIFO writes or reads it; a hand-written kernel has those that it reads first."""
    if isinstance(use.operation, ExternKernelOp):
        return StreamReadOp if use.index < len(use.operation.ins) else StreamWriteOp
    return type(use.operation)


def _process(op: Operation) -> TaskOp | ExternKernelOp | None:
    return op if isinstance(op, ExternKernelOp) else task_around(op)


def _memory_bits(task: TaskOp | ExternKernelOp) -> int:
    """Bits of the local buffers of a task, or what the user says of a hand-written kernel."""
    if isinstance(task, ExternKernelOp):
        return task.memory_bits
    bits = 0
    for alloc in [op for op in task.walk() if isinstance(op, memref.AllocOp)]:
        type = alloc.memref.type
        assert isinstance(type, MemRefType)
        element = type.element_type
        bits += prod(type.get_shape()) * (element.bitwidth if isinstance(element, FixedBitwidthType) else 0)
    return bits


def _uses_external_memory(task: TaskOp | ExternKernelOp, kernel: KernelOp) -> bool:
    """Whether a task reads or writes an operand of the kernel."""
    arguments = set(kernel.body.block.args)
    moves = (vector.TransferReadOp, vector.TransferWriteOp, memref.LoadOp, memref.StoreOp)
    return any(
        isinstance(operand, BlockArgument) and operand in arguments
        for op in task.walk()
        if isinstance(op, moves)
        for operand in op.operands
    )

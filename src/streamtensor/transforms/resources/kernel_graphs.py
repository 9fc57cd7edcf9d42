# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The dataflow graph of a kernel in cycles, from the stream IR."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import prod

from streamtensor.dialects.dataflow import ExternKernelOp, KernelOp, StreamOp, StreamType, TaskOp, stream_behind
from streamtensor.ir.builtin import FixedBitwidthType, MemRefType, VectorType
from streamtensor.ir.core import Attribute, BlockArgument, SSAValue
from streamtensor.targets.channels import Access, Dma
from streamtensor.targets.operations import Operations
from streamtensor.timing.graph import Fifo, Graph, Task
from streamtensor.timing.schedule import Item, ordered_program, processes
from streamtensor.transforms.resources.extern_steps import extern_schedule, round_slack
from streamtensor.transforms.resources.memory_accesses import access_of, behind_memory_views, is_local
from streamtensor.transforms.resources.task_schedule import (
    ExternalCost,
    TaskSchedule,
    enclosing_trips,
    free_memory,
    schedule_task,
)

PREFETCH = "dataflow.prefetch"
"""On a FIFO: it holds parameters, which a DMA may load as far ahead as there is room."""


@dataclass(frozen=True)
class ScheduledKernel:
    """A kernel with the schedules of its tasks. `externs` are the programs of hand-written kernels, `slack` by how many
    tokens these may run ahead of their programs on a FIFO.
    """

    kernel: KernelOp
    fifos: tuple[Fifo, ...]
    tasks: Mapping[str, TaskSchedule]
    externs: Mapping[str, tuple[Item, ...]]
    slack: Mapping[str, int]

    @property
    def dsp(self) -> float:
        """DSP blocks of all tasks, hand-written ones as the user says."""
        by_hand = [
            op.resource_counts.get("dsp", 0) for op in self.kernel.body.block.ops if isinstance(op, ExternKernelOp)
        ]
        return sum(task.dsp for task in self.tasks.values()) + sum(by_hand)

    def graph(self) -> Graph:
        """The graph in cycles, at the depths of the IR."""
        tasks: list[Task] = []
        fifos = list(self.fifos)
        for name, items in self.items():
            made, inner = processes(name, items)
            tasks += made
            fifos += inner
        return Graph(tuple(tasks), tuple(fifos))

    def ordered_graph(self) -> Graph:
        """The graph of what each task reads and writes in the order of its program, nothing overlapped, a step a cycle:
        it deadlocks exactly where C simulation does.
        """
        return Graph(tuple(Task(name, ordered_program(items)) for name, items in self.items()), self.fifos)

    def items(self) -> Iterator[tuple[str, tuple[Item, ...]]]:
        """Every task by its name, hand-written ones included, with its schedule."""
        for name, task in self.tasks.items():
            yield name, task.items
        yield from self.externs.items()


def schedule_kernel(
    kernel: KernelOp, table: Operations, accesses: Mapping[str, Access] | None = None
) -> ScheduledKernel:
    """Schedules every task of a kernel on streams. `accesses` says by the name of a DMA (`kernel_dmas`) what external
    memory it gets; one that it does not name moves a word in every cycle, at once.
    """
    block = kernel.body.block
    streams = [op for op in block.ops if isinstance(op, StreamOp)]
    names: dict[SSAValue, str] = {op.result: op.sym_name.data for op in streams}
    memory = _Memory(kernel, accesses or {})
    tasks = {
        op.task_name: schedule_task(op, names, table, memory.of(op) if accesses else free_memory)
        for op in block.ops
        if isinstance(op, TaskOp)
    }
    externs: dict[str, tuple[Item, ...]] = {}
    slack: dict[str, int] = {}
    for op in block.ops:
        if isinstance(op, ExternKernelOp):
            ends = {value: names[stream_behind(value)] for value in op.operands}
            externs[op.task_name] = extern_schedule(op, ends)
            slack |= round_slack(op, ends)
    return ScheduledKernel(kernel, tuple(map(_fifo, streams)), tasks, externs, slack)


def kernel_dmas(kernel: KernelOp, program: str, launches: int = 1) -> list[Dma]:
    """What each task moves to and from external memory in one launch, one DMA for each memref that it touches."""
    found: list[Dma] = []
    for task in [op for op in kernel.body.block.ops if isinstance(op, TaskOp)]:
        for (memory, written), tokens in _moved(task).items():
            assert isinstance(memory.type, MemRefType)
            direction = "write" if written else "read"
            bits = _bits(memory.type)
            found.append(Dma(program, dma_name(task, memory), bits, tokens, direction, launches=launches))
    return found


def dma_name(task: TaskOp, memory: SSAValue) -> str:
    """What a task's access to a memref of its kernel is called."""
    assert isinstance(memory, BlockArgument)
    return f"{task.task_name}:{memory.index}"


@dataclass(frozen=True)
class _Memory:
    kernel: KernelOp
    accesses: Mapping[str, Access]

    def of(self, task: TaskOp) -> ExternalCost:
        """What the words of a task cost."""

        def cost(memory: SSAValue, written: bool) -> tuple[Fraction, int]:
            access = self.accesses.get(dma_name(task, memory))
            if access is None or (access.dma.direction == "write") != written:
                return Fraction(1), 0
            return access.cycles_per_token, 0 if written else access.latency_cycles

        return cost


def _moved(task: TaskOp) -> dict[tuple[SSAValue, bool], int]:
    """(memref outside of the task, whether it is written) -> words that the task moves."""
    words: dict[tuple[SSAValue, bool], int] = {}
    for op in task.walk():
        access = access_of(op)
        if access is not None and not is_local(access.memory):
            key = (behind_memory_views(access.memory), access.writes)
            words[key] = words.get(key, 0) + prod(access.sizes) * enclosing_trips(op)
    return words


def _bits(type: MemRefType[Attribute]) -> int:
    element = type.element_type
    lanes = element.element_count() if isinstance(element, VectorType) else 1
    scalar = element.element_type if isinstance(element, VectorType) else element
    assert isinstance(scalar, FixedBitwidthType)
    return lanes * scalar.bitwidth


def _fifo(op: StreamOp) -> Fifo:
    assert isinstance(op.result.type, StreamType)
    bits, depth = op.result.type.token_bits, op.depth.value.data
    return Fifo(op.sym_name.data, bits, depth, prefetch=PREFETCH in op.attributes)

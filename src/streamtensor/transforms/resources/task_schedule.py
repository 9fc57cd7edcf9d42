# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The schedule of a task of the stream IR: what overlaps, and in which cycle tokens go in and out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil, prod

from streamtensor.dialects.dataflow import TaskOp
from streamtensor.dialects.dataflow.loops import Loop, largest_loop
from streamtensor.dialects.dataflow.ping_pong import stages
from streamtensor.ir import arith, scf
from streamtensor.ir.builtin import IndexType, IntegerAttr
from streamtensor.ir.core import Operation, SSAValue
from streamtensor.targets.operations import Operations
from streamtensor.timing.schedule import Item, Once, PingPong, Pipelined
from streamtensor.timing.schedule import Loop as LoopItem
from streamtensor.transforms.lowering.generate_directives import PIPELINE, UNROLL
from streamtensor.transforms.resources.block_schedule import BlockSchedule, BlockScheduler

DEPTH = "dataflow.depth"
"""Attribute of a pipelined loop: cycles from the start of an iteration to its end."""

ExternalCost = Callable[[SSAValue, bool], tuple[Fraction, int]]
"""(memref outside of the kernel, whether it is written) -> cycles for each word, cycles from request to word."""


@dataclass(frozen=True)
class PipelinedLoop:
    """A pipelined loop: its initiation interval, and the cycles of an iteration, both without external memory."""

    op: scf.ForOp
    ii: int
    depth: int


@dataclass(frozen=True)
class TaskSchedule:
    """The schedule of a task; `loops` are its pipelined ones, `dsp` the DSP blocks of its operations."""

    items: tuple[Item, ...]
    loops: tuple[PipelinedLoop, ...]
    dsp: float


def free_memory(memory: SSAValue, written: bool) -> tuple[Fraction, int]:
    """External memory that gives and takes a word in every cycle, at once."""
    return Fraction(1), 0


def schedule_task(
    task: TaskOp, fifos: Mapping[SSAValue, str], table: Operations, memory: ExternalCost = free_memory
) -> TaskSchedule:
    """The schedule of `task`, as high-level synthesis makes it by the directives on its loops.

    What stands side by side happens one after the other. Loops that hold nothing but one loop merge with it when that
    one is pipelined. An II on a loop (`dataflow.pipeline`) that is larger than its operations need is kept. `fifos`
    names the streams of the kernel.
    """
    scheduler = _TaskScheduler(fifos, table, memory)
    return TaskSchedule(scheduler.items(list(task.body.block.ops)), tuple(scheduler.loops), scheduler.dsp)


def enclosing_trips(op: Operation) -> int:
    """How often an operation of a task runs."""
    trips = 1
    current = op.parent_op()
    while current is not None and not isinstance(current, TaskOp):
        if isinstance(current, scf.ForOp):
            trips *= largest_loop(current).tripcount
        current = current.parent_op()
    return trips


@dataclass
class _TaskScheduler:
    fifos: Mapping[SSAValue, str]
    table: Operations
    memory: ExternalCost
    loops: list[PipelinedLoop] = field(default_factory=list[PipelinedLoop])
    dsp: float = 0.0

    def items(self, ops: Sequence[Operation]) -> tuple[Item, ...]:
        """What the operations of a block are, one after the other."""
        found: list[Item] = []
        for part in _parts(ops):
            if isinstance(part, scf.ForOp):
                found += self._loop(part)
            else:
                schedule = self._block(part, ())
                self.dsp += schedule.dsp
                if schedule.cycles:
                    found.append(Once(schedule.cycles, schedule.accesses))
        return tuple(found)

    def _loop(self, op: scf.ForOp) -> Iterator[Item]:
        nest = _merged(op)
        if not prod(loop.tripcount for loop in nest):
            return
        yield Once(self.table.loop_cycles)
        innermost = nest[-1].op
        if PIPELINE in innermost.attributes:
            yield self._pipelined(nest)
            return
        nest = nest[:1]
        pair = stages(op)
        if pair is not None:
            yield PingPong(nest[0].tripcount, self.items(pair.fill), self.items(pair.drain))
        else:
            yield LoopItem(nest[0].tripcount, self.items(list(op.body.block.ops)))

    def _pipelined(self, nest: Sequence[Loop]) -> Pipelined:
        innermost = nest[-1].op
        ops = list(innermost.body.block.ops)
        schedule = self._block(ops, nest)
        wanted = innermost.attributes.get(PIPELINE)
        assert isinstance(wanted, IntegerAttr)
        interval: int | Fraction = max(schedule.ii, wanted.value.data)
        alone = schedule if not schedule.external else _scheduled(ops, nest, self.table, self.fifos, free_memory)
        self.loops.append(PipelinedLoop(innermost, int(interval), max(1, alone.cycles)))
        self.dsp += schedule.dsp / interval
        for memory, accesses in schedule.external.items():
            interval = max(interval, accesses * max(self.memory(memory, written)[0] for written in (False, True)))
        trips = prod(loop.tripcount for loop in nest)
        return Pipelined(trips, _whole(interval), max(1, schedule.cycles), schedule.accesses)

    def _block(self, ops: Sequence[Operation], nest: Sequence[Loop]) -> BlockSchedule:
        return _scheduled(ops, nest, self.table, self.fifos, self.memory)


def _scheduled(
    ops: Sequence[Operation],
    nest: Sequence[Loop],
    table: Operations,
    fifos: Mapping[SSAValue, str],
    memory: ExternalCost,
) -> BlockSchedule:
    return BlockScheduler(table, fifos, largest_loop, lambda place, written: memory(place, written)[1], nest).run(ops)


def _whole(interval: int | Fraction) -> int | Fraction:
    return int(interval) if interval == ceil(interval) else interval


def _parts(ops: Sequence[Operation]) -> Iterator[scf.ForOp | list[Operation]]:
    """Loops that are not unrolled, and what stands between them."""
    straight: list[Operation] = []
    for op in ops:
        if isinstance(op, scf.ForOp) and UNROLL not in op.attributes:
            if straight:
                yield straight
            straight = []
            yield op
        else:
            straight.append(op)
    if straight:
        yield straight


def _merged(op: scf.ForOp) -> list[Loop]:
    """The loop and those that it merges with, outermost first, down to a pipelined one; else the loop alone."""
    nest = [largest_loop(op)]
    current = op
    while PIPELINE not in current.attributes:
        inner = [child for child in current.body.block.ops if isinstance(child, scf.ForOp)]
        rest = [child for child in current.body.block.ops if not isinstance(child, scf.ForOp)]
        if len(inner) != 1 or current.iter_args or inner[0].iter_args or not all(map(_is_free, rest)):
            return nest[:1]
        current = inner[0]
        nest.append(largest_loop(current))
    return nest


def _is_free(op: Operation) -> bool:
    """Whether nothing stands between two loops: constants and indices are part of the inner one's expressions."""
    if isinstance(op, arith.ConstantOp | scf.YieldOp):
        return True
    values = (*op.operands, *op.results)
    return bool(op.results) and all(isinstance(value.type, IndexType) for value in values)

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""As soon as possible: in which cycle each operation of straight code happens, and how close iterations can follow."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil, prod

from streamtensor.dialects.dataflow import StreamReadOp, StreamWriteOp, stream_behind
from streamtensor.dialects.dataflow.loops import Loop
from streamtensor.ir import memref, scf
from streamtensor.ir.builtin import MemRefType
from streamtensor.ir.core import Operation, SSAValue
from streamtensor.targets.operations import Operations
from streamtensor.timing.schedule import Access
from streamtensor.transforms.resources.memory_accesses import (
    MemoryAccess,
    access_of,
    bank_accesses,
    is_local,
    meeting_distance,
    ports_of,
)
from streamtensor.transforms.resources.operation_costs import is_floating, operation_cost

ExternalLatency = Callable[[SSAValue, bool], int]
"""(memref outside of the kernel, whether it is written) -> cycles from the request until the word is there."""


@dataclass(frozen=True)
class BlockSchedule:
    """Operations of one block (unrolled loops taken apart) in cycles from its start.

    `external` counts the accesses to each memref outside of the kernel; `dsp` is for one start in every cycle.
    """

    cycles: int
    accesses: tuple[Access, ...]
    ii: int
    external: Mapping[SSAValue, int]
    dsp: float


@dataclass
class BlockScheduler:
    """Schedules the operations of one block; `nest` are the merged loops whose iterations they make up (outermost
    first, none for code that is no loop's body).

    Every operation starts when its operands are there; a load when what was stored into the buffer before can be read;
    accesses to one FIFO follow each other cycle by cycle. Iterations follow as closely as a value that goes from one to
    a later one through a buffer or a carried scalar allows, and the ports of FIFOs, banks and external memory.
    """

    table: Operations
    fifos: Mapping[SSAValue, str]
    trips: Callable[[scf.ForOp], Loop]
    latency: ExternalLatency
    nest: Sequence[Loop] = ()
    _ready: dict[SSAValue, int] = field(default_factory=dict[SSAValue, int])
    _stored: dict[SSAValue, int] = field(default_factory=dict[SSAValue, int])
    _accesses: list[Access] = field(default_factory=list[Access])
    _next: dict[str, int] = field(default_factory=dict[str, int])
    _tokens: dict[str, int] = field(default_factory=dict[str, int])
    _end: int = 0
    _dsp: float = 0.0
    _memory: list[tuple[MemoryAccess, tuple[Loop, ...]]] = field(
        default_factory=list[tuple[MemoryAccess, tuple[Loop, ...]]]
    )
    _external: dict[SSAValue, int] = field(default_factory=dict[SSAValue, int])
    _chain_cycles: dict[SSAValue, int] = field(default_factory=dict[SSAValue, int])
    """Buffer -> cycles that an unrolled reduction into it adds to one iteration."""

    def run(self, ops: Iterable[Operation]) -> BlockSchedule:
        """The schedule of `ops`, in their order."""
        every = list(ops)
        for op in every:
            self._op(op, ())
        ii = max([1, self._ports(), *self._tokens.values(), *self._recurrences(every)]) if self.nest else 1
        return BlockSchedule(self._end, tuple(self._accesses), ii, self._external, self._dsp)

    def _op(self, op: Operation, unrolled: tuple[Loop, ...]) -> None:
        match op:
            case scf.ForOp():
                self._unrolled(op, unrolled)
            case scf.IfOp():
                for region in op.regions:
                    for block in region.blocks:
                        for inner in block.ops:
                            self._op(inner, unrolled)
                        last = block.last_op
                        for result, value in zip(op.results, last.operands if last else (), strict=False):
                            self._finish(result, max(self._time(op.operands), self._ready.get(value, 0)))
            case StreamReadOp():
                cycle = self._fifo(op.stream, 0)
                self._accesses.append(Access(cycle, reads=(self._name(op.stream),)))
                self._finish(op.result, cycle)
            case StreamWriteOp():
                cycle = self._fifo(op.stream, self._time(op.operands))
                self._accesses.append(Access(cycle, writes=(self._name(op.stream),)))
                self._end = max(self._end, cycle + 1)
            case memref.CopyOp():
                self._copy(op)
            case _:
                access = access_of(op)
                if access is not None:
                    self._access(access, unrolled)
                    return
                cost = operation_cost(op, self.table)
                self._dsp += cost.dsp * prod(loop.tripcount for loop in unrolled)
                start = self._time(op.operands)
                for result in op.results:
                    self._finish(result, start + cost.cycles)

    def _unrolled(self, op: scf.ForOp, around: tuple[Loop, ...]) -> None:
        """All iterations at once; one that needs the result of the one before waits for it."""
        loop = self.trips(op)
        inner = (*around, loop)
        block = op.body.block
        for argument, init in zip(block.args[1:], op.iter_args, strict=True):
            self._ready[argument] = self._ready.get(init, 0)
        before = len(self._memory)
        body = [inner_op for inner_op in block.ops if inner_op is not block.last_op]
        for inner_op in body:
            self._op(inner_op, inner)
        last = block.last_op
        assert last is not None
        for argument, value, result in zip(block.args[1:], last.operands, op.results, strict=True):
            path = longest_path(body, argument, value, self.table)
            more = self._reduction(path or 0, loop.tripcount, value)
            self._finish(result, self._ready.get(value, 0) + more)
        for access, _ in self._memory[before:]:
            if access.writes:
                chain = max(
                    (
                        self._path(body, load, access)
                        for load, _ in self._memory[before:]
                        if not load.writes
                        and load.memory is access.memory
                        and meeting_distance(access, load, [loop], around) == 1
                    ),
                    default=0,
                )
                more = self._reduction(chain, loop.tripcount, access.op.operands[0])
                if more:
                    self._chain_cycles[access.memory] = self._chain_cycles.get(access.memory, 0) + more
                    self._stored[access.memory] += more
                    self._end = max(self._end, self._stored[access.memory])

    def _reduction(self, path: int, count: int, value: SSAValue) -> int:
        """Cycles that the other `count` - 1 steps of a chain add. Integers are added up as a tree, floats in order."""
        if not path or count == 1:
            return 0
        return (
            path * (count - 1)
            if is_floating(value)
            else self.table.cost("int_add", 32).cycles * (count - 1).bit_length()
        )

    def _access(self, access: MemoryAccess, unrolled: tuple[Loop, ...]) -> None:
        value = access.op.operands[0] if access.writes else access.op.results[0]
        if not is_local(access.memory):
            self._external[access.memory] = self._external.get(access.memory, 0) + prod(u.tripcount for u in unrolled)
            latency = self.latency(access.memory, access.writes)
            start = self._time(access.op.operands)
            if access.writes:
                self._end = max(self._end, start + 1 + latency)
            else:
                self._finish(value, start + latency)
            return
        self._memory.append((access, unrolled))
        ports = ports_of(access.memory, self.table)
        start = max(self._time(access.op.operands), self._stored.get(access.memory, 0))
        if access.writes:
            start = self._time(access.op.operands)
            self._stored[access.memory] = max(self._stored.get(access.memory, 0), start + ports.write_cycles)
            self._end = max(self._end, start + max(1, ports.write_cycles))
        else:
            self._finish(value, start + ports.read_cycles)

    def _copy(self, op: memref.CopyOp) -> None:
        """Element by element."""
        assert isinstance(op.source.type, MemRefType)
        start = max(self._end, self._stored.get(op.source, 0))
        self._end = start + op.source.type.element_count() + ports_of(op.source, self.table).read_cycles
        self._stored[op.destination] = self._end

    def _fifo(self, stream: SSAValue, start: int) -> int:
        name = self._name(stream)
        cycle = max(start, self._next.get(name, 0))
        self._next[name] = cycle + 1
        self._tokens[name] = self._tokens.get(name, 0) + 1
        self._end = max(self._end, cycle + 1)
        return cycle

    def _name(self, stream: SSAValue) -> str:
        return self.fifos[stream_behind(stream)]

    def _time(self, operands: Iterable[SSAValue]) -> int:
        return max((self._ready.get(value, 0) for value in operands), default=0)

    def _finish(self, value: SSAValue, cycle: int) -> None:
        self._ready[value] = max(self._ready.get(value, 0), cycle)
        self._end = max(self._end, cycle)

    # ---- how close iterations follow

    def _ports(self) -> int:
        """Cycles that the accesses to the busiest bank take."""
        reads: dict[SSAValue, int] = {}
        writes: dict[SSAValue, int] = {}
        for access, unrolled in self._memory:
            counts = writes if access.writes else reads
            counts[access.memory] = counts.get(access.memory, 0) + bank_accesses(access, unrolled)
        most = max(self._external.values(), default=0)
        for memory in {*reads, *writes}:
            ports = ports_of(memory, self.table).ports
            if ports:
                both = reads.get(memory, 0) + writes.get(memory, 0)
                most = max(most, ceil(both / ports), writes.get(memory, 0))
        return most

    def _recurrences(self, ops: Sequence[Operation]) -> Iterable[int]:
        """The interval that each value asks for which an iteration leaves to a later one."""
        for store, inner in self._memory:
            if not store.writes:
                continue
            for load, _ in self._memory:
                if load.writes or load.memory is not store.memory:
                    continue
                distance = meeting_distance(store, load, self.nest, inner)
                path = self._path(ops, load, store) + self._chain_cycles.get(store.memory, 0) if distance else 0
                if path:
                    yield ceil(path / distance)
        body = self.nest[-1].op.body.block
        assert body.last_op is not None
        for argument, value in zip(body.args[1:], body.last_op.operands, strict=True):
            path = longest_path(ops, argument, value, self.table)
            if path is not None:
                yield path

    def _path(self, ops: Sequence[Operation], load: MemoryAccess, store: MemoryAccess) -> int:
        """Cycles from a load to the next possible load of what the store makes of it; 0 when it makes nothing of it."""
        path = longest_path(ops, load.op.results[0], store.op.operands[0], self.table)
        if path is None:
            return 0
        ports = ports_of(store.memory, self.table)
        return max(1, path + ports.read_cycles + ports.write_cycles)


def longest_path(ops: Iterable[Operation], start: SSAValue, end: SSAValue, table: Operations) -> int | None:
    """Cycles that the slowest chain of operations from one value to another takes; None when there is none."""
    reached: dict[SSAValue, int] = {start: 0}
    stored: dict[SSAValue, int] = {}
    for op in (inner for outer in ops for inner in outer.walk()):
        access = access_of(op)
        if access is not None and is_local(access.memory):
            ports = ports_of(access.memory, table)
            if access.writes and op.operands[0] in reached:
                at = reached[op.operands[0]] + ports.write_cycles
                stored[access.memory] = max(stored.get(access.memory, 0), at)
            elif not access.writes and access.memory in stored:
                reached[op.results[0]] = stored[access.memory] + ports.read_cycles
            continue
        before = [reached[value] for value in op.operands if value in reached]
        if before and op.results:
            cycles = operation_cost(op, table).cycles
            for result in op.results:
                reached[result] = max(before) + cycles
    return reached.get(end)

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Which loops end at a run-time bound, so that everything that still runs finds what it reads.

A bounded loop does only its first iterations. Of each run of `period` tokens that it writes to a FIFO, the last ones
are gone, so the loop with the same period at the other end is bounded as well. What it no longer writes to a buffer is
not read: the loops that read it along the same dimension are bounded. The rows behind the bound are marked as such that
do not matter, so a sum over some of them is as good as one over all.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from math import prod

from streamtensor.dialects.dataflow import (
    ExternKernelOp,
    KernelOp,
    StreamReadOp,
    StreamWriteOp,
    TaskOp,
    stream_behind,
    task_around,
)
from streamtensor.dialects.dataflow.loops import constant_index, loop_of
from streamtensor.ir import arith, memref, scf
from streamtensor.ir.builtin import ModuleOp
from streamtensor.ir.core import Operation, SSAValue, VerifyException
from streamtensor.transforms.lowering.addresses import Access, accesses, loops_around
from streamtensor.transforms.lowering.external_memory import ExternalMemory

_Token = StreamReadOp | StreamWriteOp


class UnboundedError(Exception):
    """Why the loops of one bound can't be bounded."""


@dataclass(frozen=True)
class Bound:
    """The rows of the dimension that a loop runs over, and the input that says how many of them count."""

    of: str
    rows: int


@dataclass
class BoundedLoops:
    """The loops of a stream-level module that the marks of its memory bound.

    `loops` gives the bound of each, `reasons` why there is none for an input's name. Loops that fill a buffer of which
    a part is no longer read are bounded too, if that works.
    """

    module: ModuleOp
    memory: ExternalMemory
    loops: dict[scf.ForOp, Bound] = field(default_factory=dict[scf.ForOp, Bound])
    reasons: dict[str, str] = field(default_factory=dict[str, str])

    def __post_init__(self) -> None:
        self._accesses: dict[SSAValue, list[Access]] = {}
        self._by_op: dict[Operation, list[Access]] = {}
        self._ends: dict[SSAValue, list[_Token]] = {}
        self._by_hand: set[SSAValue] = set()
        for kernel in [op for op in self.module.walk() if isinstance(op, KernelOp)]:
            for op in kernel.body.walk():
                if isinstance(op, _Token):
                    self._ends.setdefault(stream_behind(op.stream), []).append(op)
                elif isinstance(op, ExternKernelOp):
                    self._by_hand.update(stream_behind(value) for value in op.operands)
                else:
                    for access in accesses(op):
                        self._by_op.setdefault(op, []).append(access)
                        self._accesses.setdefault(self.memory.find(access.buffer), []).append(access)
        for name in dict.fromkeys(bound.of for _, bound in self._seeds()):
            self._bound(name)

    def _bound(self, name: str) -> None:
        """Bounds all that belongs to the input `name`, with the wishes if that works."""
        for wishes in (True, False):
            found = dict(self.loops)
            try:
                self._close([(loop, bound) for loop, bound in self._seeds() if bound.of == name], found, wishes)
            except UnboundedError as reason:
                self.reasons[name] = str(reason)
            else:
                self.loops = found
                self.reasons.pop(name, None)
                return

    def _seeds(self) -> list[tuple[scf.ForOp, Bound]]:
        """The loops that run over the marked dimension of a buffer outside the chip."""
        seeds: list[tuple[scf.ForOp, Bound]] = []
        for buffer, found in self._accesses.items():
            mark = self.memory.mark(buffer)
            for access in found if mark is not None else ():
                loop = _loop_with_span(access, mark.span) if mark is not None else None
                if loop is not None and mark is not None:
                    seeds.append((loop, Bound(mark.of, mark.rows)))
        return seeds

    def _close(self, waiting: list[tuple[scf.ForOp, Bound]], found: dict[scf.ForOp, Bound], wishes: bool) -> None:
        while waiting:
            loop, bound = waiting.pop()
            known = found.get(loop)
            if known == bound:
                continue
            if known is not None:
                raise UnboundedError(f"a loop of task {_task(loop)} runs over rows of {known.of} and of {bound.of}")
            found[loop] = bound
            _check_uses(loop)
            others = [*self._other_ends(loop), *self._readers(loop), *(self._fillers(loop) if wishes else ())]
            waiting += [(other, bound) for other in others]

    def _other_ends(self, loop: scf.ForOp) -> list[scf.ForOp]:
        """The loops at the other ends of the FIFOs that `loop` reads or writes."""
        streams = {stream_behind(op.stream): type(op) for op in loop.walk() if isinstance(op, _Token)}
        others: list[scf.ForOp] = []
        for stream, kind in streams.items():
            ends = self._ends[stream]
            period = _periods([op for op in ends if isinstance(op, kind)]).get(loop)
            if period is None or stream in self._by_hand:
                raise UnboundedError(f"a FIFO of task {_task(loop)} is also used outside of the loop")
            matching = _periods([op for op in ends if not isinstance(op, kind)])
            other = next((other for other, tokens in matching.items() if tokens == period), None)
            if other is None:
                raise UnboundedError(
                    f"task {_task(loop)} has a loop over {period} tokens, the task next to it has none"
                )
            others.append(other)
        return others

    def _readers(self, loop: scf.ForOp) -> list[scf.ForOp]:
        """The loops that read what `loop` writes along the dimension that it runs over."""
        others: list[scf.ForOp] = []
        for access in self._inside(loop):
            if access.kind == "read":
                continue
            if access.address is None:
                raise UnboundedError(f"task {_task(loop)} writes at an address that is no sum over loops")
            if not any(term.loop is loop for term in access.address.terms):
                self._check_reduction(loop, access)
                continue
            span = access.address.span(loop)
            if span is None:
                raise UnboundedError(f"task {_task(loop)} writes overlapping parts of a buffer")
            self._check_host(loop, access, span[1])
            for read in self._accesses[self.memory.find(access.buffer)]:
                if read.kind == "read":
                    other = _loop_with_span(read, span[1])
                    if other is None:
                        raise UnboundedError(f"task {_task(read.op)} reads all that task {_task(loop)} writes")
                    others.append(other)
        return others

    def _fillers(self, loop: scf.ForOp) -> list[scf.ForOp]:
        """The loops that write what `loop` reads along the dimension that it runs over: they may write less."""
        others: list[scf.ForOp] = []
        for access in self._inside(loop):
            span = access.address.span(loop) if access.kind == "read" and access.address is not None else None
            for write in self._accesses[self.memory.find(access.buffer)] if span is not None else ():
                other = _loop_with_span(write, span[1]) if write.kind == "write" and span is not None else None
                if other is not None:
                    others.append(other)
        return others

    def _inside(self, loop: scf.ForOp) -> list[Access]:
        return [access for op in loop.walk() for access in self._by_op.get(op, ())]

    def _check_reduction(self, loop: scf.ForOp, write: Access) -> None:
        """What is read behind the loop is a sum or the like: the loop reads it too, and does not only overwrite it."""
        if isinstance(write.buffer.owner, memref.AllocOp) and loop in loops_around(write.buffer.owner):
            return
        reads = [a for a in self._accesses[self.memory.find(write.buffer)] if a.kind == "read"]
        if reads and not any(loop in loops_around(read.op) for read in reads):
            raise UnboundedError(f"task {_task(loop)} keeps what its last iteration writes")

    def _check_host(self, loop: scf.ForOp, access: Access, span: int) -> None:
        mark = self.memory.mark(access.buffer)
        reader = self.memory.reader(access.buffer)
        if mark is not None and mark.span != span:
            raise UnboundedError(f"task {_task(loop)} bounds another dimension of a result than the one that is marked")
        if mark is None and reader:
            raise UnboundedError(f"{reader} reads all that task {_task(loop)} writes")


def rows_of(loop: scf.ForOp, bound: Bound) -> Fraction:
    """The rows that one iteration of a bounded loop stands for."""
    return Fraction(bound.rows, loop_of(loop).tripcount)


def _loop_with_span(access: Access, span: int) -> scf.ForOp | None:
    """The loop that runs over `span` numbers of the buffer in equal steps."""
    for term in access.address.terms if access.address is not None else ():
        if term.loop is not None and term.trips > 1 and access.address is not None:
            found = access.address.span(term.loop)
            if found is not None and found[1] == span:
                return term.loop
    return None


def _periods(ops: list[_Token]) -> dict[scf.ForOp, int]:
    """The loops with more than one iteration around all accesses of one end of a FIFO: tokens of one run of each.

    Empty when a token is read or written under a condition, or in a loop that is not static.
    """
    counts: dict[scf.ForOp, int] = {}
    for op in ops:
        loops = loops_around(op)
        if any(_is_conditional(inner) for inner in (op, *loops)):
            return {}
        try:
            trips = [loop_of(loop).tripcount for loop in loops]
        except VerifyException:
            return {}
        for depth, loop in enumerate(loops):
            counts[loop] = counts.get(loop, 0) + prod(trips[: depth + 1])
    return {
        loop: count
        for loop, count in counts.items()
        if loop_of(loop).tripcount > 1 and all(loop in loops_around(op) for op in ops)
    }


def _is_conditional(op: Operation) -> bool:
    return not isinstance(op.parent_op(), scf.ForOp | TaskOp)


def _check_uses(loop: scf.ForOp) -> None:
    """The iteration number may make addresses and may be compared with 0: nothing waits for the last iteration."""
    waiting: list[SSAValue] = [loop.body.block.args[0]]
    while waiting:
        for use in waiting.pop().uses:
            op = use.operation
            if isinstance(op, arith.CmpiOp):
                other = op.operands[1 - use.index]
                if op.predicate.value.data != 0 or constant_index(other) != 0:
                    raise UnboundedError(f"task {_task(loop)} compares its index with more than 0")
            elif isinstance(op, arith.AddiOp | arith.MuliOp | arith.DivSIOp):
                waiting.append(op.result)
            elif isinstance(op, scf.ForOp) and use.index < 3:
                raise UnboundedError(f"task {_task(loop)} has a loop whose bounds change")


def _task(op: Operation) -> str:
    task = task_around(op)
    return task.task_name if task is not None else "?"

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""fold-itensors: a task whose tokens another task takes one by one becomes part of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import prod
from typing import TypeAlias

from streamtensor.dialects.dataflow import (
    ITensorEmptyOp,
    ITensorReadOp,
    ITensorType,
    ITensorWriteOp,
    KernelOp,
    TaskOp,
    YieldOp,
    task_around,
)
from streamtensor.dialects.dataflow.loops import Loop, loop_of
from streamtensor.ir import arith, linalg, scf
from streamtensor.ir.builtin import ModuleOp
from streamtensor.ir.core import Block, BlockArgument, Context, ModulePass, Operation, Region, SSAValue
from streamtensor.ir.locations import copy_location
from streamtensor.transforms.build import sort_topologically
from streamtensor.transforms.tiling.axes import is_contraction
from streamtensor.transforms.tiling.default_tiling import loop_extents
from streamtensor.transforms.tiling.kernel_choices import KERNEL, carry

Access: TypeAlias = ITensorReadOp | ITensorWriteOp


@dataclass(frozen=True)
class FoldITensorsPass(ModulePass):
    """t = task a { for tiles { v = f(..); write v -> x } }; task b { for tiles { u = read x; write g(u, ..) -> y } }
    -->  task ab { for tiles { v = f(..); write g(v, ..) -> y } }

    The FIFO between the two goes away, and the buffers at both its ends become one. One of the two tasks does all
    its reads and writes in one loop body, under the same loops as the other's access to the stream (elementwise
    operations: a bias behind a product, a scale before a row maximum); the other may have further loops inside. When
    others read the stream as well, it is still written for them.

    Right because both loops run through the same tokens in the same order, so that the value that is written is the
    one that is read. A pair is left alone when tokens also go from the one to the other in another way (through a
    third task the merged one would wait for itself), and when the merged task would do more operations than `share`
    percent of what the largest task of the kernel does: it would slow the design down.

    Tasks that load, store or convert are left alone: they run ahead of the computation, and have no buffer that could
    be saved. With `products_apart` so are products with what follows them: of a wide product a tile is made while the
    one before goes through the elementwise operations behind it, which would else come after it, each at its own width.
    """

    name = "fold-itensors"

    share: int = 105
    products_apart: bool = False

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for kernel in [k for k in op.walk() if isinstance(k, KernelOp)]:
            work = {task: _work(task) for task in _tasks(kernel)}
            limit = max(work.values(), default=0) * self.share // 100
            while (pair := next(self._pairs(kernel, work, limit), None)) is not None:
                merged = pair.merge()
                del work[pair.producer], work[pair.consumer]
                work[merged] = _work(merged)
                sort_topologically(kernel.body.block)

    def _pairs(self, kernel: KernelOp, work: Mapping[TaskOp, int], limit: int) -> Iterator[_Pair]:
        pairs = _pairs(kernel, work, limit)
        return (pair for pair in pairs if not _multiplies(pair.producer)) if self.products_apart else pairs


def _tasks(kernel: KernelOp) -> list[TaskOp]:
    """The tasks that compute."""
    return [
        task
        for task in kernel.body.block.ops
        if isinstance(task, TaskOp) and any(isinstance(op, linalg.GenericOp) for op in task.walk())
    ]


def _multiplies(task: TaskOp) -> bool:
    return any(isinstance(op, linalg.GenericOp) and is_contraction(op) for op in task.walk())


def _work(task: TaskOp) -> int:
    """Iterations of the bodies of all linalg operations."""
    return sum(
        prod(loop.tripcount for loop in _loops_around(op)) * prod(loop_extents(op))
        for op in task.walk()
        if isinstance(op, linalg.GenericOp)
    )


def _pairs(kernel: KernelOp, work: Mapping[TaskOp, int], limit: int) -> Iterator[_Pair]:
    """The pairs that the law allows to merge, in the order of the program; `work` has the tasks that compute."""
    for producer in [t for t in kernel.body.block.ops if isinstance(t, TaskOp) and t in work]:
        for number, result in enumerate(producer.results_):
            for read in [use.operation for use in result.uses]:
                consumer = task_around(read)
                if not isinstance(read, ITensorReadOp) or consumer is None or consumer not in work:
                    continue
                if work[producer] + work[consumer] > limit or _another_way(producer, consumer, read):
                    continue
                pair = _pair(producer, number, consumer, read)
                if pair is not None:
                    yield pair


def _another_way(producer: TaskOp, consumer: TaskOp, read: ITensorReadOp) -> bool:
    """Whether something else than `read` connects the two tasks, in one step or in several."""
    seen: set[Operation] = set()
    waiting: list[Operation] = [producer]
    while waiting:
        for result in waiting.pop().results:
            for use in result.uses:
                if use.operation is read:
                    continue
                user = task_around(use.operation) or use.operation
                if user is consumer:
                    return True
                if user not in seen:
                    seen.add(user)
                    waiting.append(user)
    return False


def _pair(producer: TaskOp, number: int, consumer: TaskOp, read: ITensorReadOp) -> _Pair | None:
    write = _write_of(producer, number)
    if write is None:
        return None
    spaces = [_space(_loops_around(op)) for op in (write, read)]
    if spaces[0] != spaces[1]:
        return None
    only = sum(1 for _ in producer.results_[number].uses) == 1
    drop = number if only else None
    if _is_flat(consumer, len(spaces[0])) and _shares_tokens(producer, write, consumer):
        return _Pair(producer, write, consumer, read, drop, is_read_inside=True)
    if _is_flat(producer, len(spaces[0])) and _shares_tokens(consumer, read, producer):
        return _Pair(producer, write, consumer, read, drop, is_read_inside=False)
    return None


def _reads(task: TaskOp) -> dict[SSAValue, ITensorReadOp]:
    """The reads of a task by what they read."""
    return {op.source: op for op in task.walk() if isinstance(op, ITensorReadOp)}


def _shares_tokens(host: TaskOp, access: Operation, guest: TaskOp) -> bool:
    """Whether the host has taken the same token already, before `access`, of every itensor that both read.

    A task has one cursor in an itensor: the merged one reads each token once, for both.
    """
    mine = _reads(host)
    block = access.parent
    assert block is not None
    order = {op: number for number, op in enumerate(block.ops)}
    both = [mine[source] for source in _reads(guest) if source in mine]
    return all(read in order and order[read] < order[access] for read in both)


def _loops_around(op: Operation) -> tuple[Loop, ...]:
    """The loops between the task and `op`, outermost first."""
    loops: list[Loop] = []
    current = op.parent_op()
    while current is not None and not isinstance(current, TaskOp):
        if isinstance(current, scf.ForOp):
            loops.append(loop_of(current))
        current = current.parent_op()
    return tuple(reversed(loops))


def _space(loops: tuple[Loop, ...]) -> list[tuple[int, int]]:
    return [(loop.tripcount, loop.step) for loop in loops]


def _write_of(task: TaskOp, number: int) -> ITensorWriteOp | None:
    """The only write to a result of `task`, when every loop around it just carries the destination on."""
    value: SSAValue = task.body.block.args[number]
    while True:
        uses = list(value.uses)
        if len(uses) != 1:
            return None
        user = uses[0].operation
        if isinstance(user, ITensorWriteOp):
            return user
        if not isinstance(user, scf.ForOp):
            return None
        value = user.body.block.args[1 + list(user.iter_args).index(value)]


def _is_flat(task: TaskOp, depth: int) -> bool:
    """Whether a task is `depth` loops, one directly inside the other, with all reads and writes in the innermost."""
    block = task.body.block
    for _ in range(depth):
        loops = [op for op in block.ops if not isinstance(op, arith.ConstantOp | scf.YieldOp | YieldOp)]
        if len(loops) != 1 or not isinstance(loops[0], scf.ForOp):
            return False
        loop_of(loops[0])
        block = loops[0].body.block
    accesses = [op for op in task.walk() if isinstance(op, Access)]
    written = [op.dest for op in accesses if isinstance(op, ITensorWriteOp)]
    return (
        all(op.parent is block for op in accesses)
        and len(set(written)) == len(task.results_)
        and all(isinstance(dest, BlockArgument) and dest.block is block for dest in written)
    )


@dataclass
class _Pair:
    """Two tasks to merge. The flat one, the guest, goes into the host's loops, where the host writes or reads.

    drop: the producer's result that nobody else reads. is_read_inside: the consumer is the guest.
    """

    producer: TaskOp
    write: ITensorWriteOp
    consumer: TaskOp
    read: ITensorReadOp
    drop: int | None
    is_read_inside: bool
    values: dict[SSAValue, SSAValue] = field(default_factory=dict[SSAValue, SSAValue])
    extra: list[SSAValue] = field(default_factory=list[SSAValue])

    @property
    def host(self) -> TaskOp:
        """The task whose loops stay."""
        return self.producer if self.is_read_inside else self.consumer

    @property
    def guest(self) -> TaskOp:
        """The task that goes into them."""
        return self.consumer if self.is_read_inside else self.producer

    def merge(self) -> TaskOp:
        """Replaces the two tasks by one, at the place of the consumer, and returns it."""
        host, guest = self.host, self.guest
        kept = {task: [n for n in range(len(task.results_)) if not self._dropped(task, n)] for task in (host, guest)}
        inits = [task.inits[n] for task in (host, guest) for n in kept[task]]
        block = Block(arg_types=[init.type for init in inits])
        for task in (host, guest):  # first, where passes look for constants
            for op in task.body.block.ops:
                if isinstance(op, arith.ConstantOp):
                    block.add_op(op.clone(self.values))
        own = block.args[: len(kept[host])]
        self.values |= {host.body.block.args[n]: value for n, value in zip(kept[host], own, strict=True)}
        self.extra = list(block.args[len(kept[host]) :])
        self._copy(host.body.block, block)
        merged = TaskOp(host.task_name, inits, Region(block))
        copy_location(self._heavier(), [merged])
        carry(self._heavier(), [merged], (KERNEL,))  # choices for that kernel decide most of what it costs
        parent = self.consumer.parent
        assert parent is not None
        parent.insert_op_before(merged, self.consumer)
        names = iter(merged.results_)
        for task in (host, guest):
            for n in kept[task]:
                task.results_[n].replace_all_uses_with(next(names))
        dropped = self.producer.inits[self.drop].owner if self.drop is not None else None
        for task in (self.consumer, self.producer):
            task.detach()
            task.erase()
        if isinstance(dropped, ITensorEmptyOp):
            dropped.detach()
            dropped.erase()
        return merged

    def _heavier(self) -> TaskOp:
        return max((self.host, self.guest), key=_work)

    def _dropped(self, task: TaskOp, number: int) -> bool:
        return task is self.producer and number == self.drop

    def _copy(self, source: Block, target: Block) -> None:
        """Appends the host's operations to `target`, with the guest's where the stream was."""
        around = {loop.op for loop in _loops_around(self.write if self.is_read_inside else self.read)}
        for op in source.ops:
            if isinstance(op, scf.ForOp) and op in around:
                self._copy_loop(op, target)
            elif op is self.write:
                if self.drop is None:
                    target.add_op(op.clone(self.values))
                self.values[self.read.result] = self._value(self.write.value)
                self._copy_guest(target)
            elif op is self.read:
                self._copy_guest(target)
                self.values[self.read.result] = self._value(self.write.value)
            elif isinstance(op, scf.YieldOp | YieldOp):
                kept = [value for value in op.arguments if not self._is_dropped_chain(value)]
                yielded = [*(self._value(value) for value in kept), *self.extra]
                target.add_op(scf.YieldOp(*yielded) if isinstance(op, scf.YieldOp) else YieldOp(*yielded))
            elif not (isinstance(op, arith.ConstantOp) and op.result in self.values):
                target.add_op(op.clone(self.values))

    def _copy_loop(self, op: scf.ForOp, target: Block) -> None:
        kept = [n for n, result in enumerate(op.results) if not self._is_dropped_chain(result)]
        carried = [*(self._value(op.iter_args[n]) for n in kept), *self.extra]
        variable, *arguments = op.body.block.args
        inner = Block(arg_types=[variable.type, *(value.type for value in carried)])
        self.values[variable] = inner.args[0]
        self.values |= {arguments[n]: inner.args[1 + place] for place, n in enumerate(kept)}
        self.extra = list(inner.args[1 + len(kept) :])
        self._copy(op.body.block, inner)
        lower, upper, step = (self._value(bound) for bound in (op.lb, op.ub, op.step))
        loop = scf.ForOp(lower, upper, step, carried, Region(inner))
        loop.attributes = dict(op.attributes)
        target.add_op(loop)
        self.values |= {op.results[n]: loop.results[place] for place, n in enumerate(kept)}
        self.extra = list(loop.results[len(kept) :])

    def _copy_guest(self, target: Block) -> None:
        """Appends the guest's innermost body; its destinations become what the host's loops carry for it."""
        guest = self.guest
        loops = _loops_around(self.read if self.is_read_inside else self.write)
        hosts = _loops_around(self.write if self.is_read_inside else self.read)
        block = loops[-1].op.body.block if loops else guest.body.block
        for mine, its in zip(loops, hosts, strict=True):
            self.values[mine.variable] = self.values[its.variable]
        destinations = block.args[1:] if loops else block.args
        places = [n for n in range(len(guest.results_)) if not self._dropped(guest, n)]
        taken = _reads(self.host)
        self.values |= {destinations[n]: value for n, value in zip(places, self.extra, strict=True)}
        for op in block.ops:
            if op is self.read or (op is self.write and self.drop is not None):
                continue
            if isinstance(op, ITensorReadOp) and op.source in taken:
                self.values[op.result] = self._value(taken[op.source].result)
            elif isinstance(op, scf.YieldOp | YieldOp):
                self.extra = [self._value(op.arguments[n]) for n in places]
            elif not (isinstance(op, arith.ConstantOp) and op.result in self.values):
                target.add_op(op.clone(self.values))

    def _is_dropped_chain(self, value: SSAValue) -> bool:
        """Whether `value` is the dropped stream, inside the host."""
        if self.drop is None or not self.is_read_inside or not isinstance(value.type, ITensorType):
            return False
        while not isinstance(value.owner, ITensorWriteOp):
            owner = value.owner
            if not isinstance(owner, scf.ForOp):
                return False
            last = owner.body.block.last_op
            assert isinstance(last, scf.YieldOp)
            value = last.arguments[list(owner.results).index(value)]  # pyright: ignore[reportArgumentType]
        return value.owner is self.write

    def _value(self, value: SSAValue) -> SSAValue:
        return self.values.get(value, value)

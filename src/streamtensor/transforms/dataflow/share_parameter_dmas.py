# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""share-parameter-dmas: one DMA loads the small parameters of a kernel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import TypeAlias, TypeGuard

from streamtensor.algebra.phases import phases
from streamtensor.dialects.dataflow import (
    ITensorInstanceOp,
    ITensorReadOp,
    ITensorType,
    KernelOp,
    TaskOp,
    YieldOp,
    consumers,
)
from streamtensor.dialects.dataflow.loops import loop_of
from streamtensor.ir import arith, scf
from streamtensor.ir.builtin import IndexType, ModuleOp
from streamtensor.ir.core import Block, Context, ModulePass, Operation, Region, Rewriter, SSAValue
from streamtensor.ir.locations import copy_location
from streamtensor.transforms.build import IndexConstants, UniqueNames
from streamtensor.transforms.dataflow.edges import Process
from streamtensor.transforms.parameters import parameter_memory
from streamtensor.transforms.resources.size_streams import kernel_programs

NAME = "load_parameters"

Rounds: TypeAlias = tuple[int, int]
"""(trips, step) of a loop that several loads share; (1, 1): there is none."""


@dataclass(frozen=True)
class ShareParameterDmasPass(ModulePass):
    """a = task { for i { write w[i] } }; b = task { for i { write v[i] } }  -->
    a, b = task "load_parameters" { for i { write w[i] }; for i { write v[i] } }

    The tasks that load a parameter of fewer than `bytes` bytes (each slice of it) become one, which loads one
    parameter after the other in the order in which they are wanted: by the phases of their readers (`algebra.phases`),
    and in a phase by the places of these in the kernel. In a phase all readers work at the same time. So what is loaded
    again and again there (a bias for each tile of rows of a prompt) is loaded in turn, a round of each: such loads
    share their outermost loop, also with those that load something new in each round. Where there are two such loops in
    a phase there is a second task, since neither could wait for the other; and those of the first phase have their own:
    where layers follow each other, the first phase of one is at work beside the last phase of the one before. All else
    is loaded once, and waits in its FIFO. With `bytes` 0 nothing changes.

    Right because a load depends on nothing but memory that nobody writes, so it may run at any time, and each FIFO gets
    the tokens that it got, in the same order. What one FIFO can't take yet holds up all that come after it, so depths
    have to be chosen with this task in the graph: before size-streams.
    """

    name = "share-parameter-dmas"

    bytes: int = 0

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        if not self.bytes:
            return
        for kernel in [k for k in op.walk() if isinstance(k, KernelOp)]:
            parameters = parameter_memory(op, kernel)
            loads = _loads(kernel, parameters)
            names = UniqueNames()
            for task in kernel.body.block.ops:
                if isinstance(task, TaskOp):
                    names.of(task.task_name)
            small = _small(loads, self.bytes)
            for parts in _shares(kernel, small, [value for task in loads for value in task.inits]):
                if sum(len(part.tasks) for part in parts) > 1:
                    _merge(kernel, names.of(NAME), parts)


@dataclass(frozen=True)
class _Part:
    """Loads that come one after the other, all of them in each round of a loop."""

    rounds: Rounds
    tasks: tuple[TaskOp, ...]


def _shares(kernel: KernelOp, loads: Sequence[TaskOp], inits: Sequence[SSAValue]) -> list[list[_Part]]:
    """What each of the new tasks does, in order; `inits` are the FIFOs of all parameters."""
    block = kernel.body.block
    fifos = {value.owner.fifo_name for value in inits if _is_instance(value.owner)}
    when = phases(kernel_programs(kernel)[0], fifos)

    def need(task: TaskOp) -> tuple[int, int]:
        readers = [reader for result in task.results_ for reader in consumers(result)]
        known = [reader for reader in readers if isinstance(reader, Process)]
        return (
            min((when[reader.task_name] for reader in known), default=0),
            min((block.get_operation_index(reader) for reader in known), default=0),
        )

    by_phase: dict[int, list[TaskOp]] = {}
    for task in sorted(loads, key=need):
        by_phase.setdefault(need(task)[0], []).append(task)
    shares: list[list[_Part]] = [[]]
    first: list[list[_Part]] = []
    for phase, tasks in enumerate(by_phase.values()):
        again = {_rounds(task) for task in tasks if _repeats(task)}
        shares[0] += [_Part((1, 1), (task,)) for task in tasks if _rounds(task) not in again]
        for number, rounds in enumerate(sorted(again)):
            part = _Part(rounds, tuple(task for task in tasks if _rounds(task) == rounds))
            if not phase:
                first.append([part])
                continue
            if number == len(shares):
                shares.append([])
            shares[number].append(part)
    return [*shares, *first]


def _loads(kernel: KernelOp, parameters: Mapping[SSAValue, str]) -> dict[TaskOp, set[str]]:
    """The tasks that do nothing but to load parameters into FIFOs, and the names of these."""
    found: dict[TaskOp, set[str]] = {}
    for task in kernel.body.block.ops:
        if not isinstance(task, TaskOp) or not task.inits:
            continue
        memory = [value for op in task.walk() for value in op.operands if value in kernel.body.block.args]
        reads = any(isinstance(op, ITensorReadOp) for op in task.walk())
        known = all(value in parameters for value in memory) and all(_is_instance(v.owner) for v in task.inits)
        if memory and known and not reads:
            found[task] = {parameters[value] for value in memory}
    return found


def _small(loads: Mapping[TaskOp, set[str]], limit: int) -> list[TaskOp]:
    """The loads of parameters of which each load, where slices have one each, has less than `limit` bytes."""
    large = {name for task, names in loads.items() if _bytes(task) >= limit for name in names}
    return [task for task, names in loads.items() if names.isdisjoint(large)]


def _is_instance(owner: object) -> TypeGuard[ITensorInstanceOp]:
    return isinstance(owner, ITensorInstanceOp)


def _bytes(task: TaskOp) -> int:
    """Bytes of what a load goes through, once or again and again: every FIFO that it writes gets the same tokens."""
    return max(
        ceil(itensor.layout.num_tokens // itensor.layout.repeats * itensor.token_bits / 8)
        for itensor in (value.type for value in task.inits)
        if isinstance(itensor, ITensorType)
    )


def _repeats(task: TaskOp) -> bool:
    """Whether a load goes through what it loads more than once."""
    return any(value.type.layout.repeats > 1 for value in task.inits if isinstance(value.type, ITensorType))


def _rounds(task: TaskOp) -> Rounds:
    loop = _outermost(task)
    return (loop_of(loop).tripcount, loop_of(loop).step) if loop is not None else (1, 1)


def _outermost(task: TaskOp) -> scf.ForOp | None:
    """The only loop at the top of a task."""
    loops = [op for op in task.body.block.ops if isinstance(op, scf.ForOp)]
    rest = [op for op in task.body.block.ops if not isinstance(op, scf.ForOp | arith.ConstantOp | YieldOp)]
    return loops[0] if len(loops) == 1 and not rest else None


def _merge(kernel: KernelOp, name: str, parts: Sequence[_Part]) -> None:
    """Puts one task in the place of the first one."""
    tasks = [task for part in parts for task in part.tasks]
    inits = [value for task in tasks for value in task.inits]
    block = Block(arg_types=[value.type for value in inits])
    constants = IndexConstants(block)
    left = iter(block.args)
    values: list[SSAValue] = []
    for part in parts:
        given = [next(left) for task in part.tasks for _ in task.inits]
        if part.rounds == (1, 1):
            bodies: list[tuple[Block, list[SSAValue]]] = [
                (task.body.block, list(task.body.block.args)) for task in part.tasks
            ]
            values += _in_sequence(block, constants, bodies, given, {})
        else:
            values += _in_rounds(block, constants, part, given)
    block.add_op(YieldOp(*values))
    merged = TaskOp(name, inits, Region(block))
    copy_location(kernel, [merged])
    first = next(op for op in kernel.body.block.ops if op in tasks)
    for value in inits:
        assert isinstance(value.owner, Operation)
        value.owner.detach()
        kernel.body.block.insert_op_before(value.owner, first)
    kernel.body.block.insert_op_before(merged, first)
    results = iter(merged.results_)
    for task in tasks:
        for result in task.results_:
            result.replace_all_uses_with(next(results))
        Rewriter.erase_op(task)


def _in_rounds(block: Block, constants: IndexConstants, part: _Part, given: Sequence[SSAValue]) -> list[SSAValue]:
    """for i { a }; for i { b }  -->  for i { a; b }; gives what the loop carries out."""
    trips, step = part.rounds
    inside = Block(arg_types=[IndexType(), *(value.type for value in given)])
    bodies: list[tuple[Block, list[SSAValue]]] = []
    outer: dict[SSAValue, SSAValue] = {}
    for task in part.tasks:
        loop = _outermost(task)
        assert loop is not None
        for op in task.body.block.ops:
            if isinstance(op, arith.ConstantOp):
                outer[op.result] = constants.clone(op)
        body = loop.body.block
        outer[body.args[0]] = inside.args[0]
        bodies.append((body, list(body.args[1:])))
    values = _in_sequence(inside, constants, bodies, list(inside.args[1:]), outer)
    inside.add_op(scf.YieldOp(*values))
    made = scf.ForOp(constants[0], constants[trips * step], constants[step], list(given), Region(inside))
    block.add_op(made)
    return list(made.results)


def _in_sequence(
    block: Block,
    constants: IndexConstants,
    bodies: Sequence[tuple[Block, list[SSAValue]]],
    given: Sequence[SSAValue],
    outer: Mapping[SSAValue, SSAValue],
) -> list[SSAValue]:
    """Appends copies of `bodies`, each with its arguments for what it carries, which are `given` in their order."""
    mapping = dict(outer)
    left = iter(given)
    carried: list[SSAValue] = []
    for body, arguments in bodies:
        mapping.update((argument, next(left)) for argument in arguments)
        for op in body.ops:
            if isinstance(op, arith.ConstantOp):
                mapping[op.result] = constants.clone(op)
            elif op is body.last_op:
                carried += [mapping.get(value, value) for value in op.operands]
            else:
                block.add_op(op.clone(mapping))
    return carried

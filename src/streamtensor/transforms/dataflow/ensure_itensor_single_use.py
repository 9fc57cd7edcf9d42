# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""ensure-itensor-single-use: an itensor with several readers is written several times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from streamtensor.dialects.dataflow import (
    ExternKernelOp,
    ITensorEmptyOp,
    ITensorReadOp,
    ITensorType,
    ITensorWriteOp,
    KernelOp,
    TaskOp,
    View,
    YieldOp,
    task_around,
)
from streamtensor.ir import scf
from streamtensor.ir.builtin import ModuleOp
from streamtensor.ir.core import Block, Context, ModulePass, Operation, Region, Rewriter, SSAValue, Use
from streamtensor.transforms.dataflow.extern_tasks import give_own_fifos


@dataclass(frozen=True)
class EnsureITensorSingleUsePass(ModulePass):
    """a = task { write x }; b reads a; c reads a  -->  a1, a2 = task { write x; write x }; b reads a1; c reads a2

    The producer writes one FIFO for each reader, so that no fork task is left at run time; only behind a hand-written
    kernel, which writes one FIFO, there is one. Right because each reader takes every token once, in the order of the
    type.
    """

    name = "ensure-itensor-single-use"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for kernel in [k for k in op.walk() if isinstance(k, KernelOp)]:
            for view in reversed([v for v in kernel.body.block.ops if isinstance(v, View)]):
                _own_views(view)
            give_own_fifos(kernel)
            for task in [t for t in kernel.body.block.ops if isinstance(t, TaskOp)]:
                _split(task)


def _ends(value: SSAValue) -> list[list[Use]]:
    """The uses of `value`, those together that share a FIFO: all reads of a task, a port, or a view with one reader."""
    found: dict[Operation, list[Use]] = {}
    for use in value.uses:
        op = use.operation
        end = task_around(op) if isinstance(op, ITensorReadOp) else op
        if isinstance(end, TaskOp | ExternKernelOp | View):
            found.setdefault(end, []).append(use)
    if len(found) < 2:
        return list(found.values())
    block = next(iter(found)).parent
    assert block is not None
    order = {op: number for number, op in enumerate(block.ops)}
    return [found[end] for end in sorted(found, key=lambda end: order[end])]


def _own_views(view: View) -> None:
    """v = view x; b reads v; c reads v  -->  v = view x; v' = view x; b reads v; c reads v'"""
    ends = _ends(view.result)
    if not ends:
        Rewriter.erase_op(view)
    for uses in ends[1:]:
        copy = view.clone()
        parent = view.parent
        assert parent is not None
        parent.insert_op_after(copy, view)
        _point_to(uses, copy.result)


def _point_to(uses: Sequence[Use], value: SSAValue) -> None:
    for use in uses:
        use.operation.operands[use.index] = value


def _split(task: TaskOp) -> None:
    copies = [max(1, len(_ends(r))) if isinstance(r.type, ITensorType) else 1 for r in task.results_]
    if all(count == 1 for count in copies):
        return
    parent = task.parent
    assert parent is not None
    inits: list[SSAValue] = []
    for init, count in zip(task.inits, copies, strict=True):
        inits.append(init)
        for _ in range(count - 1):
            assert isinstance(init.type, ITensorType)
            empty = ITensorEmptyOp(init.type)
            parent.insert_op_before(empty, task)
            inits.append(empty.result)
    values: dict[SSAValue, list[SSAValue]] = {}
    block = Block(arg_types=[init.type for init in inits])
    _bind(values, list(task.body.block.args), copies, list(block.args))
    _copy(task.body.block, block, values, {})
    new = TaskOp(task.task_name, inits, Region(block))
    new.attributes = dict(task.attributes)
    parent.insert_op_before(new, task)
    position = 0
    for result, count in zip(list(task.results_), copies, strict=True):
        mine = new.results_[position : position + count]
        position += count
        for uses, copy in zip(_ends(result), mine, strict=False):
            _point_to(uses, copy)
        result.replace_all_uses_with(mine[0])
    task.detach()
    task.erase()


def _bind(values: dict[SSAValue, list[SSAValue]], old: list[SSAValue], copies: list[int], new: list[SSAValue]) -> None:
    rest = iter(new)
    for value, count in zip(old, copies, strict=True):
        values[value] = [next(rest) for _ in range(count)]


def _copy(
    source: Block, target: Block, values: dict[SSAValue, list[SSAValue]], single: dict[SSAValue, SSAValue]
) -> None:
    """Appends the operations of `source` to `target`; a value in `values` stands for all its copies."""

    def expand(value: SSAValue) -> list[SSAValue]:
        return values[value] if value in values else [single.get(value, value)]

    for op in source.ops:
        if isinstance(op, scf.ForOp):
            inits = [expand(value) for value in op.iter_args]
            flat = [value for group in inits for value in group]
            variable, *arguments = op.body.block.args
            inner = Block(arg_types=[variable.type, *(value.type for value in flat)])
            single[variable] = inner.args[0]
            counts = [len(group) for group in inits]
            _bind(values, list(arguments), counts, list(inner.args[1:]))
            _copy(op.body.block, inner, values, single)
            lower, upper, step = (single.get(value, value) for value in (op.lb, op.ub, op.step))
            loop = scf.ForOp(lower, upper, step, flat, Region(inner))
            loop.attributes = dict(op.attributes)
            target.add_op(loop)
            _bind(values, list(op.results), counts, list(loop.results))
        elif isinstance(op, ITensorWriteOp):
            writes = [ITensorWriteOp(expand(op.value)[0], dest) for dest in expand(op.dest)]
            target.add_ops(writes)
            values[op.result] = [write.result for write in writes]
        elif isinstance(op, scf.YieldOp | YieldOp):
            yielded = [value for argument in op.arguments for value in expand(argument)]
            target.add_op(scf.YieldOp(*yielded) if isinstance(op, scf.YieldOp) else YieldOp(*yielded))
        else:
            for inner_op in op.walk():
                for operand in inner_op.operands:
                    if operand in values:
                        single[operand] = values[operand][0]
            target.add_op(op.clone(single))

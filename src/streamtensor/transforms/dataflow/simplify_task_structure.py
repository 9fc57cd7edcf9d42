# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""simplify-task-structure: nested tasks become one, tasks that do nothing go."""

from __future__ import annotations

from dataclasses import dataclass

from streamtensor.algebra.layout import same_order
from streamtensor.dialects.dataflow import (
    ITensorCastOp,
    ITensorEmptyOp,
    ITensorInstanceOp,
    ITensorReadOp,
    ITensorType,
    ITensorWriteOp,
    KernelOp,
    TaskOp,
    YieldOp,
    behind_views,
    task_around,
)
from streamtensor.ir import arith, scf
from streamtensor.ir.builtin import ModuleOp, StringAttr
from streamtensor.ir.core import Context, ModulePass, Rewriter, SSAValue
from streamtensor.ir.locations import copy_location
from streamtensor.transforms.build import IndexConstants, UniqueNames
from streamtensor.transforms.dataflow.tidy import erase_whole, replace_whole

# What only makes values: a task of these has no effect but its results.
_PURE = ("arith.", "math.", "scf.", "tensor.", "linalg.", "vector.transfer_", "dataflow.itensor_", "dataflow.yield")


@dataclass(frozen=True)
class SimplifyTaskStructurePass(ModulePass):
    """task { .. task { body } .. }  -->  task { .. body .. };   task without a used result  -->  nothing;
    y = task { for .. { write (read x) } }  -->  y is x, or a cast of x

    A task is transparent: one inside of another is a part of it, whose reads and writes count in the loops around
    both. A task with FIFOs between tasks inside is a graph and not a sequence, and becomes its parts. A task that
    passes every token on gives the stream that it reads; its FIFO goes with it, but for a task that reads both, each
    once. Right because tasks have no effect but the itensors and tensors that they give.
    """

    name = "simplify-task-structure"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for kernel in [k for k in op.walk() if isinstance(k, KernelOp)]:
            for task in [t for t in kernel.body.block.ops if isinstance(t, TaskOp)]:
                _dissolve(task)
            _rename(kernel)
            for task in [t for t in kernel.walk() if isinstance(t, TaskOp) and task_around(t) is not None]:
                _inline(task)
            for task in reversed([t for t in kernel.body.block.ops if isinstance(t, TaskOp)]):
                if _is_dead(task):
                    erase_whole(task)
            for task in [t for t in kernel.body.block.ops if isinstance(t, TaskOp)]:
                source = _passed_on(task)
                if source is not None and not _readers(task.results_[0]) & _readers(source):
                    _skip(task, source)


# ---- nested tasks


def _rename(kernel: KernelOp) -> None:
    """Tasks that came from different tasks around them may have one name."""
    names = UniqueNames()
    for task in kernel.body.block.ops:
        if isinstance(task, TaskOp):
            task.properties["sym_name"] = StringAttr(names.of(task.task_name))


def _dissolve(task: TaskOp) -> None:
    """task { e = empty; a = task inits(e); b = task (reads a) }  -->  e = empty; a = task; b = task

    Only a task that is nothing but such a graph: between its parts there are FIFOs, and no two of them share the tokens
    of an itensor from around it.
    """
    block = task.body.block
    kinds = TaskOp | ITensorEmptyOp | ITensorInstanceOp | arith.ConstantOp | YieldOp
    parts = [op for op in block.ops if isinstance(op, TaskOp)]
    own = any(isinstance(op, ITensorEmptyOp | ITensorInstanceOp) for op in block.ops)
    if not own or not all(isinstance(op, kinds) for op in block.ops) or _share_a_source(parts):
        return
    for argument, init in zip(list(block.args), task.inits, strict=True):
        argument.replace_all_uses_with(init)
    last = block.last_op
    assert isinstance(last, YieldOp)
    results = list(last.arguments)
    parent = task.parent
    assert parent is not None
    moved = [op for op in block.ops if op is not last]
    for op in moved:
        op.detach()
        parent.insert_op_before(op, task)
    copy_location(task, parts)
    replace_whole(task, results)
    for part in parts:
        _own_constants(part)
    for op in moved:
        if isinstance(op, arith.ConstantOp):
            Rewriter.erase_op(op)
    for part in parts:
        _dissolve(part)


def _share_a_source(parts: list[TaskOp]) -> bool:
    """Whether two tasks read, or write, one itensor that is not made among them: then their order matters."""
    seen: set[SSAValue] = set()
    for part in parts:
        reads = [op.source for op in part.walk() if isinstance(op, ITensorReadOp)]
        mine = {behind_views(value) for value in [*reads, *part.inits] if not _made_by(value, parts)}
        if mine & seen:
            return True
        seen |= mine
    return False


def _made_by(value: SSAValue, parts: list[TaskOp]) -> bool:
    return behind_views(value).owner in parts


def _own_constants(task: TaskOp) -> None:
    """Constants from around a task, made anew in it: a kernel's tasks share nothing but itensors."""
    constants = IndexConstants(task.body.block)
    for op in list(task.walk()):
        for number, value in enumerate(op.operands):
            owner = value.owner
            if isinstance(owner, arith.ConstantOp) and isinstance(owner.parent_op(), KernelOp) and op is not task:
                op.operands[number] = constants.clone(owner)


def _inline(task: TaskOp) -> None:
    """A task inside of another, which it reads and writes for, becomes part of it."""
    around = task_around(task)
    assert around is not None
    if any(isinstance(init.owner, ITensorEmptyOp | ITensorInstanceOp) for init in task.inits):
        return
    constants = IndexConstants(around.body.block)
    block = task.body.block
    for argument, init in zip(list(block.args), task.inits, strict=True):
        argument.replace_all_uses_with(init)
    last = block.last_op
    assert isinstance(last, YieldOp)
    results = list(last.arguments)
    parent = task.parent
    assert parent is not None
    for op in [op for op in block.ops if op is not last]:
        if isinstance(op, arith.ConstantOp):
            op.result.replace_all_uses_with(constants.clone(op))
            continue
        op.detach()
        parent.insert_op_before(op, task)
    replace_whole(task, results)


# ---- tasks without effect


def _is_dead(task: TaskOp) -> bool:
    return not any(result.uses for result in task.results_) and all(
        op.name.startswith(_PURE) for op in task.walk() if op is not task
    )


# ---- tasks that pass tokens on


def _passed_on(task: TaskOp) -> SSAValue | None:
    """The itensor whose tokens are the result of `task`, one by one and in order; None when it does more."""
    if len(task.results_) != 1:
        return None
    source: SSAValue | None = None
    for op in task.walk():
        if op is task or isinstance(op, arith.ConstantOp | scf.ForOp | scf.YieldOp | YieldOp):
            continue
        following = op.next_op
        if isinstance(op, ITensorReadOp):
            if source not in (None, op.source) or not isinstance(following, ITensorWriteOp):
                return None
            if following.value is not op.result:
                return None
            source = op.source
        elif not isinstance(op, ITensorWriteOp) or not isinstance(op.prev_op, ITensorReadOp):
            return None
    if source is None or task_around(task) is not None:
        return None
    made, wanted = source.type, task.results_[0].type
    assert isinstance(made, ITensorType)
    assert isinstance(wanted, ITensorType)
    return source if made.element == wanted.element and same_order(made.layout, wanted.layout) else None


def _readers(value: SSAValue) -> set[TaskOp]:
    """The tasks that read an itensor directly. One that reads a stream and its copy needs both: it reads each once."""
    around = (task_around(use.operation) for use in value.uses if isinstance(use.operation, ITensorReadOp))
    return {task for task in around if task is not None}


def _skip(task: TaskOp, source: SSAValue) -> None:
    wanted = task.results_[0].type
    assert isinstance(wanted, ITensorType)
    if source.type != wanted:
        cast = ITensorCastOp(source, wanted)
        copy_location(task, [cast])
        parent = task.parent
        assert parent is not None
        parent.insert_op_before(cast, task)
        source = cast.result
    replace_whole(task, [source])

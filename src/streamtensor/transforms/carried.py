# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Values that loops and tasks carry: removing those that name one destination."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from streamtensor.dialects.dataflow import TaskOp, YieldOp
from streamtensor.ir import scf
from streamtensor.ir.core import Attribute, Operation, Rewriter, SSAValue


def unlink_destinations(root: Operation, is_destination: Callable[[Attribute], bool]) -> None:
    """for ... iter_args(a = x) { ... yield a' }  -->  for ... { ... } on x itself, and tasks likewise

    For values that are changed in place (itensors that are appended to, tensors that become buffers): every value of
    the chain is the same object, the initial one. The writes inside still name their results; whoever calls
    replaces those. Outer operations come first, so that inner ones already see the initial value.
    """
    for op in list(root.walk()):
        if isinstance(op, scf.ForOp):
            _unlink(op, list(op.iter_args), list(op.body.block.args[1:]), is_destination)
        elif isinstance(op, TaskOp):
            _unlink(op, list(op.inits), list(op.body.block.args), is_destination)


def _unlink(
    op: scf.ForOp | TaskOp,
    inits: Sequence[SSAValue],
    arguments: Sequence[SSAValue],
    is_destination: Callable[[Attribute], bool],
) -> None:
    keep = [number for number, init in enumerate(inits) if not is_destination(init.type)]
    if len(keep) == len(inits):
        return
    block = op.body.block
    last = block.last_op
    assert isinstance(last, scf.YieldOp | YieldOp)
    yielded = [last.arguments[number] for number in keep]
    Rewriter.replace_op(last, scf.YieldOp(*yielded) if isinstance(last, scf.YieldOp) else YieldOp(*yielded))
    for number, (init, argument) in enumerate(zip(inits, arguments, strict=True)):
        if number not in keep:
            argument.replace_all_uses_with(init)
            block.erase_arg(argument)  # pyright: ignore[reportArgumentType]
            op.results[number].replace_all_uses_with(init)
    region = op.detach_region(op.body)
    kept = [inits[number] for number in keep]
    new: Operation
    if isinstance(op, scf.ForOp):
        new = scf.ForOp(op.lb, op.ub, op.step, kept, region)
    else:
        new = TaskOp(op.task_name, kept, region)
    new.attributes = dict(op.attributes)
    parent = op.parent
    assert parent is not None
    parent.insert_op_before(new, op)
    for number, result in zip(keep, new.results, strict=True):
        op.results[number].replace_all_uses_with(result)
    op.detach()
    op.erase()

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Removing operations on whole itensors together with the placeholders that only they used."""

from __future__ import annotations

from collections.abc import Sequence

from streamtensor.dialects.dataflow import (
    ITensorCastOp,
    ITensorEmptyOp,
    ITensorInstanceOp,
    ITensorReadOp,
    ITensorType,
    TaskOp,
    task_around,
)
from streamtensor.ir.core import Operation, Rewriter, SSAValue
from streamtensor.ir.locations import copy_location


def replace_whole(op: Operation, values: Sequence[SSAValue]) -> None:
    """Puts `values` in the place of the results of `op`, which goes, and its destinations with it."""
    for result, value in zip(op.results, values, strict=True):
        if value.name_hint is None:
            value.name_hint = result.name_hint
        result.replace_all_uses_with(value)
    erase_whole(op)


def stream_of(op: Operation, value: SSAValue, result: SSAValue) -> SSAValue:
    """What takes the place of `result` of `op` when it is the same stream as `value`.

    The itensor itself, or a cast of it, where the type is another one or where a task reads both: it reads each
    once, so that they stay two.
    """
    if value.type == result.type and not read_together(value, result):
        return value
    assert isinstance(result.type, ITensorType)
    cast = ITensorCastOp(value, result.type)
    copy_location(op, [cast])
    parent = op.parent
    assert parent is not None
    parent.insert_op_before(cast, op)
    return cast.result


def read_together(first: SSAValue, second: SSAValue) -> bool:
    """Whether a task reads both itensors."""
    return bool(_readers(first) & _readers(second))


def _readers(value: SSAValue) -> set[TaskOp]:
    around = (task_around(use.operation) for use in value.uses if isinstance(use.operation, ITensorReadOp))
    return {task for task in around if task is not None}


def erase_whole(op: Operation) -> None:
    """Erases `op`, whose results nobody uses, and the empty itensors that only it was given."""
    operands = list(op.operands)
    Rewriter.erase_op(op)
    for value in dict.fromkeys(operands):
        owner = value.owner
        if isinstance(owner, ITensorEmptyOp | ITensorInstanceOp) and not value.uses:
            Rewriter.erase_op(owner)

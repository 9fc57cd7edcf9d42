# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Removing operations on whole itensors together with the placeholders that only they used."""

from __future__ import annotations

from collections.abc import Sequence

from streamtensor.dialects.dataflow import ITensorEmptyOp, ITensorInstanceOp
from streamtensor.ir.core import Operation, Rewriter, SSAValue


def replace_whole(op: Operation, values: Sequence[SSAValue]) -> None:
    """Puts `values` in the place of the results of `op`, which goes, and its destinations with it."""
    for result, value in zip(op.results, values, strict=True):
        if value.name_hint is None:
            value.name_hint = result.name_hint
        result.replace_all_uses_with(value)
    erase_whole(op)


def erase_whole(op: Operation) -> None:
    """Erases `op`, whose results nobody uses, and the empty itensors that only it was given."""
    operands = list(op.operands)
    Rewriter.erase_op(op)
    for value in dict.fromkeys(operands):
        owner = value.owner
        if isinstance(owner, ITensorEmptyOp | ITensorInstanceOp) and not value.uses:
            Rewriter.erase_op(owner)

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Which loops of a program end at run-time bounds, and which bounds came to nothing."""

from __future__ import annotations

from typing import Any

from streamtensor.cost.on_chip import device_functions
from streamtensor.dialects.dataflow import BoundOp, KernelOp
from streamtensor.dialects.dataflow.loops import bound_of
from streamtensor.ir import func, scf
from streamtensor.ir.builtin import DictionaryAttr, ModuleOp, StringAttr
from streamtensor.ir.core import BlockArgument, SSAValue
from streamtensor.transforms.lowering.bound_context_loops import UNBOUNDED


def bound_facts(module: ModuleOp) -> dict[str, dict[str, Any]]:
    """For each input that bounds loops the rows of a tile, the most tiles, and how many loops end there.

    `module` is at the stream level. One that was meant to but bounds none has `reason`, a sentence that says why.
    """
    main = next((op for op in module.ops if isinstance(op, func.FuncOp) and op.sym_name.data == "main"), None)
    if main is None:
        return {}
    names = _names(main)
    taken: dict[tuple[str, int], str] = {}  # (function, number of an argument) -> the input that the bound is made of
    found: dict[str, dict[str, Any]] = {}
    for op in main.body.block.ops:
        if isinstance(op, BoundOp):
            found[names[op.position]] = {"tile": op.tile.value.data, "most": op.most.value.data, "loops": 0}
        elif isinstance(op, func.CallOp):
            for number, value in enumerate(op.arguments):
                if isinstance(value.owner, BoundOp):
                    taken[op.callee.string_value(), number] = names[value.owner.position]
    for function in device_functions(module):
        for kernel in [op for op in function.walk() if isinstance(op, KernelOp)]:
            for op in kernel.walk():
                bound = bound_of(op) if isinstance(op, scf.ForOp) else None
                if bound is not None:
                    assert isinstance(bound[0], BlockArgument)
                    outside = kernel.operands[bound[0].index]
                    assert isinstance(outside, BlockArgument)
                    found[taken[function.sym_name.data, outside.index]]["loops"] += 1
    reasons = main.attributes.get(UNBOUNDED)
    if isinstance(reasons, DictionaryAttr):
        found |= {name: {"reason": text.data} for name, text in reasons.data.items() if isinstance(text, StringAttr)}
    return found


def _names(main: func.FuncOp) -> dict[SSAValue, str]:
    """The arguments of main by the names of the inputs that they are."""
    found: dict[SSAValue, str] = {}
    for argument, attributes in zip(main.body.block.args, main.arg_attrs or (), strict=False):
        name = attributes.data.get("dataflow.name")
        if isinstance(name, StringAttr):
            found[argument] = name.data
    return found


def unbounded_notes(facts: dict[str, Any]) -> list[str]:
    """A sentence for each bound of `bound_facts` that came to nothing."""
    bounds: dict[str, dict[str, Any]] = facts.get("bounds", {})
    return [
        f"the loops do not end where {name} says, all rows are always processed: {bound['reason']}"
        for name, bound in bounds.items()
        if "reason" in bound
    ]

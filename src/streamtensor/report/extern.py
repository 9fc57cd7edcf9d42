# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a design holds that was written by hand; its figures are the user's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from streamtensor.cost.on_chip import device_functions
from streamtensor.dialects.dataflow import ExternKernelOp, ITensorConverterOp, KernelOp, View, YieldOp, behind_views
from streamtensor.ir import func
from streamtensor.ir.builtin import ModuleOp
from streamtensor.ir.core import BlockArgument, Operation, SSAValue, Use

PROVENANCE = "given by the user"


def extern_facts(module: ModuleOp) -> dict[str, dict[str, Any]]:
    """For each hand-written function its source, the times it is built, and the figures that the user gave for one."""
    found: dict[str, dict[str, Any]] = {}
    for function in device_functions(module):
        for op in function.walk():
            if isinstance(op, ExternKernelOp):
                facts = found.setdefault(
                    op.function.data,
                    {
                        "source": Path(op.source.data).name,
                        "instances": 0,
                        "ii": op.ii.value.data,
                        "delay": op.delay.value.data,
                        "resources": op.resource_counts,
                        "provenance": PROVENANCE,
                    },
                )
                facts["instances"] += 1
    return found


def extern_costs(module: ModuleOp) -> list[str]:
    """A sentence for each port of a hand-written kernel that is not connected directly, with the types of both sides.

    `module` is at the fused level. Ports that read inputs or weights, or give a result of the model, cost nothing.
    """
    return [cost for function in device_functions(module) for op in _by_hand(function) for cost in _costs(op)]


def _by_hand(function: func.FuncOp) -> Iterator[ExternKernelOp]:
    for kernel in function.body.block.ops:
        if isinstance(kernel, KernelOp):
            yield from (op for op in kernel.body.block.ops if isinstance(op, ExternKernelOp))


def _costs(op: ExternKernelOp) -> Iterator[str]:
    for number, value in enumerate(op.ins):
        port = f"in port {number} of extern kernel {op.task_name}"
        root = behind_views(value)
        if isinstance(root.owner, ITensorConverterOp):
            made, bits = root.owner.source.type, root.owner.buffer_bits
            yield f"a converter of {bits:,} bits stands before {port}: {made} is made, {value.type} is wanted"
        elif isinstance(root, BlockArgument) and _is_intermediate(_outside(op, root)):
            yield f"{port} reads an intermediate result through external memory"
    for number, value in enumerate(op.results_):
        port = f"out port {number} of extern kernel {op.task_name}"
        for use in _uses(value):
            if isinstance(use.operation, ITensorConverterOp):
                wanted, bits = use.operation.result.type, use.operation.buffer_bits
                yield f"a converter of {bits:,} bits stands behind {port}: {value.type} is made, {wanted} is wanted"
            elif isinstance(use.operation, YieldOp) and _is_read(_given(op, use.index)):
                yield f"{port} goes through external memory"


def _uses(value: SSAValue) -> Iterator[Use]:
    """The uses of an itensor, also through views."""
    for use in value.uses:
        if isinstance(use.operation, View):
            yield from _uses(use.operation.result)
        else:
            yield use


def _kernel(op: ExternKernelOp) -> KernelOp:
    kernel = op.parent_op()
    assert isinstance(kernel, KernelOp)
    return kernel


def _outside(op: ExternKernelOp, argument: BlockArgument) -> SSAValue:
    """The tensor behind an argument of the kernel around `op`."""
    return _kernel(op).operands[argument.index]


def _given(op: ExternKernelOp, number: int) -> SSAValue:
    """The tensor that the kernel around `op` gives for what it yields."""
    return _kernel(op).results_[number]


def _is_intermediate(value: SSAValue) -> bool:
    """Whether another kernel made the tensor, whatever it was turned into on the way."""
    while not isinstance(value, BlockArgument) and not isinstance(value.owner, KernelOp):
        if not isinstance(value.owner, Operation) or not value.owner.operands:
            return False
        value = value.owner.operands[0]
    return isinstance(value.owner, KernelOp)


def _is_read(value: SSAValue) -> bool:
    """Whether another kernel reads the tensor, whatever it is turned into on the way."""
    users = [use.operation for use in value.uses]
    return any(isinstance(op, KernelOp) or any(map(_is_read, op.results)) for op in users)

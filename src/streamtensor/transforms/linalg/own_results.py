# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""own-results: every result of a device function is a tensor that an operation of it makes, for this result alone."""

from __future__ import annotations

from dataclasses import dataclass

from streamtensor.dialects.dataflow import ExternKernelOp
from streamtensor.ir import func, linalg, tensor
from streamtensor.ir.builtin import AffineMapAttr, ModuleOp, StringAttr, TensorType
from streamtensor.ir.core import AffineMap, Block, Context, ModulePass, Operation, Region, SSAValue
from streamtensor.ir.locations import copy_location

_RESHAPES = (tensor.ExpandShapeOp, tensor.CollapseShapeOp)


@dataclass(frozen=True)
class OwnResultsPass(ModulePass):
    """return x, x  -->  return x, copy(x)        return argument  -->  return copy(argument)

    A result is memory that the function's kernels fill. So an argument (or a view of one), and a value that is returned
    already, are copied by an operation of their own; it becomes a kernel that streams the tensor through.
    """

    name = "own-results"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for function in op.ops:
            if isinstance(function, func.FuncOp) and function.attributes.get("dataflow.place") == StringAttr("device"):
                _own(function)


def _own(function: func.FuncOp) -> None:
    last = function.body.block.last_op
    if not isinstance(last, func.ReturnOp):
        return
    taken: set[SSAValue] = set()
    for number, value in enumerate(list(last.arguments)):
        root = _root(value)
        if isinstance(root.owner, linalg.GenericOp | ExternKernelOp) and root not in taken:
            taken.add(root)
        elif isinstance(value.type, TensorType):
            copies = _copy(value)
            copy_location(last, copies)
            function.body.block.insert_ops_before(copies, last)
            last.operands[number] = copies[-1].results[0]


def _root(value: SSAValue) -> SSAValue:
    while isinstance(value.owner, _RESHAPES):
        value = value.owner.operands[0]
    return value


def _copy(value: SSAValue) -> list[Operation]:
    """An operation that yields its input, and the empty tensor that it fills."""
    assert isinstance(value.type, TensorType)
    rank = len(value.type.get_shape())
    scalar = value.type.element_type
    body = Block(arg_types=[scalar, scalar])
    body.add_op(linalg.YieldOp(body.args[0]))
    identity = AffineMapAttr(AffineMap.identity(rank))
    parallel = [linalg.IteratorTypeAttr(linalg.IteratorType.PARALLEL)] * rank
    empty = tensor.EmptyOp([], value.type)
    return [
        empty,
        linalg.GenericOp([value], [empty.tensor], Region(body), [identity, identity], parallel, [value.type]),
    ]

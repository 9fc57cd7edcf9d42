# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Moves initial values into the bodies, so that every generic writes a fresh tensor."""

from dataclasses import dataclass

from streamtensor.ir import arith
from streamtensor.ir.builtin import IndexType, IntegerAttr, ModuleOp
from streamtensor.ir.core import Context, ModulePass, Operation, SSAValue
from streamtensor.ir.linalg import GenericOp, IndexOp
from streamtensor.transforms.linalg.generics import (
    PARALLEL,
    Access,
    device_functions,
    empty_like,
    fill_value,
    generics,
    inputs,
    insert_before,
    is_empty,
    output_arguments,
    outputs,
    rebuild,
    replace,
    shape_of,
    tensor_type,
)
from streamtensor.transforms.linalg.tidy_linalg import tidy


@dataclass(frozen=True)
class FuseLinalgFillPass(ModulePass):
    """Every `outs` is a tensor.empty afterwards.

    generic outs(fill c) { f(%acc) }    -->  generic outs(empty) { f(select(first, c, %acc)) }
    generic outs(%t) { f(%acc) }        -->  generic ins(%t) outs(empty) { f(select(first, %in, %acc)) }
    generic outs(%t) { no %acc }        -->  generic outs(empty) { ... }

    `first` is: the index of every reduction loop is 0. Without reduction loops it is true, and the initial value
    stands where %acc stood. Right because loops count up from 0, in whatever order they are nested: the iteration
    where all reduction indices are 0 is the first to touch an output element, and only there does the element hold
    its initial value.
    """

    name = "fuse-linalg-fill"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Runs on every device function of the module."""
        for function in device_functions(op):
            tidy(function)
            for generic in generics(function):
                if not all(is_empty(value) for value in generic.outputs):
                    _take_in_initial_values(generic)
            tidy(function)


def _take_in_initial_values(op: GenericOp) -> None:
    body = op.body.block
    new_inputs = inputs(op)
    first: SSAValue | None = None
    start = body.first_op
    assert start is not None
    for access, accumulator in zip(outputs(op), output_arguments(op), strict=True):
        if is_empty(access.value) or not accumulator.uses:
            continue
        uses = list(accumulator.uses)
        number = fill_value(access.value)
        if number is not None:
            made = arith.ConstantOp(number)
            insert_before(start, made)
            initial: SSAValue = made.result
        else:
            initial = body.insert_arg(accumulator.type, len(new_inputs))
            new_inputs.append(access)
        if any(kind != PARALLEL for kind in op.iterator_types):
            first = first or _is_first_iteration(op, start)
            select = arith.SelectOp(first, initial, accumulator)
            insert_before(start, select)
            initial = select.result
        for use in uses:
            use.operation.operands[use.index] = initial
    new_outputs = [
        Access(empty_like(op, tensor_type(access.value), shape_of(access.value)), access.map) for access in outputs(op)
    ]
    replace(op, rebuild(op, new_inputs, new_outputs).results)


def _is_first_iteration(op: GenericOp, place: Operation) -> SSAValue:
    """Operations before `place` that say whether the index of every reduction loop is 0."""
    zero = arith.ConstantOp(IntegerAttr(0, IndexType()))
    insert_before(place, zero)
    first: SSAValue | None = None
    reductions = [loop for loop, kind in enumerate(op.iterator_types) if kind != PARALLEL]
    for loop in reductions:
        index = IndexOp(loop)
        insert_before(place, index)
        is_zero = arith.CmpiOp(index.result, zero.result, "eq")
        insert_before(place, is_zero)
        if first is None:
            first = is_zero.result
        else:
            both = arith.AndIOp(first, is_zero.result)
            insert_before(place, both)
            first = both.result
    assert first is not None
    return first

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""One call in the place of a run of layers: what each layer has of its own lies in a stack."""

from __future__ import annotations

from streamtensor.dialects.dataflow import BoundOp, PartOp
from streamtensor.dialects.dataflow.part_op import stack_type
from streamtensor.ir import func, memref
from streamtensor.ir.core import Block, Operation, Rewriter, SSAValue
from streamtensor.transforms.lowering.layer_runs import LayerRun


def stack_calls(run: LayerRun) -> func.CallOp:
    """call f(x0, w0, x1); call f(x1, w1, x2)  -->  w = alloc; copy w0 to w[0]; copy w1 to w[1]; call f(x0, w, x2)

    What is packed for a layer is packed into its part, and what is unpacked from one is read from there. The function
    still takes what one layer has. Returns the call.
    """
    first, last = run.calls[0], run.calls[-1]
    block = _block_of(first)
    operands = list(first.operands)
    copies: list[memref.CopyOp] = []
    memory: list[Operation] = []
    for number in run.stacked:
        is_result = number in run.results()
        operands[number], more = _stack(run, number, memory, is_result=is_result)
        copies += more
    for number in set(run.carried.values()):
        operands[number] = last.operands[number]
        _move_before(last.operands[number], first)
    start = next(op for op in block.ops if not isinstance(op, BoundOp))
    for op in memory:
        block.insert_op_before(op, start)
    call = func.CallOp(first.callee, operands, [])
    call.attributes = dict(first.attributes)
    block.insert_op_before(call, first)
    for copy in reversed(copies):
        block.insert_op_after(copy, call)
        _move_before(copy.destination, call)
    between = [value for number in set(run.carried.values()) for value in run.values(number)[:-1]]
    for old in run.calls:
        Rewriter.erase_op(old)
    for value in between:
        assert isinstance(value.owner, Operation)
        Rewriter.erase_op(value.owner)
    return call


def _stack(
    run: LayerRun, number: int, memory: list[Operation], *, is_result: bool
) -> tuple[SSAValue, list[memref.CopyOp]]:
    """The stack of an argument, filled before the first call; and the copies out of it, to go behind the call.

    The stack and its parts are added to `memory`, to go to the start of main.
    """
    values = run.values(number)
    argument = run.function.body.block.args[number]
    stack = memref.AllocOp([], [], stack_type(values[0].type, run.count))
    stack.memref.name_hint = f"layers_{argument.name_hint or values[0].name_hint or number}"
    memory.append(stack)
    after: list[memref.CopyOp] = []
    for layer, value in enumerate(values):
        part = PartOp(stack.memref, layer)
        part.result.name_hint = value.name_hint
        memory.append(part)
        if isinstance(value.owner, memref.AllocOp):
            packs = [use.operation for use in value.uses if use.operation not in run.calls]
            value.replace_all_uses_with(part.result)
            Rewriter.erase_op(value.owner)
            for pack in () if is_result else packs:
                _move_op_before(pack, run.calls[0])
        elif is_result:
            after.append(memref.CopyOp(part.result, value))
        else:
            copy = memref.CopyOp(value, part.result)
            _block_of(run.calls[0]).insert_op_before(copy, run.calls[0])
            _move_before(value, copy)
    return stack.memref, after


def _move_before(value: SSAValue, place: Operation) -> None:
    """Moves what makes `value` before `place`, unless it is there."""
    if isinstance(value.owner, Operation):
        _move_op_before(value.owner, place)


def _move_op_before(op: Operation, place: Operation) -> None:
    block = _block_of(place)
    if op.parent is None:  # a stack or a part, which will stand at the start
        return
    if block.get_operation_index(op) > block.get_operation_index(place):
        op.detach()
        block.insert_op_before(op, place)
    for value in op.operands:
        _move_before(value, op)


def _block_of(op: Operation) -> Block:
    block = op.parent
    assert block is not None
    return block

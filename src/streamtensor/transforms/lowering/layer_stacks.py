# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""One call in the place of a run of layers: what each layer has of its own lies in a stack."""

from __future__ import annotations

from streamtensor.dialects.dataflow import BoundOp, PartOp
from streamtensor.dialects.dataflow.part_op import stack_type
from streamtensor.dialects.tensor_ext import LanesOp
from streamtensor.ir import func, memref
from streamtensor.ir.builtin import ArrayAttr, DictionaryAttr, MemRefType, ModuleOp, StringAttr, VectorType
from streamtensor.ir.core import Attribute, Block, Operation, Region, Rewriter, SSAValue
from streamtensor.transforms.build import PLACE
from streamtensor.transforms.lowering.bufferize import RESULT
from streamtensor.transforms.lowering.layer_runs import LayerRun, is_packed, maker_ahead


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
        first = run.calls[0]
        if isinstance(value.owner, memref.AllocOp) and (is_result or is_packed(value, run.calls[layer])):
            packs = [use.operation for use in value.uses if use.operation not in run.calls]
            value.replace_all_uses_with(part.result)
            Rewriter.erase_op(value.owner)
            for pack in () if is_result else packs:
                _move_op_before(pack, first)
        elif (maker := maker_ahead(value, first)) is not None:
            copied = func.CallOp(_copier(run.function, value.type), [value, part.result], [])
            _block_of(first).insert_op_before(copied, first)
            _move_op_before(maker, copied)
        elif is_result:
            after.append(memref.CopyOp(part.result, value))
        else:
            copy = memref.CopyOp(value, part.result)
            _block_of(first).insert_op_before(copy, first)
            _move_before(value, copy)
    return stack.memref, after


def _copier(function: func.FuncOp, type: Attribute) -> str:
    """The name of a function of the host that copies buffers of a type: what is computed for some layers is copied for
    each of them.
    """
    module = function.parent_op()
    assert isinstance(module, ModuleOp)
    functions = {op.sym_name.data: op for op in module.ops if isinstance(op, func.FuncOp)}
    number = 0
    while (known := functions.get(f"copy_{number}")) is not None:
        if known.function_type.inputs.data == (type, type):
            return f"copy_{number}"
        number += 1
    block = Block(arg_types=[type, type])
    source, target = (_as_numbers(block, value) for value in block.args)
    block.add_ops([memref.CopyOp(source, target), func.ReturnOp()])
    marks = ArrayAttr([DictionaryAttr({}), DictionaryAttr({RESULT: StringAttr("output_0")})])
    made = func.FuncOp(f"copy_{number}", ([type, type], []), Region(block), StringAttr("private"), arg_attrs=marks)
    made.attributes[PLACE] = StringAttr("host")
    module.body.block.insert_op_before(made, function)
    return f"copy_{number}"


def _as_numbers(block: Block, value: SSAValue) -> SSAValue:
    """A buffer, of words or not, as its numbers."""
    assert isinstance(value.type, MemRefType)
    element = value.type.element_type
    if not isinstance(element, VectorType):
        return value
    shape = [*value.type.get_shape(), *element.get_shape()]
    view = LanesOp(value, MemRefType(element.element_type, shape))
    block.add_op(view)
    return view.result


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

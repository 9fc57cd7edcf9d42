# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Lets consumers of a widened integer, or of some of its bits, read the integer itself."""

from dataclasses import dataclass

from streamtensor.ir import arith, func
from streamtensor.ir.builtin import IntegerType, ModuleOp, TensorType
from streamtensor.ir.core import Context, ModulePass, Operation, OpResult, SSAValue
from streamtensor.ir.linalg import GenericOp, YieldOp
from streamtensor.transforms.linalg.generics import (
    Access,
    device_functions,
    erase_dead,
    generics,
    input_arguments,
    inputs,
    insert_before,
    is_elementwise,
    loops_known,
    outputs,
    rebuild,
    replace,
    tensor_type,
    yielded,
)
from streamtensor.transforms.linalg.maps import inverse, substitute


@dataclass(frozen=True)
class FoldExtensionsPass(ModulePass):
    """consumer(wires(%a))  -->  consumer'(%a), whose body takes the wires of the element that it reads

    The producer is an elementwise generic of one input whose body is made of arith.extsi, arith.extui, shifts to the
    right by constants and masks that are constants; its result is at least as wide as its input. Every consumer that
    is a generic gets these operations in its own body, however often it reads an element.

    Right because the body is a function of the element alone. It costs no logic, only wires, so doing it again is free;
    and what goes between kernels, into buffers and from memory is the narrow number: an 8-bit activation or weight
    stays one of 8 bits up to the multiplier.
    """

    name = "fold-extensions"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Runs on every device function of the module."""
        for function in device_functions(op):
            for generic in reversed(generics(function)):  # consumers, which are rebuilt, come after
                if _is_wiring(generic):
                    _push_down(generic)
            _erase(function)


def _erase(function: func.FuncOp) -> None:
    while erase_dead(function):
        pass


def _is_wiring(op: GenericOp) -> bool:
    """Whether a generic only widens integers or takes some of their bits."""
    if not is_elementwise(op) or len(op.inputs) != 1 or not isinstance(op.inputs[0].type, TensorType):
        return False
    before, after = (tensor_type(value).get_element_type() for value in (op.inputs[0], op.results[0]))
    if not isinstance(before, IntegerType) or not isinstance(after, IntegerType):
        return False
    steps = [inner for inner in op.body.block.ops if not isinstance(inner, arith.ConstantOp | YieldOp)]
    return bool(steps) and before.width.data <= after.width.data and all(_is_wire(step) for step in steps)


def _is_wire(op: Operation) -> bool:
    if isinstance(op, arith.ShRSIOp | arith.ShRUIOp | arith.AndIOp):
        return isinstance(op.rhs.owner, arith.ConstantOp)
    return isinstance(op, arith.ExtSIOp | arith.ExtUIOp)


def _push_down(producer: GenericOp) -> None:
    (source,), (out,) = inputs(producer), outputs(producer)
    wide: OpResult = producer.results[0]
    for consumer in {use.operation: None for use in wide.uses}:
        if not isinstance(consumer, GenericOp) or wide in consumer.outputs:
            continue
        if any(wide in inner.operands for inner in consumer.body.block.ops):
            continue
        narrow = [
            _narrow_access(access, source, out) if access.value is wide else access for access in inputs(consumer)
        ]
        if not loops_known(narrow, outputs(consumer)):
            continue
        for index, access in enumerate(inputs(consumer)):
            if access.value is wide:
                _take_wires(consumer, index, producer)
        replace(consumer, rebuild(consumer, narrow, outputs(consumer)).results)


def _narrow_access(read: Access, source: Access, out: Access) -> Access:
    """The element of the narrow tensor that a read of the wide one stands for."""
    loops = [read.map.results[place] for place in inverse(out.map)]
    return Access(source.value, substitute(source.map, loops, read.map.num_dims))


def _take_wires(consumer: GenericOp, index: int, producer: GenericOp) -> None:
    """Gives the body's argument `index` the producer's input, and its readers what the producer makes of it."""
    body = consumer.body.block
    old = body.args[index]
    new = body.insert_arg(input_arguments(producer)[0].type, index)
    copies: dict[SSAValue, SSAValue] = {input_arguments(producer)[0]: new}
    first = body.first_op
    assert first is not None
    for inner in producer.body.block.ops:
        if not isinstance(inner, YieldOp):
            insert_before(first, inner.clone(copies))
    old.replace_all_uses_with(copies[yielded(producer)[0]])
    body.erase_arg(old)

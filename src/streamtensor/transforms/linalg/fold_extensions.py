# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Lets consumers of a widened integer read the narrow one."""

from dataclasses import dataclass

from streamtensor.ir import arith, func
from streamtensor.ir.builtin import ModuleOp
from streamtensor.ir.core import Context, ModulePass, Operation, OpResult
from streamtensor.ir.linalg import GenericOp
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
    yielded,
)
from streamtensor.transforms.linalg.maps import inverse, substitute


@dataclass(frozen=True)
class FoldExtensionsPass(ModulePass):
    """consumer(extend(%a))  -->  consumer'(%a), whose body extends the element that it reads

    The producer is an elementwise generic whose body is one arith.extsi or arith.extui of its one input; every consumer
    that is a generic gets an extension of its own, however often it reads an element.

    Right because an extension is a function of the element alone. It costs no logic, as the upper bits repeat one wire,
    so doing it again is free; and what goes between kernels, into buffers and from memory is the narrow number: an 8-bit
    activation or weight stays one of 8 bits up to the multiplier.
    """

    name = "fold-extensions"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Runs on every device function of the module."""
        for function in device_functions(op):
            for generic in reversed(generics(function)):  # consumers, which are rebuilt, come after
                extension = _extension(generic)
                if extension is not None:
                    _push_down(generic, extension)
            _erase(function)


def _erase(function: func.FuncOp) -> None:
    while erase_dead(function):
        pass


def _extension(op: GenericOp) -> Operation | None:
    """The one operation of a generic that only widens integers, else None."""
    if not is_elementwise(op) or len(op.inputs) != 1 or op.inputs[0].type == op.results[0].type:
        return None
    body = list(op.body.block.ops)
    found = body[0]
    if len(body) != 2 or not isinstance(found, arith.ExtSIOp | arith.ExtUIOp):
        return None
    return found if found.input is input_arguments(op)[0] and yielded(op)[0] is found.result else None


def _push_down(producer: GenericOp, extension: Operation) -> None:
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
                _extend_argument(consumer, index, extension)
        replace(consumer, rebuild(consumer, narrow, outputs(consumer)).results)


def _narrow_access(read: Access, source: Access, out: Access) -> Access:
    """The element of the narrow tensor that a read of the wide one stands for."""
    loops = [read.map.results[place] for place in inverse(out.map)]
    return Access(source.value, substitute(source.map, loops, read.map.num_dims))


def _extend_argument(consumer: GenericOp, index: int, extension: Operation) -> None:
    """Gives the body's argument `index` the narrow type, and its readers the extension of it."""
    body = consumer.body.block
    old = body.args[index]
    new = body.insert_arg(extension.operands[0].type, index)
    widened = type(extension)(new, extension.results[0].type)  # pyright: ignore[reportCallIssue]
    assert body.first_op is not None
    insert_before(body.first_op, widened)
    old.replace_all_uses_with(widened.results[0])
    body.erase_arg(old)

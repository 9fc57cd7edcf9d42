# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""materialize-kernels: the boundary of a kernel becomes DMA tasks."""

from __future__ import annotations

from dataclasses import dataclass

from streamtensor.algebra.external import ExternalLayout
from streamtensor.dialects.dataflow import (
    ITensorEmptyOp,
    ITensorReadOp,
    ITensorType,
    ITensorWriteOp,
    KernelOp,
    TaskOp,
    YieldOp,
)
from streamtensor.dialects.tensor_ext import layout_of
from streamtensor.ir.builtin import ModuleOp, TensorType
from streamtensor.ir.core import Block, BlockArgument, Context, ModulePass, Operation, Region, Rewriter, SSAValue
from streamtensor.ir.locations import copy_location
from streamtensor.transforms.build import (
    IndexConstants,
    UniqueNames,
    build_nest,
    loop_pairs,
    source_hint,
)
from streamtensor.transforms.dataflow.external_tokens import load_token, store_token, word_offsets


@dataclass(frozen=True)
class MaterializeKernelsPass(ModulePass):
    """kernel ins(x as itensor) outs(y as itensor)  -->  kernel ins(x) outs(y) { load x; ...; store y }

    The argument of the body becomes the tensor in external memory. A load task slices it in the order of the itensor
    and writes the tokens; a store task reads the tokens and inserts them. Right because the slices are visited in the
    order of the type, which is what the argument meant. A slice of packed memory has the outer index offset floordiv
    tile; it is unpacked to a token (`tensor_ext`), which costs nothing once words go straight to the FIFO.
    """

    name = "materialize-kernels"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for kernel in [k for k in op.walk() if isinstance(k, KernelOp)]:
            _materialize(kernel)


def _materialize(kernel: KernelOp) -> None:
    body = kernel.body.block
    last = body.last_op
    assert isinstance(last, YieldOp)
    head: list[Operation] = []
    tail: list[Operation] = []
    names = UniqueNames()
    for operand, argument in zip(kernel.ins, list(body.args), strict=False):
        if isinstance(argument.type, ITensorType):
            head += _load(names.of(f"load_{source_hint(operand)}"), operand, argument)
    yielded = list(last.arguments)
    for number, (operand, argument) in enumerate(zip(kernel.outs, list(body.args[len(kernel.ins) :]), strict=True)):
        if isinstance(argument.type, ITensorType):
            empty, store = _store(names.of("store_result"), operand, argument, yielded[number])
            head.append(empty)
            tail.append(store)
            yielded[number] = store.results_[0]
    copy_location(kernel, [*head, *tail])
    for op in reversed(head):
        first = body.first_op
        assert first is not None
        body.insert_op_before(op, first)
    body.insert_ops_before(tail, last)
    Rewriter.replace_op(last, YieldOp(*yielded))


def _load(name: str, operand: SSAValue, argument: BlockArgument) -> list[Operation]:
    """The task that streams a tensor in; the argument becomes the tensor."""
    itensor = argument.type
    assert isinstance(itensor, ITensorType)
    empty = ITensorEmptyOp(itensor)
    block = Block(arg_types=[itensor])
    task = TaskOp(name, [empty.result], Region(block))
    argument.replace_all_uses_with(task.results_[0])
    memory = Rewriter.replace_value_with_new_type(argument, operand.type)
    constants = IndexConstants(block)
    layout, external = itensor.layout, _external(operand, itensor)

    def body(block: Block, variables: list[SSAValue], carried: list[SSAValue]) -> list[SSAValue]:
        offsets = word_offsets(block, constants, layout, external, variables)
        write = ITensorWriteOp(load_token(block, memory, external, layout, offsets), carried[0])
        block.add_op(write)
        return [write.result]

    loops = loop_pairs(external.loops(layout))
    block.add_op(YieldOp(*build_nest(block, constants, loops, list(block.args), body)))
    return [empty, task]


def _store(name: str, operand: SSAValue, argument: BlockArgument, value: SSAValue) -> tuple[ITensorEmptyOp, TaskOp]:
    """The itensor that the kernel now writes instead of its argument, and the task that stores it."""
    itensor = argument.type
    assert isinstance(itensor, ITensorType)
    empty = ITensorEmptyOp(itensor)
    argument.replace_all_uses_with(empty.result)
    memory = Rewriter.replace_value_with_new_type(argument, operand.type)
    block = Block(arg_types=[operand.type])
    constants = IndexConstants(block)
    layout, external = itensor.layout, _external(operand, itensor)

    def body(block: Block, variables: list[SSAValue], carried: list[SSAValue]) -> list[SSAValue]:
        offsets = word_offsets(block, constants, layout, external, variables)
        token = ITensorReadOp(value)
        block.add_op(token)
        return [store_token(block, token.result, carried[0], external, offsets)]

    loops = loop_pairs(external.loops(layout))
    block.add_op(YieldOp(*build_nest(block, constants, loops, list(block.args), body)))
    return empty, TaskOp(name, [memory], Region(block))


def _external(operand: SSAValue, itensor: ITensorType) -> ExternalLayout:
    assert isinstance(operand.type, TensorType)
    return layout_of(operand.type, itensor.layout.rank)

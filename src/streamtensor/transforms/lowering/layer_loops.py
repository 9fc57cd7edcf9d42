# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A loop over the layers around every task of a kernel, whose memory becomes stacks of one buffer for each layer."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from math import prod

from streamtensor.dialects.dataflow import KernelOp, TaskOp
from streamtensor.dialects.dataflow.part_op import stack_type
from streamtensor.dialects.tensor_ext import LanesOp
from streamtensor.ir import arith, func, memref, scf, vector
from streamtensor.ir.builtin import AffineMapAttr, FunctionType, IndexType, MemRefType, VectorType
from streamtensor.ir.core import AffineDimExpr, Attribute, Block, Operation, Region, Rewriter, SSAValue
from streamtensor.transforms.build import IndexConstants
from streamtensor.transforms.lowering.layer_runs import NotInOneLaunchError
from streamtensor.transforms.lowering.views import Strided, memref_type, reinterpret, strided_of


def stack_arguments(function: func.FuncOp, kernel: KernelOp, numbers: Iterable[int], count: int) -> set[SSAValue]:
    """f(w : 16)  -->  f(w : count x 16), and so its views and what the kernel takes; gives those arguments of the
    kernel's body that are stacks now.

    Raises NotInOneLaunchError when the parts of a stack are no whole number of words apart.
    """
    block = function.body.block
    stacks: set[SSAValue] = set()
    for number in numbers:
        argument = block.args[number]
        assert isinstance(argument.type, MemRefType)
        size = prod(argument.type.get_shape()) * _lanes(argument.type)
        stack = Rewriter.replace_value_with_new_type(argument, stack_type(argument.type, count))
        _stack_views(stack, size, count, kernel, stacks)
    function.function_type = FunctionType.from_lists([value.type for value in block.args], [])
    return stacks


def _stack_views(value: SSAValue, size: int, count: int, kernel: KernelOp, stacks: set[SSAValue]) -> None:
    """Gives the views of a stack, whose parts are `size` numbers apart, and the kernel's arguments their types."""
    for use in list(value.uses):
        op = use.operation
        if op is kernel:
            inside = kernel.body.block.args[use.index]
            stacks.add(Rewriter.replace_value_with_new_type(inside, value.type))
        elif isinstance(op, memref.ReinterpretCastOp):
            made = reinterpret(value, _stacked(op.result.type, size, count))
            made.result.name_hint = op.result.name_hint
            Rewriter.replace_op(op, made)
            _stack_views(made.result, size, count, kernel, stacks)
        elif isinstance(op, LanesOp):
            assert isinstance(op.result.type, MemRefType)
            layout = _stacked(op.result.type, size, count)
            view = LanesOp(value, memref_type(op.result.type.element_type, layout))
            Rewriter.replace_op(op, view)
            _stack_views(view.result, size, count, kernel, stacks)
        else:
            raise NotInOneLaunchError(f"a layer has a view by {op.name}")


def _stacked(view: Attribute, size: int, count: int) -> Strided:
    """The layout of a view of each part of a stack, together."""
    lanes = _lanes(view)
    if size % lanes:
        raise NotInOneLaunchError(f"a layer has {size} numbers of one parameter, which are not whole words of {lanes}")
    part = strided_of(view)
    return Strided((count, *part.shape), (size // lanes, *part.strides), part.offset)


def _lanes(type: Attribute) -> int:
    assert isinstance(type, MemRefType)
    return type.element_type.element_count() if isinstance(type.element_type, VectorType) else 1


def wrap_task(task: TaskOp, count: int, stacks: Collection[SSAValue]) -> None:
    """task { body }  -->  task { for layer to count { body } }

    What the body reads and writes in `stacks` is the layer's part. Buffers stay where they are: each layer starts with
    whatever the one before has left in them, as each launch does.
    """
    block = task.body.block
    constants = IndexConstants(block)
    loop, layer, inside = empty_loop(constants, count)
    for op in loop_body(task):
        op.detach()
        inside.add_op(op)
    inside.add_op(scf.YieldOp())
    last = block.last_op
    assert last is not None
    block.insert_op_before(loop, last)
    for op in list(loop.walk()):
        _index_part(op, layer, stacks)


def empty_loop(constants: IndexConstants, count: int) -> tuple[scf.ForOp, SSAValue, Block]:
    """A loop over `count` layers that stands nowhere yet, its variable, and its body without a terminator."""
    inside = Block(arg_types=[IndexType()])
    inside.args[0].name_hint = "layer"
    loop = scf.ForOp(constants[0], constants[count], constants[1], [], Region(inside))
    return loop, inside.args[0], inside


def loop_body(task: TaskOp) -> list[Operation]:
    """What a task does: everything but constants, its buffers and the ends of loops, which move to its start."""
    block = task.body.block
    ops = [op for op in block.ops if op is not block.last_op]
    ahead = [op for op in ops if _is_ahead(op)]
    for op in reversed(ahead):
        op.detach()
        first = block.first_op
        assert first is not None
        block.insert_op_before(op, first)
    return [op for op in ops if op not in ahead]


def _is_ahead(op: Operation) -> bool:
    """Whether an operation gives the same in every layer: constants, buffers, and ends of loops at a run-time bound."""
    if isinstance(op, arith.ConstantOp | memref.AllocOp):
        return True
    indices = all(isinstance(value.type, IndexType) for value in (*op.operands, *op.results))
    return isinstance(op, arith.MuliOp) and indices


def _index_part(op: Operation, layer: SSAValue, stacks: Collection[SSAValue]) -> None:
    """Puts the layer before the indices of an access to a stack."""
    match op:
        case memref.LoadOp() if op.memref in stacks:
            made: Operation = memref.LoadOp.get(op.memref, [layer, *op.indices])
        case memref.StoreOp() if op.memref in stacks:
            made = memref.StoreOp.get(op.value, op.memref, [layer, *op.indices])
        case vector.TransferReadOp() if op.source in stacks:
            indices, map = [layer, *op.indices], _shifted(op.permutation_map)
            made = vector.TransferReadOp(op.source, indices, op.padding, op.result.type, op.in_bounds, map)
        case vector.TransferWriteOp() if op.source in stacks:
            indices, map = [layer, *op.indices], _shifted(op.permutation_map)
            made = vector.TransferWriteOp(op.vector, op.source, indices, op.in_bounds, permutation_map=map)
        case _:
            if any(value in stacks for value in op.operands):
                raise NotInOneLaunchError(f"a task touches external memory by {op.name}")
            return
    made.attributes = dict(op.attributes)
    Rewriter.replace_op(op, made)


def _shifted(map: AffineMapAttr) -> AffineMapAttr:
    """The map for a memory with one dimension more in front."""
    old = map.data
    dims = [AffineDimExpr(dim + 1) for dim in range(old.num_dims)]
    return AffineMapAttr(old.replace_dims_and_symbols(dims, [], old.num_dims + 1, 0))

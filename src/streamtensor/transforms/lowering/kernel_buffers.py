# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The inside of a kernel on buffers: what `bufferize` does to tasks."""

from __future__ import annotations

from collections.abc import Sequence

from streamtensor.diagnostics import InternalError
from streamtensor.dialects.dataflow import KernelOp, TaskOp, YieldOp, task_around
from streamtensor.ir import arith, linalg, memref, tensor, vector
from streamtensor.ir.builtin import MemRefType, TensorType, VectorType
from streamtensor.ir.core import Attribute, Operation, Rewriter, SSAValue
from streamtensor.ir.locations import copy_location
from streamtensor.transforms.build import transfer_read, transfer_write
from streamtensor.transforms.carried import unlink_destinations
from streamtensor.transforms.dataflow.materialize_converters import PING_PONG
from streamtensor.transforms.tiling.kernel_choices import carry


def bufferize_kernel(kernel: KernelOp, ins: Sequence[SSAValue], outs: Sequence[SSAValue]) -> KernelOp:
    """The kernel on the memrefs `ins` and `outs`; its body moves out of `kernel`.

    Local buffers move to the start of their task, except the ping-pong buffers of converters, which stay in
    the loop around which they are filled and drained.
    """
    unlink_destinations(kernel, _is_tensor)
    body = kernel.body.block
    for op in list(kernel.walk()):
        if isinstance(op, linalg.GenericOp):
            for result, dest in zip(op.results, op.outputs, strict=True):
                result.replace_all_uses_with(dest)
        elif isinstance(op, vector.TransferWriteOp) and op.result is not None:
            op.result.replace_all_uses_with(op.source)
        elif isinstance(op, tensor.InsertOp):
            op.result.replace_all_uses_with(op.dest)
    for argument, value in zip(body.args, [*ins, *outs], strict=True):
        Rewriter.replace_value_with_new_type(argument, value.type)
    for op in list(kernel.walk()):
        _lower(op)
    last = body.last_op
    assert isinstance(last, YieldOp)
    Rewriter.replace_op(last, YieldOp())
    made = KernelOp(kernel.kernel_name, ins, outs, kernel.detach_region(kernel.body))
    made.attributes = dict(kernel.attributes)
    return made


def _is_tensor(type: Attribute) -> bool:
    return isinstance(type, TensorType)


def _lower(op: Operation) -> None:
    parent = op.parent
    if isinstance(op, tensor.EmptyOp):
        type = op.tensor.type
        assert isinstance(type, TensorType)
        alloc = memref.AllocOp([], [], MemRefType(type.element_type, type.get_shape()))
        alloc.attributes = dict(op.attributes)
        alloc.memref.name_hint = "buffer"
        op.tensor.replace_all_uses_with(alloc.memref)
        if PING_PONG in op.attributes:
            assert parent is not None
            parent.insert_op_before(alloc, op)
        else:
            task = task_around(op)
            assert task is not None
            _insert_at_start(task, alloc)
        Rewriter.erase_op(op)
    elif isinstance(op, linalg.GenericOp):
        made = linalg.GenericOp(op.inputs, op.outputs, op.detach_region(op.body), op.indexing_maps, op.iterator_types)
        copy_location(op, [made])
        carry(op, [made])
        assert parent is not None
        parent.insert_op_before(made, op)
        Rewriter.erase_op(op)
    elif isinstance(op, vector.TransferWriteOp):
        assert parent is not None
        parent.insert_op_before(transfer_write(op.vector, op.source, list(op.indices)), op)
        Rewriter.erase_op(op)
    elif isinstance(op, vector.TransferReadOp):
        assert isinstance(op.result.type, VectorType)
        sizes = op.result.type.get_shape()
        Rewriter.replace_op(op, transfer_read(op.source, list(op.indices), op.padding, sizes))
    elif isinstance(op, tensor.ExtractOp):
        Rewriter.replace_op(op, memref.LoadOp.get(op.tensor, list(op.indices)))
    elif isinstance(op, tensor.InsertOp):
        assert parent is not None
        parent.insert_op_before(memref.StoreOp.get(op.scalar, op.dest, list(op.indices)), op)
        Rewriter.erase_op(op)
    elif isinstance(op, tensor.ExtractSliceOp | tensor.InsertSliceOp):
        raise InternalError(f"{op.name} is left in a kernel; run vectorize-itensors before bufferize")


def _insert_at_start(task: TaskOp, alloc: Operation) -> None:
    """Behind the constants of the task."""
    block = task.body.block
    for op in block.ops:
        if not isinstance(op, arith.ConstantOp | memref.AllocOp):
            block.insert_op_before(alloc, op)
            return

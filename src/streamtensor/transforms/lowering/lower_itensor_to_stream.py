# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""lower-itensor-to-stream: itensors become FIFOs."""

from __future__ import annotations

from dataclasses import dataclass

from streamtensor.algebra.safe_depths import MIN_DEPTH
from streamtensor.diagnostics import InternalError
from streamtensor.dialects.dataflow import (
    ExternKernelOp,
    ITensorEmptyOp,
    ITensorInstanceOp,
    ITensorReadOp,
    ITensorType,
    ITensorWriteOp,
    KernelOp,
    StreamCastOp,
    StreamOp,
    StreamReadOp,
    StreamType,
    StreamWriteOp,
    View,
)
from streamtensor.ir.builtin import ModuleOp
from streamtensor.ir.core import Attribute, Context, ModulePass, Operation, Rewriter, SSAValue
from streamtensor.transforms.carried import unlink_destinations
from streamtensor.transforms.dataflow.edges import stream_edges
from streamtensor.transforms.dataflow.extern_tasks import extern_kernels


@dataclass(frozen=True)
class LowerITensorToStreamPass(ModulePass):
    """e = itensor_instance; a = task inits(e) { write x }; task { read a }  -->  s = stream;
    task { stream_write x, s }; task { stream_read s }

    The chain of writes is one FIFO. Right because every itensor has one producer and one consumer and SSA order is
    stream order. A view is the same FIFO, or a cast of it where tokens have another shape. The FIFO has the name of the
    instance, and its depth or the least one. What is written into an empty itensor is read by nobody and goes.
    """

    name = "lower-itensor-to-stream"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for kernel in [k for k in op.walk() if isinstance(k, KernelOp)]:
            _check_instances(kernel)
            for write in [w for w in kernel.walk() if isinstance(w, ITensorWriteOp)]:
                write.result.replace_all_uses_with(write.dest)
            for extern in extern_kernels(kernel):
                for result, dest in zip(extern.results_, extern.outs, strict=True):
                    result.replace_all_uses_with(dest)
            unlink_destinations(kernel, _is_itensor)
            for empty in [e for e in kernel.walk() if isinstance(e, ITensorEmptyOp)]:
                for use in list(empty.result.uses):
                    Rewriter.erase_op(use.operation)
                Rewriter.erase_op(empty)
            for instance in [i for i in kernel.walk() if isinstance(i, ITensorInstanceOp)]:
                _lower(instance)
            for extern in extern_kernels(kernel):
                on_fifos = extern.on(list(extern.ins), list(extern.outs))
                Rewriter.replace_op(extern, on_fifos, [None] * len(extern.results_))


def _is_itensor(type: Attribute) -> bool:
    return isinstance(type, ITensorType)


def _check_instances(kernel: KernelOp) -> None:
    for edge in stream_edges(kernel):
        if not isinstance(edge.start, ITensorInstanceOp):
            name = f"{edge.producer.task_name}_to_{edge.consumer.task_name}"
            raise InternalError(f"{name}: the itensor is no FIFO; run convert-empty-to-instance before")


def _lower(instance: ITensorInstanceOp) -> None:
    itensor = instance.result.type
    assert isinstance(itensor, ITensorType)
    depth = MIN_DEPTH if instance.depth is None else instance.depth.value.data
    stream = StreamOp(instance.fifo_name, itensor.element, depth)
    parent = instance.parent
    assert parent is not None
    parent.insert_op_before(stream, instance)
    for use in list(instance.result.uses):
        _lower_use(use.operation, instance.result, stream.result)
    Rewriter.erase_op(instance)


def _lower_use(op: Operation, itensor: SSAValue, stream: SSAValue) -> None:
    if isinstance(op, ITensorReadOp):
        Rewriter.replace_op(op, StreamReadOp(stream))
    elif isinstance(op, ExternKernelOp):
        op.operands = [stream if value is itensor else value for value in op.operands]
    elif isinstance(op, ITensorWriteOp):
        write = StreamWriteOp(op.value, stream)
        parent = op.parent
        assert parent is not None
        parent.insert_op_before(write, op)
        Rewriter.erase_op(op)
    elif isinstance(op, View):
        _lower_view(op, stream)
    else:
        raise InternalError(f"{op.name} uses an itensor that is being lowered to a FIFO")


def _lower_view(view: View, stream: SSAValue) -> None:
    """The readers of a view read the FIFO itself; where their tokens have another shape, a cast of it."""
    itensor = view.result.type
    assert isinstance(itensor, ITensorType)
    assert isinstance(stream.type, StreamType)
    if itensor.element != stream.type.element:
        cast = StreamCastOp(stream, itensor.element)
        parent = view.parent
        assert parent is not None
        parent.insert_op_before(cast, view)
        stream = cast.result
    for use in list(view.result.uses):
        _lower_use(use.operation, view.result, stream)
    Rewriter.erase_op(view)

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""lower-itensor-to-stream: itensors become FIFOs."""

from __future__ import annotations

from dataclasses import dataclass

from streamtensor.algebra.safe_depths import MIN_DEPTH
from streamtensor.diagnostics import InternalError
from streamtensor.dialects.dataflow import (
    ITensorEmptyOp,
    ITensorReadOp,
    ITensorType,
    ITensorWriteOp,
    KernelOp,
    StreamOp,
    StreamReadOp,
    StreamWriteOp,
)
from streamtensor.ir.builtin import IntegerAttr, ModuleOp
from streamtensor.ir.core import Attribute, Context, ModulePass, Operation, Rewriter, SSAValue
from streamtensor.transforms.build import UniqueNames
from streamtensor.transforms.carried import unlink_destinations
from streamtensor.transforms.resources.size_streams import DEPTH, stream_edges


@dataclass(frozen=True)
class LowerITensorToStreamPass(ModulePass):
    """e = itensor_empty; a = task inits(e) { write x }; task { read a }  -->  s = stream; task { stream_write x, s };
    task { stream_read s }

    The chain of writes is one FIFO. Right because every itensor has one producer and one consumer and SSA order is
    stream order. The FIFO is named `<producer>_to_<consumer>` and has the depth that `size-streams` gave.
    """

    name = "lower-itensor-to-stream"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for kernel in [k for k in op.walk() if isinstance(k, KernelOp)]:
            names = _fifo_names(kernel)
            for write in [w for w in kernel.walk() if isinstance(w, ITensorWriteOp)]:
                write.result.replace_all_uses_with(write.dest)
            unlink_destinations(kernel, _is_itensor)
            for empty in [e for e in kernel.walk() if isinstance(e, ITensorEmptyOp)]:
                _lower(empty, names.get(empty))


def _is_itensor(type: Attribute) -> bool:
    return isinstance(type, ITensorType)


def _fifo_names(kernel: KernelOp) -> dict[ITensorEmptyOp, str]:
    names: dict[ITensorEmptyOp, str] = {}
    unique = UniqueNames()
    for empty, producer, consumer in stream_edges(kernel):
        base = f"{producer.task_name}_to_{consumer.task_name}"
        if empty in names:
            raise InternalError(f"{base}: the itensor has several readers; run ensure-itensor-single-use before")
        names[empty] = unique.of(base)
    return names


def _lower(empty: ITensorEmptyOp, name: str | None) -> None:
    itensor = empty.result.type
    assert isinstance(itensor, ITensorType)
    uses = [use.operation for use in empty.result.uses]
    if name is None:  # written, but nobody reads it: the writes go
        for op in uses:
            Rewriter.erase_op(op)
        Rewriter.erase_op(empty)
        return
    depth = empty.attributes.get(DEPTH)
    stream = StreamOp(name, itensor.element, depth.value.data if isinstance(depth, IntegerAttr) else MIN_DEPTH)
    parent = empty.parent
    assert parent is not None
    parent.insert_op_before(stream, empty)
    for op in uses:
        _lower_use(op, stream.result)
    Rewriter.erase_op(empty)


def _lower_use(op: Operation, stream: SSAValue) -> None:
    if isinstance(op, ITensorReadOp):
        Rewriter.replace_op(op, StreamReadOp(stream))
    elif isinstance(op, ITensorWriteOp):
        write = StreamWriteOp(op.value, stream)
        parent = op.parent
        assert parent is not None
        parent.insert_op_before(write, op)
        Rewriter.erase_op(op)
    else:
        raise InternalError(f"{op.name} uses an itensor that is being lowered to a FIFO")

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""convert-empty-to-instance: an itensor between two tasks gets a name and is a FIFO from now on."""

from __future__ import annotations

from dataclasses import dataclass

from streamtensor.diagnostics import InternalError
from streamtensor.dialects.dataflow import ITensorEmptyOp, ITensorInstanceOp, ITensorType, KernelOp
from streamtensor.ir.builtin import ModuleOp
from streamtensor.ir.core import Context, ModulePass, Rewriter
from streamtensor.transforms.build import UniqueNames
from streamtensor.transforms.dataflow.edges import stream_edges


@dataclass(frozen=True)
class ConvertEmptyToInstancePass(ModulePass):
    """e = itensor_empty; a = task inits(e); task { read a }  -->  e = itensor_instance "a_to_b"; a = task inits(e); ...

    Named `<producer>_to_<consumer>`. Right because an empty itensor that is written by one task and read by one is one
    FIFO; from here on the verifier of the instance keeps it so. An itensor that nobody reads stays empty, and its
    writes go when FIFOs are made.
    """

    name = "convert-empty-to-instance"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for kernel in [k for k in op.walk() if isinstance(k, KernelOp)]:
            unique = UniqueNames()
            for inner in kernel.body.block.ops:
                if isinstance(inner, ITensorInstanceOp):
                    unique.of(inner.fifo_name)
            seen: set[ITensorEmptyOp] = set()
            for edge in stream_edges(kernel):
                if not isinstance(edge.start, ITensorEmptyOp):
                    continue
                name = f"{edge.producer.task_name}_to_{edge.consumer.task_name}"
                if edge.start in seen:
                    raise InternalError(f"{name}: another task reads it too; run ensure-itensor-single-use before")
                seen.add(edge.start)
                itensor = edge.start.result.type
                assert isinstance(itensor, ITensorType)
                instance = ITensorInstanceOp(unique.of(name), itensor)
                instance.attributes = dict(edge.start.attributes)
                Rewriter.replace_op(edge.start, instance)

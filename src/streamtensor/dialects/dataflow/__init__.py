# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The `dataflow` dialect: kernels and tasks that exchange iterative tensors, and the streams they become."""

from streamtensor.dialects.dataflow.access_ops import ITensorReadOp, ITensorWriteOp
from streamtensor.dialects.dataflow.bound_op import BoundOp
from streamtensor.dialects.dataflow.extern_ops import ExternKernelOp
from streamtensor.dialects.dataflow.instance_op import ITensorInstanceOp, consumers, result_of
from streamtensor.dialects.dataflow.itensor_ops import ITensorConverterOp, ITensorEmptyOp
from streamtensor.dialects.dataflow.part_op import PartOp
from streamtensor.dialects.dataflow.routing_ops import (
    ITensorChunkOp,
    ITensorConcatOp,
    ITensorForkOp,
    ITensorJoinOp,
    RoutingOp,
)
from streamtensor.dialects.dataflow.stream_ops import (
    FEEDBACK,
    StreamCastOp,
    StreamOp,
    StreamReadOp,
    StreamWriteOp,
    stream_behind,
    stream_names,
)
from streamtensor.dialects.dataflow.structure_ops import KernelOp, TaskOp, YieldOp, task_around
from streamtensor.dialects.dataflow.types import ITensorType, StreamType, parse_itensor_type
from streamtensor.dialects.dataflow.view_ops import ITensorCastOp, ITensorReassociateOp, View, behind_views
from streamtensor.ir.core import Dialect

__all__ = [
    "FEEDBACK",
    "BoundOp",
    "Dataflow",
    "ExternKernelOp",
    "ITensorCastOp",
    "ITensorChunkOp",
    "ITensorConcatOp",
    "ITensorConverterOp",
    "ITensorEmptyOp",
    "ITensorForkOp",
    "ITensorInstanceOp",
    "ITensorJoinOp",
    "ITensorReadOp",
    "ITensorReassociateOp",
    "ITensorType",
    "ITensorWriteOp",
    "KernelOp",
    "PartOp",
    "RoutingOp",
    "StreamCastOp",
    "StreamOp",
    "StreamReadOp",
    "StreamType",
    "StreamWriteOp",
    "TaskOp",
    "View",
    "YieldOp",
    "behind_views",
    "consumers",
    "parse_itensor_type",
    "result_of",
    "stream_behind",
    "stream_names",
    "task_around",
]

Dataflow = Dialect(
    "dataflow",
    [
        ITensorEmptyOp,
        ITensorInstanceOp,
        ITensorReadOp,
        ITensorWriteOp,
        ITensorCastOp,
        ITensorReassociateOp,
        ITensorConverterOp,
        ITensorForkOp,
        ITensorChunkOp,
        ITensorConcatOp,
        ITensorJoinOp,
        KernelOp,
        TaskOp,
        YieldOp,
        ExternKernelOp,
        BoundOp,
        PartOp,
        StreamOp,
        StreamCastOp,
        StreamReadOp,
        StreamWriteOp,
    ],
    [ITensorType, StreamType],
)

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The `dataflow` dialect: kernels and tasks that exchange iterative tensors, and the streams they become."""

from streamtensor.dialects.dataflow.itensor_ops import (
    ITensorConverterOp,
    ITensorEmptyOp,
    ITensorReadOp,
    ITensorWriteOp,
)
from streamtensor.dialects.dataflow.stream_ops import StreamOp, StreamReadOp, StreamWriteOp
from streamtensor.dialects.dataflow.structure_ops import KernelOp, TaskOp, YieldOp, task_around
from streamtensor.dialects.dataflow.types import ITensorType, StreamType, parse_itensor_type
from streamtensor.ir.core import Dialect

__all__ = [
    "Dataflow",
    "ITensorConverterOp",
    "ITensorEmptyOp",
    "ITensorReadOp",
    "ITensorType",
    "ITensorWriteOp",
    "KernelOp",
    "StreamOp",
    "StreamReadOp",
    "StreamType",
    "StreamWriteOp",
    "TaskOp",
    "YieldOp",
    "parse_itensor_type",
    "task_around",
]

Dataflow = Dialect(
    "dataflow",
    [
        ITensorEmptyOp,
        ITensorReadOp,
        ITensorWriteOp,
        ITensorConverterOp,
        KernelOp,
        TaskOp,
        YieldOp,
        StreamOp,
        StreamReadOp,
        StreamWriteOp,
    ],
    [ITensorType, StreamType],
)

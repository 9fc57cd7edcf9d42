# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The structured operations of the upstream linalg dialect that the compiler reads and writes, under one import."""

from xdsl.dialects.linalg import Linalg
from xdsl.dialects.linalg.attrs import IteratorType, IteratorTypeAttr
from xdsl.dialects.linalg.ops import FillOp, GenericOp, IndexOp, YieldOp

__all__ = [
    "FillOp",
    "GenericOp",
    "IndexOp",
    "IteratorType",
    "IteratorTypeAttr",
    "Linalg",
    "YieldOp",
]

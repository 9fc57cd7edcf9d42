# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The pure values and the maths behind the itensor type: affine maps, stream layouts, coverage, converters. No IR,
no I/O.
"""

from streamtensor.algebra.affine import AffineMap
from streamtensor.algebra.converter import Converter, NotConvertible, infer_converter
from streamtensor.algebra.coverage import Coverage
from streamtensor.algebra.errors import AffineError, AlgebraError, LayoutError, ReplayError
from streamtensor.algebra.layout import StreamLayout, same_order
from streamtensor.algebra.linear import LinearExpr
from streamtensor.algebra.liveness import live_elements_bound
from streamtensor.algebra.prefix import align, shared_prefix
from streamtensor.algebra.replay import ReplaySummary, replay_converter
from streamtensor.algebra.rewrites import check_reassociation, collapse, pack, port_vector, vectorize, widen

__all__ = [
    "AffineError",
    "AffineMap",
    "AlgebraError",
    "Converter",
    "Coverage",
    "LayoutError",
    "LinearExpr",
    "NotConvertible",
    "ReplayError",
    "ReplaySummary",
    "StreamLayout",
    "align",
    "check_reassociation",
    "collapse",
    "infer_converter",
    "live_elements_bound",
    "pack",
    "port_vector",
    "replay_converter",
    "same_order",
    "shared_prefix",
    "vectorize",
    "widen",
]

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The dialects of this project, thin over `algebra`."""

from streamtensor.dialects.dataflow import Dataflow
from streamtensor.dialects.tensor_ext import TensorExt
from streamtensor.ir.core import Context
from streamtensor.ir.text import make_context

__all__ = ["Dataflow", "TensorExt", "context"]


def context() -> Context:
    """A context that knows every dialect of every level."""
    return make_context((Dataflow, TensorExt))

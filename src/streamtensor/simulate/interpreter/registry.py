# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""All operations that the interpreter knows, from the files by dialect."""

from streamtensor.simulate.interpreter import arith, dataflow, func, linalg, math, memref, scf, tensor, vector
from streamtensor.simulate.interpreter.emitter import Handlers

HANDLERS: Handlers = {
    **arith.HANDLERS,
    **dataflow.HANDLERS,
    **func.HANDLERS,
    **linalg.HANDLERS,
    **math.HANDLERS,
    **memref.HANDLERS,
    **scf.HANDLERS,
    **tensor.HANDLERS,
    **vector.HANDLERS,
}

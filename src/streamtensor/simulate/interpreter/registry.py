# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""All operations that the interpreter knows, from the files by dialect."""

from streamtensor.simulate.interpreter import (
    arith,
    dataflow,
    extern,
    func,
    linalg,
    math,
    memref,
    routing,
    scf,
    tensor,
    tensor_ext,
    vector,
)
from streamtensor.simulate.interpreter.emitter import Handlers

HANDLERS: Handlers = {
    **arith.HANDLERS,
    **dataflow.HANDLERS,
    **extern.HANDLERS,
    **func.HANDLERS,
    **linalg.HANDLERS,
    **math.HANDLERS,
    **memref.HANDLERS,
    **routing.HANDLERS,
    **scf.HANDLERS,
    **tensor.HANDLERS,
    **tensor_ext.HANDLERS,
    **vector.HANDLERS,
}

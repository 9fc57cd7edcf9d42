# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs one function of a module on arrays."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from streamtensor.ir.builtin import ModuleOp
from streamtensor.simulate.interpreter.arguments import arguments_of, bind, function_of
from streamtensor.simulate.interpreter.program import Program
from streamtensor.simulate.interpreter.types import Array


def run(
    module: ModuleOp,
    inputs: Sequence[Array] | Mapping[str, Array],
    *,
    function: str = "main",
    count: Counter[str] | None = None,
) -> list[Array]:
    """What `function` of `module` gives for `inputs`, at any level of the compiler.

    Inputs stand in the order of the arguments, or are looked up by the names that the arguments carry
    (`dataflow.name`, `dataflow.param`). The result is what the function returns, then the memrefs that it takes for
    its results (marked `dataflow.result`), which are allocated here. `count` is given the tokens
    that went through each FIFO, as `kernel.fifo`, added up over all launches. f32 is computed in f32, integers wrap at
    their width.

    Raises UserError ST0108 when the inputs do not fit, and InternalError when an operation is not known or the module
    does not keep its promises: a read past the end of an itensor or FIFO, tokens that are left over, a wrong number of
    tokens written, an index out of bounds, a write to an input.
    """
    arguments = arguments_of(function_of(module, function))
    values = bind(arguments, inputs)
    results = Program(module, function).call(values, Counter() if count is None else count)
    taken = [value for argument, value in zip(arguments, values, strict=True) if argument.is_result]
    # Results may be views of inputs or of each other; the caller gets arrays of their own.
    return [np.array(result) for result in results] + taken

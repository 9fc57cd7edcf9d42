# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Whole runs: from a model to a compiled folder, from a compiled folder to results.

The command line only calls these.
"""

from streamtensor.flow.accelerator import Accelerator, load
from streamtensor.flow.compile import CompileResult, compile_model, compile_module, recompile
from streamtensor.flow.events import Events, SilentEvents
from streamtensor.flow.run import RunResult, run_inputs, run_prompt

__all__ = [
    "Accelerator",
    "CompileResult",
    "Events",
    "RunResult",
    "SilentEvents",
    "compile_model",
    "compile_module",
    "load",
    "recompile",
    "run_inputs",
    "run_prompt",
]

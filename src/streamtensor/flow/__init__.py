# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Whole runs: from a model to a compiled folder, from a compiled folder to results.

The command line only calls these.
"""

from typing import TYPE_CHECKING, Any

from streamtensor.flow.accelerator import Accelerator, load
from streamtensor.flow.compile import CompileResult, compile_model, compile_module, recompile
from streamtensor.flow.events import Events, SilentEvents
from streamtensor.flow.extern_ports import Port, extern_ports, ports_of_source
from streamtensor.flow.generate import Check, GenerateResult, generate
from streamtensor.flow.quantization import perplexity, quantize
from streamtensor.flow.run import RunResult, run_inputs

if TYPE_CHECKING:
    from streamtensor.importers.extern_kernel import ExternKernel, read_extern_kernels

__all__ = [
    "Accelerator",
    "Check",
    "CompileResult",
    "Events",
    "ExternKernel",
    "GenerateResult",
    "Port",
    "RunResult",
    "SilentEvents",
    "compile_model",
    "compile_module",
    "extern_ports",
    "generate",
    "load",
    "perplexity",
    "ports_of_source",
    "quantize",
    "read_extern_kernels",
    "recompile",
    "run_inputs",
]


def __getattr__(name: str) -> Any:
    """Loads the importers, which come with PyTorch's company, only when somebody describes a kernel."""
    if name in ("ExternKernel", "read_extern_kernels"):
        from streamtensor.importers import extern_kernel

        return getattr(extern_kernel, name)
    raise AttributeError(f"module 'streamtensor.flow' has no attribute '{name}'")

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""streamtensor: compiles PyTorch models into stream-based dataflow accelerators for FPGAs.

>>> import streamtensor
>>> accelerator = streamtensor.compile(module, example_inputs, device="u55c")  # doctest: +SKIP
>>> accelerator.predict(*inputs)  # doctest: +SKIP
>>> streamtensor.compile_model("model_folder", "build/model", scheme="w4a8")  # doctest: +SKIP
>>> streamtensor.generate("build/model", "Once upon a time ", 32).text  # doctest: +SKIP
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from streamtensor.flow import (
        Accelerator,
        ExternKernel,
        compile_model,
        extern_ports,
        generate,
        load,
        perplexity,
        quantize,
        read_extern_kernels,
    )
    from streamtensor.flow import compile_module as compile

__version__ = "0.1.0"

__all__ = [
    "Accelerator",
    "ExternKernel",
    "__version__",
    "compile",
    "compile_model",
    "extern_ports",
    "generate",
    "load",
    "perplexity",
    "quantize",
    "read_extern_kernels",
]

_LAZY = {
    "Accelerator": "Accelerator",
    "ExternKernel": "ExternKernel",
    "compile": "compile_module",
    "compile_model": "compile_model",
    "extern_ports": "extern_ports",
    "generate": "generate",
    "load": "load",
    "perplexity": "perplexity",
    "quantize": "quantize",
    "read_extern_kernels": "read_extern_kernels",
}


def __getattr__(name: str) -> Any:
    """Loads the flow at the first use, so that `import streamtensor` and the command line start at once."""
    if name in _LAZY:
        from streamtensor import flow

        return getattr(flow, _LAZY[name])
    raise AttributeError(f"module 'streamtensor' has no attribute '{name}'")

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The entry points of the C simulation: one function per kernel and per function of the host, with plain pointers."""

from __future__ import annotations

from collections.abc import Sequence

from streamtensor.codegen.design import Design
from streamtensor.codegen.hls.arguments import Argument
from streamtensor.codegen.hls.kernel import LICENCE, kernel_arguments, kernel_scalars
from streamtensor.codegen.hls.writer import Writer
from streamtensor.codegen.host.functions import host_arguments
from streamtensor.ir.builtin import ModuleOp


def emit_csim_glue(module: ModuleOp) -> dict[str, str]:
    """`csim/csim_main.cpp`: `st_call_<name>(void **args)`, pointers in the order of the operands, then bounds."""
    design = Design.of(module)
    out = Writer()
    out.line(LICENCE)
    out.line("// Entry points of the C simulation, called with the buffers of a launch in order.")
    out.line('#include "host_functions.h"')
    for kernel in design.kernels:
        out.line(f'#include "{design.names[kernel]}.h"')
    for kernel in design.kernels:
        name = design.names[kernel]
        _emit_entry(out, name, kernel_arguments(kernel, name), kernel_scalars(kernel, name))
    for function in design.host_functions:
        name = design.names[function]
        _emit_entry(out, name, host_arguments(function, name))
    return {"csim/csim_main.cpp": out.text()}


def _emit_entry(out: Writer, name: str, arguments: Sequence[Argument], scalars: Sequence[str] = ()) -> None:
    out.line()
    with out.block(f'extern "C" void st_call_{name}(void **args)'):
        casts = [f"static_cast<{argument.pointer}>(args[{number}])" for number, argument in enumerate(arguments)]
        casts += [f"*static_cast<const int *>(args[{len(casts) + number}])" for number in range(len(scalars))]
        if len(casts) <= 1:
            out.line(f"{name}({''.join(casts)});")
            return
        out.line(f"{name}({casts[0]},")
        pad = " " * (len(name) + 1)
        for cast in casts[1:-1]:
            out.line(f"{pad}{cast},")
        out.line(f"{pad}{casts[-1]});")

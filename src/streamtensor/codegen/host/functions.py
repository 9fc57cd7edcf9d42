# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Functions of the host as plain C++: gathers and integer work that no kernel does."""

from __future__ import annotations

from streamtensor.codegen.design import Design, entry
from streamtensor.codegen.hls.arguments import Argument
from streamtensor.codegen.hls.body import HOST, Body
from streamtensor.codegen.hls.errors import cannot_emit
from streamtensor.codegen.hls.kernel import LICENCE, is_written
from streamtensor.codegen.hls.memory import Pointer
from streamtensor.codegen.hls.names import Names, argument_hint
from streamtensor.codegen.hls.registry import EMITTERS
from streamtensor.codegen.hls.writer import Writer, function_head
from streamtensor.ir import func
from streamtensor.ir.builtin import MemRefType, ModuleOp
from streamtensor.ir.locations import location_text


def host_arguments(function: func.FuncOp, name: str) -> list[Argument]:
    """The arguments of a function of the host: pointers, results last."""
    return _arguments(function, Names([name]))


def host_head(name: str, arguments: list[Argument]) -> str:
    """The head of a function of the host, without a semicolon."""
    return function_head(f"void {name}", [argument.declaration for argument in arguments])


def emit_host_functions(module: ModuleOp) -> dict[str, str]:
    """`host/host_functions.h` and `.cpp` for a stream-level module.

    Raises UserError ST0306 for what has no C++.
    """
    design = Design.of(module)
    header, source = Writer(), Writer()
    header.line(LICENCE)
    header.line("#ifndef ST_HOST_FUNCTIONS_H")
    header.line("#define ST_HOST_FUNCTIONS_H")
    header.line()
    header.line("#include <cstdint>")
    header.line()
    source.line(LICENCE)
    source.line("// What the host computes; the rest is in the kernels.")
    source.line('#include "host_functions.h"')
    source.line()
    for name in ("cmath", "limits", "memory"):
        source.line(f"#include <{name}>")
    source.line()
    source.line('#include "streamtensor_ops.h"')
    for function in design.host_functions:
        name = design.names[function]
        header.line(f"{host_head(name, host_arguments(function, name))};")
        source.line()
        _emit_function(source, function, name)
    header.line()
    header.line("#endif")
    return {"host/host_functions.h": header.text(), "host/host_functions.cpp": source.text()}


def _arguments(function: func.FuncOp, names: Names) -> list[Argument]:
    arguments: list[Argument] = []
    for number, value in enumerate(entry(function).args):
        if not isinstance(value.type, MemRefType):
            raise cannot_emit(function, f"an argument of type {value.type}")
        name = names.fresh(argument_hint(value, number))
        arguments.append(Argument(name, value.type, is_written(value), on_host=True))
    return arguments


def _emit_function(out: Writer, function: func.FuncOp, name: str) -> None:
    names = Names([name])
    arguments = _arguments(function, names)
    body = Body(HOST, EMITTERS, names, out)
    for value, argument in zip(entry(function).args, arguments, strict=True):
        body.memories[value] = Pointer.of(argument.name, argument.memref, function)
    place = location_text(function)
    if place:
        out.line(f"// {place}")
    with out.block(host_head(name, arguments)):
        body.emit(entry(function))

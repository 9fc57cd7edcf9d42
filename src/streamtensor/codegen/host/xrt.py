# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The host program for a card: C++ with the native API of XRT, the launch list as tables beside it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from streamtensor.codegen.hls.kernel import LICENCE
from streamtensor.codegen.host.program import Port, Program

SUPPORT = Path(__file__).resolve().parent / "support"
"""The fixed files of host programs."""

_INDENT = "    "


def emit_xrt_host(program: Program) -> dict[str, str]:
    """`host/host.cpp`: loads the bitstream and the weights, runs the launch list, writes the outputs. It and
    `host/runtime.h` know no program; `host/program.h` has the launch list and the functions of the host.
    """
    files = {f"host/{name}": (SUPPORT / name).read_text(encoding="utf-8") for name in ("host.cpp", "runtime.h")}
    return {**files, "host/program.h": "\n".join(_tables(program)) + "\n"}


def _tables(program: Program) -> Iterator[str]:
    numbers = {buffer.name: number for number, buffer in enumerate(program.buffers)}
    functions = {function.name: number for number, function in enumerate(program.functions)}
    on_device = {name for step in program.steps if step.kind == "kernel" for name in step.buffers}
    yield LICENCE
    yield "// The launch list as tables. Include it in a namespace of its own, behind runtime.h."
    yield "#undef ST_HOST_FUNCTIONS_H"
    yield '#include "host_functions.cpp"'
    yield ""
    yield "const runtime::Program kProgram = {"
    yield f"{_INDENT}// buffers: name, bytes, whether kernels use it, the one that it is a part of, from which byte on"
    yield from _list(
        f"{{{quoted(buffer.name)}, {buffer.size_bytes}, {_bool(buffer.name in on_device)}, "
        f"{numbers.get(buffer.whole, -1)}, {buffer.part * buffer.size_bytes}}},"
        for buffer in program.buffers
    )
    yield f"{_INDENT}// functions: name, what to call on the host, which arguments are written"
    functions_text: list[str] = []
    for function in program.functions:
        call = "nullptr"
        if function.kind == "host":
            arguments = ", ".join(f"a[{number}]" for number in range(len(function.operands)))
            # In parentheses a name is not looked for in the namespace of its arguments.
            call = f"[](const runtime::Pointers &a) {{ ({function.name})({arguments}); }}"
        written = ", ".join(_bool(operand.written) for operand in function.operands)
        functions_text.append(f"{{{quoted(function.name)}, {call}, {{{written}}}}},")
    yield from _list(functions_text)
    yield f"{_INDENT}// steps: function, buffers, bounds (buffer of a position, tile, most tiles)"
    steps: list[str] = []
    for step in program.steps:
        arguments = ", ".join(str(numbers[name]) for name in step.buffers)
        bounds = ", ".join(f"{{{numbers[b.of]}, {b.tile}, {b.most}}}" for b in step.bounds)
        entry = f"{{{functions[step.name]}, {{{arguments}}}, {{{bounds}}}}}"
        steps.append(f"{entry},  // {step.function}, call {step.call}")
    yield from _list(steps)
    for name, ports in (
        ("inputs", program.inputs),
        ("parameters", program.parameters),
        ("outputs", program.outputs),
    ):
        yield f"{_INDENT}// {name}: name, buffer"
        yield from _list(_ports(ports, numbers))
    yield "};"


def _list(lines: Iterator[str] | Sequence[str]) -> Iterator[str]:
    yield f"{_INDENT}{{"
    for line in lines:
        yield f"{_INDENT}{_INDENT}{line}"
    yield f"{_INDENT}}},"


def _ports(ports: Sequence[Port], numbers: dict[str, int]) -> list[str]:
    return [f"{{{quoted(port.name)}, {numbers[port.buffer]}}}," for port in ports]


def _bool(value: bool) -> str:
    return "true" if value else "false"


def quoted(text: str) -> str:
    """`text` as a string of C++."""
    return json.dumps(text)

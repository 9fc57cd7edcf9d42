# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The host program for a card: C++ with the native API of XRT, the launch list as tables in it."""

from __future__ import annotations

import json
from pathlib import Path

from streamtensor.codegen.host.program import Port, Program

_RUNTIME = Path(__file__).resolve().parent / "support" / "host.cpp"
_MARK = "// @TABLES@\n"


def emit_xrt_host(program: Program) -> dict[str, str]:
    """`host/host.cpp`: loads the bitstream and the weights, runs the launch list, writes the outputs."""
    return {"host/host.cpp": _RUNTIME.read_text(encoding="utf-8").replace(_MARK, _tables(program))}


def _tables(program: Program) -> str:
    numbers = {buffer.name: number for number, buffer in enumerate(program.buffers)}
    functions = {function.name: number for number, function in enumerate(program.functions)}
    on_device = {name for step in program.steps if step.kind == "kernel" for name in step.buffers}
    lines = ["const std::vector<Buffer> kBuffers = {"]
    for buffer in program.buffers:
        place = "true" if buffer.name in on_device else "false"
        lines.append(f"    {{{_quoted(buffer.name)}, {buffer.size_bytes}, {place}}},")
    lines += ["};", "const std::vector<Function> kFunctions = {"]
    for function in program.functions:
        call = "nullptr"
        if function.kind == "host":
            arguments = [f"a[{number}]" for number in range(len(function.operands))]
            call = f"[](const Pointers &a) {{ ::{function.name}({', '.join(arguments)}); }}"
        written = ", ".join("true" if operand.written else "false" for operand in function.operands)
        lines.append(f"    {{{_quoted(function.name)}, {call}, {{{written}}}}},")
    lines += ["};", "const std::vector<Step> kSteps = {"]
    for step in program.steps:
        arguments = ", ".join(str(numbers[name]) for name in step.buffers)
        bounds = ", ".join(f"{{{numbers[b.of]}, {b.tile}, {b.most}}}" for b in step.bounds)
        entry = f"{{{functions[step.name]}, {{{arguments}}}, {{{bounds}}}}}"
        lines.append(f"    {entry},  // {step.function}, call {step.call}")
    lines.append("};")
    for name, ports in (
        ("kInputs", program.inputs),
        ("kParameters", program.parameters),
        ("kOutputs", program.outputs),
    ):
        lines.append(f"const std::vector<Port> {name} = {{")
        lines += [f"    {_port(port, numbers)}," for port in ports]
        lines.append("};")
    return "\n".join(lines) + "\n"


def _port(port: Port, numbers: dict[str, int]) -> str:
    return f"{{{_quoted(port.name)}, {numbers[port.buffer]}}}"


def _quoted(text: str) -> str:
    return json.dumps(text)

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The C++ around a hand-written function that feeds it from arrays and drains it into arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from streamtensor.codegen.hls.extern import prototype, stream_type
from streamtensor.codegen.hls.types import lanes, scalar, type_name
from streamtensor.dialects.dataflow import ITensorType
from streamtensor.simulate.interpreter.types import dtype_of

ROUNDS = "_rounds"
"""What stands behind the function's name in the entry that runs it round by round."""

_CARRIERS = {
    "float32": "float",
    "float64": "double",
    "bool": "bool",
    "int8": "int8_t",
    "int16": "int16_t",
    "int32": "int32_t",
    "int64": "int64_t",
}
_HEAD = """\
#include <ap_int.h>
#include <cstdint>
#include <hls_stream.h>
#include <hls_vector.h>
#include "streamtensor_dataflow.h"
"""


@dataclass(frozen=True)
class _Port:
    """One port, its vectors [tokens, lanes] behind the argument `number`; `round_tokens` of them come together."""

    name: str
    number: int
    itensor: ITensorType
    is_in: bool
    round_tokens: int

    @property
    def tokens(self) -> int:
        return self.itensor.layout.num_tokens

    @property
    def data(self) -> str:
        """The C++ type of the array."""
        return f"{'const ' if self.is_in else ''}{_CARRIERS[dtype_of(self.itensor.scalar).name]} *"

    @property
    def stream(self) -> str:
        return stream_type(self.itensor.element)

    @property
    def function(self) -> str:
        return f"{'put' if self.is_in else 'take'}_{self.name}"

    def transfer(self) -> list[str]:
        """The function that moves the tokens `from` to `to` between the array and the FIFO."""
        token, count = type_name(self.itensor.element), lanes(self.itensor.element)
        lane = "token[lane]" if count > 1 else "token"
        place = f"data[n * {count} + lane]"
        each = f"    for (int lane = 0; lane < {count}; ++lane)"
        if self.is_in:
            number = scalar(self.itensor.scalar).name
            body = [f"    {token} token;", f"{each} {lane} = {number}({place});", "    port.write(token);"]
        else:
            carrier = self.data.removesuffix(" *")
            body = [f"    {token} token = port.read();", f"{each} {place} = static_cast<{carrier}>({lane});"]
        head = f"static void {self.function}({self.data}data, long from, long to, {self.stream} &port) {{"
        return [head, "  for (long n = from; n < to; ++n) {", *body, "  }", "}"]


def wrapper(
    function: str, ins: Sequence[ITensorType], outs: Sequence[ITensorType], reads: Sequence[int], stack_bytes: int
) -> str:
    """Two entries for the simulation of `function`, with the arrays of its vector ports as arguments.

    `st_call_<function>` has a task for each port beside the function. `st_call_<function>_rounds` has one task for all:
    it sends `reads` tokens of each in port and takes what the function has to write then, before it sends more. A
    function that reads more before it writes waits for ever there.
    """
    rounds = max((port.layout.num_tokens // count for port, count in zip(ins, reads, strict=True)), default=1)
    ports = [_Port(f"in{n}", n, port, True, reads[n]) for n, port in enumerate(ins)]
    ports += [
        _Port(f"out{n}", len(ins) + n, port, False, port.layout.num_tokens // rounds) for n, port in enumerate(outs)
    ]
    lines = [_HEAD + f"{prototype(function, [*ins, *outs])};"]
    for port in ports:
        lines += port.transfer()
    names = ", ".join(port.name for port in ports)
    tasks = [f"  ST_TASK({p.function}, data_{p.name}, 0L, {p.tokens}L, {p.name})" for p in ports]
    tasks.insert(len(ins), f"  ST_TASK({function}, {names})")
    lines += _entry(function, ports, stack_bytes, tasks)
    arguments = [f"{port.data}data_{port.name}" for port in ports] + [f"{p.stream} &{p.name}" for p in ports]
    lines.append(f"static void round_by_round({', '.join(arguments)}) {{")
    lines.append(f"  for (long r = 0; r < {rounds}L; ++r) {{")
    for port in ports:
        every = rounds // (port.tokens // port.round_tokens)
        step = f"r / {every} * {port.round_tokens}L"
        call = f"{port.function}(data_{port.name}, {step}, ({step}) + {port.round_tokens}L, {port.name});"
        lines.append(f"    if (r % {every} == 0) {call}")
    lines += ["  }", "}"]
    data = ", ".join(f"data_{port.name}" for port in ports)
    tasks = [f"  ST_TASK(round_by_round, {data}, {names})", f"  ST_TASK({function}, {names})"]
    lines += _entry(f"{function}{ROUNDS}", ports, stack_bytes, tasks)
    return "\n".join(lines) + "\n"


def _entry(name: str, ports: Sequence[_Port], stack_bytes: int, tasks: Sequence[str]) -> list[str]:
    lines = [f'extern "C" void st_call_{name}(void **args) {{']
    for port in ports:
        depth = max(2, port.round_tokens)
        lines.append(f'  {port.stream[:-1]}, {depth}> {port.name}("{port.name}");')
        lines.append(f"  {port.data}data_{port.name} = static_cast<{port.data}>(args[{port.number}]);")
    return [*lines, f"  ST_REGION({stack_bytes})", *tasks, "  ST_REGION_END", "}"]

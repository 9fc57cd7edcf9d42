# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Builds and runs the C++ that is emitted for a stream-level module, for tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from streamtensor.codegen.emit import emit_code
from streamtensor.codegen.host.program import Program, derive_program
from streamtensor.dialects import context
from streamtensor.ir.builtin import ModuleOp
from streamtensor.ir.text import parse_module, verify_module
from streamtensor.simulate.csim import Library, RegionReport, build

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Built:
    program: Program
    library: Library

    def run(
        self,
        arrays: Mapping[str, Array],
        *,
        mode: Literal["bounded", "unbounded"] = "bounded",
        depths: Mapping[str, int] | int | None = None,
    ) -> tuple[dict[str, Array], list[RegionReport]]:
        """Runs all steps; `arrays` are inputs and parameters by name, the result the outputs by name."""
        memory = {buffer.name: np.zeros(buffer.shape, buffer.dtype) for buffer in self.program.buffers}
        for port in (*self.program.inputs, *self.program.parameters):
            memory[port.buffer][...] = arrays[port.name]
        reports: list[RegionReport] = []
        for step in self.program.steps:
            buffers = [memory[name] for name in step.buffers]
            reports.append(self.library.call(step.name, buffers, mode=mode, depths=depths))
        return {port.name: memory[port.buffer] for port in self.program.outputs}, reports

    def run_case(self, name: str, arrays: Mapping[str, Array]) -> dict[str, Array]:
        """Runs the kernel of one case of `module`."""
        memory = {buffer.name: np.zeros(buffer.shape, buffer.dtype) for buffer in self.program.buffers}
        for port, array in arrays.items():
            memory[f"{name}.{port}"][...] = array
        for step in self.program.steps:
            if step.function == name:
                self.library.call(step.name, [memory[buffer] for buffer in step.buffers])
        start = f"{name}."
        return {key.removeprefix(start): value for key, value in memory.items() if key.startswith(start)}


def parsed(text: str) -> ModuleOp:
    module = parse_module(context(), text)
    verify_module(module, text)
    return module


def written(text: str, folder: Path) -> Path:
    """Writes the emitted files below `folder`."""
    for path, content in emit_code(parsed(text)).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(content, encoding="utf-8")
    return folder


def sources(folder: Path) -> list[Path]:
    return [*sorted((folder / "hls").glob("*.cpp")), folder / "host/host_functions.cpp", folder / "csim/csim_main.cpp"]


def built(text: str, folder: Path, *, defines: Sequence[str] = ()) -> Built:
    """Emits into `folder` and builds beside it, where the objects of the runtime are shared."""
    written(text, folder)
    library = build(
        sources(folder),
        folder.parent / "objects",
        include_dirs=[folder / "hls", folder / "host"],
        defines=defines,
        name=folder.name + "".join(defines),
    )
    return Built(derive_program(parsed(text)), Library(library))


@dataclass(frozen=True)
class Case:
    """A kernel with one task. `ins` and `outs` are memref types by name; the body has constants %c0, %c1, ..., %c64."""

    ins: Mapping[str, str]
    outs: Mapping[str, str]
    body: str


def module(cases: Mapping[str, Case]) -> str:
    """A module that calls one function of the device for each case; inputs and outputs are called `case.name`."""
    functions = "\n".join(_function(name, case) for name, case in cases.items())
    arguments: list[str] = []
    calls: list[str] = []
    for name, case in cases.items():
        arguments += [f'%{name}_{x}: {kind} {{dataflow.name = "{name}.{x}"}}' for x, kind in case.ins.items()]
        arguments += [f'%{name}_{x}: {kind} {{dataflow.result = "{name}.{x}"}}' for x, kind in case.outs.items()]
        everything = {**case.ins, **case.outs}
        values = ", ".join(f"%{name}_{x}" for x in everything)
        calls.append(f"  func.call @{name}({values}) : ({', '.join(everything.values())}) -> ()")
    body = "\n".join(calls)
    return f"{functions}\nfunc.func @main({', '.join(arguments)}) {{\n{body}\n  func.return\n}}\n"


def _function(name: str, case: Case) -> str:
    everything = {**case.ins, **case.outs}
    constants = "\n".join(f"      %c{n} = arith.constant {n} : index" for n in (*range(17), 32, 64))
    outside = ", ".join(f"%w_{x}: {kind}" for x, kind in everything.items())
    inside = ", ".join(f"%{x}: {kind}" for x, kind in everything.items())

    def section(word: str, part: Mapping[str, str]) -> str:
        return f"{word}({', '.join(f'%w_{x}' for x in part)} : {', '.join(part.values())})" if part else ""

    return f"""
func.func private @{name}({outside}) attributes {{dataflow.place = "device"}} {{
  dataflow.kernel "{name}" {section("ins", case.ins)} {section("outs", case.outs)} {{
  ^bb0({inside}):
    dataflow.task "compute" {{
{constants}
{case.body}
      dataflow.yield
    }}
    dataflow.yield
  }}
  func.return
}}"""

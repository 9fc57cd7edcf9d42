# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The graphs of a compiled folder's kernels, and how often each is launched."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from streamtensor.diagnostics import UserError, did_you_mean
from streamtensor.flow.files import read_program
from streamtensor.flow.folder import Record
from streamtensor.targets import Device, load_device
from streamtensor.timing.graph import Graph
from streamtensor.timing.load import graph_file, load_graph


@dataclass(frozen=True)
class KernelGraph:
    """The graph of one kernel, and how often its program launches it."""

    program: str
    kernel: str
    launches: int
    graph: Graph
    path: Path


def load_kernels(folder: Path, program: str | None = None) -> tuple[Device, list[KernelGraph]]:
    """The device of a compiled folder and the graphs of its programs' kernels, or of one program's.

    Raises UserError ST0503 for a folder that was not compiled as far as code or an unknown program, ST0702 and ST0703
    for a broken graph.
    """
    record = Record.read(folder)
    if program is not None and program not in record.programs:
        raise UserError(
            "ST0503", f"{folder} has no program '{program}'", hint=did_you_mean(program, list(record.programs))
        )
    kernels = [k for name in record.programs if program in (None, name) for k in _kernels(folder / name, name)]
    return load_device(record.device), kernels


def _kernels(folder: Path, program: str) -> Iterator[KernelGraph]:
    launches = read_program(folder)
    times = Counter(step.name for step in launches.steps if step.kind == "kernel")
    for kernel in launches.kernels:
        path = folder / graph_file(kernel.name)
        if not path.is_file():
            raise UserError(
                "ST0503", f"there is no {path}", hint="compile the model again: an older version wrote none"
            )
        yield KernelGraph(program, kernel.name, times[kernel.name], load_graph(path), path)

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A compiled program that runs, through C simulation, like the model it came from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from streamtensor.algebra.run_time_bound import tiles_up_to
from streamtensor.codegen.weights import Weights, read_weights
from streamtensor.diagnostics import InternalError, UserError
from streamtensor.flow.buffers import allocate, allocate_wholes
from streamtensor.flow.cache import Cache
from streamtensor.flow.events import Events, SilentEvents
from streamtensor.flow.files import read_json, read_program
from streamtensor.flow.folder import Record
from streamtensor.simulate.csim import FifoReport, Library, RegionReport, build
from streamtensor.simulate.csim.report import Mode

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Launches:
    """What one run of a program gave: the outputs, and the report of each launch (kernel name, report). `position` is
    the one in the context that bounds loops at run time, None for a program without such loops.
    """

    outputs: tuple[Array, ...]
    reports: tuple[tuple[str, RegionReport], ...]
    position: int | None = None

    def fifos(self) -> dict[str, FifoReport]:
        """For each `kernel.fifo` the report of the launch with the highest mark."""
        found: dict[str, FifoReport] = {}
        for kernel, report in self.reports:
            for fifo in report.fifos:
                name = f"{kernel}.{fifo.name}"
                if name not in found or fifo.high_water > found[name].high_water:
                    found[name] = fifo
        return found


class Accelerator:
    """One program of a compiled folder, the first one unless it is named; programs may share their `weights`.

    The C simulation library is built at the first run and kept in the folder; weights are mapped into memory. Raises
    UserError ST0503 when the folder does not hold compiled code.
    """

    def __init__(
        self, folder: Path, program: str | None = None, *, keep: object = None, weights: Weights | None = None
    ) -> None:
        self.folder = Path(folder)
        self.record = Record.read(self.folder)
        self.program_name = program or self.record.programs[0]
        if self.program_name not in self.record.programs:
            raise UserError(
                "ST0503",
                f"{self.folder} has no program {self.program_name}",
                hint=f"it has {', '.join(self.record.programs)}",
            )
        if weights is not None:
            self.weights = weights
        self._keep = keep  # a temporary folder lives as long as this object
        self.program = read_program(self.path)

    @property
    def path(self) -> Path:
        """The folder of this program."""
        return self.folder / self.program_name

    @cached_property
    def summary(self) -> dict[str, Any]:
        """The figures of summary.json."""
        return read_json(self.path / "summary.json", dict)

    @cached_property
    def weights(self) -> Weights:
        """The compiled parameters by name."""
        return read_weights(self.folder)

    def check_weights(self, events: Events | None = None) -> None:
        """Compares each stored parameter that the program reads with its hash; what was checked once is not again.

        Raises UserError ST0103 that names the file and the parameter when one is missing or damaged.
        """
        watcher = events or SilentEvents()
        self.weights.check(
            (port.name for port in self.program.parameters),
            progress=lambda done, total: watcher.transfer("checking the weights", done, total),
        )

    @cached_property
    def library(self) -> Library:
        """The C simulation of all kernels and host functions, built when something changed."""
        sources = [
            *sorted(self.path.glob("hls/*.cpp")),
            *sorted(self.path.glob("hls/extern/*/*.cpp")),
            self.path / "host" / "host_functions.cpp",
            self.path / "csim" / "csim_main.cpp",
        ]
        includes = [self.path / "hls", self.path / "host"]
        return Library(build(sources, self.path / "csim" / "build", include_dirs=includes))

    def predict(self, *inputs: Any) -> Any:
        """What the module gives for `inputs`, numpy arrays or torch tensors; the outputs are of the same kind.

        One output is returned as it is, several as a tuple. Raises UserError ST0108 when the inputs do not fit, ST0604
        when the FIFOs deadlock.
        """
        outputs = self.run([_to_numpy(value) for value in inputs]).outputs
        given = outputs if all(isinstance(value, np.ndarray) for value in inputs) else tuple(map(_to_torch, outputs))
        return given[0] if len(given) == 1 else given

    def run(
        self,
        inputs: Sequence[Array],
        *,
        mode: Mode = "bounded",
        depths: Mapping[str, int] | int | None = None,
        cache: Cache | None = None,
    ) -> Launches:
        """Runs the launch list; `depths` replaces FIFO depths. Raises like `predict`.

        With a `cache`, `inputs` are the other inputs only. Before the first launch all weights are checked (see
        `check_weights`).
        """
        self.check_weights()
        memory = self._memory(inputs, cache)
        reports: list[tuple[str, RegionReport]] = []
        for step in self.program.steps:
            arrays = [memory[name] for name in step.buffers]
            arrays += [np.array(tiles_up_to(int(memory[b.of].flat[0]), b.tile, b.most), np.int32) for b in step.bounds]
            report = self.library.call(step.name, arrays, mode=mode, depths=depths if step.kind == "kernel" else None)
            if report.deadlock is not None:
                raise report.deadlock.error()
            if step.kind == "kernel":
                reports.append((step.name, report))
        bound = next((bound for step in self.program.steps for bound in step.bounds), None)
        position = int(memory[bound.of].flat[0]) if bound is not None else None
        return Launches(tuple(memory[port.buffer] for port in self.program.outputs), tuple(reports), position)

    def _memory(self, inputs: Sequence[Array], cache: Cache | None) -> dict[str, Array]:
        """Every buffer outside the chip, with inputs and parameters in place."""
        ports = self.program.inputs
        if cache is not None:
            ports = tuple(port for port in ports if port.name not in cache.names)
        if len(inputs) != len(ports):
            names = ", ".join(port.name for port in ports)
            raise UserError("ST0108", f"{len(inputs)} inputs given, the program takes {len(ports)}: {names}")
        memory: dict[str, Array] = {}
        for port, value in zip(ports, inputs, strict=True):
            buffer = self.program.buffer(port.buffer)
            if value.shape != buffer.shape or value.dtype != np.dtype(buffer.dtype):
                raise UserError(
                    "ST0108",
                    f"input {port.name} is {_kind(value.shape, value.dtype)}, "
                    f"the program takes {_kind(buffer.shape, buffer.dtype)}",
                )
            memory[port.buffer] = np.ascontiguousarray(value)
        if cache is None:
            cache = Cache(self.program)
            cache.write({port.name: memory[port.buffer] for port in ports if port.name in cache.names}, 0)
        stacks = allocate_wholes(self.program, [port.buffer for port in ports if port.name not in cache.names])
        for name in memory.keys() & stacks.keys():
            stacks[name][...] = memory[name]
        memory = {**memory, **stacks, **self._parameters, **cache.arrays}
        return memory | allocate(self.program, memory)

    @cached_property
    def _parameters(self) -> dict[str, Array]:
        """The buffers that hold parameters: the mapped file, or parts of a stack in memory."""
        stacks = allocate_wholes(self.program, [port.buffer for port in self.program.parameters])
        for port in self.program.parameters:
            buffer = self.program.buffer(port.buffer)
            value = self.weights.stored(port.name)
            if value.nbytes != buffer.size_bytes or value.dtype != np.dtype(buffer.stored_dtype):
                raise InternalError(f"parameter {port.name} is {_kind(value.shape, value.dtype)}, not as compiled")
            if buffer.whole:
                stacks[port.buffer][...] = value.reshape(buffer.stored_shape)
            else:
                stacks[port.buffer] = value
        return stacks


def load(folder: Path | str, program: str | None = None) -> Accelerator:
    """The accelerator in a compiled folder; neither PyTorch nor the model is needed."""
    return Accelerator(Path(folder), program)


def _kind(shape: Sequence[int], dtype: object) -> str:
    return f"{'x'.join(map(str, shape)) or 'a scalar'} of {np.dtype(str(dtype))}"


def _to_numpy(value: Any) -> Array:
    return value if isinstance(value, np.ndarray) else value.detach().cpu().numpy()


def _to_torch(value: Array) -> Any:
    import torch

    return torch.from_numpy(value)

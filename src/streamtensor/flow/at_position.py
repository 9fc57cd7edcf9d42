# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The graphs of a compiled folder's kernels at a position of the context, where fewer tiles count."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from streamtensor.algebra.run_time_bound import tiles_up_to
from streamtensor.codegen.design import Design
from streamtensor.diagnostics import UserError
from streamtensor.dialects import context
from streamtensor.flow.files import read_program
from streamtensor.flow.folder_kernels import KernelGraph, load_kernels
from streamtensor.ir.text import parse_module
from streamtensor.pipelines import LEVEL_FILES
from streamtensor.targets import Device
from streamtensor.targets.operations import load_operations
from streamtensor.transforms.resources.bounded_kernels import kernel_at
from streamtensor.transforms.resources.kernel_graphs import schedule_kernel
from streamtensor.transforms.resources.resize_streams import memory_accesses


def load_kernels_at(folder: Path, program: str | None, position: int | None) -> tuple[Device, list[KernelGraph]]:
    """Like `load_kernels`, with the graphs as they are at a `position`, or for the longest context (None)."""
    device, kernels = load_kernels(folder, program)
    return device, kernels if position is None else kernels_at(folder, device, kernels, position)


def kernels_at(folder: Path, device: Device, kernels: Sequence[KernelGraph], position: int) -> list[KernelGraph]:
    """The kernels of a compiled folder, whose graphs are those of the longest context, as they are at a position.

    `position` is that of the token in a decode program, that of the prompt's last token in a prefill program. The
    graphs are made anew from the stream level; what external memory gives to each DMA stays as it was planned.
    Raises UserError ST0503 when a file is missing, ST0108 when no program depends on a position.
    """
    programs = dict.fromkeys(kernel.program for kernel in kernels)
    if not any(step.bounds for program in programs for step in read_program(folder / program).steps):
        names = ", ".join(programs)
        raise UserError("ST0108", f"{folder} ({names}) takes the same time at every position: leave --position out")
    found: list[KernelGraph] = []
    for program in programs:
        mine = [kernel for kernel in kernels if kernel.program == program]
        found += _at(folder / program, device, mine, position)
    return found


def _at(folder: Path, device: Device, kernels: Sequence[KernelGraph], position: int) -> list[KernelGraph]:
    launches = read_program(folder)
    bounds = {step.name: step.bounds[0] for step in launches.steps if step.bounds}
    if not bounds:
        return list(kernels)
    file = folder / LEVEL_FILES["stream"]
    if not file.is_file():
        raise UserError("ST0503", f"there is no {file}", hint="compile the model again")
    design = Design.of(parse_module(context(), file.read_text(encoding="utf-8"), str(file)))
    by_name = {design.names[kernel]: kernel for kernel in design.kernels}
    accesses, table = memory_accesses(by_name, device), load_operations(device.family)
    found: list[KernelGraph] = []
    for kernel in kernels:
        bound = bounds.get(kernel.kernel)
        if bound is not None:
            static = kernel_at(by_name[kernel.kernel], tiles_up_to(position, bound.tile, bound.most))
            graph = schedule_kernel(static, table, accesses[kernel.kernel]).graph()
            kernel = replace(kernel, graph=graph)
        found.append(kernel)
    return found

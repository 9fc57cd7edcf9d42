# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What C simulation and the step programs of a compiled folder have to agree in."""

from __future__ import annotations

from streamtensor.codegen.design import Design
from streamtensor.dialects import context
from streamtensor.flow import Accelerator
from streamtensor.flow.accelerator import Launches
from streamtensor.flow.timing import load_kernels
from streamtensor.ir.text import parse_module
from streamtensor.pipelines import LEVEL_FILES
from streamtensor.targets.operations import load_operations
from streamtensor.transforms.resources.kernel_graphs import ScheduledKernel, schedule_kernel


def assert_same_tokens(accelerator: Accelerator, launches: Launches) -> None:
    """As many tokens went through each FIFO as the step programs of its kernel say, and none stayed inside."""
    _, kernels = load_kernels(accelerator.folder, accelerator.program_name)
    graphs = {one.kernel: one.graph for one in kernels}
    assert {kernel for kernel, _ in launches.reports} == set(graphs)
    for kernel, report in launches.reports:
        graph = graphs[kernel]
        assert {fifo.name: fifo.tokens for fifo in report.fifos} == {f.name: graph.tokens[f.name] for f in graph.sized}
        assert all(fifo.tokens_read == graph.tokens_read[fifo.name] for fifo in report.fifos)
        assert {fifo.name: fifo.depth for fifo in report.fifos} == {f.name: f.depth for f in graph.sized}


def scheduled_kernels(accelerator: Accelerator) -> dict[str, ScheduledKernel]:
    """The schedules of the kernels of a compiled program, by the name of their C++ function."""
    text = (accelerator.path / LEVEL_FILES["stream"]).read_text(encoding="utf-8")
    design = Design.of(parse_module(context(), text))
    table = load_operations()
    return {design.names[kernel]: schedule_kernel(kernel, table) for kernel in design.kernels}

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What C simulation and the step programs of a compiled folder have to agree in."""

from __future__ import annotations

from streamtensor.codegen.design import Design
from streamtensor.dialects import context
from streamtensor.flow import Accelerator
from streamtensor.flow.accelerator import Launches
from streamtensor.flow.token_counts import check_tokens
from streamtensor.ir.text import parse_module
from streamtensor.pipelines import LEVEL_FILES
from streamtensor.targets.operations import load_operations
from streamtensor.transforms.resources.kernel_graphs import ScheduledKernel, schedule_kernel


def assert_same_tokens(accelerator: Accelerator, launches: Launches) -> None:
    """As many tokens went through each FIFO as the step programs of its kernel say, and none stayed inside."""
    found = check_tokens(accelerator, launches)
    assert found.equal, found.different
    assert found.fifos > 0
    assert all(fifo.tokens == fifo.tokens_read for _, report in launches.reports for fifo in report.fifos)


def scheduled_kernels(accelerator: Accelerator) -> dict[str, ScheduledKernel]:
    """The schedules of the kernels of a compiled program, by the name of their C++ function."""
    text = (accelerator.path / LEVEL_FILES["stream"]).read_text(encoding="utf-8")
    design = Design.of(parse_module(context(), text))
    table = load_operations()
    return {design.names[kernel]: schedule_kernel(kernel, table) for kernel in design.kernels}

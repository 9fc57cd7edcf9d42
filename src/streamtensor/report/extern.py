# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a design holds that was written by hand; its figures are the user's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from streamtensor.dialects.dataflow import ExternKernelOp
from streamtensor.ir.builtin import ModuleOp
from streamtensor.report.on_chip import device_functions

PROVENANCE = "given by the user"


def extern_facts(module: ModuleOp) -> dict[str, dict[str, Any]]:
    """For each hand-written function its source, the times it is built, and the figures that the user gave for one."""
    found: dict[str, dict[str, Any]] = {}
    for function in device_functions(module):
        for op in function.walk():
            if isinstance(op, ExternKernelOp):
                facts = found.setdefault(
                    op.function.data,
                    {
                        "source": Path(op.source.data).name,
                        "instances": 0,
                        "ii": op.ii.value.data,
                        "delay": op.delay.value.data,
                        "resources": op.resource_counts,
                        "provenance": PROVENANCE,
                    },
                )
                facts["instances"] += 1
    return found

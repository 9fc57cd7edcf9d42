# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Which kernels run all layers of a model in one launch, and what of that can't be checked here."""

from __future__ import annotations

from typing import Any

from streamtensor.dialects.dataflow import FEEDBACK, KernelOp, StreamOp
from streamtensor.ir.builtin import ModuleOp


def layer_facts(module: ModuleOp) -> dict[str, list[str]]:
    """For each kernel of a stream-level module whose tasks loop over layers the FIFOs that go from layer to layer."""
    found: dict[str, list[str]] = {}
    for kernel in [op for op in module.walk() if isinstance(op, KernelOp)]:
        streams = [op for op in kernel.body.block.ops if isinstance(op, StreamOp) and FEEDBACK in op.attributes]
        if streams:
            found[kernel.kernel_name] = [stream.sym_name.data for stream in streams]
    return found


def layer_notes(facts: dict[str, Any]) -> list[str]:
    """A sentence for each kernel of `layer_facts`."""
    loops: dict[str, list[str]] = facts.get("layer_loops", {})
    return [
        f"kernel {kernel} runs all layers in one launch; FIFO {', '.join(fifos)} goes against the order of its tasks, "
        "which is no canonical dataflow region: that the HLS tool accepts it can't be checked without that tool"
        for kernel, fifos in loops.items()
    ]

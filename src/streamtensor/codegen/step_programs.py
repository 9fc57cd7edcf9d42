# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The dataflow graph in cycles of every kernel of a program, and who uses which memory channel: what `simulate` and
`size` read in a compiled folder.
"""

from __future__ import annotations

import json
from typing import Any

from streamtensor.codegen.design import Design
from streamtensor.ir.builtin import ModuleOp
from streamtensor.targets import Device
from streamtensor.targets.channels import Access
from streamtensor.targets.operations import load_operations
from streamtensor.timing.graph_json import graph_text
from streamtensor.timing.load import CHANNELS_FILE, graph_file
from streamtensor.transforms.resources.kernel_graphs import schedule_kernel
from streamtensor.transforms.resources.resize_streams import memory_accesses


def emit_step_programs(module: ModuleOp, device: Device) -> dict[str, str]:
    """Relative path -> text of the graph of each kernel of a stream-level module, at its depths and with what external
    memory gives to each of its DMAs when the kernels of this program share the device; and the list of these DMAs.
    """
    design = Design.of(module)
    table = load_operations(device.family)
    accesses = memory_accesses({design.names[kernel]: kernel for kernel in design.kernels}, device)
    files: dict[str, str] = {}
    used: list[dict[str, Any]] = []
    for kernel in design.kernels:
        name = design.names[kernel]
        files[graph_file(name)] = graph_text(schedule_kernel(kernel, table, accesses[name]).graph())
        used += [_dma_json(name, access) for access in accesses[name].values()]
    lines = ",\n".join(f"  {json.dumps(dma)}" for dma in used)
    rate = device.main_memory.channel_bytes_per_cycle(device.clock_mhz)
    head = f' "memory": "{device.main_memory.kind}",\n "bytes_per_cycle": {rate:g}'
    files[CHANNELS_FILE] = f'{{\n{head},\n "dmas": [\n{lines}\n ]\n}}\n'
    return files


def _dma_json(kernel: str, access: Access) -> dict[str, Any]:
    return {
        "kernel": kernel,
        "task": access.dma.name,
        "direction": access.dma.direction,
        "bytes": access.dma.bytes,
        "cycles_per_token": str(access.cycles_per_token),
        "latency_cycles": access.latency_cycles,
        "ports": access.ports,
        "channels": access.channels,
    }

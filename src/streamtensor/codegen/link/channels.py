# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Which memory channel each port of each kernel is connected to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import networkx as nx

from streamtensor.codegen.host.program import Program
from streamtensor.targets import Device

Port = tuple[str, str]
"""Kernel and AXI port."""


@dataclass(frozen=True)
class Channels:
    """First and last memory channel of each port; a port has more than one when its buffers do not fit into one."""

    kind: str
    of_port: Mapping[Port, tuple[int, int]]

    def text(self, port: Port) -> str:
        """As the linker writes it: `HBM[3]` or `HBM[3:5]`."""
        first, last = self.of_port[port]
        return f"{self.kind}[{first}]" if first == last else f"{self.kind}[{first}:{last}]"


def assign_channels(program: Program, device: Device) -> Channels:
    """One channel per port, round robin in the order of the kernels.

    A buffer lies in one place, so all ports that it is ever passed to are connected to the same channel: the output
    of one launch and the input of the next one, or one weight in two kernels.
    """
    memory = device.main_memory
    shared: nx.Graph[Port | str] = nx.Graph()
    order: list[Port] = []
    for kernel in program.kernels:
        for operand in kernel.operands:
            port = (kernel.name, operand.bundle)
            if port not in shared:
                shared.add_node(port)
                order.append(port)
    for step in program.steps:
        if step.kind == "kernel":
            for operand, buffer in zip(program.function(step.name).operands, step.buffers, strict=True):
                shared.add_edge((step.name, operand.bundle), buffer)
    sizes = {buffer.name: buffer.size_bytes for buffer in program.buffers}
    of_port: dict[Port, tuple[int, int]] = {}
    free = 0
    for port in order:
        if port in of_port:
            continue
        together = nx.node_connected_component(shared, port)
        total = sum(sizes[node] for node in together if isinstance(node, str))
        count = min(memory.channels, max(1, -(-total // memory.channel_bytes)))
        if free + count > memory.channels:
            free = 0  # more ports than channels: they share
        for node in together:
            if not isinstance(node, str):
                of_port[node] = (free, free + count - 1)
        free += count
    return Channels(memory.kind.upper(), of_port)

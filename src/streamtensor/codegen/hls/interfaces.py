# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The ports of a top function: one AXI master per operand, and the control registers."""

from __future__ import annotations

import math
from collections.abc import Sequence

from streamtensor.algebra.external import PORT_BITS
from streamtensor.codegen.hls.arguments import Argument
from streamtensor.targets import Device

DEFAULT_PORTS = 32
"""Ports to external memory when no device says how many there are."""
_BURST_WORDS = 64
_OUTSTANDING = 32


def bundle(number: int, device: Device | None) -> str:
    """The AXI port of operand `number`: one each, shared in turn when there are more operands than ports."""
    return f"gmem{number % (device.axi_ports if device else DEFAULT_PORTS)}"


def interface_pragmas(arguments: Sequence[Argument], device: Device | None, scalars: Sequence[str] = ()) -> list[str]:
    """The interface directives of a top function; `scalars` are registers that the host writes before a launch."""
    bits = min(PORT_BITS, device.axi_port_bits) if device else PORT_BITS
    latency = ""
    if device:
        latency = f" latency={math.ceil(device.main_memory.latency_cycles(device.clock_mhz))}"
    pragmas: list[str] = []
    for number, argument in enumerate(arguments):
        direction = "write" if argument.written else "read"
        pragmas.append(
            f"interface m_axi port={argument.name} bundle={bundle(number, device)} offset=slave "
            f"depth={argument.length} max_widen_bitwidth={bits} num_{direction}_outstanding={_OUTSTANDING} "
            f"max_{direction}_burst_length={_BURST_WORDS}{latency}"
        )
    pragmas += [f"interface s_axilite port={scalar} bundle=control" for scalar in scalars]
    pragmas.append("interface s_axilite port=return bundle=control")
    return pragmas

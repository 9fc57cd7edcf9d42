# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The ports of a top function: AXI masters for its operands, and the control registers."""

from __future__ import annotations

import math
from collections.abc import Sequence

from streamtensor.algebra.external import PORT_BITS
from streamtensor.codegen.hls.arguments import Argument
from streamtensor.dialects.dataflow import KernelOp, TaskOp, task_around
from streamtensor.ir.builtin import MemRefType
from streamtensor.ir.core import SSAValue
from streamtensor.targets import Device
from streamtensor.transforms.resources.memory_accesses import access_of

DEFAULT_PORTS = 32
"""Ports to external memory when no device says how many there are."""
_BURST_WORDS = 64
_OUTSTANDING = 32


def bundles(kernel: KernelOp, device: Device | None) -> list[str]:
    """The AXI port of each memref operand: one each, but one for all that the same task reads, which does so one after
    the other; shared in turn when there would be more than the device has.
    """
    ports = device.axi_ports if device else DEFAULT_PORTS
    known: dict[TaskOp, int] = {}
    found: list[int] = []
    for value in kernel.body.block.args:
        if not isinstance(value.type, MemRefType):
            continue
        reader = _only_reader(value)
        number = known.get(reader, max(found, default=-1) + 1) if reader is not None else max(found, default=-1) + 1
        if reader is not None:
            known[reader] = number
        found.append(number)
    return [f"gmem{number % ports}" for number in found]


def _only_reader(memory: SSAValue) -> TaskOp | None:
    """The task that reads a memref, when nobody else uses it and it is not written."""
    tasks: set[TaskOp] = set()
    for use in memory.uses:
        task = task_around(use.operation)
        access = access_of(use.operation)
        if task is None or access is None or access.writes:
            return None
        tasks.add(task)
    return tasks.pop() if len(tasks) == 1 else None


def interface_pragmas(
    arguments: Sequence[Argument], ports: Sequence[str], device: Device | None, scalars: Sequence[str] = ()
) -> list[str]:
    """The interface directives of a top function with its `arguments` on `ports` (`bundles`); `scalars` are registers
    that the host writes before a launch.
    """
    bits = min(PORT_BITS, device.axi_port_bits) if device else PORT_BITS
    latency = ""
    if device:
        latency = f" latency={math.ceil(device.main_memory.latency_cycles(device.clock_mhz))}"
    pragmas: list[str] = []
    for argument, bundle in zip(arguments, ports, strict=True):
        direction = "write" if argument.written else "read"
        pragmas.append(
            f"interface m_axi port={argument.name} bundle={bundle} offset=slave "
            f"depth={argument.length} max_widen_bitwidth={bits} num_{direction}_outstanding={_OUTSTANDING} "
            f"max_{direction}_burst_length={_BURST_WORDS}{latency}"
        )
    pragmas += [f"interface s_axilite port={scalar} bundle=control" for scalar in scalars]
    pragmas.append("interface s_axilite port=return bundle=control")
    return pragmas

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What kernels take of a device: DSPs, memory blocks, memory in LUTs, and memory ports ("model": no tool was asked)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass

from streamtensor.dialects.dataflow import KernelOp, TaskOp
from streamtensor.dialects.dataflow.ping_pong import PING_PONG
from streamtensor.ir import memref
from streamtensor.ir.builtin import StringAttr
from streamtensor.targets import Device
from streamtensor.targets.memory_blocks import fifo_blocks, memory_blocks
from streamtensor.transforms.resources.allocate_memories import MEMORY, bank_shape


@dataclass(frozen=True)
class Resources:
    """Amounts of what a device has."""

    dsp: float = 0.0
    bram36: int = 0
    uram: int = 0
    lutram_bits: int = 0
    ports: int = 0

    def __add__(self, other: Resources) -> Resources:
        return Resources(*(a + b for a, b in zip(asdict(self).values(), asdict(other).values(), strict=True)))

    def over(self, device: Device) -> dict[str, tuple[float, float]]:
        """What there is too little of: name -> (needed, available)."""
        return {name: pair for name, pair in self.beside(device).items() if pair[0] > pair[1]}

    def beside(self, device: Device) -> dict[str, tuple[float, float]]:
        """Name -> (needed, available)."""
        have: Mapping[str, float] = {
            "dsp": device.dsp,
            "bram36": device.bram36,
            "uram": device.uram,
            "lutram_bits": device.lutram_bits,
            "ports": device.axi_ports,
        }
        return {name: (needed, have[name]) for name, needed in asdict(self).items()}


def kernel_resources(kernel: KernelOp, dsp: float) -> Resources:
    """The buffers of a kernel of the stream level in real block steps; its DSPs come from its schedule, its ports from
    the plan of all resident programs, its FIFOs (`fifo_resources`) from sizing.
    """
    return sum((task_resources(task) for task in kernel.walk() if isinstance(task, TaskOp)), Resources(dsp))


def task_resources(task: TaskOp) -> Resources:
    """The buffers of a task of the stream level in real block steps."""
    bram = uram = lutram = 0
    for alloc in [op for op in task.walk() if isinstance(op, memref.AllocOp)]:
        words, bits, banks = bank_shape(alloc)
        copies = banks * (2 if PING_PONG in alloc.attributes else 1)
        kind = alloc.attributes.get(MEMORY)
        match kind.data if isinstance(kind, StringAttr) else "bram":
            case "registers":
                pass  # flip-flops, of which there are twice as many as LUTs
            case "lutram":
                lutram += copies * words * bits
            case "uram":
                uram += copies * memory_blocks(words, bits, "uram")
            case _:
                bram += copies * memory_blocks(words, bits, "bram")
    return Resources(0.0, bram, uram, lutram)


def fifo_resources(fifos: Iterable[tuple[int, int]]) -> Resources:
    """The blocks of FIFOs, each given as (depth, bits)."""
    bram = lutram = 0
    for depth, bits in fifos:
        blocks = fifo_blocks(depth, bits)
        bram += blocks
        lutram += 0 if blocks else depth * bits
    return Resources(bram36=bram, lutram_bits=lutram)

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What the compiler knows of a device."""

from collections.abc import Mapping
from dataclasses import dataclass, field

BRAM36_BITS = 36 * 1024
"""Bits of one block RAM of the UltraScale+ family (36 kbit)."""

URAM_BITS = 288 * 1024
"""Bits of one UltraRAM of the UltraScale+ family (288 kbit)."""


@dataclass(frozen=True)
class Memory:
    """One kind of external memory, with `channels` equal channels.

    Bytes per second are those of all channels together. `latency_ns` is the time from a read request to its first data
    when the memory is idle.
    """

    kind: str
    channels: int
    total_bytes: int
    nominal_bytes_per_second: float
    measured_bytes_per_second: float
    latency_ns: float

    @property
    def channel_bytes(self) -> int:
        """Capacity of one channel."""
        return self.total_bytes // self.channels

    def bytes_per_cycle(self, clock_mhz: float) -> float:
        """What all channels together deliver in one cycle, at the measured rate."""
        return self.measured_bytes_per_second / (clock_mhz * 1e6)

    def latency_cycles(self, clock_mhz: float) -> float:
        """The read latency in cycles of the given clock."""
        return self.latency_ns * clock_mhz / 1e3


@dataclass(frozen=True)
class Device:
    """A device: on-chip resources, external memories, and its names in the vendor's tools.

    `sources` says for each figure, by its key in the device file, where it comes from.
    """

    name: str
    title: str
    part: str
    platform: str
    clock_mhz: float
    dies: int
    luts: int
    registers: int
    dsp: int
    bram36: int
    uram: int
    lutram_bits: int
    axi_ports: int
    axi_port_bits: int
    memories: tuple[Memory, ...]
    sources: Mapping[str, str] = field(compare=False)

    @property
    def bram_bits(self) -> int:
        """Bits of all block RAMs."""
        return self.bram36 * BRAM36_BITS

    @property
    def uram_bits(self) -> int:
        """Bits of all UltraRAMs."""
        return self.uram * URAM_BITS

    @property
    def on_chip_bits(self) -> int:
        """Bits of block RAM and UltraRAM; LUT RAM is left out because it competes with logic."""
        return self.bram_bits + self.uram_bits

    @property
    def main_memory(self) -> Memory:
        """The memory that tensors are placed in: the first of the device file."""
        return self.memories[0]

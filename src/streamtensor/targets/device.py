# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What the compiler knows of a device."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

BRAM36_BITS = 36 * 1024
"""Bits of one block RAM of the UltraScale+ family (36 kbit)."""

URAM_BITS = 288 * 1024
"""Bits of one UltraRAM of the UltraScale+ family (288 kbit)."""


@dataclass(frozen=True)
class Memory:
    """One kind of external memory, with `channels` equal channels.

    Bytes per second are those of all channels together. `latency_ns` is the time from a read request to its first data
    when the memory is idle. `burst_overhead_ns` is what a channel loses when a burst starts in another row than the one
    before. `ports` ports of `port_bits` bits lead to it, with a clock of at most `port_mhz`.
    """

    kind: str
    channels: int
    total_bytes: int
    nominal_bytes_per_second: float
    measured_bytes_per_second: float
    latency_ns: float
    burst_overhead_ns: float
    ports: int
    port_bits: int
    port_mhz: float

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

    def burst_overhead_cycles(self, clock_mhz: float) -> float:
        """What a burst in another row costs, in cycles of the given clock."""
        return self.burst_overhead_ns * clock_mhz / 1e3

    def channel_bytes_per_cycle(self, clock_mhz: float) -> float:
        """What one channel delivers in one cycle, at the measured rate."""
        return self.bytes_per_cycle(clock_mhz) / self.channels

    def port_bytes_per_cycle(self, clock_mhz: float) -> float:
        """What one port of the memory carries in one cycle of the given clock."""
        return self.port_bits / 8 * self.port_mhz / clock_mhz


@dataclass(frozen=True)
class Device:
    """A device: on-chip resources, external memories, and its names in the vendor's tools.

    A kernel reaches memory through AXI ports of `axi_port_bits` bits at its own clock. The host needs
    `launch_overhead_us` from launch to launch of a kernel, and `reload_ms` to load another bitstream.
    `family` names the table of operation costs (targets/operations.py). `sources` says for each figure, by its key in
    the device file, where it comes from.
    """

    name: str
    title: str
    family: str
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
    launch_overhead_us: float
    reload_ms: float
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

    def with_dies(self, dies: int) -> Device:
        """The same device when a design may use only so many of its dies, which are alike. External memory and the
        ports to it are not a die's own.
        """
        own = ("luts", "registers", "dsp", "bram36", "uram", "lutram_bits")
        return replace(self, dies=dies, **{name: vars(self)[name] * dies // self.dies for name in own})

    @property
    def main_memory(self) -> Memory:
        """The memory that tensors are placed in: the first of the device file."""
        return self.memories[0]

    @property
    def port_bytes_per_cycle(self) -> float:
        """What one AXI port of a kernel carries in one cycle: its own width, or less if the memory's port does."""
        return min(self.axi_port_bits / 8, self.main_memory.port_bytes_per_cycle(self.clock_mhz))

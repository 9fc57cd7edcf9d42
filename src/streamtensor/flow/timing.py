# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Time of a compiled folder: the graphs of its kernels, simulated once each, times their launches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from streamtensor.flow.at_position import load_kernels_at
from streamtensor.flow.files import read_json
from streamtensor.flow.folder_kernels import KernelGraph
from streamtensor.targets import Device
from streamtensor.timing.answers import simulation_json
from streamtensor.timing.load import CHANNELS_FILE
from streamtensor.timing.simulator import Deadlock, Result, Simulator


@dataclass(frozen=True)
class ChannelUse:
    """What one launch of a kernel moves through a memory channel, and what share of the channel's rate that is."""

    channel: int
    bytes_read: float
    bytes_written: float
    utilisation: float


@dataclass(frozen=True)
class KernelTime:
    """A simulated kernel."""

    kernel: KernelGraph
    simulator: Simulator
    result: Result
    channels: tuple[ChannelUse, ...]

    @property
    def total_cycles(self) -> int:
        """Cycles of all launches together."""
        return self.result.cycles * self.kernel.launches


@dataclass(frozen=True)
class FolderTime:
    """Simulated programs of a folder. Launches of a program follow each other; the host's time is not in it."""

    device: Device
    kernels: tuple[KernelTime, ...]

    @property
    def programs(self) -> Mapping[str, tuple[KernelTime, ...]]:
        """The kernels of each program."""
        names = dict.fromkeys(time.kernel.program for time in self.kernels)
        return {name: tuple(time for time in self.kernels if time.kernel.program == name) for name in names}

    @property
    def cycles(self) -> int:
        """Cycles of all launches of all programs, each run once."""
        return sum(time.total_cycles for time in self.kernels)

    @property
    def deadlock(self) -> Deadlock | None:
        """The deadlock of the first kernel that has one."""
        return next((time.result.deadlock for time in self.kernels if time.result.deadlock is not None), None)

    def milliseconds(self, cycles: int) -> float:
        """Cycles at the clock of the device."""
        return cycles / (self.device.clock_mhz * 1e3)


def simulate_folder(folder: Path, program: str | None = None, position: int | None = None) -> FolderTime:
    """Simulates every kernel of a compiled folder once, with the longest context, or at a `position` (see
    `flow.at_position`); errors as in `load_kernels`.
    """
    device, kernels = load_kernels_at(folder, program, position)
    times: list[KernelTime] = []
    for kernel in kernels:
        simulator = Simulator(kernel.graph)
        result = simulator.run()
        times.append(KernelTime(kernel, simulator, result, _channels(kernel, result.cycles)))
    return FolderTime(device, tuple(times))


def _channels(kernel: KernelGraph, cycles: int) -> tuple[ChannelUse, ...]:
    """The channels that a kernel uses; a DMA that is sliced over several moves the same through each."""
    file = kernel.path.parent.parent / CHANNELS_FILE

    def uses(data: Mapping[str, Any]) -> tuple[ChannelUse, ...]:
        moved: dict[int, dict[str, float]] = {}
        for dma in data["dmas"]:
            if dma["kernel"] == kernel.kernel:
                for channel in dma["channels"]:
                    there = moved.setdefault(channel, {"read": 0.0, "write": 0.0})
                    there[dma["direction"]] += dma["bytes"] / len(dma["channels"])
        most = cycles * float(data["bytes_per_cycle"])
        return tuple(
            ChannelUse(channel, there["read"], there["write"], sum(there.values()) / most if most else 0.0)
            for channel, there in sorted(moved.items())
        )

    return read_json(file, uses) if file.is_file() else ()


def folder_json(time: FolderTime) -> dict[str, Any]:
    """`cycles`, `milliseconds`, `deadlock`, `tasks` and `fifos` (by KERNEL/NAME, behind PROGRAM/ when there are several
    programs), and `programs` with their kernels.
    """
    answer: dict[str, Any] = {
        "device": time.device.name,
        "clock_mhz": time.device.clock_mhz,
        "provenance": "simulated",
        "cycles": time.cycles,
        "milliseconds": time.milliseconds(time.cycles),
        "deadlock": None,
        "tasks": {},
        "fifos": {},
        "programs": {},
    }
    several = len(time.programs) > 1
    for program, kernels in time.programs.items():
        cycles = sum(kernel.total_cycles for kernel in kernels)
        found: dict[str, Any] = {}
        for one in kernels:
            name = one.kernel.kernel
            single = simulation_json(one.kernel.graph, one.result)
            place = f"{program}/{name}/" if several else f"{name}/"
            for what in ("tasks", "fifos"):
                answer[what] |= {place + key: value for key, value in single[what].items()}
            found[name] = {
                "launches": one.kernel.launches,
                "cycles": single["cycles"],
                "deadlock": single["deadlock"],
                "channels": [asdict(channel) for channel in one.channels],
            }
            answer["deadlock"] = answer["deadlock"] or single["deadlock"]
        answer["programs"][program] = {
            "cycles": cycles,
            "milliseconds": time.milliseconds(cycles),
            "kernels": found,
        }
    return answer


def busiest_tasks(kernel: KernelTime, count: int) -> Sequence[tuple[str, int, int, int, int]]:
    """(task, end, cycles busy, cycles waiting to read, waiting to write) of the tasks that are busy longest."""
    rows: list[tuple[str, int, int, int, int]] = []
    for task in kernel.kernel.graph.tasks:
        times = kernel.result.tasks[task.name]
        rows.append((task.name, times.end, times.busy, times.stalled_read, times.stalled_write))
    return sorted(rows, key=lambda row: -row[2])[:count]

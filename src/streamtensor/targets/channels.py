# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Who gets which port and channel of external memory, and how fast its tokens come then.

All programs that are resident together share the ports of the device; at any time one of them runs. A port leads to one
channel. The DMAs of a program that share a port own fixed slots of it, so that none has to wait for another: in
proportion to their bytes, and to how early they are wanted where one thing comes after the other. Or, where what they
feed takes turns anyway, they have all of it in a fixed order, one after the other. A simulation with such rates and
turns is exact for this arbitration.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil
from typing import Literal

from streamtensor.targets.device import Device

SMALL_BYTES = 64 * 1024
"""Tensors below this many bytes a launch go through one port together."""

_DENOMINATOR = 32  # of cycles per token: a schedule of slots repeats after at most so many tokens


@dataclass(frozen=True)
class Dma:
    """What one task of a program moves in one launch: `tokens` tokens of `token_bits` bits.

    `launches` is how often a request launches the program, which decides who gets a port that is left. `weight`: it
    moves a parameter. Its words may come through `most_ports` ports in turn. DMAs of different stages (named ones) take
    turns on a port, in the order in which they are given. A `place` above 0 is when in a launch it is wanted, counted
    in DMAs: slots are then in proportion to bytes / place. `burst_bytes` is the length of a run of addresses; 0:
    everything lies in one.
    """

    program: str
    name: str
    token_bits: int
    tokens: int
    direction: Literal["read", "write"]
    weight: bool = False
    launches: int = 1
    most_ports: int = 1
    stage: str = ""
    burst_bytes: int = 0
    place: int = 0

    @property
    def task(self) -> str:
        """The task that does it: DMAs are called TASK:NUMBER. What one task reads comes one after the other."""
        return self.name.partition(":")[0]

    @property
    def bytes(self) -> int:
        """Bytes of a launch."""
        return ceil(self.token_bits * self.tokens / 8)

    @property
    def claim(self) -> Fraction:
        """What its slots are in proportion to, where it shares a port."""
        return Fraction(self.bytes, max(1, self.place))


@dataclass(frozen=True)
class Access:
    """What a DMA gets: `ports` (numbers), the channel of each, and its `share` of each of them.

    A token takes `cycles_per_token` (a multiple of 1/32, at least 1) when nothing waits, and arrives `latency_cycles`
    after it was asked for; a write is over when it is handed to the port. With a `turn` above 0 it begins when the DMA
    with the turn before has ended on its port.
    """

    dma: Dma
    ports: tuple[int, ...]
    channels: tuple[int, ...]
    share: Fraction
    cycles_per_token: Fraction
    latency_cycles: int
    turn: int = 0


@dataclass(frozen=True)
class MemoryPlan:
    """The access of each DMA by (program, name)."""

    device: str
    accesses: Mapping[tuple[str, str], Access]

    def of(self, program: str) -> dict[str, Access]:
        """The accesses of a program by the names of its DMAs."""
        return {name: access for (owner, name), access in self.accesses.items() if owner == program}

    def ports(self, program: str) -> int:
        """How many ports a program has."""
        return len({port for (name, _), access in self.accesses.items() if name == program for port in access.ports})

    @property
    def total_ports(self) -> int:
        """Ports of all programs."""
        return len({port for access in self.accesses.values() for port in access.ports})


@dataclass(frozen=True)
class Infeasible:
    """Why programs can't be resident together: `needed` of what `constraint` names against `available`."""

    constraint: str
    needed: int
    available: int
    terms: tuple[tuple[str, int], ...]
    levers: tuple[str, ...]

    def __str__(self) -> str:
        terms = ", ".join(f"{name} {amount:,}" for name, amount in self.terms)
        return f"{self.constraint}: {self.needed:,} needed, {self.available:,} available ({terms})"


@dataclass
class _Port:
    """DMAs that share ports, one unless a single one can use several."""

    program: str
    dmas: list[Dma]
    count: int = 1
    in_turn: bool = False
    numbers: list[int] = field(default_factory=list[int])

    @property
    def bytes(self) -> int:
        return sum(dma.bytes for dma in self.dmas)

    def work(self) -> int:
        """Bytes of a request through one of the ports."""
        return sum(dma.bytes * dma.launches for dma in self.dmas) // self.count


def plan_memory(dmas: Iterable[Dma], device: Device) -> MemoryPlan | Infeasible:
    """Gives each DMA ports and slots.

    Small parameters of a program share a port, and so do its other small tensors, which are urgent more often; each
    other DMA has its own. What one task moves for several tensors is small, however often it moves them. If these are
    more than the device has, those two ports of a program for which it costs least are joined until they are not. Ports
    that are left go to DMAs that can use several: the next one goes where it saves most time, until no stream can take
    a token earlier.
    """
    groups = _grouped(dmas)
    programs = {group.program for group in groups}
    if len(programs) > device.axi_ports:
        terms = tuple((program, 1) for program in sorted(programs))
        levers = ("load the programs as separate bitstreams",)
        return Infeasible("memory ports", len(programs), device.axi_ports, terms, levers)
    while len(groups) > device.axi_ports:
        _join_cheapest(groups)
    _slice(groups, device)
    number = 0
    for group in groups:
        group.numbers = list(range(number, number + group.count))
        number += group.count
    channels = device.main_memory.channels
    crowd = {program: _crowd(groups, program, channels) for program in programs}
    accesses = {
        (dma.program, dma.name): _access(dma, group, crowd[group.program], device)
        for group in groups
        for dma in group.dmas
    }
    return MemoryPlan(device.name, accesses)


def plan_each(dmas: Iterable[Dma], device: Device) -> tuple[MemoryPlan, Infeasible | None]:
    """What the DMAs get when their programs are resident together; where these are more than the device has ports for,
    what those of each get when it is alone, and why.
    """
    all_dmas = list(dmas)
    together = plan_memory(all_dmas, device)
    if isinstance(together, MemoryPlan):
        return together, None
    accesses: dict[tuple[str, str], Access] = {}
    for program in dict.fromkeys(dma.program for dma in all_dmas):
        alone = plan_memory([dma for dma in all_dmas if dma.program == program], device)
        assert isinstance(alone, MemoryPlan), "the DMAs of one program can share ports"
        accesses |= alone.accesses
    return MemoryPlan(device.name, accesses), together


def _grouped(dmas: Iterable[Dma]) -> list[_Port]:
    groups: list[_Port] = []
    small: dict[tuple[str, bool], _Port] = {}
    turns: dict[tuple[str, int], _Port] = {}
    stages: dict[tuple[str, str], int] = {}
    found = list(dmas)
    tensors = Counter((dma.program, dma.task, dma.direction) for dma in found)
    for dma in found:
        if dma.stage:
            place = stages[dma.program, dma.stage] = stages.get((dma.program, dma.stage), -1) + 1
            if (dma.program, place) not in turns:
                turns[dma.program, place] = port = _Port(dma.program, [], in_turn=True)
                groups.append(port)
            turns[dma.program, place].dmas.append(dma)
        elif dma.bytes >= SMALL_BYTES and tensors[dma.program, dma.task, dma.direction] == 1:
            groups.append(_Port(dma.program, [dma]))
        elif (dma.program, dma.weight) in small:
            small[dma.program, dma.weight].dmas.append(dma)
        else:
            small[dma.program, dma.weight] = port = _Port(dma.program, [dma])
            groups.append(port)
    return groups


def _join_cheapest(groups: list[_Port]) -> None:
    """Joins those two ports of one program that cost the least by that, over a request; those with turns only if there
    are no others.

    Where operations wait for each other (some ports have turns), what comes through a port waits for all else there:
    the cost is the bytes of both. Elsewhere tensors are moved side by side, and a port is in nobody's way unless it is
    among the busiest: so much less is the cost as its bytes are fewer than those of the busiest one.
    """
    waiting = {group.program for group in groups if group.in_turn}
    busiest: dict[str, int] = {}
    for group in groups:
        busiest[group.program] = max(busiest.get(group.program, 1), group.bytes)

    def cost(one: _Port, other: _Port) -> Fraction:
        both = Fraction(one.work() + other.work())
        return both if one.program in waiting else both * (one.bytes + other.bytes) / busiest[one.program]

    pairs = [
        (first.in_turn or second.in_turn, cost(first, second), one, other)
        for one, first in enumerate(groups)
        for other, second in enumerate(groups)
        if one < other and first.program == second.program
    ]
    _, _, one, other = min(pairs)
    joined = groups.pop(other)
    groups[one].dmas += joined.dmas
    groups[one].in_turn = groups[one].in_turn and joined.in_turn


def _slice(groups: Sequence[_Port], device: Device) -> None:
    """Gives the ports that are left to DMAs that can use more than one.

    In a chain of operations each one has its turn, so times add up: a port goes where it takes most cycles away.
    """
    rate = _port_rate(device)

    def saved(group: _Port) -> float:
        (dma,) = group.dmas
        most = min(dma.most_ports, ceil(dma.token_bits / 8 / rate))  # more would bring more than a token in a cycle
        return dma.bytes * dma.launches / (group.count * (group.count + 1)) if group.count < most else 0.0

    sliceable = [group for group in groups if len(group.dmas) == 1]
    for _ in range(device.axi_ports - len(groups)):
        best = max(sliceable, key=saved, default=None)
        if best is None or not saved(best):
            return
        best.count += 1


def _port_rate(device: Device) -> float:
    """Bytes per cycle of a port that has a channel for itself."""
    return min(device.port_bytes_per_cycle, device.main_memory.channel_bytes_per_cycle(device.clock_mhz))


def _crowd(groups: Iterable[_Port], program: str, channels: int) -> dict[int, int]:
    """How many ports of a program lead to each channel; those of other programs stand still meanwhile."""
    found: dict[int, int] = {}
    for group in groups:
        if group.program == program:
            for number in group.numbers:
                found[number % channels] = found.get(number % channels, 0) + 1
    return found


def _access(dma: Dma, group: _Port, crowd: Mapping[int, int], device: Device) -> Access:
    memory = device.main_memory
    channels = tuple(number % memory.channels for number in group.numbers)
    rate = len(channels) * min(  # words go through its ports in turn, so the slowest one decides
        min(device.port_bytes_per_cycle, memory.channel_bytes_per_cycle(device.clock_mhz) / crowd[channel])
        for channel in channels
    )
    nothing = Fraction(0)
    mine = sum((one.claim for one in group.dmas if (one.task, one.direction) == (dma.task, dma.direction)), nothing)
    share = Fraction(1) if group.in_turn else mine / sum((one.claim for one in group.dmas), nothing)
    turn = group.dmas.index(dma) + 1 if group.in_turn and len(group.dmas) > 1 else 0
    token_bytes = dma.token_bits / 8
    cycles = token_bytes / (rate * float(share))
    if dma.burst_bytes:
        lost = memory.burst_overhead_cycles(device.clock_mhz) * token_bytes / dma.burst_bytes
        cycles += lost / len(channels)
    latency = ceil(memory.latency_cycles(device.clock_mhz)) if dma.direction == "read" else 0
    return Access(dma, tuple(group.numbers), channels, share, _slots(cycles), latency, turn)


def _slots(cycles: float) -> Fraction:
    """The next multiple of 1/32 of a cycle, at least one cycle: a FIFO takes one token in a cycle."""
    return max(Fraction(1), Fraction(ceil(cycles * _DENOMINATOR - 1e-9), _DENOMINATOR))

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Depths of a compiled kernel: no loss of time, and no deadlock of its C++ either, where nothing overlaps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, TypeAlias, get_args

from streamtensor.timing.descent import Trials, bits_of, can_be_less, descend
from streamtensor.timing.graph import Graph
from streamtensor.timing.just_in_time import ROUNDS, JustInTime, just_in_time
from streamtensor.timing.safe_depths import enough_room
from streamtensor.timing.simulator import Result, Simulator

FifoSizing: TypeAlias = Literal["safe", "schedule", "certified"]
_ROUNDS = 2  # schedules, one late and one early: more of them take away a thousandth
FIFO_SIZINGS: tuple[FifoSizing, ...] = get_args(FifoSizing)


@dataclass(frozen=True)
class KernelSizing:
    """Depths of a kernel's FIFOs, and what they mean.

    `cycles` is the simulated time with them, `cycles_unbounded` that with room for everything (None when the strategy
    does not ask). `minimal`: no FIFO can have a word less; None when that was not looked at.
    """

    strategy: FifoSizing
    depths: Mapping[str, int]
    bits: int
    bits_safe: int
    cycles: int
    cycles_unbounded: int | None
    minimal: bool | None


@dataclass
class _InBothOrders(Trials):
    """Depths suffice when no time is lost and there is no deadlock in program order."""

    in_order: Simulator = field(kw_only=True)

    def suffices(self, depths: Mapping[str, int | None]) -> Result | None:
        """The simulation in cycles when `depths` suffice, else None."""
        result = super().suffices(depths)
        return result if result is not None and self.in_order.run(depths).complete else None

    def trimmed(self, depths: Mapping[str, int], result: Result) -> dict[str, int]:
        """As they are: in program order a FIFO may hold more than it does in cycles."""
        return dict(depths)


@dataclass
class KernelSizer:
    """Sizes the FIFOs of a kernel. `graph` has the depths of the safe rule; `in_order` is the kernel with each task
    doing one thing after the other, as its C++ stands. `slowdown` is the share by which the kernel may be slower than
    it could, where that saves memory.
    """

    graph: Graph
    in_order: Graph
    strategy: FifoSizing = "schedule"
    slowdown: float = 0.0
    min_depth: int = 2

    @cached_property
    def safe(self) -> dict[str, int]:
        """The depths of the safe rule."""
        return {fifo.name: fifo.depth or self.min_depth for fifo in self.graph.sized}

    def bits_at(self, cap_bits: int | None) -> int:
        """Bits of the FIFOs with a cap."""
        return bits_of(self.graph.sized, self._capped(cap_bits))

    @property
    def largest_bits(self) -> int:
        """Bits of the largest FIFO without a cap."""
        depths = self._capped(None)
        return max((fifo.bits * depths[fifo.name] for fifo in self.graph.sized), default=0)

    def size(self, cap_bits: int | None = None, on_progress: Callable[[int, int], None] | None = None) -> KernelSizing:
        """The depths by the strategy.

        "safe" leaves them. "schedule" takes just-in-time depths; where these would be a deadlock in program order, a
        full FIFO of the ring gets more room until there is none. Not one cycle is lost by that: deeper is never later.
        "certified" goes on from there to depths of which none can be a word less. Where no just-in-time depths can be
        had, the safe ones stay. With `cap_bits` none is deeper than that many bits, or its safe depth: that loses time.
        """
        late = self._late
        if late is None:
            cycles = self._simulator.run(self.safe).cycles
            return KernelSizing(
                self.strategy, self.safe, self._bits(self.safe), self._bits(self.safe), cycles, None, None
            )
        capped = self._capped(self._economic_cap(cap_bits))
        programs = {task.name: task.program for task in self.in_order.tasks}
        depths = enough_room(programs, self.in_order.writer, self.in_order.reader, capped)
        # With the just-in-time depths or more it takes as long as with unbounded FIFOs.
        cycles = late.cycles if capped == late.depths else self._simulator.run(depths).cycles
        minimal: bool | None = None
        if self.strategy == "certified":
            trials = _InBothOrders(self._simulator, cycles, self.min_depth, in_order=Simulator(self.in_order))
            enough = trials.suffices(depths)
            assert enough is not None, "a simulation gives the same answer twice"
            depths = descend(trials, dict(depths), enough, on_progress)
            minimal = not can_be_less(trials, depths)
        return KernelSizing(
            self.strategy, depths, self._bits(depths), self._bits(self.safe), cycles, late.cycles, minimal
        )

    def _economic_cap(self, cap_bits: int | None) -> int | None:
        """The least cap, by halving, with which the kernel is not slower than allowed; `cap_bits` where none saves."""
        if self._late is None or not self.slowdown:
            return cap_bits
        fastest = self._late.cycles if cap_bits is None else self._simulator.run(self._capped(cap_bits)).cycles
        limit = int(fastest * (1 + self.slowdown))
        best, tried, cap = cap_bits, self._capped(cap_bits), self.largest_bits
        while cap := cap // 2:
            depths = self._capped(cap)
            if depths == tried:
                continue
            tried = depths
            if self._bits(depths) < self.bits_at(best):
                if not self._simulator.run(depths, limit=limit).complete:
                    break
                best = cap
        return best

    @cached_property
    def _simulator(self) -> Simulator:
        return Simulator(self.graph)

    @cached_property
    def _late(self) -> JustInTime | None:
        if self.strategy == "safe":
            return None
        rounds = ROUNDS if self.strategy == "certified" else _ROUNDS
        return just_in_time(self.graph, self.min_depth, simulator=self._simulator, rounds=rounds)

    def _bits(self, depths: Mapping[str, int]) -> int:
        return bits_of(self.graph.sized, depths)

    def _capped(self, cap_bits: int | None) -> dict[str, int]:
        """Just-in-time depths, the safe ones where there are none. With a cap: no FIFO is deeper than that many bits,
        nor shallower than the safe rule says, which leaves no deadlock.
        """
        if self._late is None:
            return self.safe
        depths = dict(self._late.depths)
        if cap_bits is None:
            return depths
        most = {fifo.name: cap_bits // max(1, fifo.bits) for fifo in self.graph.sized}
        return {name: max(self.safe[name], min(depth, most[name])) for name, depth in depths.items()}


def cap_for(sizers: list[KernelSizer], budget_bits: int) -> int | None:
    """The largest cap with which the FIFOs of all kernels keep to a budget, by bisection; None when they need none.

    Where not even the depths of the safe rule keep to it, that is the cap of 0.
    """
    if sum(sizer.bits_at(None) for sizer in sizers) <= budget_bits:
        return None
    enough, too_much = 0, max(sizer.largest_bits for sizer in sizers)
    while too_much > enough + 1:
        middle = (enough + too_much) // 2
        if sum(sizer.bits_at(middle) for sizer in sizers) <= budget_bits:
            enough = middle
        else:
            too_much = middle
    return enough

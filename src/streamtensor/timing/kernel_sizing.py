# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Depths of a compiled kernel: no loss of time, and no deadlock of its C++ either, where nothing overlaps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal, TypeAlias

from streamtensor.timing.backward import backward, reads_everything
from streamtensor.timing.descent import Trials, bits_of, can_be_less, descend
from streamtensor.timing.graph import Graph
from streamtensor.timing.just_in_time import ROUNDS, JustInTime, just_in_time
from streamtensor.timing.narrowing import narrowed
from streamtensor.timing.prefetch import Prefetch, prefetched, size_prefetch
from streamtensor.timing.published import published_depths
from streamtensor.timing.rates import Equalisation
from streamtensor.timing.safe_depths import enough_room
from streamtensor.timing.simulator import Result, Simulator
from streamtensor.timing.steady_depths import SteadyDepths, steady_depths

FifoSizing: TypeAlias = Literal["safe", "schedule", "certified"] | Equalisation
MIN_DEPTH = 2  # of a FIFO in emitted HLS
_ROUNDS = 2  # schedules, one late and one early: more of them take away a thousandth
FIFO_SIZINGS: tuple[FifoSizing, ...] = ("safe", "schedule", "certified", "normal", "conservative")


@dataclass(frozen=True)
class KernelSizing:
    """Depths of a kernel's FIFOs, and what they mean.

    `cycles` is the simulated time with them, `cycles_unbounded` that with room for everything (None when the strategy
    does not ask). `minimal`: no FIFO can have a word less; None when that was not looked at. `bits` includes the
    `prefetch_bits` of the FIFOs behind weight DMAs; these would hold `prefetch_needed_bits` without a budget, and with
    what they have and room for everything else it is `cycles_prefetch`.
    """

    strategy: FifoSizing
    depths: Mapping[str, int]
    bits: int
    bits_safe: int
    cycles: int
    cycles_unbounded: int | None
    minimal: bool | None
    prefetch_bits: int = 0
    prefetch_needed_bits: int = 0
    cycles_prefetch: int | None = None


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
    it could, where that saves memory. `known` are its just-in-time depths when somebody has them already.
    `prefetch_bits` is what the FIFOs behind weight DMAs may take together (None: what they need to lose no time); they
    are sized before all others, and no cap is theirs.
    """

    graph: Graph
    in_order: Graph
    strategy: FifoSizing = "schedule"
    slowdown: float = 0.0
    min_depth: int = MIN_DEPTH
    known: JustInTime | None = None
    prefetch_bits: int | None = None

    @cached_property
    def safe(self) -> dict[str, int]:
        """The depths of the safe rule."""
        return {fifo.name: fifo.depth or self.min_depth for fifo in self.graph.sized}

    def bits_at(self, cap_bits: int | None, *, without_prefetch: bool = False) -> int:
        """Bits of the FIFOs with a cap, those behind weight DMAs among them or not."""
        fifos = [fifo for fifo in self.graph.sized if not (without_prefetch and fifo.prefetch)]
        return bits_of(fifos, self._capped(cap_bits))

    @property
    def largest_bits(self) -> int:
        """Bits of the largest FIFO without a cap."""
        depths = self._capped(None)
        return max((fifo.bits * depths[fifo.name] for fifo in self.graph.sized), default=0)

    def size(self, cap_bits: int | None = None, on_progress: Callable[[int, int], None] | None = None) -> KernelSizing:
        """The depths by the strategy.

        "safe" leaves them. "schedule" takes just-in-time depths; where these would be a deadlock in program order, a
        full FIFO of the ring gets more room until there is none. Not one cycle is lost by that: deeper is never later.
        "certified" goes on from there to depths of which none can be a word less. "normal" and "conservative" take what
        the linear programme of start times says, with each task at its own rate or all as slow as the slowest, and no
        less than the safe rule: that may lose time. Where such depths can't be had, the safe ones stay. With
        `cap_bits` none is deeper than that many bits, or its safe depth: that loses time.
        """
        late, prefetch = self._late, self.prefetch
        if late is None or prefetch is None:
            cycles = self._timer.run(self.safe).cycles
            bits = bits_of(prefetched(self.graph), self.safe)
            safe = self._bits(self.safe)
            return KernelSizing(self.strategy, self.safe, safe, safe, cycles, None, None, bits)
        capped = self._capped(self._economic_cap(cap_bits))
        depths = self._in_order_too(capped)
        # With the just-in-time depths or more it takes as long as with unbounded FIFOs behind the prefetch.
        in_time = isinstance(late, JustInTime) and capped == late.depths
        cycles = late.cycles if in_time else self._timer.run(depths).cycles
        minimal: bool | None = None
        if self.strategy == "certified":
            trials = _InBothOrders(self._simulator, cycles, self.min_depth, in_order=Simulator(self.in_order))
            depths, enough = self._start(trials, depths, on_progress)
            depths = descend(trials, dict(depths), enough, on_progress)
            minimal = not can_be_less(trials, depths)
        return KernelSizing(
            self.strategy,
            depths,
            self._bits(depths),
            self._bits(self.safe),
            cycles,
            prefetch.cycles_free,
            minimal,
            bits_of(prefetched(self.graph), depths),
            prefetch.needed_bits,
            prefetch.cycles,
        )

    @cached_property
    def prefetch(self) -> Prefetch | None:
        """The FIFOs behind weight DMAs within their budget; None where the strategy has no depths."""
        free = self._free
        if free is None:
            return None
        # Just-in-time depths lose no time, so fewer bounds lose none either.
        known = free.cycles if isinstance(free, JustInTime) else None
        return size_prefetch(
            self._timer, free.depths, free.cycles, self.prefetch_bits, self.min_depth, cycles_needed=known
        )

    @property
    def prefetch_needed_bits(self) -> int:
        """What the FIFOs behind weight DMAs would hold by the strategy without a budget."""
        return 0 if self._free is None else bits_of(prefetched(self.graph), self._free.depths)

    def _in_order_too(self, depths: Mapping[str, int]) -> dict[str, int]:
        """The depths, with more room where they would be a deadlock in program order."""
        programs = {task.name: task.program for task in self.in_order.tasks}
        return enough_room(programs, self.in_order.writer, self.in_order.reader, depths)

    def _start(
        self, trials: Trials, depths: Mapping[str, int], on_progress: Callable[[int, int], None] | None
    ) -> tuple[dict[str, int], Result]:
        """What to descend from: `depths`, or what is smaller and suffices too, of the same with tokens waiting where
        they are narrow and of the published answers.
        """
        bounds = self.prefetch.depths if self.prefetch is not None else {}
        published = published_depths(self.graph, self.min_depth)
        starts = [dict(depths), *({f: min(n, bounds.get(f, n)) for f, n in one.items()} for one in published)]
        if isinstance(self._late, JustInTime) and self._late.cycles == trials.limit:
            less = narrowed(
                self.graph, self._late, self.min_depth, self._simulator, on_progress, bounds, self._backward
            )
            starts.append(self._in_order_too(less.depths))
        for start in sorted(starts, key=self._bits):
            enough = trials.suffices(start)
            if enough is not None:
                return start, enough
        raise AssertionError("a simulation gives the same answer twice")

    def _economic_cap(self, cap_bits: int | None) -> int | None:
        """The least cap, by halving, with which the kernel is not slower than allowed; `cap_bits` where none saves."""
        if self._late is None or not self.slowdown:
            return cap_bits
        in_time = isinstance(self._late, JustInTime) and cap_bits is None
        fastest = self._late.cycles if in_time else self._timer.run(self._capped(cap_bits)).cycles
        limit = int(fastest * (1 + self.slowdown))
        best, tried, cap = cap_bits, self._capped(cap_bits), self.largest_bits
        while cap := cap // 2:
            depths = self._capped(cap)
            if depths == tried:
                continue
            tried = depths
            if self._bits(depths) < self.bits_at(best):
                if not self._timer.run(depths, limit=limit).complete:
                    break
                best = cap
        return best

    @cached_property
    def _simulator(self) -> Simulator:
        return Simulator(self.graph)

    @cached_property
    def _backward(self) -> Simulator:
        return Simulator(backward(self.graph))

    @property
    def _timer(self) -> Simulator:
        """The simulator for questions about nothing but time: see `backward`."""
        return self._backward if reads_everything(self.graph) else self._simulator

    @cached_property
    def _free(self) -> JustInTime | SteadyDepths | None:
        """The depths of the strategy without any bound."""
        if self.strategy == "safe":
            return None
        if self.strategy == "normal" or self.strategy == "conservative":
            return steady_depths(self.graph, self.safe, self.strategy, self.min_depth, self._timer)
        if self.known is not None and self.strategy == "schedule":
            return self.known
        return self._just_in_time({})

    @cached_property
    def _late(self) -> JustInTime | SteadyDepths | None:
        """The same with the prefetch within its budget."""
        free, prefetch = self._free, self.prefetch
        if prefetch is None or prefetch.bits == prefetch.needed_bits:
            return free
        bounds = prefetch.depths
        if isinstance(free, SteadyDepths):
            return replace(free, depths={**free.depths, **bounds})
        return self._just_in_time(bounds)

    def _just_in_time(self, bounds: Mapping[str, int]) -> JustInTime | None:
        return just_in_time(
            self.graph,
            self.min_depth,
            simulator=self._simulator,
            backward_simulator=self._backward,
            rounds=ROUNDS if self.strategy == "certified" else _ROUNDS,
            bounds=bounds,
        )

    def _bits(self, depths: Mapping[str, int]) -> int:
        return bits_of(self.graph.sized, depths)

    def _capped(self, cap_bits: int | None) -> dict[str, int]:
        """The depths of the strategy, the safe ones where there are none. With a cap: no FIFO is deeper than that many
        bits, nor shallower than the safe rule says, which leaves no deadlock.
        """
        if self._late is None:
            return self.safe
        depths = dict(self._late.depths)
        if cap_bits is None:
            return depths
        capped = [fifo for fifo in self.graph.sized if self.prefetch_bits is None or not fifo.prefetch]
        most = {fifo.name: cap_bits // max(1, fifo.bits) for fifo in capped}
        return depths | {name: max(self.safe[name], min(depths[name], words)) for name, words in most.items()}


def share_prefetch(sizers: Sequence[KernelSizer], budget_bits: int) -> None:
    """Gives each of several kernels its part of one budget for prefetched weights, in proportion to what it needs."""
    needs = [sizer.prefetch_needed_bits for sizer in sizers]
    for sizer, need in zip(sizers, needs, strict=True):
        sizer.prefetch_bits = budget_bits * need // sum(needs) if need else 0


def cap_for(sizers: list[KernelSizer], budget_bits: int, *, without_prefetch: bool = False) -> int | None:
    """The largest cap with which the FIFOs of all kernels keep to a budget, by bisection; None when they need none.

    `without_prefetch`: the FIFOs behind weight DMAs have a budget of their own, and are not counted. Where not even the
    depths of the safe rule keep to the budget, that is the cap of 0.
    """

    def bits(cap: int | None) -> int:
        return sum(sizer.bits_at(cap, without_prefetch=without_prefetch) for sizer in sizers)

    if bits(None) <= budget_bits:
        return None
    enough, too_much = 0, max(sizer.largest_bits for sizer in sizers)
    while too_much > enough + 1:
        middle = (enough + too_much) // 2
        if bits(middle) <= budget_bits:
            enough = middle
        else:
            too_much = middle
    return enough

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""FIFO sizing: first answers from schedules, the descent from the best of them, and evidence for the result."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, TypeAlias, get_args

from streamtensor.diagnostics import UserError
from streamtensor.timing import start_times
from streamtensor.timing.backward import backward, reads_everything
from streamtensor.timing.descent import Depths, Trials, bits_of, can_be_less, descend
from streamtensor.timing.exact import Optimum, least_bits
from streamtensor.timing.graph import Graph
from streamtensor.timing.just_in_time import JustInTime, just_in_time
from streamtensor.timing.narrowing import narrowed
from streamtensor.timing.prefetch import Prefetch, prefetched, size_prefetch
from streamtensor.timing.published import path_delays
from streamtensor.timing.rates import EQUALISATIONS, Edge, edges
from streamtensor.timing.simulator import Deadlock, Result, Simulator

Strategy: TypeAlias = Literal["best", "normal", "conservative", "published-lp", "exact"]
STRATEGIES: tuple[Strategy, ...] = get_args(Strategy)
MAX_SIMULATIONS = 20_000

_SLOWDOWNS = (0, 1, 2, 5, 10, 20, 50, 100, 200, 400, 800)


@dataclass(frozen=True)
class Candidate:
    """The first answer of one way to size FIFOs, and what the simulator says of it. `depths` is None where the way
    gives no answer: then `reason` says why.
    """

    name: str
    depths: Depths | None
    bits: int = 0
    cycles: int = 0
    deadlock: Deadlock | None = None
    reason: str = ""


@dataclass(frozen=True)
class Certificates:
    """Evidence for a sizing, each item by simulation."""

    deadlock: Deadlock | None
    cycles: int
    cycles_unbounded: int
    not_minimal: tuple[str, ...]
    """FIFOs of which one word less would suffice."""


@dataclass(frozen=True)
class AtItsLatency:
    """An answer of the published form that completes, but slower than allowed: its bits, and those that a descent from
    it needs to be as fast.
    """

    name: str
    cycles: int
    bits: int
    descended_bits: int


@dataclass(frozen=True)
class Sizing:
    """Depths of the FIFOs between tasks, their evidence, and the first answers of all strategies beside them."""

    strategy: Strategy
    depths: Depths
    bits: int
    result: Result
    certificates: Certificates
    candidates: tuple[Candidate, ...]
    optimum: Optimum | None
    simulations: int
    prefetch: Prefetch
    slower: tuple[AtItsLatency, ...]

    @property
    def slowdown(self) -> float:
        """By which share the design is slower than with all FIFOs unbounded but those behind weight DMAs."""
        return self.certificates.cycles / self.prefetch.cycles - 1 if self.prefetch.cycles else 0.0


@dataclass(frozen=True)
class ParetoPoint:
    """Depths, with the latency and the bits that they mean."""

    cycles: int
    bits: int
    depths: Depths


@dataclass
class Sizer:
    """Sizes the FIFOs of one graph. `min_depth`: 1 for graphs, 2 in emitted HLS.

    Raises UserError ST0704 where not even unbounded FIFOs complete the graph.
    """

    graph: Graph
    min_depth: int = 1
    on_progress: Callable[[str, int, int], None] | None = None
    simulator: Simulator = field(init=False)
    free: Result = field(init=False)

    def __post_init__(self) -> None:
        self.simulator = Simulator(self.graph)
        self.free = self.simulator.run(dict.fromkeys((f.name for f in self.graph.sized), None))
        if self.free.deadlock is not None:
            raise UserError(
                "ST0704",
                f"no FIFO depths complete this graph: {self.free.deadlock}",
                hint=_hint(self.free.deadlock),
            )

    def size(
        self,
        strategy: Strategy = "best",
        *,
        slowdown: float = 0.0,
        max_simulations: int = MAX_SIMULATIONS,
        prefetch_bits: int | None = None,
    ) -> Sizing:
        """Depths by `strategy`, at most the share `slowdown` slower than with unbounded FIFOs.

        FIFOs behind weight DMAs are sized first, together at most `prefetch_bits` (None: what they need); what that
        costs in time comes on top of `slowdown`, and is told.

        "normal" and "conservative" descend from the start times of that equalisation, "best" from the smallest first
        answer of all that suffices. "exact" searches the least bits from there, with at most `max_simulations`.
        "published-lp" is a baseline: its depths as they are, whether or not they suffice. The others never take more
        bits than a published answer that suffices.
        """
        first = self.first_answers()
        prefetch = self.prefetch(prefetch_bits)
        trials = Trials(self.simulator, int(prefetch.cycles * (1 + slowdown)), self.min_depth)
        optimum: Optimum | None = None
        if strategy == "published-lp":
            published = next((c for c in first if c.name == "published-lp-normal"), None)
            if published is None or published.depths is None:
                reason = published.reason if published else ""
                raise UserError("ST0705", f"the published form gives no answer here: {reason}")
            depths = published.depths
        else:
            bounds = prefetch.depths if prefetch_bits is not None else {}
            depths = self._descended(first, trials, strategy, bounds)
            if strategy == "exact":
                optimum = least_bits(trials, depths, max_simulations, self._progress("simulations"))
                depths = optimum.depths
        self._tell("certificates", 0, 0)
        result = trials.run(depths, limit=-1)
        not_minimal = () if result.deadlock else tuple(can_be_less(trials, depths))
        certificates = Certificates(result.deadlock, result.cycles, self.free.cycles, not_minimal)
        bits = self._bits(depths)
        slower = self._slower(first, trials.limit, bits)
        return Sizing(
            strategy, depths, bits, result, certificates, first, optimum, trials.simulations, prefetch, slower
        )

    def prefetch(self, budget_bits: int | None = None) -> Prefetch:
        """The FIFOs behind weight DMAs within a budget."""
        simulator = self._backward if reads_everything(self.graph) else self.simulator
        cycles = self.free.cycles
        return size_prefetch(simulator, self._needed, cycles, budget_bits, self.min_depth, cycles_needed=cycles)

    @property
    def prefetch_needed_bits(self) -> int:
        """What the FIFOs behind weight DMAs hold so that no time is lost."""
        return bits_of(prefetched(self.graph), self._needed)

    @cached_property
    def _late(self) -> JustInTime | None:
        return self._just_in_time({})

    @cached_property
    def _backward(self) -> Simulator:
        return Simulator(backward(self.graph))

    def _just_in_time(self, bounds: Mapping[str, int]) -> JustInTime | None:
        return just_in_time(
            self.graph, self.min_depth, simulator=self.simulator, backward_simulator=self._backward, bounds=bounds
        )

    def _narrowed(self, late: JustInTime, bounds: Mapping[str, int]) -> Depths:
        tell = self._progress("where tokens wait")
        less = narrowed(self.graph, late, self.min_depth, self.simulator, tell, bounds, self._backward)
        return dict(less.depths)

    @property
    def _needed(self) -> Mapping[str, int]:
        """Depths with which no time is lost."""
        if self._late is not None:
            return self._late.depths
        return {f.name: max(self.min_depth, self.free.fifos[f.name].high_water) for f in self.graph.sized}

    def pareto(
        self, slowdowns: Sequence[float] = tuple(p / 100 for p in _SLOWDOWNS), *, prefetch_bits: int | None = None
    ) -> list[ParetoPoint]:
        """Latency against bits: from no slowdown on, each point with fewer bits than the ones before it.

        The last one has every FIFO at the least depth, where that completes.
        """
        points: list[ParetoPoint] = []
        sizing = self.size("best", slowdown=slowdowns[0], prefetch_bits=prefetch_bits)
        depths, result = sizing.depths, sizing.result
        for place, slowdown in enumerate(slowdowns):
            self._tell("slowdowns", place, len(slowdowns))
            trials = Trials(self.simulator, int(sizing.prefetch.cycles * (1 + slowdown)), self.min_depth)
            depths = descend(trials, depths, result)
            result = trials.run(depths)
            self._add(points, depths, result)
        least = dict.fromkeys(depths, self.min_depth)
        result = self.simulator.run(least)
        if result.complete:
            self._add(points, least, result)
        return points

    def first_answers(self) -> tuple[Candidate, ...]:
        """What every strategy says first, simulated: start times, the published form, and the extremes."""
        found: list[Candidate] = []
        for number, equalisation in enumerate(EQUALISATIONS):
            self._tell("first answers", number, len(EQUALISATIONS))
            steady = edges(self.graph, equalisation)
            starts = start_times.start_times(steady)
            found.append(self._candidate(equalisation, self._depths(steady, start_times.delays_of(steady, starts))))
            delays = path_delays(steady)
            name = f"published-lp-{equalisation}"
            if delays is None:
                found.append(Candidate(name, None, reason="too many paths to write down a constraint for each"))
            else:
                found.append(self._candidate(name, self._depths(steady, delays)))
            if equalisation == "normal":
                found.append(self._candidate("high-water", self._marks(starts)))
                if self._late is None:
                    found.append(Candidate("just-in-time", None, reason="not every token is read"))
                else:
                    found.append(self._candidate("just-in-time", dict(self._late.depths)))
                    found.append(self._candidate("narrowed", self._narrowed(self._late, {})))
        everything = {fifo.name: max(self.min_depth, self.graph.tokens[fifo.name]) for fifo in self.graph.sized}
        found.append(self._candidate("everything", everything))
        found.append(self._candidate("least", {fifo.name: self.min_depth for fifo in self.graph.sized}))
        return tuple(found)

    def _depths(self, steady: Sequence[Edge], delays: Mapping[str, int]) -> Depths:
        found = {fifo.name: self.min_depth for fifo in self.graph.sized}
        return found | start_times.depths(steady, delays, self.min_depth)

    def _marks(self, starts: Mapping[str, int]) -> Depths:
        """What the FIFOs hold when they are unbounded and every task begins when it is scheduled, or at once where that
        would take longer: with these depths no step is later than then.
        """
        release = {task.name: starts.get(task.group_name, 0) for task in self.graph.tasks}
        free = dict.fromkeys((f.name for f in self.graph.sized), None)
        scheduled = self.simulator.run(free, release=release)
        result = scheduled if scheduled.cycles <= self.free.cycles else self.free
        return {f.name: max(self.min_depth, result.fifos[f.name].high_water) for f in self.graph.sized}

    def _candidate(self, name: str, depths: Depths) -> Candidate:
        result = self.simulator.run(depths)
        return Candidate(name, depths, bits_of(self.graph.sized, depths), result.cycles, result.deadlock)

    def _descended(
        self, first: Sequence[Candidate], trials: Trials, strategy: Strategy, bounds: Mapping[str, int]
    ) -> Depths:
        """What is left after the descent from the answer of the strategy, or from the smallest one where that takes
        less, or where the strategy's own does not suffice.
        """
        starts = self._starts(first, trials, bounds)
        smallest = min(starts.values(), key=self._bits)
        depths = self._descent(trials, starts.get(strategy, smallest))
        if self._bits(depths) > self._bits(smallest):
            depths = self._descent(trials, smallest)
        return depths

    def _starts(self, first: Sequence[Candidate], trials: Trials, bounds: Mapping[str, int]) -> dict[str, Depths]:
        """The first answers that suffice, none above `bounds`. "everything" is one of them."""
        if not bounds:
            able = [c for c in first if c.deadlock is None and c.cycles <= trials.limit]
            return {c.name: c.depths for c in able if c.depths is not None}
        given = {one.name: one.depths for one in first if one.depths is not None}
        late = self._just_in_time(bounds)
        if late is not None:
            given["just-in-time"] = dict(late.depths)
            given["narrowed"] = self._narrowed(late, bounds)
        bounded = {name: {f: min(n, bounds.get(f, n)) for f, n in depths.items()} for name, depths in given.items()}
        return {name: depths for name, depths in bounded.items() if trials.suffices(depths) is not None}

    def _descent(self, trials: Trials, start: Depths) -> Depths:
        result = trials.suffices(start)
        assert result is not None, "a simulation gives the same answer twice"
        return descend(trials, start, result, self._progress("depths"))

    def _bits(self, depths: Depths) -> int:
        return bits_of(self.graph.sized, depths)

    def _slower(self, first: Sequence[Candidate], limit: int, bits: int) -> tuple[AtItsLatency, ...]:
        """The published answers that complete with fewer than `bits` bits, but not by `limit`."""
        found: list[AtItsLatency] = []
        for one in first:
            completes = one.name.startswith("published") and one.depths is not None and one.deadlock is None
            if completes and one.bits < bits and one.cycles > limit:
                assert one.depths is not None
                less = self._descent(Trials(self.simulator, one.cycles, self.min_depth), one.depths)
                found.append(AtItsLatency(one.name, one.cycles, one.bits, self._bits(less)))
        return tuple(found)

    def _tell(self, what: str, done: int, total: int) -> None:
        if self.on_progress is not None:
            self.on_progress(what, done, total)

    def _progress(self, what: str) -> Callable[[int, int], None] | None:
        tell = self.on_progress
        return None if tell is None else lambda done, total: tell(what, done, total)

    def _add(self, points: list[ParetoPoint], depths: Depths, result: Result) -> None:
        bits = bits_of(self.graph.sized, depths)
        if not points or bits < points[-1].bits:
            points.append(ParetoPoint(result.cycles, bits, depths))


def _hint(deadlock: Deadlock) -> str:
    if not deadlock.ended:
        return "give the ring initial tokens"
    last = deadlock.waits[-1]
    ours, theirs = ("reads", "write") if last.kind == "read" else ("writes", "read")
    return f"{deadlock.ended} must {theirs} as many tokens of FIFO {last.fifo} as {last.task} {ours}"

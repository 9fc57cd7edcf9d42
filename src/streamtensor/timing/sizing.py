# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""FIFO sizing: first answers from schedules, the descent from the best of them, and evidence for the result."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, get_args

from streamtensor.diagnostics import UserError
from streamtensor.timing import start_times
from streamtensor.timing.descent import Depths, Trials, bits_of, can_be_less, descend
from streamtensor.timing.exact import Optimum, least_bits
from streamtensor.timing.graph import Graph
from streamtensor.timing.just_in_time import just_in_time
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

    @property
    def slowdown(self) -> float:
        """By which share the design is slower than with unbounded FIFOs."""
        return self.cycles / self.cycles_unbounded - 1 if self.cycles_unbounded else 0.0


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
                hint="give the ring initial tokens",
            )

    def size(
        self, strategy: Strategy = "best", *, slowdown: float = 0.0, max_simulations: int = MAX_SIMULATIONS
    ) -> Sizing:
        """Depths by `strategy`, at most the share `slowdown` slower than with unbounded FIFOs.

        "normal" and "conservative" descend from the start times of that equalisation, "best" from the smallest first
        answer of all that suffices. "exact" searches the least bits from there, with at most `max_simulations`.
        "published-lp" is a baseline: its depths as they are, whether or not they suffice.
        """
        trials = Trials(self.simulator, int(self.free.cycles * (1 + slowdown)), self.min_depth)
        first = self.first_answers()
        optimum: Optimum | None = None
        if strategy == "published-lp":
            published = next((c for c in first if c.name == "published-lp-normal"), None)
            if published is None or published.depths is None:
                reason = published.reason if published else ""
                raise UserError("ST0705", f"the published form gives no answer here: {reason}")
            depths = published.depths
        else:
            start, result = self._start(first, trials, strategy)
            depths = descend(trials, start, result, self._progress("depths"))
            if strategy == "exact":
                optimum = least_bits(trials, depths, max_simulations)
                depths = optimum.depths
        result = trials.run(depths, limit=-1)
        not_minimal = () if result.deadlock else tuple(can_be_less(trials, depths))
        certificates = Certificates(result.deadlock, result.cycles, self.free.cycles, not_minimal)
        bits = bits_of(self.graph.sized, depths)
        return Sizing(strategy, depths, bits, result, certificates, first, optimum, trials.simulations)

    def pareto(self, slowdowns: Sequence[float] = tuple(p / 100 for p in _SLOWDOWNS)) -> list[ParetoPoint]:
        """Latency against bits: from no slowdown on, each point with fewer bits than the ones before it.

        The last one has every FIFO at the least depth, where that completes.
        """
        points: list[ParetoPoint] = []
        sizing = self.size("best", slowdown=slowdowns[0])
        depths, result = sizing.depths, sizing.result
        for place, slowdown in enumerate(slowdowns):
            if self.on_progress:
                self.on_progress("slowdowns", place, len(slowdowns))
            trials = Trials(self.simulator, int(self.free.cycles * (1 + slowdown)), self.min_depth)
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
        for equalisation in EQUALISATIONS:
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
                late = just_in_time(self.graph, self.min_depth, simulator=self.simulator)
                if late is None:
                    found.append(Candidate("just-in-time", None, reason="not every token is read"))
                else:
                    found.append(self._candidate("just-in-time", dict(late.depths)))
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

    def _start(self, first: Sequence[Candidate], trials: Trials, strategy: Strategy) -> tuple[Depths, Result]:
        """Where to descend from: what the strategy says, or else the smallest answer that suffices."""
        able = [c for c in first if c.depths is not None and c.deadlock is None and c.cycles <= trials.limit]
        chosen = next((c for c in able if c.name == strategy), None) or min(able, key=lambda c: c.bits)
        assert chosen.depths is not None
        result = trials.suffices(chosen.depths)
        assert result is not None, "a simulation gives the same answer twice"
        return chosen.depths, result

    def _progress(self, what: str) -> Callable[[int, int], None] | None:
        tell = self.on_progress
        return None if tell is None else lambda done, total: tell(what, done, total)

    def _add(self, points: list[ParetoPoint], depths: Depths, result: Result) -> None:
        bits = bits_of(self.graph.sized, depths)
        if not points or bits < points[-1].bits:
            points.append(ParetoPoint(result.cycles, bits, depths))

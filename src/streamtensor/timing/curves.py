# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Tokens of one FIFO over time: what its source has written and its target read, simulated and by the token model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import ceil
from typing import Literal, TypeAlias

from streamtensor.algebra.steps import Step, StepProgram
from streamtensor.algebra.token_model import TokenModel
from streamtensor.diagnostics import UserError, did_you_mean
from streamtensor.timing.graph import Fifo, Graph, Task
from streamtensor.timing.rates import edges
from streamtensor.timing.rewriting import also_writes
from streamtensor.timing.simulator import Simulator

POINTS = 1000
_End: TypeAlias = Literal["writes", "reads"]
_ENDS: tuple[_End, ...] = ("writes", "reads")


@dataclass(frozen=True)
class Curve:
    """`tokens[i]` tokens have passed in cycle `cycles[i]` and not before; all of them, or evenly spaced ones."""

    cycles: tuple[int, ...]
    tokens: tuple[int, ...]


@dataclass(frozen=True)
class TokenCurves:
    """The curves of one FIFO. `model` has what the token model says when its two ends run at the rates that they have
    when they never wait, from the cycles on in which the first token is written and read; None for a FIFO without one.
    """

    fifo: str
    source: str
    target: str
    bits: int
    depth: int | None
    high_water: int
    written: Curve
    read: Curve
    model: tuple[Curve, Curve] | None

    @property
    def fill(self) -> Curve:
        """Tokens in the FIFO, never more than it held at most: between two tokens that the curves know, what they leave
        open. One that is read in a cycle leaves the FIFO after that cycle.
        """
        known = _difference(self.written, self.read)
        return replace(known, tokens=tuple(max(0, min(tokens, self.high_water)) for tokens in known.tokens))


def token_curves(graph: Graph, depths: Mapping[str, int | None], names: Sequence[str]) -> list[TokenCurves]:
    """The curves of the FIFOs `names` at some depths, at up to `POINTS` tokens each.

    A probe follows every write and read of these FIFOs in the same cycle, and ends a process of its own at each token
    that is asked for: the simulator gives the cycles. Raises UserError ST0703 for a FIFO that there is not.
    """
    fifos = {fifo.name: fifo for fifo in graph.sized}
    for name in names:
        if name not in fifos:
            raise UserError("ST0703", f"no FIFO '{name}' to plot, {did_you_mean(name, list(fifos))}")
    counts = {"writes": graph.tokens, "reads": graph.tokens_read}
    samples: dict[tuple[str, _End], tuple[int, ...]] = {
        (name, end): _samples(counts[end].get(name, 0)) for name in names for end in _ENDS
    }
    result = Simulator(_with_probes(graph.with_depths(depths), samples)).run()
    if result.deadlock is not None:
        raise UserError("ST0704", f"no curves of what does not end: {result.deadlock}")
    steady = {edge.fifo: edge for edge in edges(graph)}
    found: list[TokenCurves] = []
    for name in names:
        written, read = (
            Curve(tuple(result.tasks[_place(name, end, token)].end for token in tokens), tokens)
            for end in _ENDS
            for tokens in (samples[name, end],)
        )
        model = None
        if name in steady and written.cycles and read.cycles:
            edge = steady[name]
            start = written.cycles[0] + fifos[name].latency - 1 - edge.initial_delay
            first_read = max(read.cycles[0] - start, edge.initial_delay)
            model = _model(replace(edge.model(0), delay=first_read), start, written, read)
        ends = (graph.writer[name], graph.reader[name])
        mark = result.fifos[name].high_water
        depth = depths.get(name, fifos[name].depth)
        found.append(TokenCurves(name, *ends, fifos[name].bits, depth, mark, written, read, model))
    return found


def _model(model: TokenModel, start: int, written: Curve, read: Curve) -> tuple[Curve, Curve]:
    """The curves of the token model, whose source starts at cycle `start`, at the cycles in which it reaches the tokens
    of the simulated ones.
    """
    writes = [start + ceil(model.initial_delay + (token - 1) * model.source_ii) for token in written.tokens]
    reads = [start + ceil(model.delay + (token - 1) * model.target_ii) for token in read.tokens]
    late = Curve(tuple(writes), written.tokens)
    # The model's target takes no token that is not there.
    arrived = dict(zip(written.tokens, writes, strict=True))
    reads = [max(cycle, arrived.get(token, cycle)) for cycle, token in zip(reads, read.tokens, strict=True)]
    return late, Curve(tuple(reads), read.tokens)


def _samples(tokens: int) -> tuple[int, ...]:
    """At most `POINTS` of the numbers 1 .. tokens, the first and the last among them."""
    if tokens <= POINTS:
        return tuple(range(1, tokens + 1))
    return tuple(1 + place * (tokens - 1) // (POINTS - 1) for place in range(POINTS))


def _with_probes(graph: Graph, samples: Mapping[tuple[str, _End], Sequence[int]]) -> Graph:
    programs = {task.name: task.program for task in graph.tasks}
    tasks: list[Task] = []
    fifos: list[Fifo] = []
    for (name, end), tokens in samples.items():
        if not tokens:
            continue
        owner = (graph.writer if end == "writes" else graph.reader)[name]
        tap = f"{name} {end}"
        programs[owner] = also_writes(programs[owner], name, tap, end)
        steps: list[StepProgram] = []
        for before, token in pairwise((0, *tokens)):
            there = _place(name, end, token)
            steps += [Step(token - before, reads=(tap,), delta=0), Step(1, writes=(there,), delta=0)]
            tasks.append(Task(there, (Step(1, reads=(there,), delta=0),)))
        rest = (graph.tokens if end == "writes" else graph.tokens_read)[name] - tokens[-1]
        tasks.append(Task(tap, (*steps, Step(rest, reads=(tap,), delta=0))))
        fifos += [Fifo(one, 0, None, 0, inner=True) for one in (tap, *(_place(name, end, t) for t in tokens))]
    changed = (replace(task, program=programs[task.name]) for task in graph.tasks)
    return Graph((*changed, *tasks), (*graph.fifos, *fifos))


def _place(fifo: str, end: str, token: int) -> str:
    return f"{fifo} {end} {token}"


def _difference(written: Curve, read: Curve) -> Curve:
    """Tokens that were written and not yet read, at each cycle in which that changes."""
    changes: dict[int, int] = {}
    for curve, sign, later in ((written, 1, 0), (read, -1, 1)):
        before = 0
        for cycle, tokens in zip(curve.cycles, curve.tokens, strict=True):
            changes[cycle + later] = changes.get(cycle + later, 0) + sign * (tokens - before)
            before = tokens
    cycles = sorted(changes)
    fills: list[int] = []
    for cycle in cycles:
        fills.append((fills[-1] if fills else 0) + changes[cycle])
    return Curve(tuple(cycles), tuple(fills))

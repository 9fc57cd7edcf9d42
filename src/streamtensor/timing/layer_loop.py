# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Waiting that is not for data: DMAs that take turns on a port, and the layers of a model in one launch."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import TypeAlias

from streamtensor.algebra.steps import Repeat, Step, StepProgram
from streamtensor.timing.graph import Fifo, Graph, Task

_Rewrite: TypeAlias = "Callable[[Task, tuple[str, ...], tuple[str, ...]], tuple[StepProgram, ...]]"


def take_turns(graph: Graph, chains: Sequence[Sequence[str]]) -> Graph:
    """`graph`  -->  the same where in each chain a task begins when the one before it in the chain has ended.

    Tasks are named as the user sees them. Raises nothing: a chain against the flow of data is a deadlock.
    """
    pairs = [(before, after) for chain in chains for before, after in pairwise(chain)]
    named = [(before, after, f"turn.{before}.{after}") for before, after in pairs]
    fifos = [Fifo(name, bits=1, depth=1, latency=0, inner=True) for _, _, name in named]

    def program(part: Task, reads: tuple[str, ...], writes: tuple[str, ...]) -> tuple[StepProgram, ...]:
        return (*_steps(reads=reads), *part.program, *_steps(writes=writes))

    return _with_waits(graph, named, fifos, program)


def layer_loop(
    graph: Graph,
    layers: int,
    loads: Collection[str],
    stores: Collection[str],
    latency: int,
    chains: Sequence[Sequence[str]] = (),
) -> Graph:
    """`graph`  -->  the same with each task's program `layers` times.

    A layer's input is the result of the one before: the tasks `loads` (named as the user sees them) start a layer when
    the tasks `stores` have ended the layer before and `latency` cycles have passed, which is the way through external
    memory. The first task of each of the `chains` that take turns waits for the last one of the layer before. Nothing
    else waits: what does not depend on data, such as weights, runs ahead as far as FIFOs have room.
    """
    if layers == 1:
        return graph
    through_memory = [(store, load, f"feedback.{store}.{load}") for store in stores for load in loads]
    ports = [(chain[-1], chain[0], f"turn.{chain[-1]}.{chain[0]}") for chain in chains if len(chain) > 1]
    fifos = [Fifo(name, bits=1, depth=1, latency=latency, inner=True) for _, _, name in through_memory]
    fifos += [Fifo(name, bits=1, depth=1, latency=0, inner=True) for _, _, name in ports]

    def program(part: Task, reads: tuple[str, ...], writes: tuple[str, ...]) -> tuple[StepProgram, ...]:
        return _repeated(part.program, layers, reads, writes)

    return _with_waits(graph, [*through_memory, *ports], fifos, program)


def _with_waits(graph: Graph, waits: Sequence[tuple[str, str, str]], fifos: Sequence[Fifo], program: _Rewrite) -> Graph:
    """The graph with `fifos`, each written at the end of a task and read at the start of another one (`waits`)."""
    tasks: list[Task] = []
    for group, parts in graph.groups.items():
        reads = tuple(name for _, after, name in waits if after == group)
        writes = tuple(name for before, _, name in waits if before == group)
        for number, part in enumerate(parts):
            mine = program(part, reads if number == 0 else (), writes if number == len(parts) - 1 else ())
            tasks.append(replace(part, program=mine))
    return Graph(tuple(tasks), (*graph.fifos, *fifos))


def _steps(reads: tuple[str, ...] = (), writes: tuple[str, ...] = ()) -> tuple[StepProgram, ...]:
    return (Step(1, reads, writes, delta=0),) if reads or writes else ()


def _repeated(
    program: tuple[StepProgram, ...], layers: int, reads: tuple[str, ...], writes: tuple[str, ...]
) -> tuple[StepProgram, ...]:
    """The program for every layer, reading before all but the first and writing after all but the last."""
    if not reads and not writes:
        return (Repeat(layers, program),)
    wait, tell = _steps(reads=reads), _steps(writes=writes)
    middle = (Repeat(layers - 2, (*wait, *program, *tell)),) if layers > 2 else ()
    return (*program, *tell, *middle, *wait, *program)

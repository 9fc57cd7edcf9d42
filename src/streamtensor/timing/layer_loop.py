# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Waiting that is not for data: DMAs that take turns on a port, and the layers of a model in one launch."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import TypeAlias

from streamtensor.algebra.steps import Repeat, Step, StepProgram
from streamtensor.diagnostics import InternalError
from streamtensor.timing.graph import Fifo, Graph, Task
from streamtensor.timing.schedule import Access, Item, Loop, Once, Pipelined, processes

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

    This needs nothing but a graph, so that simulators can be measured and compared on any. What the compiler makes of
    all layers in one launch is another graph (`flow.layer_launch`): its feedback stays on chip, and weights of a layer
    are loaded in turn behind those of the layer before.
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


def turns_in_layers(
    tasks: Iterable[tuple[str, tuple[Item, ...]]], fifos: Sequence[Fifo], layers: int, chains: Sequence[Sequence[str]]
) -> Graph:
    """The graph of tasks (name, schedule) that each do all `layers`, of which those of a chain take turns.

    In each layer a task of a chain begins when the one before it has ended its part of the layer, and the first when
    the last has ended the layer before. Raises InternalError for a task of a chain that is no single loop over layers.
    """
    before: dict[str, str] = {}
    after: dict[str, str] = {}
    around: dict[str, str] = {}
    for chain in chains:
        for first, second in pairwise(chain):
            after[first] = before[second] = f"turn.{first}.{second}"
        if len(chain) > 1 and layers > 1:
            around[chain[0]] = around[chain[-1]] = f"turn.{chain[-1]}.{chain[0]}"
    made: list[Task] = []
    inner = [Fifo(name, bits=1, depth=1, latency=0, inner=True) for name in {*before.values(), *around.values()}]
    for name, items in tasks:
        if name in before or name in after:
            items = _in_turns(name, items, layers, before.get(name), after.get(name), around.get(name))
        parts, more = processes(name, items)
        made += parts
        inner += more
    return Graph(tuple(made), (*fifos, *sorted(inner, key=lambda fifo: fifo.name)))


def _in_turns(
    name: str, items: tuple[Item, ...], layers: int, before: str | None, after: str | None, around: str | None
) -> tuple[Item, ...]:
    """The schedule with waits: for `before` and, in all layers but the first, `around` where that comes from the end of
    the chain; it tells `after` and, in all layers but the last, `around` where that goes to the start of the chain.
    """
    *start, loop = items
    if isinstance(loop, Pipelined) and loop.trips % layers == 0:
        body: tuple[Item, ...] = (replace(loop, trips=loop.trips // layers),)
    elif isinstance(loop, Loop) and loop.trips == layers:
        body = loop.body
    else:
        raise InternalError(f"task {name}, which takes turns, is no loop over {layers} layers")
    waits = (Once(0, (Access(0, reads=(before,)),)),) if before is not None else ()
    tells = (Once(0, (Access(0, writes=(after,)),)),) if after is not None else ()
    each = (*waits, *body, *tells)
    if around is None:
        return (*start, Loop(layers, each))
    if before is None:
        return (*start, *each, Loop(layers - 1, (Once(0, (Access(0, reads=(around,)),)), *each)))
    return (*start, Loop(layers - 1, (*each, Once(0, (Access(0, writes=(around,)),)))), *each)


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

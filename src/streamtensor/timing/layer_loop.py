# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""All layers of a model in one launch: every task of a block runs once for each layer, one after the other."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from streamtensor.algebra.steps import Repeat, Step, StepProgram
from streamtensor.timing.graph import Fifo, Graph, Task


def layer_loop(graph: Graph, layers: int, loads: Collection[str], stores: Collection[str], latency: int) -> Graph:
    """`graph`  -->  the same with each task's program `layers` times.

    A layer's input is the result of the one before: the tasks `loads` (named as the user sees them) start a layer when
    the tasks `stores` have ended the layer before and `latency` cycles have passed, which is the way through external
    memory. Nothing else waits: what does not depend on data, such as weights, runs ahead as far as FIFOs have room.
    """
    if layers == 1:
        return graph
    feedback = [(store, load, f"feedback.{store}.{load}") for store in stores for load in loads]
    fifos = [Fifo(name, bits=1, depth=1, latency=latency, inner=True) for _, _, name in feedback]
    tasks: list[Task] = []
    for group, parts in graph.groups.items():
        reads = tuple(name for _, load, name in feedback if load == group)
        writes = tuple(name for store, _, name in feedback if store == group)
        for number, part in enumerate(parts):
            program = part.program
            before = reads if number == 0 else ()
            after = writes if number == len(parts) - 1 else ()
            tasks.append(replace(part, program=_repeated(program, layers, before, after)))
    return Graph(tuple(tasks), (*graph.fifos, *fifos))


def _repeated(
    program: tuple[StepProgram, ...], layers: int, reads: tuple[str, ...], writes: tuple[str, ...]
) -> tuple[StepProgram, ...]:
    """The program for every layer, reading before all but the first and writing after all but the last."""
    if not reads and not writes:
        return (Repeat(layers, program),)
    wait = (Step(1, reads=reads),) if reads else ()
    tell = (Step(1, writes=writes),) if writes else ()
    if not reads:
        return (Repeat(layers - 1, (*program, *tell)), *program)
    if not writes:
        return (*program, Repeat(layers - 1, (*wait, *program)))
    return (*program, *tell, Repeat(layers - 2, (*wait, *program, *tell)), *wait, *program)

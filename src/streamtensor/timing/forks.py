# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A task that several readers share, or a copy of it for each: which of both takes less memory without loss of time."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from streamtensor.timing.descent import bits_of
from streamtensor.timing.graph import Fifo, Graph, Task
from streamtensor.timing.just_in_time import JustInTime, just_in_time
from streamtensor.timing.rewriting import also_writes, renamed, with_sorted_names, without_writes
from streamtensor.timing.simulator import Simulator

_ROUNDS = 2
LEAST_SHARE = 0.1
"""A copy has to save this share of the bits of all FIFOs: a design is not taken apart for less."""


@dataclass(frozen=True)
class Copy:
    """A task gets a copy, to which the FIFOs `outputs` go over."""

    task: str
    outputs: tuple[str, ...]


@dataclass(frozen=True)
class Copies:
    """The copies that are worth it, the graph with them, and its just-in-time depths where they are known."""

    copies: tuple[Copy, ...]
    graph: Graph
    late: JustInTime | None


def copy_name(name: str, taken: Collection[str]) -> str:
    """What the copy of a task or a FIFO is called."""
    number, found = 0, f"{name}_copy"
    while found in taken:
        number += 1
        found = f"{name}_copy_{number}"
    return found


def with_copy(graph: Graph, copy: Copy) -> Graph:
    """t reads x, writes y and z  -->  t reads x, writes y; t_copy reads x_copy, writes z

    The writer of x writes x_copy in the same steps. `t` has x as its only input from other tasks. A task always makes
    the same tokens of the same tokens, so that every FIFO carries what it carried.
    """
    members = {part.name for part in graph.groups[copy.task]}
    inside = [fifo for fifo in graph.fifos if fifo.inner and graph.writer[fifo.name] in members]
    (source,) = (fifo for fifo in graph.sized if graph.reader[fifo.name] in members)
    name = copy_name(copy.task, graph.groups)
    names = {one: name + one.removeprefix(copy.task) for one in (*members, *(fifo.name for fifo in inside))}
    names[source.name] = copy_name(source.name, {fifo.name for fifo in graph.fifos})
    moved = set(copy.outputs)
    others = {fifo.name for fifo in graph.sized} - moved
    tasks: list[Task] = []
    for task in graph.tasks:
        if task.name in members:
            tasks.append(replace(task, program=without_writes(task.program, moved)))
            program = renamed(without_writes(task.program, others), names)
            tasks.append(Task(names[task.name], program, name if task.group else ""))
        else:
            tasks.append(replace(task, program=also_writes(task.program, source.name, names[source.name])))
    more = (replace(fifo, name=names[fifo.name]) for fifo in (source, *inside))
    return Graph(tuple(tasks), (*graph.fifos, *more))


def same_graph(one: Graph, other: Graph) -> bool:
    """Whether two graphs are the same but for the order in which tasks and FIFOs stand, and for depths."""

    def content(graph: Graph) -> tuple[dict[str, Task], dict[str, Fifo]]:
        tasks = {task.name: replace(task, program=with_sorted_names(task.program)) for task in graph.tasks}
        return tasks, {fifo.name: fifo if fifo.inner else replace(fifo, depth=None) for fifo in graph.fifos}

    return content(one) == content(other)


def copies_worth_it(graph: Graph, shared: Mapping[str, int], min_depth: int) -> Copies:
    """Which tasks should get copies so that FIFOs and copies together take the least memory, at the same latency.

    `shared` says of each task that may have copies how many bits one takes. A task that several readers share waits for
    the slowest of them, or its tokens do: where one reader has to be early and another one takes long, all that the
    task makes in between stands in a FIFO, as often as the task repeats it. With a copy of its own the slow reader is
    served when it is ready, and what waits are the tokens before the task. FIFOs have just-in-time depths in this.
    """
    copies: list[Copy] = []
    best = just_in_time(graph, min_depth, rounds=_ROUNDS) if shared else None
    if best is None:
        return Copies((), graph, None)
    bits = bits_of(graph.sized, best.depths)
    tried: set[str] = set()
    while (fifo := _largest_behind(graph, best.depths, shared, tried, least=LEAST_SHARE * bits)) is not None:
        tried.add(fifo.name)
        task = _group(graph, graph.writer[fifo.name])
        copy = Copy(task, (fifo.name,))
        changed = with_copy(graph, copy)
        late = just_in_time(changed, min_depth, simulator=Simulator(changed), rounds=_ROUNDS)
        if late is None:
            continue
        now = bits_of(changed.sized, late.depths)
        if bits - now - shared[task] >= LEAST_SHARE * bits:
            copies.append(copy)
            graph, best, bits = changed, late, now
    return Copies(tuple(copies), graph, best)


def _largest_behind(
    graph: Graph, depths: Mapping[str, int], shared: Mapping[str, int], tried: Collection[str], least: float
) -> Fifo | None:
    """The FIFO of the most bits behind a task that may have a copy and still has several readers."""
    found: list[tuple[int, str, Fifo]] = []
    outputs: dict[str, int] = {}
    for fifo in graph.sized:
        group = _group(graph, graph.writer[fifo.name])
        outputs[group] = outputs.get(group, 0) + 1
        bits = fifo.bits * depths[fifo.name]
        if group in shared and fifo.name not in tried and bits >= max(least, shared[group]):
            found.append((-bits, fifo.name, fifo))
    return next((f for _, _, f in sorted(found) if outputs[_group(graph, graph.writer[f.name])] > 1), None)


def _group(graph: Graph, task: str) -> str:
    return next(one.group_name for one in graph.tasks if one.name == task)

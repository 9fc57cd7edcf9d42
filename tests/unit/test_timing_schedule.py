# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Schedules of tasks become processes that keep their times."""

from __future__ import annotations

from fractions import Fraction

import pytest

from streamtensor.algebra.steps import Repeat, Step, StepProgram, unroll
from streamtensor.timing.graph import Fifo, Graph, Task
from streamtensor.timing.schedule import (
    Access,
    Item,
    Loop,
    Once,
    PingPong,
    Pipelined,
    cycles_of,
    ordered_program,
    processes,
)
from streamtensor.timing.simulator import Result, simulate


def counted(program: tuple[StepProgram, ...], fifo: str) -> int:
    return sum(step.count for step in unroll(program) if fifo in (*step.reads, *step.writes))


def run(items: tuple[Item, ...], *, reads_at: int = 0, depth: int | None = None) -> tuple[Result, Graph]:
    """A task between a source of x, which is always ready, and a sink of y, which starts to read at `reads_at`."""
    tasks, inner = processes("t", items)
    total = {fifo: sum(counted(task.program, fifo) for task in tasks) for fifo in ("x", "y")}
    feed = Task("feed", (Step(total["x"], writes=("x",), delta=0),))
    sink = Task("sink", (Step(1, delta=reads_at), Step(total["y"], reads=("y",), delta=0)))
    fifos = [Fifo("x", latency=0), Fifo("y", depth=depth, latency=0)]
    fifos = [fifo for fifo in fifos if total[fifo.name]]
    around = [task for task, fifo in ((feed, "x"), (sink, "y")) if total[fifo]]
    graph = Graph((*tasks, *around), (*inner, *fifos))
    return simulate(graph), graph


def end(result: Result) -> int:
    return max(times.end for name, times in result.tasks.items() if name.startswith("t"))


READ, WRITE = Access(0, reads=("x",)), Access(0, writes=("y",))
CASES: list[tuple[tuple[Item, ...], int]] = [
    ((Pipelined(10, 1, 1, (READ,)),), 9),
    ((Pipelined(10, 3, 7, (READ,)),), 27 + 7),
    ((Pipelined(10, 1, 6, (READ, Access(5, writes=("y",)))),), 9 + 6),
    ((Pipelined(10, 8, 6, (READ, Access(5, writes=("y",)))),), 72 + 6),
    ((Once(4, (READ, Access(3, writes=("y",)))),), 4),
    ((Loop(5, (Once(1), Pipelined(4, 1, 2, (READ,)), Once(3, (Access(2, writes=("y",)),)))),), 5 * (1 + 5 + 3)),
    # An inner pipeline drains before the next round begins.
    ((Loop(3, (Pipelined(4, 1, 6, (READ, Access(5, writes=("y",)))),)),), 3 * 9),
    # 33 cycles for 32 words.
    ((Pipelined(64, Fraction(33, 32), 1, (READ,)),), 64 + 1),
]


@pytest.mark.parametrize(("items", "cycles"), CASES)
def test_without_waits_a_task_takes_as_long_as_its_schedule(items: tuple[Item, ...], cycles: int) -> None:
    result, _ = run(items)
    assert result.complete
    assert end(result) in (cycles, cycles_of(items))
    assert cycles_of(items) - 1 <= end(result) <= cycles_of(items)


@pytest.mark.parametrize("items", [items for items, _ in CASES])
def test_both_orders_move_the_same_tokens(items: tuple[Item, ...]) -> None:
    _, graph = run(items)
    ordered = ordered_program(items)
    for fifo in ("x", "y"):
        if fifo in graph.tokens:
            assert counted(ordered, fifo) == graph.tokens[fifo]


def test_a_pipeline_goes_on_without_its_writer() -> None:
    """The sink begins at 100: until then the stages hold 6 tokens and the FIFO 2. The first two are read at once, the
    others follow cycle by cycle: the last write is at 118, and its iteration ends at 119.
    """
    items = (Pipelined(20, 1, 6, (READ, Access(5, writes=("y",)))),)
    tasks, _ = processes("t", items)
    assert [task.name for task in tasks] == ["t.main", "t.out"]
    result, graph = run(items, reads_at=100, depth=2)
    assert result.complete
    assert graph.fifos[0].depth == 6
    assert end(result) == 119
    assert result.fifos["t.out.pipe"].high_water == 6


def test_a_ping_pong_loop_fills_while_it_drains() -> None:
    """Filling takes 10 cycles and draining 20: 4 rounds take 10 + 4 * 20 and the hand-overs, not 4 * 30."""
    fill, drain = Pipelined(10, 1, 1, (READ,)), Pipelined(20, 1, 1, (WRITE,))
    items = (PingPong(4, (fill,), (drain,)),)
    assert cycles_of(items) == 10 + 4 * 20
    result, _ = run(items)
    assert cycles_of(items) <= end(result) <= cycles_of(items) + 2 * 4
    assert cycles_of((Loop(4, (fill, drain)),)) == 120
    # Four rounds fill two buffers and no more until the first one is drained.
    result, graph = run(items, reads_at=1000, depth=1)
    assert result.complete
    assert result.fifos["t.drain.buffers"].high_water == 2
    assert ordered_program(items) == (Repeat(4, (Step(10, reads=("x",)), Step(20, writes=("y",)))),)
    assert graph.groups["t"][0].name == "t.main"


def test_what_follows_a_pipeline_waits_for_its_end() -> None:
    through = Pipelined(10, 1, 6, (READ, Access(5, writes=("y",))))
    last = Pipelined(1, 1, 1, (Access(0, reads=("x",)),))
    result, graph = run((through, last), reads_at=50, depth=1)
    assert result.complete
    # The ninth write waits until the sink has read the eighth one, and so on: the last token leaves the task at 59.
    written = result.tasks["t.out"].end
    assert written >= 50
    assert result.tasks["t.main"].end >= written
    assert "t.out.done" in graph.depths()

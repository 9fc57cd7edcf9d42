# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Copies of tasks that several readers share."""

from streamtensor.algebra.steps import Repeat, Step
from streamtensor.timing.descent import bits_of
from streamtensor.timing.forks import Copy, copies_worth_it, copy_name, same_graph, with_copy
from streamtensor.timing.graph import Fifo, Graph, Task, pipelined
from streamtensor.timing.just_in_time import just_in_time
from streamtensor.timing.simulator import simulate
from timing_cases import cycle_by_cycle, random_graph


def unbounded(graph: Graph) -> Graph:
    return graph.with_depths(dict.fromkeys(fifo.name for fifo in graph.sized))


def attention() -> Graph:
    """A converter repeats each of 8 rows 8 times, for keys, which all must be there first, and for queries, which take
    four times as long; a query row waits for all keys.
    """
    converter = Repeat(8, (Step(16, reads=("x",)), Step(128, writes=("to_keys", "to_queries"))))
    tasks = (
        Task("rows", (Step(128, writes=("x",)),)),
        Task("converter", (converter,)),
        Task("keys", (Repeat(8, (Step(128, reads=("to_keys",)), Step(4, writes=("k",)))),)),
        Task("queries", (Repeat(8, (Step(128, reads=("to_queries",), delta=4), Step(4, writes=("q",)))),)),
        Task("product", (Step(32, reads=("k",)), Step(32, reads=("q",)))),
    )
    return Graph(tasks, tuple(Fifo(name) for name in ("x", "to_keys", "to_queries", "k", "q")))


def late_keys(graph: Graph) -> Graph:
    """The same where what follows the keys alone decides the end."""
    slow = Task("product", (Step(32, reads=("k",)), Step(32, reads=("q",), delta=200)))
    return Graph((*(task for task in graph.tasks if task.name != "product"), slow), graph.fifos)


def test_a_copy_changes_no_time_and_no_token() -> None:
    graph = unbounded(attention())
    changed = unbounded(with_copy(graph, Copy("converter", ("to_queries",))))
    before, after = cycle_by_cycle(graph), cycle_by_cycle(changed)
    assert after.complete
    assert {name: after.ends[name] for name in before.ends} == before.ends
    assert after.ends["converter_copy"] == before.ends["converter"]
    for fifo, cycles in before.written.items():
        assert after.written[fifo] == cycles
    assert after.written["x_copy"] == before.written["x"]
    assert changed.writer["to_queries"] == "converter_copy"
    assert changed.reader["x_copy"] == "converter_copy"


def test_a_task_of_two_processes_is_copied_whole() -> None:
    parts, inner = pipelined("t", tokens=20, ii=2, delay=7, reads=("x",), writes=("y", "z"))
    ends = [Task("a", (Step(20, writes=("x",)),)), Task("b", (Step(20, reads=("y",)),))]
    ends.append(Task("c", (Step(20, reads=("z",)),)))
    graph = Graph((*ends, *parts), (Fifo("x"), Fifo("y"), Fifo("z"), *inner))
    changed = with_copy(graph, Copy("t", ("z",)))
    assert [task.name for task in changed.groups["t_copy"]] == ["t_copy.in", "t_copy.out"]
    assert simulate(unbounded(changed)).cycles == simulate(unbounded(graph)).cycles
    assert {fifo.name for fifo in changed.fifos if fifo.inner} == {"t.pipe", "t_copy.pipe"}
    assert same_graph(changed, Graph(changed.tasks[::-1], changed.fifos[::-1]))
    assert not same_graph(changed, graph)


def test_copies_of_random_tasks() -> None:
    copied = 0
    for seed in range(400):
        graph = unbounded(random_graph(seed))
        before = cycle_by_cycle(graph)
        for task in graph.tasks:
            ins = [f for f in graph.fifos if graph.reader[f.name] == task.name]
            outs = [f.name for f in graph.fifos if graph.writer[f.name] == task.name]
            if len(ins) == 1 and len(outs) > 1 and ins[0].name not in outs:
                after = cycle_by_cycle(unbounded(with_copy(graph, Copy(task.name, (outs[0],)))))
                assert {name: after.ends[name] for name in before.ends} == before.ends
                assert after.complete == before.complete
                copied += 1
    assert copied > 20


def test_a_copy_is_made_where_it_takes_less() -> None:
    graph = late_keys(attention())
    found = copies_worth_it(graph, {"converter": 32}, 2)
    assert found.copies == (Copy("converter", ("to_queries",)),)
    before = just_in_time(graph, 2, rounds=2)
    assert before is not None
    assert found.late is not None
    assert found.late.cycles == before.cycles
    assert bits_of(found.graph.sized, found.late.depths) + 32 < 0.5 * bits_of(graph.sized, before.depths)
    assert simulate(found.graph.with_depths(found.late.depths)).cycles == before.cycles
    # Not where the copy is larger than what it saves, nor where nobody says that the task may have one.
    assert not copies_worth_it(graph, {"converter": 10**6}, 2).copies
    assert not copies_worth_it(graph, {}, 2).copies


def test_names_of_copies_are_new() -> None:
    assert copy_name("a", ("a",)) == "a_copy"
    assert copy_name("a", ("a", "a_copy")) == "a_copy_1"

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""FIFO depths around a hand-written kernel: no order that its description allows can deadlock."""

import random
from collections.abc import Mapping

from hypothesis import given, settings
from hypothesis import strategies as st

from properties.test_safe_depths import completes
from streamtensor.algebra.steps import Step, StepProgram, token_counts
from streamtensor.dialects import context
from streamtensor.dialects.dataflow import ExternKernelOp, ITensorEmptyOp, ITensorType, parse_itensor_type
from streamtensor.ir.builtin import IntegerAttr, i64
from streamtensor.ir.core import SSAValue
from streamtensor.timing.graph import Fifo, Graph, Task
from streamtensor.timing.safe_depths import safe_depths
from streamtensor.timing.schedule import ordered_program, processes
from streamtensor.timing.simulator import simulate
from streamtensor.transforms.resources.extern_steps import extern_program, extern_schedule, round_slack

CONTEXT = context()


def line(tokens: int) -> ITensorType:
    """A type of so many tokens."""
    return parse_itensor_type(CONTEXT, f"itensor<4xf32, iter_space: [{tokens}] * [4], iter_map: (d0) -> (d0)>")


def extern(ins: list[int], outs: list[int], reads: list[int] | None) -> tuple[ExternKernelOp, dict[SSAValue, str]]:
    """A kernel whose ports have so many tokens, and names of its FIFOs: in0, in1, ..., out0, ..."""
    ports = [line(n) for n in (*ins, *outs)]
    values = [ITensorEmptyOp(port).result for port in ports]
    op = ExternKernelOp(
        "k",
        values[: len(ins)],
        values[len(ins) :],
        source="k.cpp",
        function="k",
        ports=ports,
        reads_before_writes=reads,
    )
    op.verify_()
    names = [*(f"in{n}" for n in range(len(ins))), *(f"out{n}" for n in range(len(outs)))]
    return op, dict(zip(values, names, strict=True))


@st.composite
def kernels(draw: st.DrawFn) -> tuple[list[int], list[int], list[int] | None]:
    """Tokens of the in and out ports, and tokens of a round of each in port, with rounds that nest."""
    inner, outer = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    rounds = [draw(st.sampled_from([1, outer, inner * outer])) for _ in range(draw(st.integers(1, 3)))]
    reads = [draw(st.integers(1, 3)) for _ in rounds]
    ins = [count * tokens for count, tokens in zip(rounds, reads, strict=True)]
    outs = [max(rounds) * draw(st.integers(1, 3)) for _ in range(draw(st.integers(1, 2)))]
    return ins, outs, draw(st.sampled_from([reads, None]))


def any_order(op: ExternKernelOp, names: Mapping[SSAValue, str], generator: random.Random) -> list[StepProgram]:
    """One order of single reads and writes that the description allows: any order within each round."""
    tokens = [(names[value], count, port.layout.num_tokens // count) for value, count, port in _ports(op)]
    most = max(rounds for _, _, rounds in tokens)
    writes = [(names[value], port.layout.num_tokens // most) for value, port in zip(op.outs, op.out_ports, strict=True)]
    actions: list[list[StepProgram]] = [[] for _ in range(most)]
    for name, count, rounds in tokens:
        for number in range(rounds):
            span = range(number * most // rounds, (number + 1) * most // rounds)
            for _ in range(count):
                actions[generator.choice(span)].append(Step(1, reads=(name,)))
    for group in actions:
        group += [Step(1, writes=(name,)) for name, count in writes for _ in range(count)]
        generator.shuffle(group)
    return [step for group in actions for step in group]


def _ports(op: ExternKernelOp) -> list[tuple[SSAValue, int, ITensorType]]:
    return list(zip(op.ins, op.round_tokens, op.in_ports, strict=True))


@settings(max_examples=300)
@given(kernels(), st.integers(0, 2**32), st.data())
def test_no_order_within_a_round_deadlocks(
    case: tuple[list[int], list[int], list[int] | None], seed: int, data: st.DataObject
) -> None:
    """A source feeds the ports and a FIFO around the kernel; a sink reads the results and that FIFO."""
    ins, outs, reads = case
    op, names = extern(ins, outs, reads)
    around = data.draw(st.integers(1, 6))
    sent = [Step(n, writes=(f"in{i}",)) for i, n in enumerate(ins)] + [Step(around, writes=("around",))]
    taken = [Step(n, reads=(f"out{i}",)) for i, n in enumerate(outs)] + [Step(around, reads=("around",))]
    source: tuple[StepProgram, ...] = tuple(data.draw(st.permutations(sent)))
    sink: tuple[StepProgram, ...] = tuple(data.draw(st.permutations(taken)))
    program = extern_program(op, names)
    depths = safe_depths(
        {"source": source, "kernel": program, "sink": sink}, min_depth=1, burst=1, slack=round_slack(op, names)
    )
    actual = any_order(op, names, random.Random(seed))
    assert token_counts(actual) == token_counts(program)
    assert completes({"source": source, "kernel": tuple(actual), "sink": sink}, depths, seed)


def test_without_the_room_an_allowed_order_deadlocks() -> None:
    """What the slack is for: results that are written while the other side still sends."""
    op, names = extern([4], [4], None)
    source: tuple[StepProgram, ...] = (Step(4, writes=("in0",)), Step(1, writes=("around",)))
    sink: tuple[StepProgram, ...] = (Step(1, reads=("around",)), Step(4, reads=("out0",)))
    eager = (Step(4, reads=("in0",), writes=("out0",)),)
    programs = {"source": source, "kernel": extern_program(op, names), "sink": sink}
    tight = safe_depths(programs, min_depth=1, burst=1)
    assert not completes({"source": source, "kernel": eager, "sink": sink}, tight, 0)
    safe = safe_depths(programs, min_depth=1, burst=1, slack=round_slack(op, names))
    assert completes({"source": source, "kernel": eager, "sink": sink}, safe, 0)


def test_a_port_that_is_read_once_comes_before_the_rounds_of_the_others() -> None:
    op, names = extern([3, 8], [4], [3, 2])
    from streamtensor.algebra.steps import Repeat

    assert extern_program(op, names) == (
        Step(3, reads=("in0",)),
        Repeat(4, (Step(2, reads=("in1",)), Step(1, writes=("out0",)))),
    )
    assert round_slack(op, names) == {"in0": 3, "in1": 2, "out0": 1}


@given(kernels(), st.integers(1, 3), st.integers(0, 40))
@settings(max_examples=100, deadline=None)
def test_the_schedule_moves_the_same_tokens(
    case: tuple[list[int], list[int], list[int] | None], ii: int, delay: int
) -> None:
    """In cycles and in order, as the step program; the first token is written at `delay` or later."""
    op, names = extern(*case)
    op.properties["ii"], op.properties["delay"] = IntegerAttr(ii, i64), IntegerAttr(delay, i64)
    program, items = extern_program(op, names), extern_schedule(op, names)
    assert token_counts(ordered_program(items)) == token_counts(program)
    tasks, inner = processes("k", items)
    counts: dict[str, int] = {}
    for task in tasks:
        for fifo, count in token_counts(task.program).items():
            counts[fifo] = count
    assert {fifo: counts[fifo] for fifo in names.values()} == token_counts(program)
    feeds = [Task(f"feed_{n}", (Step(counts[names[v]], writes=(names[v],), delta=0),)) for n, v in enumerate(op.ins)]
    sinks = [Task(f"sink_{n}", (Step(counts[names[v]], reads=(names[v],), delta=0),)) for n, v in enumerate(op.outs)]
    fifos = tuple(Fifo(name, latency=0) for name in names.values())
    result = simulate(Graph((*tasks, *feeds, *sinks), (*inner, *fifos)))
    assert result.complete
    assert all((result.tasks[sink.name].start or 0) >= delay for sink in sinks)
    most = max(counts[name] for name in names.values())
    assert result.cycles >= (most - 1) * ii

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The safe rule for FIFO depths against a simulator that schedules at random, token by token."""

import random
from collections import deque
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamtensor.algebra.errors import ScheduleError
from streamtensor.algebra.safe_depths import safe_depths
from streamtensor.algebra.steps import Repeat, Step, StepProgram, simplify, token_counts, unroll, without

Programs = dict[str, tuple[StepProgram, ...]]


def completes(programs: Mapping[str, Sequence[StepProgram]], depths: Mapping[str, int], seed: int) -> bool:
    """Whether every task ends when a random one that can move makes one read or one write at a time."""
    actions = {
        task: deque(
            action
            for step in unroll(program)
            for _ in range(step.count)
            for action in (*(("read", f) for f in step.reads), *(("write", f) for f in step.writes))
        )
        for task, program in programs.items()
    }
    held = dict.fromkeys(depths, 0)
    generator = random.Random(seed)
    while True:
        movable = [
            task
            for task, queue in actions.items()
            if queue and (held[queue[0][1]] > 0 if queue[0][0] == "read" else held[queue[0][1]] < depths[queue[0][1]])
        ]
        if not movable:
            return not any(actions.values())
        kind, fifo = actions[generator.choice(movable)].popleft()
        held[fifo] += 1 if kind == "write" else -1


@st.composite
def graphs(draw: st.DrawFn) -> Programs:
    """Random acyclic graphs; each task reads and writes its FIFOs in bursts of its own order and size."""
    tasks = draw(st.integers(2, 5))
    edges = [
        (a, b, draw(st.integers(1, 4)))
        for a in range(tasks)
        for b in range(a + 1, tasks)
        for _ in range(draw(st.integers(0, 2)))
    ]
    programs: Programs = {}
    rounds = draw(st.integers(1, 4))
    for task in range(tasks):
        bursts = [Step(n * rounds, reads=(f"e{i}",)) for i, (_, b, n) in enumerate(edges) if b == task]
        writes = [Step(n * rounds, writes=(f"e{i}",)) for i, (a, _, n) in enumerate(edges) if a == task]
        bursts = list(draw(st.permutations(bursts)))
        writes = list(draw(st.permutations(writes)))
        if draw(st.booleans()):  # all at once, or a round at a time
            programs[f"t{task}"] = (*bursts, *writes)
        else:
            once = [Step(s.count // rounds, s.reads, s.writes) for s in [*bursts, *writes]]
            programs[f"t{task}"] = simplify(rounds, once)
    return {task: program for task, program in programs.items() if program}


@settings(max_examples=300, deadline=None)
@given(graphs(), st.integers(1, 8), st.integers(0, 3))
def test_the_rule_never_deadlocks(programs: Programs, burst: int, seed: int) -> None:
    depths = safe_depths(programs, min_depth=1, burst=burst)
    assert completes(programs, depths, seed)


def test_a_fork_that_is_joined_in_the_other_order_needs_room_for_everything() -> None:
    programs: Programs = {
        "fork": (Step(100, writes=("early",)), Step(100, writes=("late",))),
        "join": (Step(100, reads=("late",)), Step(100, reads=("early",))),
    }
    depths = safe_depths(programs, burst=1)
    assert depths["early"] == 100
    assert depths["late"] == 2
    assert completes(programs, depths, 0)
    assert not completes(programs, {**depths, "early": 99}, 0)


def test_the_multi_source_case() -> None:
    """Task 2 needs 7 tokens before its first output; no two tasks have two paths between them (timing.md)."""
    programs: Programs = {
        "0": (Step(20, writes=("0-3", "0-4")),),
        "1": (Step(20, writes=("1-2", "1-4")),),
        "2": (Step(7, reads=("1-2",)), Step(13, reads=("1-2",), writes=("2-3",)), Step(7, writes=("2-3",))),
        "3": (Step(20, reads=("0-3", "2-3")),),
        "4": (Step(20, reads=("0-4", "1-4")),),
    }
    all_two: dict[str, int] = dict.fromkeys(("0-3", "0-4", "1-2", "1-4", "2-3"), 2)
    assert not completes(programs, all_two, 0)
    assert completes(programs, safe_depths(programs, burst=1), 0)


def test_bridges_stay_shallow() -> None:
    programs: Programs = {
        "a": (Step(1000, writes=("x",)),),
        "b": (Repeat(10, (Step(100, reads=("x",)), Step(100, writes=("y",)))),),
        "c": (Step(1000, reads=("y",)),),
    }
    assert safe_depths(programs) == {"x": 2, "y": 2}


@pytest.mark.parametrize(
    ("programs", "message"),
    [
        ({"a": (Step(3, writes=("x",)),), "b": (Step(4, reads=("x",)),)}, None),  # a bridge: not looked at
        (
            {"a": (Step(3, writes=("x", "y")),), "b": (Step(4, reads=("x", "y")),)},
            "waits for task a, which has ended",
        ),
        ({"a": (Step(1, writes=("x",)),)}, "FIFO x has no reader"),
        (
            {"a": (Step(1, writes=("x",)),), "b": (Step(1, writes=("x",)),), "c": (Step(1, reads=("x",)),)},
            "written by two tasks",
        ),
        (
            {
                "a": (Step(1, reads=("y",)), Step(1, writes=("x",))),
                "b": (Step(1, reads=("x",)), Step(1, writes=("y",))),
            },
            "ring of empty FIFOs",
        ),
    ],
)
def test_what_has_no_schedule_is_an_error(programs: Programs, message: str | None) -> None:
    if message is None:
        safe_depths(programs)
        return
    with pytest.raises(ScheduleError, match=message):
        safe_depths(programs)


@settings(max_examples=100, deadline=None)
@given(graphs())
def test_simplifying_keeps_the_steps(programs: Programs) -> None:
    for program in programs.values():
        flat = [(s.reads, s.writes) for s in unroll(program) for _ in range(s.count)]
        again = [(s.reads, s.writes) for s in unroll(simplify(1, program)) for _ in range(s.count)]
        assert flat == again
        counts = token_counts(program)
        assert sum(counts.values()) == sum(len(reads) + len(writes) for reads, writes in flat)
        assert token_counts(without(program, frozenset({"e0"}))) == {f: n for f, n in counts.items() if f != "e0"}

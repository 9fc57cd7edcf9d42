# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Step program and schedule of a hand-written kernel, from its ports and what the user says of its order and time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from streamtensor.algebra.steps import Step, StepProgram, simplify
from streamtensor.dialects.dataflow import ExternKernelOp, ITensorType
from streamtensor.ir.core import SSAValue
from streamtensor.timing.schedule import Access, Item, Loop, Once, PingPong, Pipelined

_LARGEST_ROUND = 64  # tokens: what reads more before it writes has buffers and no pipeline registers


def extern_program(op: ExternKernelOp, fifos: Mapping[SSAValue, str]) -> tuple[StepProgram, ...]:
    """Rounds of reading and then writing: each in port brings its tokens of a round, then each out port its share.

    A port with fewer rounds than another one (weights that are read once) brings its tokens before the rounds of the
    other begin. `fifos` names the itensors as for `step_program`.
    """
    levels = _levels(op, fifos)
    body: Sequence[StepProgram] = [Step(tokens, writes=(fifo,)) for fifo, tokens in _round_writes(op, fifos)]
    for trips, reads in reversed(levels):
        body = simplify(trips, [*_joined(reads), *body])
    return tuple(body)


def extern_schedule(op: ExternKernelOp, fifos: Mapping[SSAValue, str]) -> tuple[Item, ...]:
    """The same in cycles: a token of a port every `ii` cycles, the first one written after `delay`.

    Rounds overlap, as in a pipeline, or where they are long as with two buffers: one is read while the results of the
    one before are written.
    """
    ii, delay = op.ii.value.data, op.delay.value.data
    (trips, reads), outer = _levels(op, fifos)[-1], _levels(op, fifos)[:-1]
    writes = _round_writes(op, fifos)
    most = max([1, *(tokens for _, tokens in (*reads, *writes))])
    after = max([delay, *((tokens - 1) * ii for _, tokens in reads)])
    items: tuple[Item, ...]
    if most <= _LARGEST_ROUND:
        accesses = [Access(n * ii, reads=(fifo,)) for fifo, tokens in reads for n in range(tokens)]
        accesses += [Access(after + n * ii, writes=(fifo,)) for fifo, tokens in writes for n in range(tokens)]
        depth = max((access.cycle for access in accesses), default=0) + 1
        items = (Pipelined(trips, most * ii, depth, tuple(accesses)),)
    else:
        wait = Once(max(0, delay - max([0, *(tokens * ii for _, tokens in reads)])))
        items = (PingPong(trips, _side_by_side(reads, "reads", ii), (wait, *_side_by_side(writes, "writes", ii))),)
    for count, before in reversed(outer):
        items = (Loop(count, (*_side_by_side(before, "reads", ii), *items)),)
    return items


def _side_by_side(ports: Sequence[tuple[str, int]], kind: Literal["reads", "writes"], ii: int) -> tuple[Item, ...]:
    """Ports that start together, a token every `ii` cycles; those with more tokens go on alone."""
    items: list[Item] = []
    done = 0
    for tokens in sorted({tokens for _, tokens in ports}):
        fifos = tuple(fifo for fifo, count in ports if count >= tokens)
        items.append(Pipelined(tokens - done, ii, ii, (Access(0, **{kind: fifos}),)))
        done = tokens
    return tuple(items)


def _levels(op: ExternKernelOp, fifos: Mapping[SSAValue, str]) -> list[tuple[int, list[tuple[str, int]]]]:
    """(how often within the level before, the in ports with their tokens) for each number of rounds, fewest first."""
    tokens = _in_tokens(op)
    rounds = [_count(op, number) // count for number, count in enumerate(tokens)]
    numbers = sorted({*rounds, 1})
    found: list[tuple[int, list[tuple[str, int]]]] = []
    for number, outer in zip(numbers, [1, *numbers], strict=False):
        mine = [
            (fifos[value], count) for value, count, round in zip(op.ins, tokens, rounds, strict=True) if round == number
        ]
        found.append((number // outer, mine))
    return found


def _round_writes(op: ExternKernelOp, fifos: Mapping[SSAValue, str]) -> list[tuple[str, int]]:
    """The out ports that somebody reads, with their tokens of a round."""
    rounds = max([1, *(_count(op, number) // count for number, count in enumerate(_in_tokens(op)))])
    first = len(op.ins)
    return [
        (fifos[value], _count(op, first + number) // rounds) for number, value in enumerate(op.outs) if value in fifos
    ]


def round_slack(op: ExternKernelOp, fifos: Mapping[SSAValue, str]) -> dict[str, int]:
    """By how many tokens each FIFO of the kernel may run ahead of its step program.

    Within a round the function may read its ports and write its results in any order. With room for a round's tokens
    in each FIFO that does not matter: what it reads early or late, and what it writes before the step program does,
    waits there. A single in port needs no such room, since the step program reads it as soon as it can.
    """
    slack: dict[str, int] = {}
    if len(op.ins) > 1:
        slack |= {fifos[value]: count for value, count in zip(op.ins, _in_tokens(op), strict=True) if value in fifos}
    return slack | dict(_round_writes(op, fifos))


def _in_tokens(op: ExternKernelOp) -> list[int]:
    """Tokens of one round of each in port, as they go through the FIFO now (tiles or vectors)."""
    pairs = zip(op.in_ports, op.round_tokens, strict=True)
    return [tokens * _count(op, number) // port.layout.num_tokens for number, (port, tokens) in enumerate(pairs)]


def _count(op: ExternKernelOp, number: int) -> int:
    """Tokens that go through a port in all; through a FIFO they go as vectors."""
    type = op.operands[number].type
    return (type if isinstance(type, ITensorType) else op.vector_ports[number]).layout.num_tokens


def _joined(reads: Sequence[tuple[str, int]]) -> list[StepProgram]:
    """Ports with the same number of tokens in a round are read side by side, the others one after the other."""
    sides: dict[int, list[str]] = {}
    for fifo, tokens in reads:
        sides.setdefault(tokens, []).append(fifo)
    return [Step(tokens, reads=tuple(fifos)) for tokens, fifos in sides.items()]

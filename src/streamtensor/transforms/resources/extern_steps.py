# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The step program of a hand-written kernel, from its ports and from what the user says of reads before writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from streamtensor.algebra.steps import Step, StepProgram, simplify
from streamtensor.dialects.dataflow import ExternKernelOp, ITensorType
from streamtensor.ir.core import SSAValue


def extern_program(op: ExternKernelOp, fifos: Mapping[SSAValue, str]) -> tuple[StepProgram, ...]:
    """Rounds of reading and then writing: each in port brings its tokens of a round, then each out port its share.

    A port with fewer rounds than another one (weights that are read once) brings its tokens before the rounds of the
    other begin. `fifos` names the itensors as for `step_program`.
    """
    reads = [(fifos[value], tokens) for value, tokens in zip(op.ins, _in_tokens(op), strict=True)]
    rounds = [_count(value) // tokens for value, (_, tokens) in zip(op.ins, reads, strict=True)]
    levels = sorted({*rounds, 1})
    last = [Step(_count(value) // levels[-1], writes=(fifos[value],)) for value in op.outs if value in fifos]
    body: Sequence[StepProgram] = last
    for number in reversed(range(len(levels))):
        mine = [(fifo, tokens) for (fifo, tokens), count in zip(reads, rounds, strict=True) if count == levels[number]]
        outer = levels[number - 1] if number else 1
        body = simplify(levels[number] // outer, [*_joined(mine), *body])
    return tuple(body)


def round_slack(op: ExternKernelOp, fifos: Mapping[SSAValue, str]) -> dict[str, int]:
    """By how many tokens each FIFO of the kernel may run ahead of its step program.

    Within a round the function may read its ports and write its results in any order. With room for a round's tokens
    in each FIFO that does not matter: what it reads early or late, and what it writes before the step program does,
    waits there. A single in port needs no such room, since the step program reads it as soon as it can.
    """
    slack: dict[str, int] = {}
    tokens = _in_tokens(op)
    rounds = max((_count(value) // count for value, count in zip(op.ins, tokens, strict=True)), default=1)
    if len(op.ins) > 1:
        slack |= {fifos[value]: count for value, count in zip(op.ins, tokens, strict=True) if value in fifos}
    return slack | {fifos[value]: _count(value) // rounds for value in op.outs if value in fifos}


def _in_tokens(op: ExternKernelOp) -> list[int]:
    """Tokens of one round of each in port, as they go through the FIFO now (tiles or vectors)."""
    pairs = zip(op.ins, op.in_ports, op.round_tokens, strict=True)
    return [tokens * _count(value) // port.layout.num_tokens for value, port, tokens in pairs]


def _count(value: SSAValue) -> int:
    assert isinstance(value.type, ITensorType)
    return value.type.layout.num_tokens


def _joined(reads: Sequence[tuple[str, int]]) -> list[StepProgram]:
    """Ports with the same number of tokens in a round are read side by side, the others one after the other."""
    sides: dict[int, list[str]] = {}
    for fifo, tokens in reads:
        sides.setdefault(tokens, []).append(fifo)
    return [Step(tokens, reads=tuple(fifos)) for tokens, fifos in sides.items()]

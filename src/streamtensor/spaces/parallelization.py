# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Unroll factors for the kernels of a design: intensity- and connectedness-aware parallelisation (IA+CA).

Source: design document spaces.md. Intensity says how much parallelism a kernel deserves, connections which of its loops
have to agree with a neighbour's so that the buffers between them need few banks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Literal

from streamtensor.diagnostics import UserError

Mode = Literal["ia+ca", "ia", "ca", "naive"]

Dimension = tuple[int, int] | None
"""(loop, stride) that indexes a dimension of an array; None where no loop does."""


@dataclass(frozen=True)
class Access:
    """One kernel's access to `array`: for each dimension the loop that indexes it and its stride."""

    array: str
    dimensions: tuple[Dimension, ...]


@dataclass(frozen=True)
class Node:
    """A kernel: the tripcount of each loop, outermost first; which are reductions; its operations and arrays."""

    tripcounts: tuple[int, ...]
    reductions: frozenset[int]
    intensity: int
    reads: tuple[Access, ...] = ()
    writes: tuple[Access, ...] = ()


@dataclass(frozen=True)
class _Connection:
    """Two kernels meet in one dimension of an array: `loop` of one runs with `stride`, `other_loop` with its own."""

    loop: int
    stride: int
    other: str
    other_loop: int
    other_stride: int


def parallelize(nodes: Mapping[str, Node], budget: int, mode: Mode = "ia+ca") -> dict[str, tuple[int, ...]]:
    """An unroll factor for each loop of each kernel.

    With "ia" a kernel gets a part of the budget in proportion to its operations, else all of it. Kernels with many
    connections come first; with "ca" a loop is held to what the neighbours chose for the loop that it meets, scaled
    by the ratio of the strides. Within a kernel the smallest factor is doubled (on a tie that of the innermost loop),
    where the result divides the tripcount, first within the constraints and then, if nothing is left, without them.
    Reductions stay at 1.

    Raises UserError ST0801 for a budget below 1.
    """
    if budget < 1:
        raise UserError("ST0801", f"a budget of {budget} parallel operations; the least is 1")
    connections = _connections(nodes)
    most = max((node.intensity for node in nodes.values()), default=1)
    chosen: dict[str, tuple[int, ...]] = {}
    for name in sorted(nodes, key=lambda name: -len(connections[name])):
        node = nodes[name]
        share = max(1, budget * node.intensity // most) if "ia" in mode else budget
        limits = _constraints(connections[name], chosen) if "ca" in mode else {}
        chosen[name] = _factors(node, share, limits)
    return {name: chosen[name] for name in nodes}


def partitions(nodes: Mapping[str, Node], factors: Mapping[str, Sequence[int]]) -> dict[str, tuple[int, ...]]:
    """For each array the parts of each dimension: the largest factor times stride among its accessors."""
    found: dict[str, tuple[int, ...]] = {}
    for name, node in nodes.items():
        for access in (*node.reads, *node.writes):
            parts = tuple(1 if d is None else factors[name][d[0]] * d[1] for d in access.dimensions)
            before = found.get(access.array, (1,) * len(parts))
            found[access.array] = tuple(max(a, b) for a, b in zip(before, parts, strict=True))
    return found


def banks(nodes: Mapping[str, Node], factors: Mapping[str, Sequence[int]]) -> dict[str, int]:
    """The memory banks of each array: the product of its partitions."""
    return {array: prod(parts) for array, parts in partitions(nodes, factors).items()}


def _connections(nodes: Mapping[str, Node]) -> dict[str, list[list[_Connection]]]:
    """For each kernel and each buffer and neighbour: which loop meets which."""
    found: dict[str, list[list[_Connection]]] = {name: [] for name in nodes}
    for producer, source in nodes.items():
        for consumer, target in nodes.items():
            for written in source.writes if producer != consumer else ():
                for read in target.reads:
                    if read.array == written.array:
                        found[producer].append(_meet(written, read, consumer))
                        found[consumer].append(_meet(read, written, producer))
    return found


def _meet(mine: Access, its: Access, other: str) -> list[_Connection]:
    return [
        _Connection(a[0], a[1], other, b[0], b[1])
        for a, b in zip(mine.dimensions, its.dimensions, strict=True)
        if a is not None and b is not None
    ]


def _constraints(connections: Sequence[Sequence[_Connection]], chosen: Mapping[str, Sequence[int]]) -> dict[int, int]:
    """The factor that each loop is held to, by neighbours that are done; the smallest where there are several."""
    limits: dict[int, int] = {}
    for connection in (one for group in connections for one in group if one.other in chosen):
        wanted = max(1, chosen[connection.other][connection.other_loop] * connection.other_stride // connection.stride)
        limits[connection.loop] = min(wanted, limits.get(connection.loop, wanted))
    return limits


def _factors(node: Node, share: int, limits: Mapping[int, int]) -> tuple[int, ...]:
    factors = [1] * len(node.tripcounts)
    while prod(factors) * 2 <= share:
        free = [
            loop
            for loop, factor in enumerate(factors)
            if loop not in node.reductions and node.tripcounts[loop] % (factor * 2) == 0
        ]
        within = [loop for loop in free if factors[loop] * 2 <= limits.get(loop, factors[loop] * 2)]
        candidates = within or free
        if not candidates:
            break
        factors[min(candidates, key=lambda loop: (factors[loop], -loop))] *= 2
    return tuple(factors)

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Which task lies on which die: few wires between dies, equal shares on each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from streamtensor.algebra.silence import silence

Edge = tuple[int, int, int]
"""Source, target, width in bits of a FIFO between two tasks."""

IMBALANCE = 0.25
"""A die may hold so much more than an equal share (or one task, if that alone is larger)."""


def crossing_bits(dies: Sequence[int], edges: Sequence[Edge]) -> int:
    """Wires that cross die boundaries, a wire over two boundaries counted twice."""
    return sum(width * abs(dies[a] - dies[b]) for a, b, width in edges)


def place(
    weights: Sequence[int], edges: Sequence[Edge], dies: int, pinned: Mapping[int, int] | None = None
) -> list[int]:
    """The die of each task: few crossing wires, and at most `IMBALANCE` above an equal share of the weights on a die.

    `weights` are what the tasks take of a die (memory bits, say), in the order of the program; `pinned` gives the dies
    of some of them. Dies lie in a row, 0 first. The better of two placements is given: the best cut of the program's
    order into runs, one for each die, by dynamic programming, and what a mixed-integer program (one binary variable for
    each task and die, HiGHS, a fixed number of nodes, so that the result is always the same) finds.
    """
    if dies == 1 or not weights:
        return [0] * len(weights)
    fixed = dict(pinned or {})
    limit = max(max(weights), sum(weights) * (1 + IMBALANCE) / dies)
    found = [
        placement
        for placement in (_runs(weights, edges, dies, fixed, limit), _program(weights, edges, dies, fixed, limit))
        if placement
    ]
    if not found:
        return [fixed.get(task, 0) for task in range(len(weights))]
    return min(found, key=lambda placement: crossing_bits(placement, edges))


def _runs(
    weights: Sequence[int], edges: Sequence[Edge], dies: int, fixed: Mapping[int, int], limit: float
) -> list[int] | None:
    """The best cut of the order into `dies` runs, in order or in reverse; pinned tasks stay where they are pinned."""
    best: list[int] | None = None
    for order in (range(len(weights)), range(len(weights) - 1, -1, -1)):
        tasks = list(order)
        cuts = _cut(tasks, weights, edges, dies, limit)
        if cuts is None:
            continue
        dies_of = [0] * len(weights)
        for die, run in enumerate(cuts):
            for task in run:
                dies_of[task] = fixed.get(task, die)
        if best is None or crossing_bits(dies_of, edges) < crossing_bits(best, edges):
            best = dies_of
    return best


def _cut(
    tasks: Sequence[int], weights: Sequence[int], edges: Sequence[Edge], dies: int, limit: float
) -> list[list[int]] | None:
    """Runs of `tasks` with weights below the limit and the fewest bits over the cuts between them."""
    place_of = {task: position for position, task in enumerate(tasks)}
    over = np.zeros(len(tasks) + 1, dtype=np.int64)  # wires over the cut before each position
    for a, b, width in edges:
        first, last = sorted((place_of[a], place_of[b]))
        over[first + 1 : last + 1] += width
    sums = np.concatenate([[0], np.cumsum([weights[task] for task in tasks])])
    costs: list[dict[int, tuple[int, int]]] = [{0: (0, 0)}]  # after n dies: end -> (cost, start of the last run)
    for die in range(dies):
        following: dict[int, tuple[int, int]] = {}
        for start, (cost, _) in costs[-1].items():
            for end in range(start, len(tasks) + 1):
                if sums[end] - sums[start] > limit:
                    break
                total = cost + (int(over[end]) if die < dies - 1 and end < len(tasks) else 0)
                if end not in following or total < following[end][0]:
                    following[end] = (total, start)
        costs.append(following)
    if len(tasks) not in costs[-1]:
        return None
    runs: list[list[int]] = []
    end = len(tasks)
    for following in reversed(costs[1:]):
        start = following[end][1]
        runs.append(list(tasks[start:end]))
        end = start
    return runs[::-1]


def _program(
    weights: Sequence[int], edges: Sequence[Edge], dies: int, fixed: Mapping[int, int], limit: float
) -> list[int] | None:
    """The mixed-integer program: x[task, die] binary, y[edge] >= the distance of its two ends."""
    from scipy.optimize import Bounds, LinearConstraint, milp
    from scipy.sparse import coo_array

    tasks, count = len(weights), len(weights) * dies
    size = count + len(edges)
    rows: list[tuple[int, int, float]] = []
    lower: list[float] = []
    upper: list[float] = []

    def add(entries: Sequence[tuple[int, float]], low: float, high: float) -> None:
        rows.extend((len(lower), column, value) for column, value in entries)
        lower.append(low)
        upper.append(high)

    for task in range(tasks):
        add([(task * dies + die, 1.0) for die in range(dies)], 1.0, 1.0)
    for die in range(dies):
        add([(task * dies + die, float(weights[task])) for task in range(tasks)], -np.inf, limit)
    for number, (a, b, _) in enumerate(edges):
        for sign in (1.0, -1.0):
            ends = [
                (task * dies + die, sign * factor * die)
                for task, factor in ((a, -1.0), (b, 1.0))
                for die in range(dies)
            ]
            add([(count + number, 1.0), *ends], 0.0, np.inf)
    values = [value for _, _, value in rows]
    matrix = coo_array((values, ([r for r, _, _ in rows], [c for _, c, _ in rows])), shape=(len(lower), size))
    low, high = np.zeros(size), np.concatenate([np.ones(count), np.full(len(edges), float(dies))])
    for task, die in fixed.items():
        low[task * dies + die] = 1.0
    with silence():
        answer = milp(
            np.concatenate([np.zeros(count), [float(width) for _, _, width in edges]]),
            integrality=np.concatenate([np.ones(count), np.zeros(len(edges))]),
            bounds=Bounds(low, high),  # pyright: ignore[reportArgumentType]  # arrays are what it is documented for
            constraints=LinearConstraint(matrix.tocsc(), np.array(lower), np.array(upper)),  # pyright: ignore[reportArgumentType]
            options={"node_limit": 40, "mip_rel_gap": 0.02},
        )
    if answer.x is None:
        return None
    chosen = np.asarray(answer.x[:count]).reshape(tasks, dies)
    return [int(die) for die in chosen.argmax(axis=1)]

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Which cells of the data the tokens of a layout cover: exactly once, more than once, or not at all.

Cells are counted over the *distinct* offsets: a loop that streams the same tokens again does not make them overlap.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from streamtensor.algebra.errors import LayoutError

CoverageKind = Literal["regular", "overlapping", "gapped", "overlapping and gapped"]
IntArray = NDArray[np.int64]
Loops = Sequence[tuple[int, tuple[int, ...]]]

BRUTE_FORCE_LIMIT = 2**26
"""The most tokens, and the most data cells, that are enumerated when a loop moves along several dimensions at once."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """How the distinct tokens of a layout cover its data.

    `overlap[d]` and `gap[d]` are the largest overlap of, and the largest gap between, two tokens that follow each
    other along dimension d (equal offsets elsewhere). `overlapped_cells` and `uncovered_cells` count cells of the
    whole data.
    """

    kind: CoverageKind
    overlap: tuple[int, ...]
    gap: tuple[int, ...]
    overlapped_cells: int
    uncovered_cells: int

    def __str__(self) -> str:
        parts = [
            f"{name} of {size} in dim {dim}"
            for name, sizes in (("overlap", self.overlap), ("gap", self.gap))
            for dim, size in enumerate(sizes)
            if size
        ]
        return f"{self.kind} ({', '.join(parts)})" if parts else self.kind


def measure_coverage(
    element: Sequence[int],
    data_shape: Sequence[int],
    constants: Sequence[int],
    loops: Loops,
) -> Coverage:
    """The coverage of tokens of shape `element` at `constants + sum(n_l * stride_l)`, 0 <= n_l < tripcount_l.

    loops: (tripcount, offset added to each data dimension per iteration). When no loop moves along two data
    dimensions, the set of offsets is a product of one set per dimension and everything is counted per dimension,
    whatever the number of tokens. Otherwise all cells are counted; raises LayoutError above BRUTE_FORCE_LIMIT tokens
    or cells.
    """
    moving = [(trip, stride) for trip, stride in loops if any(stride)]
    if all(sum(map(bool, stride)) == 1 for _, stride in moving):
        return _measure_product(element, data_shape, constants, moving)
    return _measure_cells(element, data_shape, constants, moving)


def _measure_product(
    element: Sequence[int], data_shape: Sequence[int], constants: Sequence[int], loops: Loops
) -> Coverage:
    overlap, gap, covered, once = [], [], 1, 1
    for dim, size in enumerate(element):
        starts = np.array([constants[dim]], dtype=np.int64)
        for trip, stride in loops:
            if stride[dim]:
                starts = np.unique(np.add.outer(np.arange(trip, dtype=np.int64) * stride[dim], starts))
        distance = np.diff(starts)
        overlap.append(max(0, size - int(distance.min(initial=size))))
        gap.append(max(0, int(distance.max(initial=size)) - size))
        covered *= int(np.minimum(distance, size).sum()) + size
        # Covered by one interval alone: after the end of the interval before it and before the start of the next.
        first = np.maximum(starts, np.concatenate([[-1], starts[:-1] + size]))
        last = np.minimum(starts + size, np.concatenate([starts[1:], [data_shape[dim]]]))
        once *= int(np.maximum(last - first, 0).sum())
    return _verdict(overlap, gap, covered - once, prod(data_shape) - covered)


def _measure_cells(
    element: Sequence[int], data_shape: Sequence[int], constants: Sequence[int], loops: Loops
) -> Coverage:
    tokens, cells = prod(trip for trip, _ in loops), prod(data_shape)
    if max(tokens, cells) > BRUTE_FORCE_LIMIT:
        raise LayoutError(
            f"the coverage of {tokens} tokens over {cells} cells cannot be counted: a loop moves along several data "
            f"dimensions at once, and the limit for counting cell by cell is {BRUTE_FORCE_LIMIT}"
        )
    rank = len(element)
    weights = [prod(data_shape[dim + 1 :]) for dim in range(rank)]
    flat = np.array([sum(c * w for c, w in zip(constants, weights, strict=True))], dtype=np.int64)
    for trip, stride in loops:
        step = sum(s * w for s, w in zip(stride, weights, strict=True))
        flat = np.add.outer(np.arange(trip, dtype=np.int64) * step, flat).ravel()
    offsets = np.stack(np.unravel_index(np.unique(flat), data_shape), axis=1)

    # Each token adds +1 or -1 at the corners of its box; running sums along all dimensions count the tokens per cell.
    count = np.zeros([size + 1 for size in data_shape], dtype=np.int64)
    for corner in np.ndindex(*(2,) * rank):
        at = offsets + np.array(corner) * np.array(element)
        np.add.at(count, tuple(at.T), (-1) ** sum(corner))
    for dim in range(rank):
        np.cumsum(count, axis=dim, out=count)
    count = count[tuple(slice(size) for size in data_shape)]

    overlap, gap = [], []
    for dim, size in enumerate(element):
        others = [other for other in range(rank) if other != dim]
        line = (
            np.ravel_multi_index([offsets[:, other] for other in others], [data_shape[other] for other in others])
            if others
            else 0
        )
        key = np.sort(line * data_shape[dim] + offsets[:, dim])
        distance = np.diff(key)[np.diff(key // data_shape[dim]) == 0]
        overlap.append(max(0, size - int(distance.min(initial=size))))
        gap.append(max(0, int(distance.max(initial=size)) - size))
    return _verdict(overlap, gap, int((count > 1).sum()), int((count == 0).sum()))


def _verdict(overlap: list[int], gap: list[int], overlapped_cells: int, uncovered_cells: int) -> Coverage:
    words = [word for word, cells in (("overlapping", overlapped_cells), ("gapped", uncovered_cells)) if cells]
    kinds: dict[tuple[str, ...], CoverageKind] = {
        (): "regular",
        ("overlapping",): "overlapping",
        ("gapped",): "gapped",
        ("overlapping", "gapped"): "overlapping and gapped",
    }
    return Coverage(kinds[tuple(words)], tuple(overlap), tuple(gap), overlapped_cells, uncovered_cells)

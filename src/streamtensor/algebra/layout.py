# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Stream layouts: in which order the tokens of a tensor travel through a FIFO.

A layout is the itensor type without its scalar type. Worked examples over 8x8 data (itensor.md):

>>> a = StreamLayout.parse("2x2, [4, 4] * [2, 2], (d0, d1) -> (d0, d1)")
>>> b = StreamLayout.parse("4x2, [4, 2] * [2, 4], (d0, d1) -> (d1, d0)")
>>> c = StreamLayout.parse("4x2, [4, 2, 2] * [2, 1, 4], (d0, d1, d2) -> (d2, d0)")
>>> [layout.data_shape for layout in (a, b, c)]
[(8, 8), (8, 8), (8, 8)]
>>> a.offset_array()[:6].tolist()
[[0, 0], [0, 2], [0, 4], [0, 6], [2, 0], [2, 2]]
>>> b.offset_array()[:6].tolist()
[[0, 0], [4, 0], [0, 2], [4, 2], [0, 4], [4, 4]]
>>> c.offset_array()[:6].tolist()
[[0, 0], [4, 0], [0, 0], [4, 0], [0, 2], [4, 2]]
>>> c.repeats
2
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from streamtensor.algebra.affine import AffineMap
from streamtensor.algebra.coverage import Coverage, measure_coverage
from streamtensor.algebra.errors import LayoutError

OrderKey = tuple[tuple[int, ...], tuple[int, ...], tuple[tuple[int, tuple[int, ...]], ...]]

_FORM = re.compile(r"\s*((?:\d+x)*\d+|)\s*,\s*\[([\d,\s]*)\]\s*\*\s*\[([\d,\s]*)\]\s*,\s*(\(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class StreamLayout:
    """The order of the tokens of a stream.

    element: shape of one token. tripcounts, steps: the loop nest, outermost first; loop i takes the values 0,
    steps[i], 2 * steps[i], ... map: from these stepped values to the offset of the token in the data, one result per
    data dimension. A loop that the map does not use streams everything inside it again.

    Raises LayoutError when the lengths do not agree, when a size is not positive, or when the lowest offset of a map
    result is not 0 (itensor.md, Verifiers).
    """

    element: tuple[int, ...]
    tripcounts: tuple[int, ...]
    steps: tuple[int, ...]
    map: AffineMap

    def __post_init__(self) -> None:
        if len(self.tripcounts) != len(self.steps):
            raise LayoutError(f"{len(self.tripcounts)} tripcounts but {len(self.steps)} steps")
        if self.map.num_dims != len(self.tripcounts):
            raise LayoutError(
                f"the map has {self.map.num_dims} inputs but the iteration space has {len(self.tripcounts)} loops"
            )
        if self.map.num_results != len(self.element):
            raise LayoutError(
                f"the map has {self.map.num_results} results but the element has rank {len(self.element)}"
            )
        for what, sizes in (("element size", self.element), ("tripcount", self.tripcounts), ("step", self.steps)):
            for index, size in enumerate(sizes):
                if size <= 0:
                    raise LayoutError(f"{what} {index} is {size}, but it has to be at least 1")
        for dim, (lowest, _) in enumerate(self._offset_ranges()):
            if lowest:
                raise LayoutError(
                    f"the lowest offset of map result {dim} ({self.map.results[dim]}) is {lowest}, but it has to be 0"
                )

    @staticmethod
    def parse(text: str) -> StreamLayout:
        """Read `ELEMENT, [TRIPCOUNTS] * [STEPS], MAP`, the form that `str` gives; raises LayoutError or AffineError."""
        match = _FORM.fullmatch(text)
        if match is None:
            raise LayoutError(f"expected 'ELEMENT, [TRIPCOUNTS] * [STEPS], MAP' but found {text!r}")
        element, tripcounts, steps = (tuple(map(int, re.findall(r"\d+", match.group(group)))) for group in (1, 2, 3))
        return StreamLayout(element, tripcounts, steps, AffineMap.parse(match.group(4)))

    def __str__(self) -> str:
        element = "x".join(map(str, self.element))
        return f"{element}, [{_commas(self.tripcounts)}] * [{_commas(self.steps)}], {self.map}"

    # ---- sizes

    @property
    def rank(self) -> int:
        """The number of data dimensions."""
        return len(self.element)

    @property
    def num_loops(self) -> int:
        """The number of loops, those of one iteration included."""
        return len(self.tripcounts)

    @property
    def num_tokens(self) -> int:
        """The length of the stream in tokens, repeats included."""
        return prod(self.tripcounts)

    @property
    def elements_per_token(self) -> int:
        """The number of scalars in one token."""
        return prod(self.element)

    @property
    def data_shape(self) -> tuple[int, ...]:
        """The shape of the whole tensor: the highest offset plus the element, per dimension."""
        return tuple(highest + size for (_, highest), size in zip(self._offset_ranges(), self.element, strict=True))

    @property
    def repeats(self) -> int:
        """How often the data is streamed: the product of the tripcounts of all loops that the map does not use."""
        return prod(trip for loop, trip in enumerate(self.tripcounts) if not any(self.stride(loop)))

    def stride(self, loop: int) -> tuple[int, ...]:
        """What one iteration of `loop` adds to the offset, per data dimension."""
        return tuple(coefficient * self.steps[loop] for coefficient in self.map.column(loop))

    def _offset_ranges(self) -> list[tuple[int, int]]:
        ranges: list[tuple[int, int]] = []
        for result in self.map.results:
            ends = [c * s * (t - 1) for c, s, t in zip(result.coefficients, self.steps, self.tripcounts, strict=True)]
            low, high = sum(min(0, end) for end in ends), sum(max(0, end) for end in ends)
            ranges.append((result.constant + low, result.constant + high))
        return ranges

    # ---- order

    def offsets(self) -> Iterator[tuple[int, ...]]:
        """The offsets of the tokens in stream order."""
        for values in itertools.product(
            *(range(0, t * s, s) for t, s in zip(self.tripcounts, self.steps, strict=True))
        ):
            yield self.map.evaluate(values)

    def offset_array(self) -> NDArray[np.int64]:
        """The offsets of the tokens in stream order as an array [num_tokens, rank]."""
        columns = [self.linear_offsets([int(other == dim) for other in range(self.rank)]) for dim in range(self.rank)]
        return np.stack(columns, axis=1) if columns else np.zeros((self.num_tokens, 0), dtype=np.int64)

    def linear_offsets(self, weights: Sequence[int]) -> NDArray[np.int64]:
        """`sum(weights[d] * offset[d])` of the tokens in stream order, [num_tokens]: addresses, say."""
        start = sum(w * result.constant for w, result in zip(weights, self.map.results, strict=True))
        values = np.array([start], dtype=np.int64)
        for loop, trip in enumerate(self.tripcounts):
            step = sum(w * s for w, s in zip(weights, self.stride(loop), strict=True))
            values = np.add.outer(values, np.arange(trip, dtype=np.int64) * step).ravel()
        return values

    def canonical(self) -> StreamLayout:
        """The same layout without the loops of one iteration: they only ever take the value 0, so the order stays."""
        if 1 not in self.tripcounts:
            return self
        return self._keep([loop for loop, trip in enumerate(self.tripcounts) if trip > 1])

    def residual(self, loops: int) -> StreamLayout:
        """The layout of the tokens inside the first iteration of the `loops` outermost loops.

        Raises LayoutError when one of these loops runs backwards (then the first iteration does not start at offset 0).
        """
        return self._keep(range(loops, self.num_loops))

    def _keep(self, loops: Sequence[int]) -> StreamLayout:
        tripcounts, steps = tuple(self.tripcounts[i] for i in loops), tuple(self.steps[i] for i in loops)
        return StreamLayout(self.element, tripcounts, steps, self.map.permute(loops))

    def split_loop(self, loop: int, inner_tripcount: int) -> StreamLayout:
        """Split a loop of t iterations into one of t / inner_tripcount and, directly inside it, one of inner_tripcount.

        for i in t  -->  for i1 in t / n: for i2 in n   with   i = i1 * n + i2: the order is the same.
        Raises LayoutError when inner_tripcount does not divide t.
        """
        trip, step = self.tripcounts[loop], self.steps[loop]
        if inner_tripcount <= 0 or trip % inner_tripcount:
            raise LayoutError(f"cannot split a loop of {trip} iterations into groups of {inner_tripcount}")
        rows = [
            (*r.coefficients[:loop], r.coefficients[loop], r.coefficients[loop], *r.coefficients[loop + 1 :])
            for r in self.map.results
        ]
        return StreamLayout(
            self.element,
            (*self.tripcounts[:loop], trip // inner_tripcount, inner_tripcount, *self.tripcounts[loop + 1 :]),
            (*self.steps[:loop], step * inner_tripcount, step, *self.steps[loop + 1 :]),
            AffineMap.from_rows(self.num_loops + 1, rows, [r.constant for r in self.map.results]),
        )

    @property
    def order_key(self) -> OrderKey:
        """(element, first offset, merged loops): equal exactly when two layouts stream equal tokens in equal order.

        Merged loops are (tripcount, stride) without loops of one iteration, where an outer loop is merged into the
        loop inside it when it continues it (outer stride = inner tripcount * inner stride). The merged form can be
        read off the sequence of offsets alone, so it is unique: the innermost stride is the first difference, and the
        innermost tripcount is the position of the first different difference (a rollover adds outer stride -
        (tripcount - 1) * inner stride, which equals the inner stride only if the two could still be merged); then the
        same holds for every tripcount-th token and the next loop.
        """
        loops: list[tuple[int, tuple[int, ...]]] = []
        for loop in reversed(range(self.num_loops)):
            trip, stride = self.tripcounts[loop], self.stride(loop)
            if trip == 1:
                continue
            if loops and stride == tuple(loops[-1][0] * inner for inner in loops[-1][1]):
                loops[-1] = (loops[-1][0] * trip, loops[-1][1])
            else:
                loops.append((trip, stride))
        return self.element, tuple(result.constant for result in self.map.results), tuple(reversed(loops))

    # ---- coverage

    @property
    def is_regular(self) -> bool:
        """The syntactic form that converters want: every map result is a distinct loop, whose step is the element size
        there, or 0.

        Loops of one iteration are ignored. A regular layout covers its data exactly; vectorised and split layouts may
        cover it exactly without being regular.
        """
        layout = self.canonical()
        return layout.map.is_projected_permutation(allow_zeros=True) and all(
            result.single_dim is None or layout.steps[result.single_dim] == size
            for result, size in zip(layout.map.results, layout.element, strict=True)
        )

    @property
    def is_nested(self) -> bool:
        """The loops divide the data: along each dimension every loop strides over exactly what the smaller ones cover.

        Then the distinct tokens cover the data exactly. Regular layouts are nested; so are vectorised and split ones.
        """
        extents = list(self.element)
        moving = [(self.stride(loop), trip) for loop, trip in enumerate(self.tripcounts) if trip > 1]
        for stride, trip in sorted(moving):
            moved = [dim for dim, step in enumerate(stride) if step]
            if len(moved) > 1 or any(stride[dim] != extents[dim] for dim in moved):
                return False
            for dim in moved:
                extents[dim] *= trip
        return True

    def coverage(self) -> Coverage:
        """Which cells of the data the distinct tokens cover; raises LayoutError when they are too many to count (see
        coverage.py).

        >>> for element in ("4x4", "4x2", "2x2", "2x1"):
        ...     layout = StreamLayout.parse(element + ", [4, 2] * [2, 4], (d0, d1) -> (d1, d0)")
        ...     print(element, layout.data_shape, layout.coverage())
        4x4 (8, 10) overlapping (overlap of 2 in dim 1)
        4x2 (8, 8) regular
        2x2 (6, 8) gapped (gap of 2 in dim 0)
        2x1 (6, 7) gapped (gap of 2 in dim 0, gap of 1 in dim 1)
        """
        if self.is_nested:
            return Coverage("regular", (0,) * self.rank, (0,) * self.rank, 0, 0)
        loops = [(trip, self.stride(loop)) for loop, trip in enumerate(self.tripcounts) if trip > 1]
        return measure_coverage(self.element, self.data_shape, [result.constant for result in self.map.results], loops)


def same_order(a: StreamLayout, b: StreamLayout) -> bool:
    """True exactly when both layouts stream equal tokens in equal order, so that kernels may be connected directly.

    Equal canonical forms are sufficient: the loops of one iteration that `canonical` drops only ever contribute 0, so
    both layouts enumerate the same offsets. They are not necessary (a loop may be split, or a step be moved into the
    map), which is why the `order_key` is compared; its docstring proves that this decides the question.
    """
    return a.order_key == b.order_key


def _commas(values: Sequence[int]) -> str:
    return ", ".join(map(str, values))

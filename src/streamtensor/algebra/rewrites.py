# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Rewrites of stream layouts: vectorise, pack, widen, collapse (itensor.md, From loops to types)."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from math import prod

from streamtensor.algebra.affine import AffineMap
from streamtensor.algebra.errors import LayoutError
from streamtensor.algebra.layout import StreamLayout, same_order


def vectorize(layout: StreamLayout, vector: Sequence[int]) -> StreamLayout:
    """Stream each token as a row-major sequence of vectors of shape `vector`, one size per data dimension.

    element E, loops [T] * [S], map M  -->  element V, loops [T ++ E/V] * [S ++ V], map M[d] + d_(n+d). The data shape
    stays. Raises LayoutError when a vector size does not divide the element.

    >>> print(vectorize(StreamLayout.parse("4x2, [4, 2] * [2, 4], (d0, d1) -> (d1, d0)"), (2, 1)))
    2x1, [4, 2, 2, 2] * [2, 4, 2, 1], (d0, d1, d2, d3) -> (d1 + d2, d0 + d3)
    """
    _check_rank("vector", vector, layout)
    for dim, (size, v) in enumerate(zip(layout.element, vector, strict=True)):
        if v <= 0 or size % v:
            raise LayoutError(f"vector size {v} in dim {dim} does not divide the element size {size}")
    rows = [
        (*result.coefficients, *(int(other == dim) for other in range(layout.rank)))
        for dim, result in enumerate(layout.map.results)
    ]
    return StreamLayout(
        tuple(vector),
        (*layout.tripcounts, *(size // v for size, v in zip(layout.element, vector, strict=True))),
        (*layout.steps, *vector),
        AffineMap.from_rows(layout.num_loops + layout.rank, rows, [result.constant for result in layout.map.results]),
    )


def pack(layout: StreamLayout, tile: Sequence[int]) -> StreamLayout:
    """The layout of the same stream over the packed tensor, whose shape is data / tile ++ tile.

    An offset o becomes o floordiv tile in the outer dimensions and o mod tile in the inner ones. A loop that crosses
    tiles with a stride below the tile is split, so that both are linear; a token becomes (element / tile, at least 1)
    ++ (element, at most tile). Raises LayoutError when the tile does not divide the data, or when a token would
    straddle a tile border.

    >>> print(pack(StreamLayout.parse("16x16, [4, 4] * [16, 16], (d0, d1) -> (d0, d1)"), (16, 16)))
    1x1x16x16, [4, 4] * [1, 1], (d0, d1) -> (d0, d1, 0, 0)
    """
    _check_rank("tile", tile, layout)
    for dim, (size, element, t) in enumerate(zip(layout.data_shape, layout.element, tile, strict=True)):
        if t <= 0 or size % t:
            raise LayoutError(f"tile size {t} in dim {dim} does not divide the data size {size}")
        if element % t and t % element:
            raise LayoutError(
                f"neither of the element size {element} and the tile size {t} in dim {dim} divides the other"
            )
    layout = split_at_tiles(layout, tile)
    outer_rows, inner_rows = [], []
    for dim, t in enumerate(tile):
        strides = [layout.stride(loop)[dim] if trip > 1 else 0 for loop, trip in enumerate(layout.tripcounts)]
        outer_rows.append([0 if stride % t else stride // t for stride in strides])
        inner_rows.append([stride if stride % t else 0 for stride in strides])
        highest = sum(max(0, s) * (n - 1) for s, n in zip(inner_rows[dim], layout.tripcounts, strict=True))
        inside = min(layout.element[dim], t)
        constant = layout.map.results[dim].constant
        if highest + inside > t or constant % t or min(inner_rows[dim], default=0) < 0:
            raise LayoutError(f"tokens straddle the borders of tiles of size {t} in dim {dim}")
    constants = [r.constant // t for r, t in zip(layout.map.results, tile, strict=True)] + [0] * layout.rank
    element = [max(1, e // t) for e, t in zip(layout.element, tile, strict=True)]
    element += [min(e, t) for e, t in zip(layout.element, tile, strict=True)]
    return _from_strides(element, layout.tripcounts, outer_rows + inner_rows, constants)


def split_at_tiles(layout: StreamLayout, tile: Sequence[int]) -> StreamLayout:
    """Split every loop that crosses tile borders with a stride below the tile: the inner part stays inside one tile."""
    loop = 0
    while loop < layout.num_loops:
        trip, inner = layout.tripcounts[loop], layout.tripcounts[loop]
        for stride, t in zip(layout.stride(loop), tile, strict=True):
            if stride and t % abs(stride) == 0 and t // abs(stride) < inner:
                inner = t // abs(stride)
        if 1 < inner < trip and trip % inner == 0:
            layout = layout.split_loop(loop, inner)
            loop += 1
        loop += 1
    return layout


def widen(layout: StreamLayout, vector: Sequence[int]) -> StreamLayout:
    """The layout of the same stream over the tensor of vectors of shape `vector`: sizes and offsets in units of
    vectors.

    Raises LayoutError when the vector does not divide the element or a token starts inside a vector.

    >>> print(widen(StreamLayout.parse("16x16, [4, 4] * [16, 16], (d0, d1) -> (d0, d1)"), (8, 8)))
    2x2, [4, 4] * [2, 2], (d0, d1) -> (d0, d1)
    """
    _check_rank("vector", vector, layout)
    rows: list[list[int]] = []
    for dim, v in enumerate(vector):
        strides = [layout.stride(loop)[dim] if trip > 1 else 0 for loop, trip in enumerate(layout.tripcounts)]
        for size in (layout.element[dim], *strides, layout.map.results[dim].constant):
            if v <= 0 or size % v:
                raise LayoutError(
                    f"vector size {v} in dim {dim} does not divide {size}, an element size or an offset there"
                )
        rows.append([stride // v for stride in strides])
    element = [e // v for e, v in zip(layout.element, vector, strict=True)]
    return _from_strides(
        element, layout.tripcounts, rows, [r.constant // v for r, v in zip(layout.map.results, vector, strict=True)]
    )


def port_vector(tile: Sequence[int], port_bits: int, bits: int) -> tuple[int, ...]:
    """The vector that fills a memory port: a divisor of `tile` per dimension, as many elements of `bits` bits as fit
    the port.

    Among the largest, the most even one is taken, and of those the one that is longest in the last dimensions.
    Raises LayoutError when not even one element fits.

    >>> port_vector((1, 1, 16, 16), 512, 8)
    (1, 1, 8, 8)
    """
    lanes = port_bits // bits
    if lanes < 1:
        raise LayoutError(f"an element of {bits} bits does not fit into a port of {port_bits} bits")
    divisors = [[v for v in range(1, min(size, lanes) + 1) if size % v == 0] for size in tile]
    fitting = [vector for vector in itertools.product(*divisors) if prod(vector) <= lanes]
    return max(fitting, key=lambda vector: (prod(vector), -max(vector, default=1), tuple(reversed(vector))))


def collapse(layout: StreamLayout, groups: Sequence[Sequence[int]]) -> StreamLayout:
    """The layout of the same stream after collapse_shape: the data dimensions of each group become one, row-major.

    Raises LayoutError when the groups are not the dimensions in order, or when a token is not one contiguous run in
    its group (then no collapsed type has the same tokens).

    >>> print(collapse(StreamLayout.parse("1x4, [3, 2] * [1, 4], (d0, d1) -> (d0, d1)"), [[0, 1]]))
    4, [3, 2] * [1, 4], (d0, d1) -> (d0 * 8 + d1)
    """
    if [dim for group in groups for dim in group] != list(range(layout.rank)):
        found = [list(group) for group in groups]
        raise LayoutError(f"the groups {found} are not the {layout.rank} dimensions in order")
    shape = layout.data_shape
    element: list[int] = []
    rows: list[list[int]] = []
    constants: list[int] = []
    for group in groups:
        partial = next((i for i, dim in enumerate(group) if layout.element[dim] > 1), len(group))
        for dim in group[partial + 1 :]:
            if layout.element[dim] != shape[dim]:
                raise LayoutError(
                    f"a token has {layout.element[dim]} of {shape[dim]} in dim {dim} and "
                    f"{layout.element[group[partial]]} in dim {group[partial]}: it is not one contiguous run of the "
                    "collapsed dimension"
                )
        weights = [prod(shape[inner] for inner in group[i + 1 :]) for i in range(len(group))]
        weighted = list(zip(weights, (layout.map.results[dim] for dim in group), strict=True))
        element.append(prod(layout.element[dim] for dim in group))
        rows.append([sum(w * r.coefficients[loop] for w, r in weighted) for loop in range(layout.num_loops)])
        constants.append(sum(w * r.constant for w, r in weighted))
    amap = AffineMap.from_rows(layout.num_loops, rows, constants)
    return StreamLayout(tuple(element), layout.tripcounts, layout.steps, amap)


def check_reassociation(expanded: StreamLayout, collapsed: StreamLayout, groups: Sequence[Sequence[int]]) -> None:
    """Check that `expanded` and `collapsed` are the same stream, where group i of dimensions is collapsed dimension i.

    Raises LayoutError with the reason otherwise. The check is exact: both give equal tokens in equal order. (Products
    of dimensions, tripcounts and steps that match group by group are necessary for regular layouts but not sufficient:
    2x2 tokens of 4x4 data have the products of runs of 4 in 16, and carry other elements.)
    """
    if len(groups) != collapsed.rank:
        raise LayoutError(f"{len(groups)} groups but the collapsed data has rank {collapsed.rank}")
    flat = collapse(expanded, groups)
    for group, (size, wanted) in enumerate(zip(flat.data_shape, collapsed.data_shape, strict=True)):
        if size != wanted:
            raise LayoutError(f"group {group}: the product of the sizes is {size}, but the collapsed size is {wanted}")
    if not same_order(flat, collapsed):
        raise LayoutError(f"the stream orders differ: collapsing gives '{flat}', but the other side is '{collapsed}'")


def _from_strides(
    element: Sequence[int], tripcounts: Sequence[int], rows: Sequence[Sequence[int]], constants: Sequence[int]
) -> StreamLayout:
    """A layout from strides, one row per dimension; a loop that moves along one dimension has its stride as step."""
    steps: list[int] = []
    coefficients = [list(row) for row in rows]
    for loop in range(len(tripcounts)):
        used = [row for row in coefficients if row[loop]]
        steps.append(abs(used[0][loop]) if len(used) == 1 else 1)
        for row in used:
            row[loop] //= steps[loop]
    amap = AffineMap.from_rows(len(tripcounts), coefficients, constants)
    return StreamLayout(tuple(element), tuple(tripcounts), tuple(steps), amap)


def _check_rank(what: str, sizes: Sequence[int], layout: StreamLayout) -> None:
    if len(sizes) != layout.rank:
        raise LayoutError(f"the {what} has {len(sizes)} sizes but the data has rank {layout.rank}")

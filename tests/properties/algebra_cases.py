# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Random layouts for the property tests of the algebra, and what a layout means, cell by cell."""

from itertools import product
from math import prod

from hypothesis import strategies as st

from streamtensor.algebra import AffineMap, StreamLayout

SIZES = (1, 2, 3, 4, 6, 8, 12)


def divisors(size: int) -> list[int]:
    return [d for d in range(1, size + 1) if size % d == 0]


@st.composite
def data_shapes(draw: st.DrawFn, max_rank: int = 4, max_cells: int = 600) -> tuple[int, ...]:
    rank = draw(st.integers(0, max_rank))
    shape: list[int] = []
    for _ in range(rank):
        shape.append(draw(st.sampled_from([s for s in SIZES if s * prod(shape) <= max_cells])))
    return tuple(shape)


@st.composite
def regular_layouts(draw: st.DrawFn, shape: tuple[int, ...], max_replays: int = 2) -> StreamLayout:
    """The syntactic regular form: a loop per dimension (or the constant 0) in any order, and replays."""
    element = tuple(draw(st.sampled_from(divisors(size))) for size in shape)
    loops: list[tuple[int, int, int | None]] = []
    for dim, (size, e) in enumerate(zip(shape, element, strict=True)):
        if size > e or draw(st.booleans()):
            loops.append((size // e, e, dim))
    for _ in range(draw(st.integers(0, max_replays))):
        loops.append((draw(st.integers(1, 3)), draw(st.integers(1, 3)), None))
    return layout_of(element, draw(st.permutations(loops)))


@st.composite
def regular_pairs(draw: st.DrawFn, source_replays: int = 2) -> tuple[StreamLayout, StreamLayout]:
    """Two regular layouts over the same data. Half of the results keep a prefix of the source's loops."""
    shape = draw(data_shapes())
    source = draw(regular_layouts(shape, source_replays))
    if draw(st.booleans()):
        return source, draw(regular_layouts(shape))
    return source, draw(regular_layouts_with_prefix(source))


@st.composite
def regular_layouts_with_prefix(draw: st.DrawFn, source: StreamLayout) -> StreamLayout:
    """A regular layout over the source's data that begins with some of the source's outermost loops."""
    keep = draw(st.integers(0, source.num_loops))
    kept = [(source.tripcounts[i], source.steps[i]) for i in range(keep)]
    where = [r.single_dim for r in source.map.results]
    fixed = {dim: loop for dim, loop in enumerate(where) if loop is not None and loop < keep}
    shape = tuple(1 if dim in fixed else size for dim, size in enumerate(source.data_shape))
    inner = draw(regular_layouts(shape))
    element = tuple(source.element[dim] if dim in fixed else e for dim, e in enumerate(inner.element))
    loops = kept + list(zip(inner.tripcounts, inner.steps, strict=True))
    inner_dims = [r.single_dim for r in inner.map.results]
    dims = [fixed.get(dim, None if at is None else at + keep) for dim, at in enumerate(inner_dims)]
    amap = AffineMap.select(len(loops), dims)
    return StreamLayout(element, tuple(loop[0] for loop in loops), tuple(loop[1] for loop in loops), amap)


@st.composite
def any_layouts(draw: st.DrawFn, max_rank: int = 3, max_loops: int = 4, max_coefficient: int = 3) -> StreamLayout:
    """Any layout that the type allows: overlapping, gapped, diagonal, backwards, with replays."""
    rank, num_loops = draw(st.integers(1, max_rank)), draw(st.integers(0, max_loops))
    element = tuple(draw(st.integers(1, 4)) for _ in range(rank))
    tripcounts = tuple(draw(st.integers(1, 4)) for _ in range(num_loops))
    steps = tuple(draw(st.integers(1, 3)) for _ in range(num_loops))
    coefficient = st.one_of(st.just(0), st.just(0), st.integers(-1, max_coefficient))
    rows = [[draw(coefficient) for _ in range(num_loops)] for _ in range(rank)]
    lowest = [sum(min(0, c) * (t - 1) * s for c, t, s in zip(row, tripcounts, steps, strict=True)) for row in rows]
    return StreamLayout(element, tripcounts, steps, AffineMap.from_rows(num_loops, rows, [-low for low in lowest]))


@st.composite
def window_pairs(draw: st.DrawFn) -> tuple[StreamLayout, StreamLayout]:
    """A source over channels x height x width, and the windows that a convolution reads from it.

    The windows slide over height and width, as a whole or tap by tap, perhaps all of it twice.
    """
    kernel = (draw(st.integers(1, 3)), draw(st.integers(1, 3)))
    stride = (draw(st.integers(1, kernel[0])), draw(st.integers(1, kernel[1])))
    steps_out = (draw(st.integers(2, 4)), draw(st.integers(1, 4)))
    channels = draw(st.sampled_from((1, 2, 4)))
    height, width = ((n - 1) * s + k for n, s, k in zip(steps_out, stride, kernel, strict=True))
    channel_tile = draw(st.sampled_from(divisors(channels)))
    shape = (channels, height, width)
    element = (
        draw(st.sampled_from([1, channel_tile])),
        draw(st.sampled_from(divisors(height))),
        draw(st.sampled_from(divisors(width))),
    )
    order = draw(st.sampled_from(((0, 1, 2), (1, 0, 2), (1, 2, 0))))
    moves: list[tuple[int, int, int | None]] = [(shape[d] // element[d], element[d], d) for d in order]
    if draw(st.integers(0, 3)) == 0:
        moves.insert(draw(st.integers(0, 3)), (2, 1, None))
    source = layout_of(element, moves)
    loops: list[tuple[int, int, int | None]] = [(steps_out[0], stride[0], 1), (steps_out[1], stride[1], 2)]
    channel_loop = (channels // channel_tile, channel_tile, 0)
    loops.insert(draw(st.integers(0, 2)), channel_loop)
    window = (channel_tile, *kernel)
    if draw(st.booleans()):
        loops += [(kernel[0], 1, 1), (kernel[1], 1, 2)]
        window = (channel_tile, 1, 1)
    if draw(st.booleans()):
        loops.insert(draw(st.integers(0, len(loops))), (2, 1, None))
    return source, layout_of(window, loops)


def layout_of(element: tuple[int, ...], loops: list[tuple[int, int, int | None]]) -> StreamLayout:
    """A layout from loops (tripcount, step, data dimension or None)."""
    rows = [[int(loop[2] == dim) for loop in loops] for dim in range(len(element))]
    amap = AffineMap.from_rows(len(loops), rows)
    return StreamLayout(element, tuple(loop[0] for loop in loops), tuple(loop[1] for loop in loops), amap)


def cells(offset: tuple[int, ...], element: tuple[int, ...]) -> list[tuple[int, ...]]:
    """The cells of one token, row-major."""
    return list(product(*(range(o, o + e) for o, e in zip(offset, element, strict=True))))


def token_cells(layout: StreamLayout) -> list[list[tuple[int, ...]]]:
    """The cells of every token, in stream order."""
    return [cells(offset, layout.element) for offset in layout.offsets()]

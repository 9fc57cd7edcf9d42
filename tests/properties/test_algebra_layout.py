# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
from collections import Counter
from itertools import pairwise
from math import prod

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from properties.algebra_cases import any_layouts, cells, data_shapes, divisors, regular_layouts, token_cells
from streamtensor.algebra import (
    AffineMap,
    LayoutError,
    StreamLayout,
    check_reassociation,
    collapse,
    pack,
    same_order,
    vectorize,
    widen,
)
from streamtensor.algebra.coverage import measure_coverage

maps = st.integers(0, 4).flatmap(
    lambda n: st.lists(
        st.tuples(st.lists(st.integers(-5, 5), min_size=n, max_size=n), st.integers(-9, 9)), max_size=4
    ).map(lambda rows: AffineMap.from_rows(n, [r for r, _ in rows], [c for _, c in rows]))
)


@settings(max_examples=300, deadline=None)
@given(maps)
def test_affine_text_parses_back(m: AffineMap) -> None:
    assert AffineMap.parse(str(m)) == m


@settings(max_examples=200, deadline=None)
@given(maps, st.data())
def test_affine_compose_permute_drop_mean_what_they_say(m: AffineMap, data: st.DataObject) -> None:
    values = [data.draw(st.integers(-9, 9)) for _ in range(m.num_dims)]
    order = data.draw(st.permutations(range(m.num_dims)))
    assert m.permute(order).evaluate([values[dim] for dim in order]) == m.evaluate(values)
    dropped = data.draw(st.sets(st.sampled_from(range(m.num_dims)))) if m.num_dims else set[int]()
    zeroed = [0 if dim in dropped else v for dim, v in enumerate(values)]
    kept = [v for dim, v in enumerate(values) if dim not in dropped]
    assert m.drop_dims(dropped).evaluate(kept) == m.evaluate(zeroed)
    inner = data.draw(maps.filter(lambda i: i.num_results == m.num_dims))
    x = [data.draw(st.integers(-9, 9)) for _ in range(inner.num_dims)]
    assert m.compose(inner).evaluate(x) == m.evaluate(inner.evaluate(x))


@settings(max_examples=300, deadline=None)
@given(any_layouts())
def test_offsets_and_sizes(layout: StreamLayout) -> None:
    offsets = list(layout.offsets())
    assert offsets == [tuple(row) for row in layout.offset_array().tolist()]
    assert len(offsets) == layout.num_tokens
    top = tuple(max(o[d] for o in offsets) + layout.element[d] for d in range(layout.rank))
    assert layout.data_shape == top
    assert StreamLayout.parse(str(layout)) == layout


@settings(max_examples=600, deadline=None)
@given(any_layouts(max_rank=1, max_loops=3), any_layouts(max_rank=1, max_loops=3))
def test_same_order_decides_equality_of_token_sequences(a: StreamLayout, b: StreamLayout) -> None:
    b = StreamLayout(a.element, b.tripcounts, b.steps, b.map)
    assert same_order(a, b) == (list(a.offsets()) == list(b.offsets()))
    if a.canonical() == b.canonical():
        assert list(a.offsets()) == list(b.offsets())


@settings(max_examples=500, deadline=None)
@given(any_layouts(), st.data())
def test_canonical_and_split_keep_the_order(layout: StreamLayout, data: st.DataObject) -> None:
    assert 1 not in layout.canonical().tripcounts
    other = layout
    if layout.num_loops:
        loop = data.draw(st.integers(0, layout.num_loops - 1))
        other = layout.split_loop(loop, data.draw(st.sampled_from(divisors(layout.tripcounts[loop]))))
    for rewritten in (layout.canonical(), other, other.canonical()):
        assert list(rewritten.offsets()) == list(layout.offsets())
        assert same_order(rewritten, layout)


@settings(max_examples=800, deadline=None)
@given(any_layouts())
def test_coverage_counts_cells(layout: StreamLayout) -> None:
    distinct = sorted(set(layout.offsets()))
    count = Counter(cell for offset in distinct for cell in cells(offset, layout.element))
    overlapped, uncovered = sum(n > 1 for n in count.values()), prod(layout.data_shape) - len(count)
    coverage = layout.coverage()
    assert (coverage.overlapped_cells, coverage.uncovered_cells) == (overlapped, uncovered)
    assert ("overlapping" in coverage.kind, "gapped" in coverage.kind) == (overlapped > 0, uncovered > 0)
    if layout.is_nested:
        assert coverage.kind == "regular"
    for dim, size in enumerate(layout.element):
        lines: dict[tuple[int, ...], list[int]] = {}
        for offset in distinct:
            lines.setdefault(offset[:dim] + offset[dim + 1 :], []).append(offset[dim])
        steps = [b - a for line in lines.values() for a, b in pairwise(line)]
        assert coverage.overlap[dim] == max([0, *(size - step for step in steps)])
        assert coverage.gap[dim] == max([0, *(step - size for step in steps)])


@settings(max_examples=300, deadline=None)
@given(data_shapes().flatmap(regular_layouts))
def test_regular_layouts_cover_exactly(layout: StreamLayout) -> None:
    assert layout.is_regular
    assert layout.is_nested
    loops = [(trip, layout.stride(loop)) for loop, trip in enumerate(layout.tripcounts)]
    constants = [r.constant for r in layout.map.results]
    measured = measure_coverage(layout.element, layout.data_shape, constants, loops)
    assert measured == layout.coverage()
    assert measured.kind == "regular"
    distinct = set(layout.offsets())
    assert layout.num_tokens == layout.repeats * len(distinct)


@settings(max_examples=300, deadline=None)
@given(any_layouts(), st.data())
def test_vectorize_streams_the_same_elements(layout: StreamLayout, data: st.DataObject) -> None:
    vector = [data.draw(st.sampled_from(divisors(size))) for size in layout.element]
    vectorized = vectorize(layout, vector)
    assert vectorized.data_shape == layout.data_shape
    assert vectorized.is_nested == layout.is_nested
    per_token = prod(layout.element) // prod(vector)
    vectors = token_cells(vectorized)
    for index, token in enumerate(token_cells(layout)):
        parts = vectors[index * per_token : (index + 1) * per_token]
        assert sorted(cell for part in parts for cell in part) == sorted(token)
        assert [part[0] for part in parts] == sorted(part[0] for part in parts)


@settings(max_examples=600, deadline=None)
@given(st.one_of(any_layouts(), data_shapes().flatmap(regular_layouts)), st.data())
def test_pack_and_widen_move_no_element(layout: StreamLayout, data: st.DataObject) -> None:
    tile = [data.draw(st.sampled_from(divisors(size))) for size in layout.data_shape]
    try:
        packed = pack(layout, tile)
    except LayoutError:
        packed = None
    # A regular layout whose elements and tiles divide each other always packs.
    if packed is None:
        pairs = zip(layout.element, tile, strict=True)
        assert not layout.is_regular or any(e % t and t % e for e, t in pairs)
    else:
        rank = layout.rank
        assert packed.data_shape == (*(s // t for s, t in zip(layout.data_shape, tile, strict=True)), *tile)
        for token, original in zip(token_cells(packed), token_cells(layout), strict=True):
            unpacked = [tuple(c[d] * tile[d] + c[rank + d] for d in range(rank)) for c in token]
            assert sorted(unpacked) == sorted(original)
    vector = [data.draw(st.sampled_from(divisors(size))) for size in layout.element]
    try:
        widened = widen(layout, vector)
    except LayoutError:
        assert any(o % v for offset in layout.offsets() for o, v in zip(offset, vector, strict=True)) or any(
            layout.stride(loop)[d] % v for loop in range(layout.num_loops) for d, v in enumerate(vector)
        )
        return
    for token, original in zip(token_cells(widened), token_cells(layout), strict=True):
        expected = {tuple(c // v for c, v in zip(cell, vector, strict=True)) for cell in original}
        assert set(token) == expected
        assert len(original) == len(token) * prod(vector)


@settings(max_examples=600, deadline=None)
@given(data_shapes().flatmap(regular_layouts), st.data())
def test_collapse_streams_the_same_elements(layout: StreamLayout, data: st.DataObject) -> None:
    assume(layout.rank > 0)
    borders = sorted(data.draw(st.sets(st.integers(1, layout.rank - 1))) if layout.rank > 1 else set[int]())
    edges = [0, *borders, layout.rank]
    groups = [list(range(a, b)) for a, b in pairwise(edges)]
    shape = layout.data_shape

    def flat(cell: tuple[int, ...]) -> tuple[int, ...]:
        result: list[int] = []
        for group in groups:
            index = 0
            for dim in group:
                index = index * shape[dim] + cell[dim]
            result.append(index)
        return tuple(result)

    expected = [[flat(cell) for cell in token] for token in token_cells(layout)]
    try:
        collapsed = collapse(layout, groups)
    except LayoutError:
        # Then some token is not a box of contiguous runs.
        for token in expected:
            spans = [max(c[d] for c in token) - min(c[d] for c in token) + 1 for d in range(len(groups))]
            assert prod(spans) > len(token)
        return
    assert token_cells(collapsed) == expected
    check_reassociation(layout, collapsed, groups)

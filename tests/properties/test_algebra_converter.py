# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations
from math import prod

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from properties.algebra_cases import data_shapes, divisors, regular_layouts, regular_pairs, token_cells, window_pairs
from streamtensor.algebra import (
    AffineMap,
    Converter,
    ReplayError,
    StreamLayout,
    align,
    infer_converter,
    live_elements_bound,
    replay_converter,
    same_order,
    shared_prefix,
    vectorize,
)

Tokens = Sequence[Sequence[object]]


def documented_form(source: StreamLayout, result: StreamLayout) -> tuple[int, tuple[int, ...]]:
    """(k, buffer) by the words of the design document, for canonical regular layouts; nothing of the implementation."""
    shared = 0
    for loop in range(min(source.num_loops, result.num_loops)):
        dims = [[dim for dim, r in enumerate(layout.map.results) if loop in r.used_dims] for layout in (source, result)]
        loops = [(layout.tripcounts[loop], layout.steps[loop]) for layout in (source, result)]
        if loops[0][0] != loops[1][0] or dims[0] != dims[1]:
            break
        if dims[0] and (loops[0] != loops[1] or source.element[dims[0][0]] != result.element[dims[0][0]]):
            break
        shared += 1
    mapped = {dim for dim, r in enumerate(source.map.results) if any(loop < shared for loop in r.used_dims)}
    shape = source.data_shape
    return shared, tuple(source.element[d] if d in mapped else shape[d] for d in range(len(shape)))


def smallest_peak(source: Tokens, result: Tokens) -> int:
    """The smallest peak of live elements over all legal interleavings, by trying all of them.

    source, result: the elements of each token in stream order; the source brings each element once.
    """
    written = {element: time for time, token in enumerate(source) for element in token}
    last = {element: index for index, token in enumerate(result) for element in token}
    ready = [max((written[element] for element in token), default=0) for token in result]
    live = [
        [sum(written[e] <= stored and taken <= index for e, index in last.items()) for taken in range(len(result) + 1)]
        for stored in range(len(source))
    ]
    # best[taken]: the smallest possible peak with `stored` tokens stored and `taken` tokens taken.
    best: list[float] = [float("inf")] * (len(result) + 1)
    best[0] = 0
    for stored in range(len(source)):
        best = [max(peak, live[stored][taken]) for taken, peak in enumerate(best)]
        for taken, needed in enumerate(ready):
            if needed <= stored:
                best[taken + 1] = min(best[taken + 1], best[taken])
    return int(best[-1])


@pytest.mark.slow
@settings(max_examples=2000, deadline=None)
@given(regular_pairs())
def test_converters_of_regular_pairs(pair: tuple[StreamLayout, StreamLayout]) -> None:
    source, result = pair
    converter = infer_converter(source, result)
    assert isinstance(converter, Converter)
    assert (converter.kind == "direct") == (list(token_cells(source)) == list(token_cells(result)))
    replay_converter(source, result, converter)
    shared, buffer = documented_form(source.canonical(), result.canonical())
    assert shared_prefix(source.canonical(), result.canonical()) == shared
    assert source.canonical().residual(shared).data_shape == buffer
    bound = live_elements_bound(source, result)
    if converter.kind == "direct":
        assert (converter.elements, bound) == (0, result.elements_per_token)
        return
    assert bound <= converter.elements <= prod(buffer)
    assert converter.ping_pong_bits(8) <= (2 if shared else 1) * prod(buffer) * 8
    assert converter.shared_loops >= shared


@settings(max_examples=300, deadline=None)
@given(regular_pairs())
def test_align_keeps_both_orders(pair: tuple[StreamLayout, StreamLayout]) -> None:
    for before, after in zip(pair, align(*pair), strict=True):
        assert list(before.offsets()) == list(after.offsets())
        assert same_order(before, after)


@settings(max_examples=400, deadline=None)
@given(regular_pairs())
def test_one_element_less_is_not_enough(pair: tuple[StreamLayout, StreamLayout]) -> None:
    """The replay notices a buffer that is too small in any dimension, so that its approval means something."""
    converter = infer_converter(*pair)
    assert isinstance(converter, Converter)
    if converter.kind == "direct":
        return
    for dim, size in enumerate(converter.buffer):
        smaller = replace(converter, buffer=(*converter.buffer[:dim], size - 1, *converter.buffer[dim + 1 :]))
        with pytest.raises(ReplayError):
            replay_converter(*pair, smaller)


@st.composite
def small_pairs(draw: st.DrawFn) -> tuple[StreamLayout, StreamLayout]:
    shape = draw(data_shapes(max_cells=24))
    return draw(regular_layouts(shape, max_replays=0)), draw(regular_layouts(shape))


@settings(max_examples=500, deadline=None)
@given(small_pairs())
def test_bound_is_the_smallest_peak_over_all_interleavings(pair: tuple[StreamLayout, StreamLayout]) -> None:
    source, result = pair
    if not same_order(source, result):
        peak = smallest_peak(token_cells(source), token_cells(result))
        assert live_elements_bound(source, result) == peak


@settings(max_examples=150, deadline=None)
@given(small_pairs(), st.integers(2, 3))
def test_bound_pairs_the_passes_of_a_shared_replay(pair: tuple[StreamLayout, StreamLayout], passes: int) -> None:
    def replayed(layout: StreamLayout) -> StreamLayout:
        rows = [(0, *r.coefficients) for r in layout.map.results]
        amap = AffineMap.from_rows(layout.num_loops + 1, rows)
        return StreamLayout(layout.element, (passes, *layout.tripcounts), (1, *layout.steps), amap)

    source, result = (replayed(layout) for layout in pair)
    if not same_order(source, result):
        streams: list[list[list[object]]] = []
        for layout in (source, result):
            tokens = token_cells(layout)
            per_pass = len(tokens) // passes
            streams.append([[(index // per_pass, cell) for cell in token] for index, token in enumerate(tokens)])
        assert live_elements_bound(source, result) == smallest_peak(*streams)


def fits(source: Tokens, result: Tokens, budget: int) -> bool:
    """True when some converter with `budget` elements works that may drop elements and take them from a later pass."""
    states: set[tuple[int, frozenset[object]]] = {(0, frozenset())}
    for token in source:
        following: set[tuple[int, frozenset[object]]] = set()
        for taken, held in states:
            present = held | set(token)
            for kept in combinations(sorted(present, key=str), min(budget, len(present))):
                progress = taken
                while progress < len(result) and set(result[progress]) <= set(kept):
                    progress += 1
                following.add((progress, frozenset(kept)))
        states = following
    return any(taken == len(result) for taken, _ in states)


@st.composite
def tiny_pairs(draw: st.DrawFn) -> tuple[StreamLayout, StreamLayout]:
    shape = draw(data_shapes(max_cells=6))
    return draw(regular_layouts(shape)), draw(regular_layouts(shape, max_replays=1))


@settings(max_examples=300, deadline=None)
@given(tiny_pairs())
def test_bound_holds_for_sources_that_replay(pair: tuple[StreamLayout, StreamLayout]) -> None:
    source, result = pair
    shared = shared_prefix(*align(source, result))
    if same_order(source, result) or source.repeats == 1 or shared or source.num_tokens > 16:
        return
    bound = live_elements_bound(source, result)
    assert not fits(token_cells(source), token_cells(result), bound - 1)


def test_a_replayed_source_can_need_less_than_storing_each_element_once() -> None:
    """Why the bound for such sources is one token: two passes over 2x4 let columns leave with 3 elements, not 5."""
    source = StreamLayout.parse("1x1, [2, 2, 4] * [1, 1, 1], (d0, d1, d2) -> (d1, d2)")
    result = StreamLayout.parse("2x1, [4] * [1], (d0) -> (0, d0)")
    streams = token_cells(source), token_cells(result)
    assert [budget for budget in range(1, 6) if fits(*streams, budget)] == [3, 4, 5]
    assert live_elements_bound(source.residual(1), result) == 5
    assert live_elements_bound(source, result) == 2


@settings(max_examples=200, deadline=None)
@given(regular_pairs(), st.data())
def test_vectorized_layouts_convert_too(pair: tuple[StreamLayout, StreamLayout], data: st.DataObject) -> None:
    source, result = (
        vectorize(layout, [data.draw(st.sampled_from(divisors(size))) for size in layout.element]) for layout in pair
    )
    converter = infer_converter(source, result)
    assert isinstance(converter, Converter)
    replay_converter(source, result, converter)
    if converter.kind != "direct":
        assert live_elements_bound(source, result) <= converter.elements


@settings(max_examples=500, deadline=None)
@given(window_pairs())
def test_line_buffers_are_the_smallest_that_work(pair: tuple[StreamLayout, StreamLayout]) -> None:
    source, result = pair
    converter = infer_converter(source, result)
    assert isinstance(converter, Converter)
    replay_converter(source, result, converter)
    if converter.kind == "direct":
        return
    bound = live_elements_bound(source, result)
    assert bound <= converter.elements
    replays = source.repeats > 1
    if not replays and source.num_tokens * result.num_tokens * prod(source.data_shape) < 50_000:
        assert bound == smallest_peak(token_cells(source), token_cells(result))
    if converter.kind == "line_buffer":
        row = converter.row_dim
        assert row is not None
        fewer = replace(converter, buffer=tuple(size - (dim == row) for dim, size in enumerate(converter.buffer)))
        with pytest.raises(ReplayError):
            replay_converter(source, result, fewer)

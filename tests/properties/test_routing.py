# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Parts of streams against the tokens, one by one."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from properties.algebra_cases import any_layouts, data_shapes, regular_layouts
from streamtensor.algebra import LayoutError, StreamLayout
from streamtensor.algebra.routing import check_ranges, check_turns, every_nth, range_loop, with_range

Offsets = list[tuple[int, ...]]


def moved(offsets: Offsets, dim: int, by: int) -> Offsets:
    return [tuple(o + by if d == dim else o for d, o in enumerate(offset)) for offset in offsets]


@st.composite
def layouts_with_a_range(draw: st.DrawFn) -> tuple[StreamLayout, int]:
    """A layout and a dimension of it that may be cut."""
    shape = draw(data_shapes(max_rank=3).filter(lambda shape: len(shape) > 0))
    return draw(regular_layouts(shape)), draw(st.integers(0, len(shape) - 1))


@given(layouts_with_a_range(), st.data())
def test_parts_are_the_tokens_of_their_range(case: tuple[StreamLayout, int], data: st.DataObject) -> None:
    layout, dim = case
    token, total = layout.element[dim], layout.data_shape[dim] // layout.element[dim]
    cuts = sorted(data.draw(st.sets(st.integers(1, max(1, total - 1)), max_size=2)) if total > 1 else set[int]())
    bounds = [0, *cuts, total]
    parts: list[StreamLayout] = []
    for first, last in pairwise(bounds):
        part = with_range(layout, dim, (last - first) * token)
        inside = [offset for offset in layout.offsets() if first * token <= offset[dim] < last * token]
        assert list(part.offsets()) == moved(inside, dim, -first * token)
        assert part.data_shape[dim] == (last - first) * token
        parts.append(part)
    check_ranges(layout, parts, dim)
    if len(parts) > 1:
        with pytest.raises(LayoutError):
            check_ranges(layout, parts[:-1], dim)


@given(any_layouts(), st.data())
def test_whatever_has_a_range_loop_has_ranges(layout: StreamLayout, data: st.DataObject) -> None:
    """Also layouts that are not regular: the first tokens along a dimension are a range, or there is an error."""
    dim = data.draw(st.integers(0, layout.rank - 1))
    try:
        loop = range_loop(layout, dim)
    except LayoutError:
        return
    if loop is None:
        assert layout.data_shape[dim] == layout.element[dim]
        return
    size = layout.element[dim] * data.draw(st.integers(1, layout.tripcounts[loop]))
    inside = [offset for offset in layout.offsets() if offset[dim] < size]
    assert list(with_range(layout, dim, size).offsets()) == inside


@given(regular_layouts((4, 6)), st.data())
def test_streams_that_take_turns(layout: StreamLayout, data: st.DataObject) -> None:
    loops = [n for n, trips in enumerate(layout.tripcounts) if trips > 1]
    if not loops:
        return
    loop = data.draw(st.sampled_from(loops))
    trips = layout.tripcounts[loop]
    parts = data.draw(st.sampled_from([n for n in range(1, trips + 1) if trips % n == 0]))
    part = every_nth(layout, loop, parts)
    check_turns(layout, [part] * parts, loop)
    values = np.indices(layout.tripcounts)[loop].ravel()
    everything = list(layout.offsets())
    for turn in range(parts):
        mine = [offset for offset, value in zip(everything, values, strict=True) if value % parts == turn]
        shift = tuple(turn * step for step in layout.stride(loop))
        assert [tuple(o + s for o, s in zip(offset, shift, strict=True)) for offset in part.offsets()] == mine

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Tiles and words in external memory, against looking at every element."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from math import prod

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from streamtensor.algebra.affine import AffineMap
from streamtensor.algebra.external import ExternalLayout, common_tile, fifo_vector, is_run, port_word
from streamtensor.algebra.layout import StreamLayout
from streamtensor.codegen.host.packed import PackedParameter
from streamtensor.simulate.interpreter.tensor_ext import packed, unpacked
from streamtensor.transforms.lowering.views import Strided


@dataclass(frozen=True)
class Case:
    """A stream over data of `shape`, and how the data lies in memory."""

    shape: tuple[int, ...]
    layout: StreamLayout
    external: ExternalLayout


@st.composite
def cases(draw: st.DrawFn) -> Case:
    rank = draw(st.integers(1, 3))
    vector = [draw(st.sampled_from([1, 2, 4])) for _ in range(rank)]
    tile = [v * draw(st.integers(1, 3)) for v in vector]
    token = [t * draw(st.integers(1, 2)) if draw(st.booleans()) else t for t in tile]
    tokens = [draw(st.integers(1, 3)) for _ in range(rank)]
    shape = [t * n for t, n in zip(token, tokens, strict=True)]
    if draw(st.booleans()):  # tokens within a tile: the tile is several of them
        token, tokens = tile, [n * (a // b) for n, a, b in zip(tokens, token, tile, strict=True)]
        counts = [draw(st.sampled_from([d for d in range(1, n + 1) if n % d == 0])) for n in tokens]
        tile = [size * count for size, count in zip(tile, counts, strict=True)]
    order = draw(st.permutations(range(rank)))
    trips = [tokens[d] for d in order]
    steps = [token[d] for d in order]
    dims: list[int | None] = list(order)
    if draw(st.booleans()):  # everything comes twice
        place = draw(st.integers(0, rank))
        trips.insert(place, 2)
        steps.insert(place, 1)
        dims.insert(place, None)
    amap = AffineMap.select(len(trips), [dims.index(d) for d in range(rank)])
    layout = StreamLayout(tuple(token), tuple(trips), tuple(steps), amap)
    has_tile, has_vector = draw(st.booleans()), draw(st.booleans())
    external = ExternalLayout(tuple(tile) if has_tile else None, tuple(vector) if has_vector else None)
    return Case(tuple(shape), layout, external)


def in_memory(case: Case) -> np.ndarray:
    """The data as it lies in memory, element by element: [words ..., lanes ...]."""
    data = np.arange(prod(case.shape)).reshape(case.shape)
    rank = len(case.shape)
    tile = case.external.tile
    vector = case.external.vector or (1,) * rank
    out = np.full((*case.external.shape(case.shape), *vector), -1)
    for index in itertools.product(*(range(n) for n in case.shape)):
        outer = [] if tile is None else [i // t for i, t in zip(index, tile, strict=True)]
        inner = index if tile is None else [i % t for i, t in zip(index, tile, strict=True)]
        word = [i // v for i, v in zip(inner, vector, strict=True)]
        lane = [i % v for i, v in zip(inner, vector, strict=True)]
        out[(*outer, *word, *lane)] = data[index]
    return out


@given(cases())
@settings(max_examples=150, deadline=None)
def test_packing_moves_each_element_to_its_place(case: Case) -> None:
    data = np.arange(prod(case.shape)).reshape(case.shape)
    wanted = in_memory(case)
    assert (wanted >= 0).all()
    found = packed(data, case.external)
    np.testing.assert_array_equal(found.reshape(wanted.shape), wanted)
    np.testing.assert_array_equal(unpacked(found, case.external, len(case.shape)), data)


@given(cases())
@settings(max_examples=150, deadline=None)
def test_the_words_of_a_stream_are_its_tokens(case: Case) -> None:
    """Reading memory at the offsets of `words` gives the elements of every token, in the order of the stream."""
    data = np.arange(prod(case.shape)).reshape(case.shape)
    memory = in_memory(case)
    words = case.external.words(case.layout)
    assert words.tripcounts == case.external.loops(case.layout).tripcounts
    pairs = zip(case.layout.offsets(), words.offsets(), strict=True)
    for offset, place in pairs:
        token = data[tuple(slice(o, o + n) for o, n in zip(offset, case.layout.element, strict=True))]
        found = memory[tuple(slice(o, o + n) for o, n in zip(place, words.element, strict=True))]
        assert sorted(found.ravel().tolist()) == sorted(token.ravel().tolist())


@given(cases())
@settings(max_examples=100, deadline=None)
def test_a_packed_parameter_is_a_walk_through_the_plain_one(case: Case) -> None:
    """Offset and strides in the manifest say where each stored number was; a slice of a parameter too."""
    rank = len(case.shape)
    whole = np.arange(prod(n + 2 for n in case.shape), dtype=np.float32).reshape([n + 2 for n in case.shape])
    layout = Strided.contiguous(whole.shape).slice([1] * rank, case.shape, [1] * rank)
    for sizes in (case.external.tile, case.external.vector):
        layout = layout if sizes is None else layout.tiles(sizes)
    part = PackedParameter("w", layout.offset, layout.shape, layout.strides)
    data = whole[(slice(1, -1),) * rank]
    np.testing.assert_array_equal(part.view(whole), packed(data, case.external).reshape(layout.shape))


sizes = st.lists(st.sampled_from([1, 2, 3, 4, 6, 8, 12, 16, 32, 48, 64]), min_size=1, max_size=3)


@given(sizes, st.sampled_from([8, 16, 32, 64]), st.sampled_from([64, 128, 512]), st.sampled_from([64, 512, 1024]))
def test_words_divide_the_tile_and_fit_the_port(tile: list[int], bits: int, port: int, fifo: int) -> None:
    word = port_word(tile, port, fifo, bits)
    assert all(size % part == 0 for size, part in zip(tile, word, strict=True))
    assert prod(word) * bits <= port
    assert prod(word).bit_count() == 1
    vector = fifo_vector(tile, port // bits)
    if fifo >= port and prod(vector).bit_count() == 1:
        assert word == vector


@given(sizes, st.data())
def test_a_run_is_what_packing_does_not_move(tile: list[int], data: st.DataObject) -> None:
    tile = [min(size, 8) for size in tile]
    shape = [size * data.draw(st.integers(1, 3)) for size in tile]
    numbers = np.arange(prod(shape))
    moved = packed(numbers.reshape(shape), ExternalLayout(tuple(tile))).ravel()
    if is_run(tile, shape):
        np.testing.assert_array_equal(moved, numbers)
    else:
        assert (moved != numbers).any()


def test_all_that_share_a_tensor_agree_on_a_tile() -> None:
    parse = StreamLayout.parse
    rows = parse("16x8, [2, 4] * [16, 8], (d0, d1) -> (d0, d1)")
    columns = parse("8x16, [2, 4] * [16, 8], (d0, d1) -> (d1, d0)")
    assert common_tile([rows, columns]) == (8, 8)
    assert common_tile([parse("1x1, [4, 4] * [1, 1], (d0, d1) -> (d0, d1)")]) is None
    assert common_tile([parse("3, [4] * [2], (d0) -> (d0)")]) is None  # windows that overlap

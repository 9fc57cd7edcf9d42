# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
import pytest

from streamtensor.algebra import (
    LayoutError,
    StreamLayout,
    check_reassociation,
    collapse,
    pack,
    port_vector,
    vectorize,
    widen,
)


def layout(text: str) -> StreamLayout:
    return StreamLayout.parse(text)


TILES = layout("16x16, [4, 4] * [16, 16], (d0, d1) -> (d0, d1)")


def test_vectorize_appends_a_loop_per_dimension() -> None:
    vectorized = vectorize(TILES, (8, 4))
    assert str(vectorized) == "8x4, [4, 4, 2, 4] * [16, 16, 8, 4], (d0, d1, d2, d3) -> (d0 + d2, d1 + d3)"
    assert vectorized.data_shape == (64, 64)
    assert vectorized.coverage().kind == "regular"
    with pytest.raises(LayoutError, match="vector size 3 in dim 1 does not divide the element size 16"):
        vectorize(TILES, (8, 3))
    with pytest.raises(LayoutError, match="1 sizes but the data has rank 2"):
        vectorize(TILES, (8,))


def test_pack_and_widen_of_the_design() -> None:
    packed = pack(TILES, (16, 16))
    assert packed.data_shape == (4, 4, 16, 16)
    assert list(packed.offsets()) == [(i, j, 0, 0) for i in range(4) for j in range(4)]
    vector = port_vector(packed.element, port_bits=512, bits=8)
    assert vector == (1, 1, 8, 8)
    assert widen(packed, vector).data_shape == (4, 4, 2, 2)


def test_pack_splits_a_loop_that_crosses_tiles() -> None:
    packed = pack(layout("4x8, [6, 2] * [4, 8], (d0, d1) -> (d0, d1)"), (12, 8))
    assert str(packed) == "1x1x4x8, [2, 3, 2] * [1, 4, 1], (d0, d1, d2) -> (d0, d2, d1, 0)"


def test_pack_of_tokens_of_several_tiles() -> None:
    packed = pack(layout("8x16, [2] * [8], (d0) -> (d0, 0)"), (4, 8))
    assert str(packed) == "2x2x4x8, [2] * [2], (d0) -> (d0, 0, 0, 0)"


@pytest.mark.parametrize(
    ("text", "tile", "reason"),
    [
        ("4, [6] * [4], (d0) -> (d0)", (5,), "tile size 5 in dim 0 does not divide the data size 24"),
        ("4, [6] * [4], (d0) -> (d0)", (6,), "neither of the element size 4 and the tile size 6"),
        ("4, [3] * [2], (d0) -> (d0)", (4,), "straddle the borders of tiles of size 4 in dim 0"),
        ("2, [4] * [2], (d0) -> (-d0 + 6)", (4,), "straddle"),
    ],
)
def test_pack_errors(text: str, tile: tuple[int, ...], reason: str) -> None:
    with pytest.raises(LayoutError, match=reason):
        pack(layout(text), tile)


def test_widen_errors() -> None:
    with pytest.raises(LayoutError, match="vector size 3 in dim 0 does not divide 16"):
        widen(TILES, (3, 1))
    with pytest.raises(LayoutError, match="vector size 4 in dim 0 does not divide 2"):
        widen(layout("4, [3] * [2], (d0) -> (d0)"), (4,))


@pytest.mark.parametrize(
    ("tile", "port", "bits", "vector"),
    [
        ((16, 16), 512, 8, (8, 8)),
        ((16, 16), 512, 32, (4, 4)),
        ((16, 16), 256, 8, (4, 8)),
        ((1, 64), 512, 8, (1, 64)),
        ((3, 5), 64, 8, (1, 5)),
        ((4, 4), 4096, 8, (4, 4)),
        ((), 512, 32, ()),
    ],
)
def test_port_vector(tile: tuple[int, ...], port: int, bits: int, vector: tuple[int, ...]) -> None:
    assert port_vector(tile, port, bits) == vector


def test_port_narrower_than_an_element() -> None:
    with pytest.raises(LayoutError, match="32 bits does not fit into a port of 16 bits"):
        port_vector((4,), 16, 32)


def test_reassociation_of_heads() -> None:
    """hidden = heads * head_dim, tokens of half a head: splitting heads only renames the data dimensions."""
    hidden = layout("2x4, [3, 8] * [2, 4], (d0, d1) -> (d0, d1)")
    heads = layout("2x1x4, [3, 4, 2] * [2, 1, 4], (d0, d1, d2) -> (d0, d1, d2)")
    assert collapse(heads, [[0], [1, 2]]).data_shape == (6, 32)
    check_reassociation(heads, hidden, [[0], [1, 2]])


def test_matching_products_are_not_enough() -> None:
    """Products of sizes, tripcounts and steps agree, but the first tokens are {0, 1, 4, 5} and {0, 1, 2, 3}."""
    squares = layout("2x2, [2, 2] * [2, 2], (d0, d1) -> (d0, d1)")
    runs = layout("4, [4] * [4], (d0) -> (d0)")
    with pytest.raises(LayoutError, match="not one contiguous run"):
        check_reassociation(squares, runs, [[0, 1]])


def test_the_order_of_split_loops_matters() -> None:
    """All products agree again, but one side streams column by column."""
    columns = layout("1x2, [2, 4] * [2, 1], (d0, d1) -> (d1, d0)")
    runs = layout("2, [8] * [2], (d0) -> (d0)")
    with pytest.raises(LayoutError, match="the stream orders differ"):
        check_reassociation(columns, runs, [[0, 1]])


@pytest.mark.parametrize(
    ("collapsed", "groups", "reason"),
    [
        ("4, [4] * [4], (d0) -> (d0)", [[0], [1]], "2 groups but the collapsed data has rank 1"),
        ("4, [4] * [4], (d0) -> (d0)", [[0]], "not the 2 dimensions in order"),
        ("4, [5] * [4], (d0) -> (d0)", [[0, 1]], "product of the sizes is 16, but the collapsed size is 20"),
    ],
)
def test_reassociation_errors(collapsed: str, groups: list[list[int]], reason: str) -> None:
    rows = layout("1x4, [4] * [1], (d0) -> (d0, 0)")
    with pytest.raises(LayoutError, match=reason):
        check_reassociation(rows, layout(collapsed), groups)

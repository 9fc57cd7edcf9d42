# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
import pytest

from streamtensor.algebra import AffineMap, Coverage, LayoutError, StreamLayout, same_order
from streamtensor.algebra.coverage import BRUTE_FORCE_LIMIT


def layout(text: str) -> StreamLayout:
    return StreamLayout.parse(text)


A = layout("2x2, [4, 4] * [2, 2], (d0, d1) -> (d0, d1)")
B = layout("4x2, [4, 2] * [2, 4], (d0, d1) -> (d1, d0)")
C = layout("4x2, [4, 2, 2] * [2, 1, 4], (d0, d1, d2) -> (d2, d0)")


def test_worked_examples_of_the_design() -> None:
    assert [x.data_shape for x in (A, B, C)] == [(8, 8)] * 3
    assert [x.num_tokens for x in (A, B, C)] == [16, 8, 16]
    assert [x.elements_per_token for x in (A, B, C)] == [4, 8, 8]
    assert [x.repeats for x in (A, B, C)] == [1, 1, 2]
    assert list(A.offsets())[:6] == [(0, 0), (0, 2), (0, 4), (0, 6), (2, 0), (2, 2)]
    assert list(B.offsets()) == [(0, 0), (4, 0), (0, 2), (4, 2), (0, 4), (4, 4), (0, 6), (4, 6)]
    twice = [tile for column in range(0, 8, 2) for _ in range(2) for tile in ((0, column), (4, column))]
    assert list(C.offsets()) == twice
    assert all(x.is_regular and x.coverage().kind == "regular" for x in (A, B, C))


@pytest.mark.parametrize(
    ("element", "shape", "kind", "overlap", "gap", "overlapped", "uncovered"),
    [
        ("4x4", (8, 10), "overlapping", (0, 2), (0, 0), 8 * 6, 0),
        ("4x2", (8, 8), "regular", (0, 0), (0, 0), 0, 0),
        ("2x2", (6, 8), "gapped", (0, 0), (2, 0), 0, 2 * 8),
        ("2x1", (6, 7), "gapped", (0, 0), (2, 1), 0, 6 * 7 - 4 * 4),
        ("2x3", (6, 9), "overlapping and gapped", (0, 1), (2, 0), 4 * 3, 2 * 9),
    ],
)
def test_coverage_table(
    element: str,
    shape: tuple[int, int],
    kind: str,
    overlap: tuple[int, int],
    gap: tuple[int, int],
    overlapped: int,
    uncovered: int,
) -> None:
    x = layout(f"{element}, [4, 2] * [2, 4], (d0, d1) -> (d1, d0)")
    assert x.data_shape == shape
    assert x.coverage() == Coverage(kind, overlap, gap, overlapped, uncovered)  # type: ignore[arg-type]
    assert x.is_regular == (kind == "regular")


def test_repeats_do_not_overlap() -> None:
    assert layout("2, [3, 4] * [1, 2], (d0, d1) -> (d1)").coverage().kind == "regular"
    assert layout("2, [3, 4] * [1, 2], (d0, d1) -> (d0 + d1)").coverage().kind == "overlapping"


def test_diagonal_layouts_are_counted_cell_by_cell() -> None:
    x = layout("2x2, [4] * [2], (d0) -> (d0, d0)")
    assert x.coverage() == Coverage("gapped", (0, 0), (0, 0), 0, 64 - 16)
    assert not x.is_regular


def test_huge_layouts() -> None:
    regular = layout("16x16, [100000, 100000] * [16, 16], (d0, d1) -> (d1, d0)")
    assert regular.coverage().kind == "regular"
    windows = layout("3x3, [100000, 100000] * [1, 1], (d0, d1) -> (d1, d0)")
    assert windows.coverage().overlap == (2, 2)
    # All cells except the four corners are covered more than once.
    assert windows.coverage().overlapped_cells == 100002**2 - 4
    with pytest.raises(LayoutError, match=f"100000000 tokens over .* cells .* limit .* {BRUTE_FORCE_LIMIT}"):
        layout("1x1, [10000, 10000] * [1, 1], (d0, d1) -> (d0 + d1, d1)").coverage()


@pytest.mark.parametrize(
    ("element", "tripcounts", "steps", "text", "reason"),
    [
        ((2,), (4,), (2, 1), "(d0) -> (d0)", "1 tripcounts but 2 steps"),
        ((2,), (4, 4), (2, 1), "(d0) -> (d0)", "the map has 1 inputs but the iteration space has 2 loops"),
        ((2, 2), (4,), (2,), "(d0) -> (d0)", "the map has 1 results but the element has rank 2"),
        ((0,), (4,), (2,), "(d0) -> (d0)", "element size 0 is 0"),
        ((2,), (0,), (2,), "(d0) -> (d0)", "tripcount 0 is 0"),
        ((2,), (4,), (-2,), "(d0) -> (d0)", "step 0 is -2"),
        ((2,), (4,), (2,), "(d0) -> (d0 + 1)", "lowest offset of map result 0 (d0 + 1) is 1"),
        ((2,), (4,), (2,), "(d0) -> (-d0)", "is -6"),
    ],
)
def test_verifier(
    element: tuple[int, ...], tripcounts: tuple[int, ...], steps: tuple[int, ...], text: str, reason: str
) -> None:
    with pytest.raises(LayoutError) as error:
        StreamLayout(element, tripcounts, steps, AffineMap.parse(text))
    assert reason in error.value.reason


def test_parse_errors() -> None:
    with pytest.raises(LayoutError, match="expected 'ELEMENT"):
        layout("2x2 [4] * [2], (d0) -> (d0)")


def test_scalar_tokens() -> None:
    x = layout(", [3] * [1], (d0) -> ()")
    assert (x.element, x.data_shape, x.num_tokens, x.repeats) == ((), (), 3, 3)
    assert list(x.offsets()) == [()] * 3
    assert x.offset_array().shape == (3, 0)
    assert x.coverage().kind == "regular"


def test_canonical_form() -> None:
    x = layout("4x2, [1, 4, 1, 2, 1] * [7, 2, 1, 4, 2], (d0, d1, d2, d3, d4) -> (d0 + d3, d1 + d4)")
    assert x.canonical() == B
    assert x.is_regular
    assert same_order(x, B)


@pytest.mark.parametrize(
    ("a", "b", "equal"),
    [
        ("2, [4] * [2], (d0) -> (d0)", "2, [2, 2] * [4, 2], (d0, d1) -> (d0 + d1)", True),
        ("2, [4] * [2], (d0) -> (d0)", "2, [4] * [1], (d0) -> (d0 * 2)", True),
        ("2, [2, 3, 4] * [1, 1, 2], (d0, d1, d2) -> (d2)", "2, [6, 4] * [1, 2], (d0, d1) -> (d1)", True),
        ("2, [4] * [2], (d0) -> (d0)", "4, [2] * [4], (d0) -> (d0)", False),
        ("2, [4] * [2], (d0) -> (d0)", "2, [4] * [2], (d0) -> (-d0 + 6)", False),
        ("2, [2, 4] * [1, 2], (d0, d1) -> (d1)", "2, [4, 2] * [2, 1], (d0, d1) -> (d0)", False),
    ],
)
def test_same_order(a: str, b: str, equal: bool) -> None:
    assert same_order(layout(a), layout(b)) == equal


def test_split_and_residual() -> None:
    split = B.split_loop(0, 2)
    assert str(split) == "4x2, [2, 2, 2] * [4, 2, 4], (d0, d1, d2) -> (d2, d0 + d1)"
    assert str(split.residual(1)) == "4x2, [2, 2] * [2, 4], (d0, d1) -> (d1, d0)"
    with pytest.raises(LayoutError, match="loop of 4 iterations into groups of 3"):
        B.split_loop(0, 3)
    with pytest.raises(LayoutError, match="lowest offset"):
        layout("2, [4] * [2], (d0) -> (-d0 + 6)").residual(1)


@pytest.mark.parametrize(
    ("text", "nested"),
    [
        ("2, [2, 2] * [4, 2], (d0, d1) -> (d0 + d1)", True),
        ("2, [2, 2] * [2, 4], (d0, d1) -> (d0 + d1)", True),
        ("2, [2, 2] * [4, 4], (d0, d1) -> (d0 + d1)", False),
        ("2, [4] * [2], (d0) -> (-d0 + 6)", False),
        ("1, [6, 3] * [1, 1], (d0, d1) -> (d0 + d1)", False),
        ("2x2, [4] * [2], (d0) -> (d0, d0)", False),
    ],
)
def test_nested_layouts_are_more_than_the_regular_ones(text: str, nested: bool) -> None:
    assert layout(text).is_nested == nested
    assert not layout(text).is_regular

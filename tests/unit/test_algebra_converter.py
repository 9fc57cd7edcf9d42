# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
from dataclasses import replace

import pytest

from streamtensor.algebra import (
    Converter,
    LayoutError,
    NotConvertible,
    ReplayError,
    StreamLayout,
    infer_converter,
    live_elements_bound,
    replay_converter,
)

A = "2x2, [4, 4] * [2, 2], (d0, d1) -> (d0, d1)"
B = "4x2, [4, 2] * [2, 4], (d0, d1) -> (d1, d0)"
C = "4x2, [4, 2, 2] * [2, 1, 4], (d0, d1, d2) -> (d2, d0)"
ROWS = "16x16, [4, 4] * [16, 16], (d0, d1) -> (d0, d1)"
ROWS_REPLAYED = "16x16, [4, 3, 4] * [16, 1, 16], (d0, d1, d2) -> (d0, d2)"


def convert(source: str, result: str) -> Converter:
    """The converter, after a replay of both orders through it."""
    layouts = StreamLayout.parse(source), StreamLayout.parse(result)
    converter = infer_converter(*layouts)
    assert isinstance(converter, Converter), converter.reason
    replay_converter(*layouts, converter)
    return converter


def bound(source: str, result: str) -> int:
    return live_elements_bound(StreamLayout.parse(source), StreamLayout.parse(result))


@pytest.mark.parametrize(
    ("source", "result", "buffer", "shared", "least"),
    [
        (B, C, (8, 2), 1, 16),
        (ROWS, ROWS_REPLAYED, (16, 64), 1, 16 * 64),
        (A, B, (8, 8), 0, 44),
    ],
)
def test_table_of_the_design(source: str, result: str, buffer: tuple[int, ...], shared: int, least: int) -> None:
    converter = convert(source, result)
    assert (converter.kind, converter.buffer, converter.shared_loops) == ("buffer", buffer, shared)
    assert bound(source, result) == least <= converter.elements


def test_one_copy_without_shared_loops() -> None:
    assert convert(B, C).ping_pong_bits(32) == 2 * 16 * 32
    assert convert(A, B).ping_pong_bits(32) == 64 * 32
    assert convert(A, B).ping_pong_bits(32, once_per_launch=False) == 2 * 64 * 32


@pytest.mark.parametrize("same", [B, "4x2, [2, 2, 1, 2] * [4, 2, 1, 4], (d0, d1, d2, d3) -> (d3, d0 + d1)"])
def test_equal_orders_need_nothing(same: str) -> None:
    converter = convert(B, same)
    assert (converter.kind, converter.elements, converter.copies, converter.ping_pong_bits(8)) == ("direct", 0, 0, 0)
    assert bound(B, same) == 8


@pytest.mark.parametrize(
    ("source", "result", "buffer", "shared"),
    [
        # 12 is the least common multiple of 4 and 6: two outer iterations are shared.
        ("4x8, [6] * [4], (d0) -> (d0, 0)", "6x8, [4] * [6], (d0) -> (d0, 0)", (12, 8), 1),
        # 8 is a multiple of 4: the second loop can be shared as well when one token holds all of the first tile.
        ("4x4, [2, 4] * [4, 4], (d0, d1) -> (d0, d1)", "4x8, [2, 2] * [4, 8], (d0, d1) -> (d0, d1)", (4, 8), 2),
        # Incommensurate but for the whole: nothing to share.
        ("4x8, [3] * [4], (d0) -> (d0, 0)", "6x8, [2] * [6], (d0) -> (d0, 0)", (12, 8), 0),
        # The split parts continue to be shared with loops that are split already.
        (
            "4x1, [4, 8] * [4, 1], (d0, d1) -> (d0, d1)",
            "4x2, [2, 2, 4] * [8, 4, 2], (d0, d1, d2) -> (d0 + d1, d2)",
            (4, 2),
            3,
        ),
    ],
)
def test_commensurate_tiles(source: str, result: str, buffer: tuple[int, ...], shared: int) -> None:
    converter = convert(source, result)
    assert (converter.buffer, converter.shared_loops) == (buffer, shared)
    assert converter.source.tripcounts[:shared] == converter.result.tripcounts[:shared]
    assert converter.source.steps[:shared] == converter.result.steps[:shared]


def test_shared_replays() -> None:
    source = "2x4, [3, 2, 2] * [1, 2, 4], (d0, d1, d2) -> (d1, d2)"
    result = "4x2, [3, 4] * [1, 2], (d0, d1) -> (0, d1)"
    converter = convert(source, result)
    assert (converter.shared_loops, converter.buffer, converter.copies) == (1, (4, 8), 2)


@pytest.mark.parametrize(
    ("source", "result", "buffer", "row", "shared"),
    [
        # 3x3 windows over an image that comes pixel by pixel: three rows.
        ("1x1, [8, 9] * [1, 1], (d0, d1) -> (d0, d1)", "3x3, [6, 7] * [1, 1], (d0, d1) -> (d0, d1)", (3, 9), 0, 0),
        # The same, read tap by tap.
        (
            "1x1, [8, 9] * [1, 1], (d0, d1) -> (d0, d1)",
            "1x1, [6, 7, 3, 3] * [1, 1, 1, 1], (d0, d1, d2, d3) -> (d0 + d2, d1 + d3)",
            (3, 9),
            0,
            0,
        ),
        # Columns first: three columns.
        ("1x1, [9, 8] * [1, 1], (d0, d1) -> (d1, d0)", "3x3, [7, 6] * [1, 1], (d0, d1) -> (d1, d0)", (8, 3), 1, 0),
        # The channel loop is outermost on both sides: one channel at a time.
        (
            "1x1x1, [4, 8, 9] * [1, 1, 1], (d0, d1, d2) -> (d0, d1, d2)",
            "1x3x3, [4, 6, 7] * [1, 1, 1], (d0, d1, d2) -> (d0, d1, d2)",
            (1, 3, 9),
            1,
            1,
        ),
        # Rows come two at a time, windows of 4 rows move by 2.
        ("2x8, [5] * [2], (d0) -> (d0, 0)", "4x8, [4] * [2], (d0) -> (d0, 0)", (4, 8), 0, 0),
        # Rows come four at a time, and two of the last four are still needed.
        ("4x4, [3] * [4], (d0) -> (d0, 0)", "3x4, [10] * [1], (d0) -> (d0, 0)", (6, 4), 0, 0),
    ],
)
def test_line_buffers(source: str, result: str, buffer: tuple[int, ...], row: int, shared: int) -> None:
    converter = convert(source, result)
    assert (converter.kind, converter.copies) == ("line_buffer", 1)
    assert (converter.buffer, converter.row_dim, converter.shared_loops) == (buffer, row, shared)
    assert bound(source, result) <= converter.elements


@pytest.mark.parametrize(
    ("source", "result", "buffer"),
    [
        # Equal outermost loops, but one iteration spans more than its stride: the next one falls between its elements.
        (
            "1x1, [4, 2, 2] * [1, 4, 1], (d0, d1, d2) -> (d0 + d1, d2)",
            "1x1, [4, 2, 2] * [1, 1, 4], (d0, d1, d2) -> (d0 + d2, d1)",
            (8, 2),
        ),
        # The first iteration of the source brings elements 0 and 4, the first token of the result is 0 to 4.
        ("1, [4, 2] * [1, 4], (d0, d1) -> (d0 + d1)", "5, [4] * [1], (d0) -> (d0)", (8,)),
        # Backwards on both sides: both are legal orders, but their first iteration is not at offset 0.
        ("2x1, [4, 3] * [2, 1], (d0, d1) -> (-d0 + 6, d1)", "2x3, [4] * [2], (d0) -> (-d0 + 6, 0)", (8, 3)),
    ],
)
def test_equal_loops_that_are_not_shared(source: str, result: str, buffer: tuple[int, ...]) -> None:
    converter = convert(source, result)
    assert (converter.kind, converter.shared_loops, converter.buffer) == ("buffer", 0, buffer)
    assert bound(source, result) <= converter.elements


def test_windows_without_rows_in_order_take_the_plain_buffer() -> None:
    columns, windows = "1x1, [9, 8] * [1, 1], (d0, d1) -> (d1, d0)", "3x3, [6, 7] * [1, 1], (d0, d1) -> (d0, d1)"
    assert convert(columns, windows).elements == 72
    for replayed in (
        "1x1, [2, 8, 9] * [1, 1, 1], (d0, d1, d2) -> (d1, d2)",
        "1x1, [8, 2, 9] * [1, 1, 1], (d0, d1, d2) -> (d0, d2)",
    ):
        assert (convert(replayed, windows).kind, convert(replayed, windows).buffer) == ("buffer", (8, 9))


@pytest.mark.parametrize(
    ("source", "result", "reason"),
    [
        (A, "2x2, [4, 3] * [2, 2], (d0, d1) -> (d0, d1)", "the source has 8x8, the result 8x6"),
        (A, "8, [8] * [8], (d0) -> (d0)", "the source has 8x8, the result 64"),
        (
            "4x4, [3, 4] * [2, 2], (d0, d1) -> (d0, d1)",
            "4x2, [2, 5] * [4, 2], (d0, d1) -> (d0, d1)",
            "the source tokens do not cover every element exactly once: overlapping (overlap of 2 in dim 0",
        ),
        (
            "1, [3] * [3], (d0) -> (d0)",
            "1, [7] * [1], (d0) -> (d0)",
            "the source tokens do not cover every element exactly once: gapped (gap of 2 in dim 0)",
        ),
        (
            "1, [7] * [1], (d0) -> (d0)",
            "1, [3] * [3], (d0) -> (d0)",
            "the result tokens do not cover every element: gapped (gap of 2 in dim 0)",
        ),
        (
            "1x1, [10000, 10000] * [1, 1], (d0, d1) -> (d0, d1)",
            "1x1, [10000, 10000] * [1, 1], (d0, d1) -> (d0 + d1, d1)",
            "the data shapes differ",
        ),
        (
            "1x1, [20000, 20000] * [1, 1], (d0, d1) -> (d0, d1)",
            "3x3, [19998, 19998] * [1, 1], (d0, d1) -> (d0, d1)",
            "is above the limit of 268435456",
        ),
    ],
)
def test_reasons(source: str, result: str, reason: str) -> None:
    answer = infer_converter(StreamLayout.parse(source), StreamLayout.parse(result))
    assert isinstance(answer, NotConvertible)
    assert reason in answer.reason


def test_scalars() -> None:
    converter = convert(", [] * [], () -> ()", ", [5] * [1], (d0) -> ()")
    assert (converter.buffer, converter.elements, converter.ping_pong_bits(32)) == ((), 1, 32)


def test_bound_of_a_transposition() -> None:
    """After row n - 1 begins, column 0 is complete: all but the last n - 1 elements have arrived, none has left."""
    n = 512
    rows = f"1x1, [{n}, {n}] * [1, 1], (d0, d1) -> (d0, d1)"
    columns = f"1x1, [{n}, {n}] * [1, 1], (d0, d1) -> (d1, d0)"
    assert bound(rows, columns) == n * n - (n - 1) - (n - 1)


def test_bound_errors() -> None:
    with pytest.raises(LayoutError, match="the source has 8x8, the result 8x6"):
        bound(A, "2x2, [4, 3] * [2, 2], (d0, d1) -> (d0, d1)")
    with pytest.raises(LayoutError, match="never produces"):
        bound("1, [3] * [3], (d0) -> (d0)", "1, [7] * [1], (d0) -> (d0)")


def test_replay_finds_wrong_converters() -> None:
    a, b, c = (StreamLayout.parse(text) for text in (A, B, C))
    good = infer_converter(b, c)
    assert isinstance(good, Converter)
    summary = replay_converter(b, c, good)
    assert (summary.source_tokens, summary.result_tokens, summary.iterations) == (8, 16, 4)
    with pytest.raises(ReplayError, match="lies outside the buffer"):
        replay_converter(b, c, replace(good, buffer=(4, 2)))
    with pytest.raises(ReplayError, match="which is not stored"):
        replay_converter(b, c, replace(good, shared_loops=2, buffer=(8, 2)))
    with pytest.raises(ReplayError, match="no storage"):
        replay_converter(a, b, replace(good, kind="direct"))
    with pytest.raises(ReplayError, match="do not divide into 4 iterations"):
        replay_converter(StreamLayout.parse("8x8, [] * [], () -> (0, 0)"), c, good)
    with pytest.raises(ReplayError, match="data shapes differ"):
        replay_converter(StreamLayout.parse("8, [8] * [8], (d0) -> (d0)"), c, good)


def test_replay_finds_wrong_line_buffers() -> None:
    source = StreamLayout.parse("1x1, [8, 9] * [1, 1], (d0, d1) -> (d0, d1)")
    result = StreamLayout.parse("3x3, [6, 7] * [1, 1], (d0, d1) -> (d0, d1)")
    good = infer_converter(source, result)
    assert isinstance(good, Converter)
    with pytest.raises(ReplayError, match="3 rows does not fit into a line buffer of 2"):
        replay_converter(source, result, replace(good, buffer=(2, 9)))
    with pytest.raises(ReplayError, match="lies outside the line buffer"):
        replay_converter(source, result, replace(good, buffer=(3, 8)))
    tall = StreamLayout.parse("1x1, [7, 6, 3, 3] * [1, 1, 1, 1], (d0, d1, d2, d3) -> (d1 + d3, d0 + d2)")
    with pytest.raises(ReplayError, match="after a part of it was overwritten"):
        replay_converter(source, tall, good)

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`streamtensor layout` gives the tables of the design document."""

import json

import pytest

from streamtensor.cli.entry import run_for_code
from streamtensor.cli.main import command

A = "itensor<2x2xf32, iter_space: [4, 4] * [2, 2], iter_map: (d0, d1) -> (d0, d1)>"
B = "itensor<4x2xf32, iter_space: [4, 2] * [2, 4], iter_map: (d0, d1) -> (d1, d0)>"
C = "!dataflow.itensor<4x2xf32, iter_space: [4, 2, 2] * [2, 1, 4], iter_map: (d0, d1, d2) -> (d2, d0)>"
ROWS = "itensor<16x16xi8, iter_space: [4, 4] * [16, 16], iter_map: (d0, d1) -> (d0, d1)>"
REPLAYED = "itensor<16x16xi8, iter_space: [4, 3, 4] * [16, 1, 16], iter_map: (d0, d1, d2) -> (d0, d2)>"


def ask(capsys: pytest.CaptureFixture[str], *types: str, code: int = 0) -> dict[str, object]:
    capsys.readouterr()
    assert run_for_code(command, "streamtensor", ["layout", *types, "--json"]) == code
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize(
    ("itensor", "order", "repeats"),
    [
        (A, [[0, 0], [0, 2], [0, 4], [0, 6], [2, 0], [2, 2]], 1),
        (B, [[0, 0], [4, 0], [0, 2], [4, 2], [0, 4], [4, 4]], 1),
        (C, [[0, 0], [4, 0], [0, 0], [4, 0], [0, 2], [4, 2]], 2),
    ],
)
def test_the_worked_examples(
    capsys: pytest.CaptureFixture[str], itensor: str, order: list[list[int]], repeats: int
) -> None:
    found = ask(capsys, itensor)
    assert found["data_shape"] == [8, 8]
    assert found["coverage"] == "regular"
    assert found["repeats"] == repeats
    offsets = found["order"]
    assert isinstance(offsets, list)
    assert offsets[:6] == order


@pytest.mark.parametrize(
    ("element", "shape", "coverage", "overlap", "gap"),
    [
        ("4x4", [8, 10], "overlapping", [0, 2], [0, 0]),
        ("4x2", [8, 8], "regular", [0, 0], [0, 0]),
        ("2x2", [6, 8], "gapped", [0, 0], [2, 0]),
        ("2x1", [6, 7], "gapped", [0, 0], [2, 1]),
    ],
)
def test_the_coverage_table(
    capsys: pytest.CaptureFixture[str],
    element: str,
    shape: list[int],
    coverage: str,
    overlap: list[int],
    gap: list[int],
) -> None:
    found = ask(capsys, B.replace("4x2", element))
    assert (found["data_shape"], found["coverage"]) == (shape, coverage)
    assert (found["overlap"], found["gap"]) == (overlap, gap)


@pytest.mark.parametrize(
    ("source", "result", "buffer", "shared", "bits"),
    [
        (B, C, [8, 2], 1, 2 * 16 * 32),
        (ROWS, REPLAYED, [16, 64], 1, 2 * 1024 * 8),
        (A, B, [8, 8], 0, 64 * 32),  # filled and drained once: a single copy
    ],
)
def test_the_converter_table(
    capsys: pytest.CaptureFixture[str], source: str, result: str, buffer: list[int], shared: int, bits: int
) -> None:
    found = ask(capsys, source, result)
    assert found["connect"] == "converter"
    assert (found["buffer_shape"], found["shared_loops"]) == (buffer, shared)
    assert found["buffer_bits"] == bits
    assert found["buffer_elements"] == buffer[0] * buffer[1]
    bound, elements = found["live_elements_bound"], found["buffer_elements"]
    assert isinstance(bound, int)
    assert isinstance(elements, int)
    assert 0 < bound <= elements


def test_equal_orders_and_none_at_all(capsys: pytest.CaptureFixture[str]) -> None:
    equal = ask(capsys, B, f"!dataflow.{B}")
    assert (equal["connect"], equal["buffer_elements"]) == ("equal", 0)
    wider = ask(capsys, B, B.replace("[4, 2]", "[4, 4]"))
    assert wider["connect"] == "no"
    assert "8x8" in str(wider["reason"])
    assert "16x8" in str(wider["reason"])
    assert ask(capsys, B, B.replace("f32", "i8"))["connect"] == "no"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (B.replace("* [2, 4]", "* [2]"), "2 tripcounts but 1 steps"),
        (B.replace(", iter_space", " iter_space"), "Expected ','"),
        ("tensor<4xf32>", "tensor"),
        (B + " x", "no itensor type"),
        (B.replace("(d1, d0)", "(d1)"), "rank"),
    ],
)
def test_what_is_no_type(capsys: pytest.CaptureFixture[str], text: str, said: str) -> None:
    error = ask(capsys, text, code=1)["error"]
    assert isinstance(error, dict)
    assert error["code"] == "ST0203"
    assert said in error["message"]


def test_the_text_for_a_person(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_for_code(command, "streamtensor", ["layout", B, C]) == 0
    text = capsys.readouterr().out
    assert "connect through a converter: buffer 8x2, 1 shared loops" in text
    assert "[0,0] [4,0] [0,2]" in text

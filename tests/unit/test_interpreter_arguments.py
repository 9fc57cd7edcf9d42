# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Inputs by position and by name, random inputs, comparison of results."""

import doctest

import numpy as np
import pytest

from numerics.compare import Array, assert_same_numbers, parse, random_results
from streamtensor.diagnostics import InternalError, UserError
from streamtensor.simulate import interpreter

TEXT = """
func.func @main(%x: tensor<2x3xf32> {dataflow.name = "x"}, %n: tensor<4xi64> {dataflow.name = "ids"},
    %w: tensor<3xf32> {dataflow.param = "layer.weight"}, %b: i1) -> (tensor<3xf32>, tensor<2x3xf32>) {
  func.return %w, %x : tensor<3xf32>, tensor<2x3xf32>
}
func.func @stream(%y: memref<2xf32> {dataflow.result = "first"}, %x: memref<2xf32> {dataflow.name = "x"},
    %z: memref<2xf32> {dataflow.result = "second"}) {
  "memref.copy"(%x, %z) : (memref<2xf32>, memref<2xf32>) -> ()
  func.return
}
"""
X = np.ones((2, 3), dtype=np.float32)
W = np.arange(3, dtype=np.float32)
IDS = np.arange(4)


def test_the_example_of_the_package() -> None:
    assert doctest.testmod(interpreter).failed == 0
    assert doctest.testmod(interpreter).attempted > 0


def test_inputs_by_name() -> None:
    module = parse(TEXT.replace(", %b: i1", ""))
    named = {"layer.weight": W, "x": X, "ids": IDS, "unused": X}
    for found, wanted in zip(interpreter.run(module, named), [W, X], strict=True):
        np.testing.assert_array_equal(found, wanted)
    with pytest.raises(UserError, match=r"no input 'ids' among those that were given: layer\.weight, x") as error:
        interpreter.run(module, {"layer.weight": W, "x": X})
    assert error.value.code == "ST0108"


def test_results_are_not_views_of_the_inputs() -> None:
    module = parse(TEXT)
    weight = W.copy()
    result = interpreter.run(module, [X, IDS, weight, np.array(True)])[0]
    result[:] = 9
    np.testing.assert_array_equal(weight, W)


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ([X, IDS, W], "has 4 inputs, but 3 were given"),
        ([X.T, IDS, W, np.array(True)], r"input x is \[2, 3\] of float32, but \[3, 2\] of float32 was given"),
        ([X, IDS.astype(np.float32), W, np.array(True)], "input ids is .* of int64, but .* of float32 was given"),
        ([X.astype(np.float64), IDS, W, np.array(True)], "of float32, but .* of float64 was given"),
    ],
)
def test_inputs_that_do_not_fit(inputs: list[Array], message: str) -> None:
    with pytest.raises(UserError, match=message) as error:
        interpreter.run(parse(TEXT), inputs)
    assert error.value.code == "ST0108"


def test_results_in_memory_come_in_the_order_of_the_arguments() -> None:
    first, second = interpreter.run(parse(TEXT), [np.array([1, 2], dtype=np.float32)], function="stream")
    assert np.isnan(first).all()
    np.testing.assert_array_equal(second, [1, 2])


def test_inputs_that_are_not_contiguous() -> None:
    x = np.arange(8, dtype=np.float32).reshape(2, 4)[:, 1]
    np.testing.assert_array_equal(interpreter.run(parse(TEXT), [x], function="stream")[1], x)


def test_random_inputs() -> None:
    module = parse(TEXT)
    inputs = interpreter.random_inputs(module, "main", seed=4)
    assert [(a.shape, str(a.dtype)) for a in inputs] == [
        ((2, 3), "float32"),
        ((4,), "int64"),
        ((3,), "float32"),
        ((), "bool"),
    ]
    assert all(np.array_equal(a, b) for a, b in zip(inputs, interpreter.random_inputs(module, "main", 4), strict=True))
    assert not np.array_equal(inputs[0], interpreter.random_inputs(module, "main", 5)[0])
    assert len(interpreter.random_inputs(module, "stream")) == 1
    for seed in range(50):
        floats, integers, *_ = interpreter.random_inputs(module, "main", seed)
        assert np.abs(floats).max() <= 1
        assert 0 <= integers.min() <= integers.max() < 8


def test_compare() -> None:
    def floats(*values: float) -> Array:
        return np.array(values, dtype=np.float32)

    assert interpreter.compare(floats(1, 2), floats(1, 2)) == 0
    assert interpreter.compare(floats(1, 5), floats(1, 4)) == 0.25
    assert interpreter.compare(floats(0, 0), floats(0, 0)) == 0
    assert interpreter.compare(floats(0, 1), floats(0, 0)) == np.inf
    assert interpreter.compare(floats(np.inf, np.nan, 2), floats(np.inf, np.nan, 2)) == 0
    assert interpreter.compare(floats(np.nan, 2), floats(1, 2)) == np.inf
    assert interpreter.compare(floats(1, 2), floats(1, np.inf)) == np.inf
    assert interpreter.compare(floats(-np.inf, 2), floats(np.inf, 2)) == np.inf
    assert interpreter.compare(np.array([2**62 + 1]), np.array([2**62])) > 0
    assert interpreter.compare([floats(1), floats(3)], [floats(1), floats(2)]) == 0.5
    for a, b in [(floats(1), floats(1, 2)), (floats(1), np.array([1.0])), ([floats(1)], []), (floats(1), [floats(1)])]:
        with pytest.raises(InternalError):
            interpreter.compare(a, b)


def test_the_helper_of_the_tests_can_fail() -> None:
    half, same = (
        parse(f"""
        func.func @main(%x: tensor<3xf32>) -> tensor<3xf32> {{
          %y = arith.{op} %x, %x : tensor<3xf32>
          func.return %y : tensor<3xf32>
        }}""")
        for op in ("addf", "mulf")
    )
    assert_same_numbers(half, half)
    assert_same_numbers(random_results(half), half)
    with pytest.raises(AssertionError, match="result 0 differs"):
        assert_same_numbers(half, same)

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The tensor and scf dialects: slices, reshapes, updates that must not be seen elsewhere, loops and conditions."""

import numpy as np
import pytest

from numerics.compare import run_text
from streamtensor.diagnostics import InternalError

X = np.arange(24, dtype=np.float32).reshape(4, 6)


def test_extract_slice() -> None:
    text = """
    func.func @main(%x: tensor<4x6xf32>, %i: index) -> (tensor<2x3xf32>, tensor<2x2xf32>, tensor<3xf32>) {
      %0 = tensor.extract_slice %x[1, 2] [2, 3] [1, 1] : tensor<4x6xf32> to tensor<2x3xf32>
      %1 = tensor.extract_slice %x[0, 1] [2, 2] [2, 3] : tensor<4x6xf32> to tensor<2x2xf32>
      %2 = tensor.extract_slice %x[%i, 3] [1, 3] [1, 1] : tensor<4x6xf32> to tensor<3xf32>
      func.return %0, %1, %2 : tensor<2x3xf32>, tensor<2x2xf32>, tensor<3xf32>
    }"""
    for row in (0, 3):
        results = run_text(text, X, np.int64(row))
        expected = [X[1:3, 2:5], X[0:4:2, 1:5:3], X[row, 3:]]
        for found, wanted in zip(results, expected, strict=True):
            np.testing.assert_array_equal(found, wanted)
    with pytest.raises(InternalError, match="reaches over the end"):
        run_text(text, X, np.int64(4))
    with pytest.raises(InternalError, match="-1 is negative"):
        run_text(text, X, np.int64(-1))


def test_insert_slice_leaves_the_old_value() -> None:
    text = """
    func.func @main(%x: tensor<4x6xf32>, %s: tensor<2x3xf32>, %r: tensor<6xf32>)
        -> (tensor<4x6xf32>, tensor<4x6xf32>, tensor<4x6xf32>) {
      %0 = tensor.insert_slice %s into %x[1, 2] [2, 3] [1, 1] : tensor<2x3xf32> into tensor<4x6xf32>
      %1 = tensor.insert_slice %r into %0[3, 0] [1, 6] [1, 1] : tensor<6xf32> into tensor<4x6xf32>
      func.return %x, %0, %1 : tensor<4x6xf32>, tensor<4x6xf32>, tensor<4x6xf32>
    }"""
    small, row = -np.ones((2, 3), dtype=np.float32), np.full(6, 7, dtype=np.float32)
    first = X.copy()
    first[1:3, 2:5] = small
    second = first.copy()
    second[3] = row
    for found, wanted in zip(run_text(text, X, small, row), [X, first, second], strict=True):
        np.testing.assert_array_equal(found, wanted)


def test_reshapes_and_other_constructors() -> None:
    text = """
    func.func @main(%x: tensor<4x6xf32>, %a: f32) -> (tensor<2x2x6xf32>, tensor<24xf32>, tensor<8x6xf32>,
        tensor<5x9xf32>, tensor<3x2xf32>, tensor<2x1xf32>, tensor<4x6xf32>, index) {
      %c1 = arith.constant 1 : index
      %0 = tensor.expand_shape %x [[0, 1], [2]] output_shape [2, 2, 6] : tensor<4x6xf32> into tensor<2x2x6xf32>
      %1 = tensor.collapse_shape %x [[0, 1]] : tensor<4x6xf32> into tensor<24xf32>
      %2 = tensor.concat dim(0) %x, %x : (tensor<4x6xf32>, tensor<4x6xf32>) -> tensor<8x6xf32>
      %3 = tensor.pad %x low[1, 0] high[0, 3] {
      ^bb0(%i: index, %j: index):
        tensor.yield %a : f32
      } : tensor<4x6xf32> to tensor<5x9xf32>
      %4 = tensor.splat %a : tensor<3x2xf32>
      %5 = tensor.from_elements %a, %a : tensor<2x1xf32>
      %6 = tensor.insert %a into %x[%c1, %c1] : tensor<4x6xf32>
      %7 = tensor.dim %x, %c1 : tensor<4x6xf32>
      func.return %0, %1, %2, %3, %4, %5, %6, %7 : tensor<2x2x6xf32>, tensor<24xf32>, tensor<8x6xf32>,
        tensor<5x9xf32>, tensor<3x2xf32>, tensor<2x1xf32>, tensor<4x6xf32>, index
    }"""
    a = np.float32(0.5)
    inserted = X.copy()
    inserted[1, 1] = a
    expected = [
        X.reshape(2, 2, 6),
        X.ravel(),
        np.concatenate([X, X]),
        np.pad(X, [(1, 0), (0, 3)], constant_values=a),
        np.full((3, 2), a),
        np.full((2, 1), a),
        inserted,
        np.array(6),
    ]
    for found, wanted in zip(run_text(text, X, a), expected, strict=True):
        np.testing.assert_array_equal(found, wanted)


def test_an_empty_tensor_holds_nan() -> None:
    text = """
    func.func @main() -> tensor<2x2xf32> {
      %0 = tensor.empty() : tensor<2x2xf32>
      func.return %0 : tensor<2x2xf32>
    }"""
    assert np.isnan(run_text(text)[0]).all()


def test_a_loop_that_carries_two_values_exchanges_them_at_once() -> None:
    text = """
    func.func @main(%n: index) -> (index, index) {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %a, %b = scf.for %i = %c0 to %n step %c1 iter_args(%x = %c0, %y = %c1) -> (index, index) {
        %z = arith.addi %x, %y : index
        scf.yield %y, %z : index, index
      }
      func.return %a, %b : index, index
    }"""
    assert [int(x) for x in run_text(text, np.int64(10))] == [55, 89]
    assert [int(x) for x in run_text(text, np.int64(0))] == [0, 1]


def test_updates_in_a_loop_are_not_seen_outside_of_it() -> None:
    """%e starts both loops, and the carried tensor of the first one is both updated and collected."""
    text = """
    func.func @main(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4x4xf32>) {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %c4 = arith.constant 4 : index
      %one = arith.constant 1.0 : f32
      %g = tensor.empty() : tensor<4x4xf32>
      %a, %h = scf.for %i = %c0 to %c4 step %c1 iter_args(%t = %x, %s = %g) -> (tensor<4xf32>, tensor<4x4xf32>) {
        %u = tensor.insert %one into %t[%i] : tensor<4xf32>
        %v = tensor.insert_slice %t into %s[%i, 0] [1, 4] [1, 1] : tensor<4xf32> into tensor<4x4xf32>
        scf.yield %u, %v : tensor<4xf32>, tensor<4x4xf32>
      }
      %b = scf.for %i = %c0 to %c4 step %c1 iter_args(%t = %x) -> (tensor<4xf32>) {
        %w = tensor.insert %one into %t[%c0] : tensor<4xf32>
        scf.yield %w : tensor<4xf32>
      }
      func.return %a, %b, %h : tensor<4xf32>, tensor<4xf32>, tensor<4x4xf32>
    }"""
    x = np.zeros(4, dtype=np.float32)
    a, b, h = run_text(text, x)
    np.testing.assert_array_equal(a, [1, 1, 1, 1])
    np.testing.assert_array_equal(b, [1, 0, 0, 0])
    np.testing.assert_array_equal(h, np.tril(np.ones((4, 4)), -1))
    np.testing.assert_array_equal(x, [0, 0, 0, 0])


INCREMENT = """linalg.generic {indexing_maps = [affine_map<(i) -> (i)>], iterator_types = ["parallel"]}
    outs(%0 : tensor<2xf32>) {
  ^bb0(%q: f32):
    %r = arith.addf %q, %one : f32
    linalg.yield %r : f32
  } -> tensor<2xf32>"""


def test_a_tensor_from_outside_starts_a_loop_anew_in_every_iteration() -> None:
    """The only use of %start is in a loop, which runs three times; each time it counts to 2 from there."""
    text = f"""
    func.func @main(%x: tensor<3x2xf32>) -> tensor<3x2xf32> {{
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %c2 = arith.constant 2 : index
      %c3 = arith.constant 3 : index
      %one = arith.constant 1.0 : f32
      %start = tensor.splat %one : tensor<2xf32>
      %r = scf.for %i = %c0 to %c3 step %c1 iter_args(%o = %x) -> (tensor<3x2xf32>) {{
        %s = scf.for %j = %c0 to %c2 step %c1 iter_args(%a = %start) -> (tensor<2xf32>) {{
          %b = {INCREMENT.replace("%0", "%a")}
          scf.yield %b : tensor<2xf32>
        }}
        %u = tensor.insert_slice %s into %o[%i, 0] [1, 2] [1, 1] : tensor<2xf32> into tensor<3x2xf32>
        scf.yield %u : tensor<3x2xf32>
      }}
      func.return %r : tensor<3x2xf32>
    }}"""
    np.testing.assert_array_equal(run_text(text, np.zeros((3, 2), dtype=np.float32))[0], np.full((3, 2), 3))


def test_a_carried_tensor_that_an_inner_loop_updates_again_and_again() -> None:
    """%a has one use, in the inner loop, and must be the same for each of its iterations."""
    text = f"""
    func.func @main(%x: tensor<2xf32>) -> tensor<2xf32> {{
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %c3 = arith.constant 3 : index
      %one = arith.constant 1.0 : f32
      %r = scf.for %i = %c0 to %c3 step %c1 iter_args(%a = %x) -> (tensor<2xf32>) {{
        %e = tensor.empty() : tensor<2xf32>
        %s = scf.for %j = %c0 to %c3 step %c1 iter_args(%z = %e) -> (tensor<2xf32>) {{
          %b = {INCREMENT.replace("%0", "%a")}
          scf.yield %b : tensor<2xf32>
        }}
        scf.yield %s : tensor<2xf32>
      }}
      func.return %r : tensor<2xf32>
    }}"""
    np.testing.assert_array_equal(run_text(text, [10, 20])[0], [13, 23])


def test_conditions() -> None:
    text = """
    func.func @main(%a: f32, %b: f32) -> f32 {
      %c = arith.cmpf ogt, %a, %b : f32
      %r = scf.if %c -> (f32) {
        %s = arith.subf %a, %b : f32
        scf.yield %s : f32
      } else {
        scf.yield %b : f32
      }
      func.return %r : f32
    }"""
    assert run_text(text, 5.0, 3.0)[0] == 2
    assert run_text(text, 3.0, 5.0)[0] == 5


def test_calls() -> None:
    text = """
    func.func @main(%x: tensor<2xf32>) -> tensor<2xf32> {
      %0, %1 = func.call @two(%x) : (tensor<2xf32>) -> (tensor<2xf32>, tensor<2xf32>)
      %2, %3 = func.call @two(%1) : (tensor<2xf32>) -> (tensor<2xf32>, tensor<2xf32>)
      %4 = arith.addf %0, %3 : tensor<2xf32>
      func.return %4 : tensor<2xf32>
    }
    func.func private @two(%x: tensor<2xf32>) -> (tensor<2xf32>, tensor<2xf32>) {
      %0 = arith.addf %x, %x : tensor<2xf32>
      func.return %x, %0 : tensor<2xf32>, tensor<2xf32>
    }"""
    np.testing.assert_array_equal(run_text(text, [1, 10])[0], [5, 50])


def test_an_index_out_of_bounds_names_the_operation_and_the_line_of_the_model() -> None:
    text = """
    func.func @main(%x: tensor<4xf32>, %i: index) -> f32 {
      %0 = tensor.extract %x[%i] {dataflow.loc = "model.py:7 x[i]"} : tensor<4xf32>
      func.return %0 : f32
    }"""
    assert run_text(text, [1, 2, 3, 4], np.int64(3))[0] == 4
    for index, message in ((4, "index 4 is out of bounds"), (-1, "-1 is negative")):
        with pytest.raises(InternalError, match=rf"{message}.*tensor.extract, function main; model.py:7 x\[i\]"):
            run_text(text, [1, 2, 3, 4], np.int64(index))


def test_unknown_operations_and_functions_are_named() -> None:
    text = """
    func.func @main(%x: tensor<4xf32>, %s: tensor<1xi64>) -> tensor<4xf32> {
      %0 = tensor.reshape %x(%s) : (tensor<4xf32>, tensor<1xi64>) -> tensor<4xf32>
      func.return %0 : tensor<4xf32>
    }"""
    with pytest.raises(InternalError, match=r"does not know the operation tensor\.reshape"):
        run_text(text, [1, 2, 3, 4], np.array([4]))
    with pytest.raises(InternalError, match="no function missing"):
        run_text(text, [1, 2, 3, 4], np.array([4]), function="missing")

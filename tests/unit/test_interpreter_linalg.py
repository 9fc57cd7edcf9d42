# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""linalg.generic against its definition: the loop nest, walked one iteration after the other."""

import itertools
from pathlib import Path

import numpy as np
import pytest

from numerics import linalg_oracle
from numerics.compare import Array, parse, run_text
from streamtensor.diagnostics import InternalError
from streamtensor.ir import func
from streamtensor.simulate import interpreter

INPUTS = sorted((Path(__file__).parents[1] / "numerics" / "linalg_inputs").glob("*.mlir"))
GENERATOR = np.random.default_rng(7)


def _random(*shape: int) -> Array:
    return GENERATOR.uniform(-1, 1, shape).astype(np.float32)


@pytest.mark.parametrize("file", INPUTS, ids=lambda file: file.stem)
def test_imported_models_against_the_oracle(file: Path) -> None:
    module = parse(file.read_text())
    for function in module.ops:
        assert isinstance(function, func.FuncOp)
        name = function.sym_name.data
        inputs = interpreter.random_inputs(module, name, seed=3)
        found = interpreter.run(module, inputs, function=name)
        assert interpreter.compare(found, linalg_oracle.run(function, inputs)) < 1e-6


def test_reductions_add_in_the_order_of_the_loops() -> None:
    """Bit for bit: (((0 + a0) + a1) + ...), over the outer reduction loop first."""
    text = """
    func.func @main(%x: tensor<3x17x5xf32>, %z: tensor<17xf32>) -> tensor<17xf32> {
      %y = linalg.generic {indexing_maps = [affine_map<(p, a, b) -> (b, p, a)>, affine_map<(p, a, b) -> (p)>],
          iterator_types = ["parallel", "reduction", "reduction"]}
          ins(%x : tensor<3x17x5xf32>) outs(%z : tensor<17xf32>) {
      ^bb0(%i: f32, %o: f32):
        %s = arith.addf %o, %i : f32
        linalg.yield %s : f32
      } -> tensor<17xf32>
      func.return %y : tensor<17xf32>
    }"""
    x, start = _random(3, 17, 5), _random(17)
    expected = start.copy()
    for a, b in itertools.product(range(5), range(3)):
        expected += x[b, :, a]
    np.testing.assert_array_equal(run_text(text, x, start)[0], expected)
    backwards = start.copy()
    for b, a in itertools.product(range(3), range(5)):
        backwards += x[b, :, a]
    assert not np.array_equal(expected, backwards)


def test_a_full_reduction_to_rank_0_and_a_scalar_operand() -> None:
    text = """
    func.func @main(%x: tensor<3x4xf32>, %a: f32, %z: tensor<f32>) -> tensor<f32> {
      %y = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> ()>,
          affine_map<(i, j) -> ()>],
          iterator_types = ["reduction", "reduction"]}
          ins(%x, %a : tensor<3x4xf32>, f32) outs(%z : tensor<f32>) {
      ^bb0(%i: f32, %k: f32, %o: f32):
        %m = arith.mulf %i, %k : f32
        %s = arith.maximumf %o, %m : f32
        linalg.yield %s : f32
      } -> tensor<f32>
      func.return %y : tensor<f32>
    }"""
    x = _random(3, 4)
    result = run_text(text, x, np.float32(2), np.array(-np.inf, dtype=np.float32))[0]
    assert result.shape == ()
    assert result == (x * np.float32(2)).max()


def test_maps_that_are_no_projections() -> None:
    """A convolution with stride and a diagonal."""
    text = """
    func.func @main(%x: tensor<2x11xf32>, %w: tensor<4x2x3xf32>, %z: tensor<4x5xf32>, %m: tensor<5x5xf32>,
        %d: tensor<5xf32>) -> (tensor<4x5xf32>, tensor<5xf32>) {
      %y = linalg.generic {indexing_maps = [affine_map<(f, o, c, k) -> (c, o * 2 + k)>,
          affine_map<(f, o, c, k) -> (f, c, k)>,
          affine_map<(f, o, c, k) -> (f, o)>], iterator_types = ["parallel", "parallel", "reduction", "reduction"]}
          ins(%x, %w : tensor<2x11xf32>, tensor<4x2x3xf32>) outs(%z : tensor<4x5xf32>) {
      ^bb0(%i: f32, %k: f32, %o: f32):
        %p = arith.mulf %i, %k : f32
        %s = arith.addf %o, %p : f32
        linalg.yield %s : f32
      } -> tensor<4x5xf32>
      %e = linalg.generic {indexing_maps = [affine_map<(i) -> (i, i)>, affine_map<(i) -> (i)>],
          iterator_types = ["parallel"]}
          ins(%m : tensor<5x5xf32>) outs(%d : tensor<5xf32>) {
      ^bb0(%i: f32, %o: f32):
        linalg.yield %i : f32
      } -> tensor<5xf32>
      func.return %y, %e : tensor<4x5xf32>, tensor<5xf32>
    }"""
    x, w, z, m = _random(2, 11), _random(4, 2, 3), np.zeros((4, 5), dtype=np.float32), _random(5, 5)
    expected = z.copy()
    for c, k in itertools.product(range(2), range(3)):
        for f, o in itertools.product(range(4), range(5)):
            expected[f, o] += x[c, o * 2 + k] * w[f, c, k]
    found, diagonal = run_text(text, x, w, z, m, np.zeros(5, dtype=np.float32))
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(diagonal, np.diag(m))


def test_expressions_of_two_parallel_loops_and_of_floordiv() -> None:
    text = """
    func.func @main(%x: tensor<6xf32>, %t: tensor<3x4xf32>, %e: tensor<3x4xf32>) -> tensor<3x4xf32> {
      %y = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i + j)>, affine_map<(i, j) -> (i, j floordiv 2 + 1)>,
          affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]}
          ins(%x, %t : tensor<6xf32>, tensor<3x4xf32>) outs(%e : tensor<3x4xf32>) {
      ^bb0(%a: f32, %b: f32, %o: f32):
        %s = arith.subf %a, %b : f32
        linalg.yield %s : f32
      } -> tensor<3x4xf32>
      func.return %y : tensor<3x4xf32>
    }"""
    x, t = _random(6), _random(3, 4)
    expected = [[x[i + j] - t[i, j // 2 + 1] for j in range(4)] for i in range(3)]
    np.testing.assert_array_equal(run_text(text, x, t, np.zeros((3, 4), dtype=np.float32))[0], expected)


def test_transposed_results_broadcasts_and_constant_positions() -> None:
    text = """
    func.func @main(%x: tensor<4x1xf32>, %v: tensor<3xf32>, %e: tensor<3x4xf32>) -> tensor<3x4xf32> {
      %y = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, 0)>, affine_map<(i, j) -> (j)>,
          affine_map<(i, j) -> (j, i)>],
          iterator_types = ["parallel", "parallel"]}
          ins(%x, %v : tensor<4x1xf32>, tensor<3xf32>) outs(%e : tensor<3x4xf32>) {
      ^bb0(%a: f32, %b: f32, %o: f32):
        %s = arith.subf %a, %b : f32
        linalg.yield %s : f32
      } -> tensor<3x4xf32>
      func.return %y : tensor<3x4xf32>
    }"""
    x, v = _random(4, 1), _random(3)
    np.testing.assert_array_equal(run_text(text, x, v, np.zeros((3, 4), dtype=np.float32))[0], (x - v).T)


def test_two_results_argmax() -> None:
    """Both results are updated from the values before the update, and the first of equal values wins."""
    text = """
    func.func @main(%x: tensor<5x9xf32>) -> (tensor<5xf32>, tensor<5xi64>) {
      %low = arith.constant 0xFF800000 : f32
      %zero = arith.constant 0 : i64
      %v0 = tensor.splat %low : tensor<5xf32>
      %i0 = tensor.splat %zero : tensor<5xi64>
      %v, %i = linalg.generic {indexing_maps = [affine_map<(p, r) -> (p, r)>, affine_map<(p, r) -> (p)>,
          affine_map<(p, r) -> (p)>],
          iterator_types = ["parallel", "reduction"]}
          ins(%x : tensor<5x9xf32>) outs(%v0, %i0 : tensor<5xf32>, tensor<5xi64>) {
      ^bb0(%a: f32, %best: f32, %at: i64):
        %r = linalg.index 1 : index
        %n = arith.index_cast %r : index to i64
        %c = arith.cmpf ogt, %a, %best : f32
        %w = arith.select %c, %a, %best : f32
        %m = arith.select %c, %n, %at : i64
        linalg.yield %w, %m : f32, i64
      } -> (tensor<5xf32>, tensor<5xi64>)
      func.return %v, %i : tensor<5xf32>, tensor<5xi64>
    }"""
    x = np.round(_random(5, 9) * 4) / 4
    value, index = run_text(text, x)
    np.testing.assert_array_equal(value, x.max(axis=1))
    np.testing.assert_array_equal(index, x.argmax(axis=1))


def test_results_that_exchange_places() -> None:
    text = """
    func.func @main(%n: tensor<3xf32>, %a: tensor<2xf32>, %b: tensor<2xf32>) -> (tensor<2xf32>, tensor<2xf32>) {
      %x, %y = linalg.generic {indexing_maps = [affine_map<(p, r) -> (r)>, affine_map<(p, r) -> (p)>,
          affine_map<(p, r) -> (p)>],
          iterator_types = ["parallel", "reduction"]}
          ins(%n : tensor<3xf32>) outs(%a, %b : tensor<2xf32>, tensor<2xf32>) {
      ^bb0(%i: f32, %s: f32, %t: f32):
        linalg.yield %t, %s : f32, f32
      } -> (tensor<2xf32>, tensor<2xf32>)
      func.return %x, %y : tensor<2xf32>, tensor<2xf32>
    }"""
    x, y = run_text(text, [0, 0, 0], [1, 2], [3, 4])
    np.testing.assert_array_equal(x, [3, 4])
    np.testing.assert_array_equal(y, [1, 2])


def test_gather_with_indices_and_captured_values() -> None:
    text = """
    func.func @main(%ids: tensor<4xi64>, %table: tensor<8x3xf32>, %scale: f32) -> tensor<4x3xf32> {
      %e = tensor.empty() : tensor<4x3xf32>
      %y = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i)>, affine_map<(i, j) -> (i, j)>],
          iterator_types = ["parallel", "parallel"]}
          ins(%ids : tensor<4xi64>) outs(%e : tensor<4x3xf32>) {
      ^bb0(%id: i64, %o: f32):
        %r = arith.index_cast %id : i64 to index
        %j = linalg.index 1 : index
        %v = tensor.extract %table[%r, %j] : tensor<8x3xf32>
        %s = arith.mulf %v, %scale : f32
        linalg.yield %s : f32
      } -> tensor<4x3xf32>
      func.return %y : tensor<4x3xf32>
    }"""
    table, ids = _random(8, 3), np.array([7, 0, 3, 7])
    np.testing.assert_array_equal(run_text(text, ids, table, np.float32(2))[0], table[ids] * 2)
    for bad, message in ((8, "out of bounds"), (-1, "-1 is negative")):
        with pytest.raises(InternalError, match=message):
            run_text(text, np.array([0, 1, bad, 2]), table, np.float32(2))


def test_the_causal_mask_of_a_tile() -> None:
    """linalg.index of both loops with the offset of the tile from outside, compared and selected."""
    text = """
    func.func @main(%x: tensor<4x4xf32>, %row: index) -> tensor<4x4xf32> {
      %low = arith.constant 0xFF800000 : f32
      %e = tensor.empty() : tensor<4x4xf32>
      %y = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i, j)>],
          iterator_types = ["parallel", "parallel"]} ins(%x : tensor<4x4xf32>) outs(%e : tensor<4x4xf32>) {
      ^bb0(%a: f32, %o: f32):
        %i0 = linalg.index 0 : index
        %i = arith.addi %i0, %row : index
        %j = linalg.index 1 : index
        %c = arith.cmpi sle, %j, %i : index
        %s = arith.select %c, %a, %low : f32
        linalg.yield %s : f32
      } -> tensor<4x4xf32>
      func.return %y : tensor<4x4xf32>
    }"""
    x = _random(4, 4)
    expected = np.where(np.arange(4) <= np.arange(4)[:, None] + 1, x, np.float32(-np.inf))
    np.testing.assert_array_equal(run_text(text, x, np.int64(1))[0], expected)


def test_the_operands_of_a_generic_stay_as_they_are() -> None:
    """%z is used again after the generic that starts from it."""
    text = """
    func.func @main(%x: tensor<3xf32>) -> (tensor<3xf32>, tensor<3xf32>) {
      %one = arith.constant 1.0 : f32
      %z = tensor.splat %one : tensor<3xf32>
      %y = linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>],
          iterator_types = ["parallel"]}
          ins(%x : tensor<3xf32>) outs(%z : tensor<3xf32>) {
      ^bb0(%a: f32, %o: f32):
        %s = arith.addf %a, %o : f32
        linalg.yield %s : f32
      } -> tensor<3xf32>
      func.return %y, %z : tensor<3xf32>, tensor<3xf32>
    }"""
    y, z = run_text(text, [1, 2, 3])
    np.testing.assert_array_equal(y, [2, 3, 4])
    np.testing.assert_array_equal(z, [1, 1, 1])


def test_a_loop_that_no_result_is_indexed_by_runs_in_order() -> None:
    """The loop is called parallel, but all its iterations write to one place: the last one wins."""
    text = """
    func.func @main(%x: tensor<3x5xf32>) -> tensor<3xf32> {
      %e = tensor.empty() : tensor<3xf32>
      %y = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i)>],
          iterator_types = ["parallel", "parallel"]} ins(%x : tensor<3x5xf32>) outs(%e : tensor<3xf32>) {
      ^bb0(%a: f32, %o: f32):
        linalg.yield %a : f32
      } -> tensor<3xf32>
      func.return %y : tensor<3xf32>
    }"""
    x = _random(3, 5)
    np.testing.assert_array_equal(run_text(text, x)[0], x[:, -1])


def test_on_memrefs_the_result_is_written_in_place() -> None:
    text = """
    func.func @main(%x: memref<3x4xf32>, %y: memref<3xf32> {dataflow.result = "y"}) {
      %zero = arith.constant 0.0 : f32
      linalg.fill ins(%zero : f32) outs(%y : memref<3xf32>)
      linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i)>],
          iterator_types = ["parallel", "reduction"]} ins(%x : memref<3x4xf32>) outs(%y : memref<3xf32>) {
      ^bb0(%a: f32, %o: f32):
        %s = arith.addf %a, %o : f32
        linalg.yield %s : f32
      }
      func.return
    }"""
    x = _random(3, 4)
    expected = np.zeros(3, dtype=np.float32)
    for column in x.T:
        expected += column
    np.testing.assert_array_equal(run_text(text, x)[0], expected)

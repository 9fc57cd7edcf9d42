# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The stream level: memrefs, vectors, FIFOs with their counts, and the errors of each."""

from collections import Counter

import numpy as np
import pytest

from numerics.compare import Array, run_text
from streamtensor.diagnostics import InternalError, UserError

GENERATOR = np.random.default_rng(5)

MODULE = """
func.func @main(%x: memref<4x8xf32> {dataflow.name = "x"}, %w: memref<8x12xf32> {dataflow.param = "w"},
    %y: memref<4x4xf32> {dataflow.result = "output_0"}) {
  %b0 = memref.alloc() : memref<4x4xf32>
  func.call @block(%x, %w, %b0) : (memref<4x8xf32>, memref<8x12xf32>, memref<4x4xf32>) -> ()
  func.call @twice(%b0, %y) : (memref<4x4xf32>, memref<4x4xf32>) -> ()
  func.return
}
func.func private @block(%x: memref<4x8xf32>, %w: memref<8x12xf32>, %y: memref<4x4xf32>)
    attributes {dataflow.place = "device"} {
  %w1 = memref.reinterpret_cast %w to offset: [4], sizes: [8, 4], strides: [12, 1]
      : memref<8x12xf32> to memref<8x4xf32, strided<[12, 1], offset: 4>>
  dataflow.kernel "block_0" ins(%x, %w1 : memref<4x8xf32>, memref<8x4xf32, strided<[12, 1], offset: 4>>)
      outs(%y : memref<4x4xf32>) {
  ^bb0(%mx: memref<4x8xf32>, %mw: memref<8x4xf32, strided<[12, 1], offset: 4>>, %my: memref<4x4xf32>):
    %s0 = dataflow.stream "x" depth 2 : !dataflow.stream<vector<1x8xf32>>
    %s1 = dataflow.stream "y" depth 2 : !dataflow.stream<f32>
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c4 = arith.constant 4 : index
    %c8 = arith.constant 8 : index
    %zero = arith.constant 0.0 : f32
    dataflow.task "load_x" {
      scf.for %i = %c0 to %c4 step %c1 {
        %v = vector.transfer_read %mx[%i, %c0], %zero {in_bounds = [true, true]} : memref<4x8xf32>, vector<1x8xf32>
        dataflow.stream_write %v into %s0 : vector<1x8xf32> -> !dataflow.stream<vector<1x8xf32>>
      }
      dataflow.yield
    }
    dataflow.task "matmul" {
      %buf = memref.alloc() : memref<1x8xf32>
      scf.for %i = %c0 to %c4 step %c1 {
        %v = dataflow.stream_read %s0 : !dataflow.stream<vector<1x8xf32>> -> vector<1x8xf32>
        vector.transfer_write %v, %buf[%c0, %c0] {in_bounds = [true, true]} : vector<1x8xf32>, memref<1x8xf32>
        scf.for %j = %c0 to %c4 step %c1 {
          %acc = scf.for %k = %c0 to %c8 step %c1 iter_args(%a = %zero) -> (f32) {
            %p = memref.load %buf[%c0, %k] : memref<1x8xf32>
            %q = memref.load %mw[%k, %j] : memref<8x4xf32, strided<[12, 1], offset: 4>>
            %m = arith.mulf %p, %q : f32
            %n = arith.addf %a, %m : f32
            scf.yield %n : f32
          }
          dataflow.stream_write %acc into %s1 : f32 -> !dataflow.stream<f32>
        }
      }
      dataflow.yield
    }
    dataflow.task "store_y" {
      scf.for %i = %c0 to %c4 step %c1 {
        scf.for %j = %c0 to %c4 step %c1 {
          %v = dataflow.stream_read %s1 : !dataflow.stream<f32> -> f32
          memref.store %v, %my[%i, %j] : memref<4x4xf32>
        }
      }
      dataflow.yield
    }
    dataflow.yield
  }
  func.return
}
func.func private @twice(%x: memref<4x4xf32>, %y: memref<4x4xf32>) attributes {dataflow.place = "host"} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  scf.for %i = %c0 to %c4 step %c1 {
    scf.for %j = %c0 to %c4 step %c1 {
      %v = memref.load %x[%i, %j] : memref<4x4xf32>
      %w = arith.addf %v, %v : f32
      memref.store %w, %y[%j, %i] : memref<4x4xf32>
    }
  }
  func.return
}
"""


def _random(*shape: int) -> Array:
    return GENERATOR.uniform(-1, 1, shape).astype(np.float32)


def _expected(x: Array, w: Array) -> Array:
    y = np.zeros((4, 4), dtype=np.float32)
    for k in range(8):
        y += x[:, k : k + 1] * w[k : k + 1, 4:8]
    return (y + y).T


def test_a_program_of_a_kernel_and_a_host_function() -> None:
    x, w = _random(4, 8), _random(8, 12)
    count: Counter[str] = Counter()
    np.testing.assert_array_equal(run_text(MODULE, x, w, count=count)[0], _expected(x, w))
    assert count == {"block_0.x": 4, "block_0.y": 16}


def test_counts_add_up_over_launches() -> None:
    call = "func.call @block(%x, %w, %b0) : (memref<4x8xf32>, memref<8x12xf32>, memref<4x4xf32>) -> ()"
    x, w = _random(4, 8), _random(8, 12)
    count: Counter[str] = Counter(other=1)
    run_text(MODULE.replace(call, call + "\n" + call), x, w, count=count)
    assert count == {"block_0.x": 8, "block_0.y": 32, "other": 1}


def test_a_read_of_an_empty_fifo_names_it() -> None:
    loops = "scf.for %i = %c0 to %c4 step %c1 {\n        %v = dataflow.stream_read %s0"
    text = MODULE.replace(loops, loops.replace("to %c4", "to %c8"))
    with pytest.raises(InternalError, match=r"task block_0\.matmul reads token 5 of x, which holds 4"):
        run_text(text, _random(4, 8), _random(8, 12))


def test_tokens_that_a_reader_leaves_in_a_fifo_are_an_error() -> None:
    inner = "scf.for %j = %c0 to %c4 step %c1 {\n          %v = dataflow.stream_read"
    text = MODULE.replace(inner, inner.replace("to %c4", "to %c1"))
    with pytest.raises(InternalError, match=r"task block_0\.store_y leaves 12 tokens of y: it read 4 of 16"):
        run_text(text, _random(4, 8), _random(8, 12))


def test_tokens_that_nobody_reads_are_an_error() -> None:
    text = MODULE.replace(
        "%v = dataflow.stream_read %s1 : !dataflow.stream<f32> -> f32\n", "%v = arith.addf %zero, %zero : f32\n"
    )
    with pytest.raises(InternalError, match=r"kernel block_0 ends with 16 unread tokens in y: 16 were written"):
        run_text(text, _random(4, 8), _random(8, 12))


def test_a_write_to_an_input_is_an_error() -> None:
    text = MODULE.replace("memref.store %w, %y[%j, %i]", "memref.store %w, %x[%j, %i]").replace(
        "@twice(%b0, %y) : (memref<4x4xf32>", "@twice(%v, %y) : (memref<4x4xf32>"
    )
    text = text.replace(
        "%b0 = memref.alloc() : memref<4x4xf32>",
        "%b0 = memref.alloc() : memref<4x4xf32>\n%v = memref.reinterpret_cast %x to offset: [0], sizes: [4, 4], "
        "strides: [8, 1] : memref<4x8xf32> to memref<4x4xf32>",
    )
    with pytest.raises(InternalError, match="read-only"):
        run_text(text, _random(4, 8), _random(8, 12))


def test_a_buffer_is_nan_until_it_is_written() -> None:
    text = """
    func.func @main(%y: memref<2xf32> {dataflow.result = "y"}) {
      %b = memref.alloc() : memref<2xf32>
      "memref.copy"(%b, %y) : (memref<2xf32>, memref<2xf32>) -> ()
      func.return
    }"""
    assert np.isnan(run_text(text)[0]).all()


def test_views_of_memrefs() -> None:
    """Writes through a subview, a collapsed view and a view of a view are seen in the memory itself."""
    text = """
    func.func @main(%y: memref<4x6xf32> {dataflow.result = "y"}, %i: index) {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %a = arith.constant 1.0 : f32
      %b = arith.constant 2.0 : f32
      %c = arith.constant 3.0 : f32
      %d = arith.constant 4.0 : f32
      %s = memref.subview %y[%i, 2] [2, 3] [1, 1] : memref<4x6xf32> to memref<2x3xf32, strided<[6, 1], offset: ?>>
      memref.store %a, %s[%c1, %c0] : memref<2x3xf32, strided<[6, 1], offset: ?>>
      %f = memref.collapse_shape %y [[0, 1]] : memref<4x6xf32> into memref<24xf32>
      memref.store %b, %f[%c1] : memref<24xf32>
      %e = memref.expand_shape %y [[0, 1], [2]] output_shape [2, 2, 6] : memref<4x6xf32> into memref<2x2x6xf32>
      memref.store %c, %e[%c1, %c1, %c0] : memref<2x2x6xf32>
      %r = memref.reinterpret_cast %y to offset: [6], sizes: [3, 3], strides: [6, 2]
          : memref<4x6xf32> to memref<3x3xf32, strided<[6, 2], offset: 6>>
      %q = memref.reinterpret_cast %r to offset: [8], sizes: [2], strides: [3]
          : memref<3x3xf32, strided<[6, 2], offset: 6>> to memref<2xf32, strided<[3], offset: 8>>
      memref.store %d, %q[%c1] : memref<2xf32, strided<[3], offset: 8>>
      func.return
    }"""
    y = run_text(text, np.int64(1))[0]
    expected = np.full(24, np.nan, dtype=np.float32)
    expected[2 * 6 + 2], expected[1], expected[3 * 6], expected[11] = 1, 2, 3, 4
    np.testing.assert_array_equal(y.ravel(), expected)


def test_views_outside_of_the_memory_are_an_error() -> None:
    text = """
    func.func @main(%x: memref<4x6xf32>, %y: memref<2xf32> {dataflow.result = "y"}) {
      %r = memref.reinterpret_cast %x to offset: [20], sizes: [2], strides: [4]
          : memref<4x6xf32> to memref<2xf32, strided<[4], offset: 20>>
      func.return
    }"""
    with pytest.raises(InternalError, match="do not lie inside the memory"):
        run_text(text, _random(4, 6))


@pytest.mark.parametrize("index", [-3, -1, 4])
def test_indices_out_of_bounds(index: int) -> None:
    scalar = """
    func.func @main(%x: memref<4xf32>, %i: index, %y: memref<1xf32> {dataflow.result = "y"}) {
      %c0 = arith.constant 0 : index
      %v = memref.load %x[%i] : memref<4xf32>
      memref.store %v, %y[%c0] : memref<1xf32>
      func.return
    }"""
    vector = """
    func.func @main(%x: memref<4xf32>, %i: index, %y: memref<2xf32> {dataflow.result = "y"}) {
      %c0 = arith.constant 0 : index
      %p = arith.constant 0.0 : f32
      %v = vector.transfer_read %x[%i], %p {in_bounds = [true]} : memref<4xf32>, vector<2xf32>
      vector.transfer_write %v, %y[%c0] {in_bounds = [true]} : vector<2xf32>, memref<2xf32>
      func.return
    }"""
    for text in (scalar, vector):
        with pytest.raises(InternalError, match=r"negative|out of bounds|over the end"):
            run_text(text, [1, 2, 3, 4], np.int64(index))
    np.testing.assert_array_equal(run_text(vector, [1, 2, 3, 4], np.int64(2))[0], [3, 4])


def test_vectors() -> None:
    text = """
    func.func @main(%x: memref<3x4xf32>, %i: index, %t: memref<4x2xf32> {dataflow.result = "t"},
        %b: memref<2x4xf32> {dataflow.result = "b"}, %s: memref<4xf32> {dataflow.result = "s"}) {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %p = arith.constant 0.5 : f32
      %v = vector.transfer_read %x[%c1, %c0], %p {in_bounds = [true, true],
          permutation_map = affine_map<(i, j) -> (j, i)>} : memref<3x4xf32>, vector<4x2xf32>
      vector.transfer_write %v, %t[%c0, %c0] {in_bounds = [true, true]} : vector<4x2xf32>, memref<4x2xf32>
      %r = vector.transfer_read %x[%c1, %c0], %p {in_bounds = [true, true],
          permutation_map = affine_map<(i, j) -> (0, j)>} : memref<3x4xf32>, vector<2x4xf32>
      vector.transfer_write %r, %b[%c0, %c0] {in_bounds = [true, true]} : vector<2x4xf32>, memref<2x4xf32>
      %w = vector.load %x[%c0, %c0] : memref<3x4xf32>, vector<4xf32>
      %h = vector.broadcast %p : f32 to vector<4xf32>
      %f = vector.fma %w, %h, %w : vector<4xf32>
      %sum = vector.reduction <add>, %w : vector<4xf32> into f32
      %e = vector.extract %w[%i] : f32 from vector<4xf32>
      %g = arith.addf %sum, %e : f32
      %z = vector.insert %g, %f [1] : f32 into vector<4xf32>
      vector.store %z, %s[%c0] : memref<4xf32>, vector<4xf32>
      func.return
    }"""
    x = _random(3, 4)
    t, b, s = run_text(text, x, np.int64(3))
    np.testing.assert_array_equal(t, x[1:3].T)
    np.testing.assert_array_equal(b, np.stack([x[1], x[1]]))
    total = ((x[0, 0] + x[0, 1]) + x[0, 2]) + x[0, 3]
    expected = x[0] * np.float32(1.5)
    expected[1] = total + x[0, 3]
    np.testing.assert_array_equal(s, expected)


def test_a_vector_that_was_read_does_not_change_with_the_memory() -> None:
    text = """
    func.func @main(%y: memref<2xf32> {dataflow.result = "y"}) {
      %c0 = arith.constant 0 : index
      %a = arith.constant 1.0 : f32
      %m = memref.alloc() : memref<2xf32>
      %v = vector.broadcast %a : f32 to vector<2xf32>
      vector.transfer_write %v, %m[%c0] {in_bounds = [true]} : vector<2xf32>, memref<2xf32>
      %w = vector.transfer_read %m[%c0], %a {in_bounds = [true]} : memref<2xf32>, vector<2xf32>
      %u = arith.addf %v, %v : vector<2xf32>
      vector.transfer_write %u, %m[%c0] {in_bounds = [true]} : vector<2xf32>, memref<2xf32>
      vector.transfer_write %w, %y[%c0] {in_bounds = [true]} : vector<2xf32>, memref<2xf32>
      func.return
    }"""
    np.testing.assert_array_equal(run_text(text)[0], [1, 1])


def test_a_gather_on_the_host() -> None:
    text = """
    func.func @main(%ids: memref<4xi64>, %t: memref<6x2xf32>, %y: memref<4x2xf32> {dataflow.result = "y"}) {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %c2 = arith.constant 2 : index
      %c4 = arith.constant 4 : index
      scf.for %i = %c0 to %c4 step %c1 {
        scf.for %j = %c0 to %c2 step %c1 {
          %id = memref.load %ids[%i] : memref<4xi64>
          %r = arith.index_cast %id : i64 to index
          %v = memref.load %t[%r, %j] : memref<6x2xf32>
          memref.store %v, %y[%i, %j] : memref<4x2xf32>
        }
      }
      func.return
    }"""
    table, ids = _random(6, 2), np.array([5, 0, 0, 3])
    np.testing.assert_array_equal(run_text(text, ids, table)[0], table[ids])
    with pytest.raises(InternalError, match="index 6 is out of bounds"):
        run_text(text, np.array([5, 0, 6, 3]), table)
    with pytest.raises(UserError, match=r"input 0 is \[4\] of int64, but \[4\] of int32 was given"):
        run_text(text, ids.astype(np.int32), table)

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Loops, branches, vectors and memory of emitted code, compiled and compared with numpy."""

from __future__ import annotations

import numpy as np
import pytest

from csim.emitted_design import Array, Built, Case, built, module

pytestmark = pytest.mark.needs("g++")

CASES: dict[str, Case] = {}

# What a loop carries is exchanged all at once: (a, b) <- (b, a + b), with a third value that stays.
CASES["fibonacci"] = Case(
    {"start": "memref<1xi64>"},
    {"o": "memref<4xi64>"},
    """
    %s = memref.load %start[%c0] : memref<1xi64>
    %one = arith.constant 1 : i64
    %a, %b, %k = scf.for %i = %c0 to %c16 step %c1 iter_args(%x = %s, %y = %one, %z = %s) -> (i64, i64, i64) {
      %sum = arith.addi %x, %y : i64
      scf.yield %y, %sum, %z : i64, i64, i64
    }
    %u, %v = scf.for %i = %c0 to %c3 step %c1 iter_args(%x = %a, %y = %b) -> (i64, i64) {
      scf.yield %y, %x : i64, i64
    }
    memref.store %u, %o[%c0] : memref<4xi64>
    memref.store %v, %o[%c1] : memref<4xi64>
    memref.store %a, %o[%c2] : memref<4xi64>
    memref.store %k, %o[%c3] : memref<4xi64>
    """,
)

# A value that is read before a store and used after it is the old one.
CASES["order"] = Case(
    {"x": "memref<8xf32>"},
    {"o": "memref<8xf32>"},
    """
    %buffer = memref.alloc() {dataflow.memory = "lutram"} : memref<8xf32>
    scf.for %i = %c0 to %c8 step %c1 {
      %v = memref.load %x[%i] : memref<8xf32>
      memref.store %v, %buffer[%i] : memref<8xf32>
    }
    scf.for %i = %c0 to %c4 step %c1 {
      %j = arith.subi %c7, %i : index
      %left = memref.load %buffer[%i] : memref<8xf32>
      %right = memref.load %buffer[%j] : memref<8xf32>
      %twice = arith.addf %left, %left : f32
      memref.store %right, %buffer[%i] : memref<8xf32>
      memref.store %twice, %buffer[%j] : memref<8xf32>
    }
    %before = memref.load %buffer[%c0] : memref<8xf32>
    scf.for %i = %c0 to %c8 step %c1 {
      %v = memref.load %buffer[%i] : memref<8xf32>
      memref.store %v, %o[%i] : memref<8xf32>
      %zero = arith.constant 0.0 : f32
      memref.store %zero, %buffer[%i] : memref<8xf32>
    }
    %last = memref.load %o[%c7] : memref<8xf32>
    %sum = arith.addf %before, %last : f32
    memref.store %sum, %o[%c7] : memref<8xf32>
    """,
)

CASES["branches"] = Case(
    {"x": "memref<8xf32>"},
    {"o": "memref<8xf32>", "p": "memref<8xf32>"},
    """
    %zero = arith.constant 0.0 : f32
    scf.for %i = %c0 to %c8 step %c1 {
      %v = memref.load %x[%i] : memref<8xf32>
      %positive = arith.cmpf ogt, %v, %zero : f32
      %r, %s = scf.if %positive -> (f32, f32) {
        %root = math.sqrt %v : f32
        scf.yield %root, %v : f32, f32
      } else {
        %minus = arith.negf %v : f32
        scf.yield %minus, %zero : f32, f32
      }
      memref.store %r, %o[%i] : memref<8xf32>
      scf.if %positive {
        memref.store %s, %p[%i] : memref<8xf32>
      }
    }
    """,
)

# Vectors: arithmetic, a scalar in all lanes, lanes in and out, reductions in lane order, constants.
CASES["vectors"] = Case(
    {"x": "memref<4x16xf32>", "m": "memref<4x16xi32>"},
    {"o": "memref<4x16xf32>", "sums": "memref<4xf32>", "tops": "memref<4xi32>", "n": "memref<4x16xi32>"},
    """
    %pad = arith.constant 0.0 : f32
    %none = arith.constant 0 : i32
    %half = arith.constant dense<0.5> : vector<16xf32>
    %some = arith.constant dense<[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]> : vector<16xi32>
    scf.for %i = %c0 to %c4 step %c1 {
      %v = vector.transfer_read %x[%i, %c0], %pad {in_bounds = [true]} : memref<4x16xf32>, vector<16xf32>
      %first = vector.extract %v[0] : f32 from vector<16xf32>
      %all = vector.broadcast %first : f32 to vector<16xf32>
      %scaled = arith.mulf %v, %half : vector<16xf32>
      %e = math.exp %scaled : vector<16xf32>
      %f = vector.fma %e, %all, %v : vector<16xf32>
      %g = vector.insert %pad, %f [3] : f32 into vector<16xf32>
      vector.transfer_write %g, %o[%i, %c0] {in_bounds = [true]} : vector<16xf32>, memref<4x16xf32>
      %sum = vector.reduction <add>, %v, %first : vector<16xf32> into f32
      memref.store %sum, %sums[%i] : memref<4xf32>
      %k = vector.transfer_read %m[%i, %c0], %none {in_bounds = [true]} : memref<4x16xi32>, vector<16xi32>
      %l = arith.addi %k, %some : vector<16xi32>
      %later = arith.cmpi sgt, %i, %c1 : index
      %chosen = arith.select %later, %some, %l : vector<16xi32>
      vector.transfer_write %chosen, %n[%i, %c0] {in_bounds = [true]} : vector<16xi32>, memref<4x16xi32>
      %top = vector.reduction <maxsi>, %l : vector<16xi32> into i32
      memref.store %top, %tops[%i] : memref<4xi32>
    }
    """,
)

# Vectors of two dimensions: transposed and repeated transfers, parts of a vector.
CASES["lanes"] = Case(
    {"x": "memref<8x8xf32>"},
    {"t": "memref<4x8xf32>", "r": "memref<2x4xf32>", "q": "memref<2x4xf32>", "one": "memref<1x1xf32>"},
    """
    %pad = arith.constant 0.0 : f32
    %v = vector.transfer_read %x[%c2, %c4], %pad {in_bounds = [true, true],
      permutation_map = affine_map<(d0, d1) -> (d1, d0)>} : memref<8x8xf32>, vector<4x2xf32>
    %w = vector.transfer_read %x[%c4, %c0], %pad {in_bounds = [true, true],
      permutation_map = affine_map<(d0, d1) -> (d1, d0)>} : memref<8x8xf32>, vector<4x4xf32>
    vector.transfer_write %v, %t[%c0, %c0] {in_bounds = [true, true]} : vector<4x2xf32>, memref<4x8xf32>
    vector.transfer_write %w, %t[%c0, %c4] {in_bounds = [true, true]} : vector<4x4xf32>, memref<4x8xf32>
    %row = vector.transfer_read %x[%c1, %c4], %pad {in_bounds = [true, true],
      permutation_map = affine_map<(d0, d1) -> (0, d1)>} : memref<8x8xf32>, vector<2x4xf32>
    vector.transfer_write %row, %r[%c0, %c0] {in_bounds = [true, true]} : vector<2x4xf32>, memref<2x4xf32>
    %part = vector.extract %w[2] : vector<4xf32> from vector<4x4xf32>
    %both = vector.insert %part, %row [1] : vector<4xf32> into vector<2x4xf32>
    vector.transfer_write %both, %q[%c0, %c0] {in_bounds = [true, true]} : vector<2x4xf32>, memref<2x4xf32>
    %single = vector.transfer_read %x[%c7, %c7], %pad {in_bounds = [true, true]} : memref<8x8xf32>, vector<1x1xf32>
    %twice = arith.addf %single, %single : vector<1x1xf32>
    vector.transfer_write %twice, %one[%c0, %c0] {in_bounds = [true, true]} : vector<1x1xf32>, memref<1x1xf32>
    """,
)

# A loop that carries a vector, started with a constant one.
CASES["carried_vector"] = Case(
    {"x": "memref<8x4xf32>"},
    {"o": "memref<4xf32>"},
    """
    %pad = arith.constant 0.0 : f32
    %start = arith.constant dense<1.0> : vector<4xf32>
    %sum = scf.for %i = %c0 to %c8 step %c1 iter_args(%a = %start) -> (vector<4xf32>) {
      %v = vector.transfer_read %x[%i, %c0], %pad {in_bounds = [true]} : memref<8x4xf32>, vector<4xf32>
      %b = arith.addf %a, %v : vector<4xf32>
      scf.yield %b : vector<4xf32>
    }
    vector.transfer_write %sum, %o[%c0] {in_bounds = [true]} : vector<4xf32>, memref<4xf32>
    """,
)

# Views and copies: strided windows of memory and of a local buffer, also with offsets known only at run time.
CASES["views"] = Case(
    {"x": "memref<8x6xf32>"},
    {"o": "memref<2x3xf32>", "p": "memref<4x3xf32>", "q": "memref<3xf32>"},
    """
    %w = memref.reinterpret_cast %x to offset: [8], sizes: [2, 3], strides: [12, 2]
      : memref<8x6xf32> to memref<2x3xf32, strided<[12, 2], offset: 8>>
    "memref.copy"(%w, %o) : (memref<2x3xf32, strided<[12, 2], offset: 8>>, memref<2x3xf32>) -> ()
    %buffer = memref.alloc() : memref<8x6xf32>
    "memref.copy"(%x, %buffer) : (memref<8x6xf32>, memref<8x6xf32>) -> ()
    %s = memref.subview %buffer[1, 3] [4, 3] [2, 1]
      : memref<8x6xf32> to memref<4x3xf32, strided<[12, 1], offset: 9>>
    "memref.copy"(%s, %p) : (memref<4x3xf32, strided<[12, 1], offset: 9>>, memref<4x3xf32>) -> ()
    scf.for %i = %c0 to %c8 step %c4 {
      %row = memref.subview %buffer[%i, 2] [1, 3] [1, 1]
        : memref<8x6xf32> to memref<3xf32, strided<[1], offset: ?>>
      scf.for %j = %c0 to %c3 step %c1 {
        %v = memref.load %row[%j] : memref<3xf32, strided<[1], offset: ?>>
        %old = memref.load %q[%j] : memref<3xf32>
        %sum = arith.addf %old, %v : f32
        memref.store %sum, %q[%j] : memref<3xf32>
      }
    }
    """,
)


@pytest.fixture(scope="module")
def design(tmp_path_factory: pytest.TempPathFactory) -> Built:
    return built(module(CASES), tmp_path_factory.getbasetemp() / "emitted" / "structures")


def random(*shape: int) -> Array:
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


def test_carried_values_are_exchanged_at_once(design: Built) -> None:
    a, b = 3, 1
    for _ in range(16):
        a, b = b, a + b
    assert design.run_case("fibonacci", {"start": np.array([3])})["o"].tolist() == [b, a, a, 3]


def test_a_read_before_a_store_gives_the_old_value(design: Built) -> None:
    x = random(8)
    want = np.concatenate([x[:3:-1], 2 * x[3::-1]])
    want[7] += want[0]
    np.testing.assert_array_equal(design.run_case("order", {"x": x})["o"], want)


def test_branches(design: Built) -> None:
    x = random(8)
    got = design.run_case("branches", {"x": x})
    np.testing.assert_array_equal(got["o"], np.where(x > 0, np.sqrt(np.abs(x)), -x))
    np.testing.assert_array_equal(got["p"], np.maximum(x, 0))


def test_vectors(design: Built) -> None:
    x, m = random(4, 16), np.arange(64, dtype=np.int32).reshape(4, 16) * 7 % 23
    got = design.run_case("vectors", {"x": x, "m": m})
    want = np.exp(x / 2) * x[:, :1] + x
    want[:, 3] = 0
    np.testing.assert_allclose(got["o"], want, rtol=1e-5, atol=1e-6)
    sums = x[:, 0].copy()
    for lane in range(16):
        sums += x[:, lane]
    np.testing.assert_array_equal(got["sums"], sums)
    np.testing.assert_array_equal(got["n"], np.where(np.arange(4)[:, None] > 1, 0, m) + np.arange(1, 17))
    np.testing.assert_array_equal(got["tops"], (m + np.arange(1, 17)).max(axis=1))


def test_lanes_are_row_major(design: Built) -> None:
    x = random(8, 8)
    got = design.run_case("lanes", {"x": x})
    want = np.zeros((4, 8), np.float32)
    want[:, :2] = x[2:4, 4:8].T
    want[:, 4:] = x[4:8, 0:4].T
    np.testing.assert_array_equal(got["t"], want)
    np.testing.assert_array_equal(got["r"], np.stack([x[1, 4:]] * 2))
    np.testing.assert_array_equal(got["q"], np.stack([x[1, 4:], want[2, 4:]]))
    np.testing.assert_array_equal(got["one"], [[2 * x[7, 7]]])


def test_a_loop_carries_a_vector(design: Built) -> None:
    x = random(8, 4)
    want = np.ones(4, np.float32)
    for row in x:
        want = want + row
    np.testing.assert_array_equal(design.run_case("carried_vector", {"x": x})["o"], want)


def test_views_and_copies(design: Built) -> None:
    x = random(8, 6)
    got = design.run_case("views", {"x": x})
    flat = x.reshape(-1)
    np.testing.assert_array_equal(got["o"], [[flat[8 + 12 * i + 2 * j] for j in range(3)] for i in range(2)])
    np.testing.assert_array_equal(got["p"], x[1::2, 3:])
    np.testing.assert_array_equal(got["q"], x[0, 2:5] + x[4, 2:5])

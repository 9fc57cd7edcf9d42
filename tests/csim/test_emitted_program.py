# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A whole emitted program: host function, repeated kernel, views of a weight, a converter (the golden texts')."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from csim.emitted_design import Array, Built, built

pytestmark = pytest.mark.needs("g++")

PROGRAM = (Path(__file__).parents[1] / "golden/program.mlir").read_text(encoding="utf-8")

# x goes to y directly and through a task that holds all of it back: the direct FIFO must take 7 tokens.
DIAMOND = """
func.func private @diamond(%x: memref<8xf32>, %y: memref<8xf32>) attributes {dataflow.place = "device"} {
  dataflow.kernel "diamond" ins(%x : memref<8xf32>) outs(%y : memref<8xf32>) {
  ^bb0(%mx: memref<8xf32>, %my: memref<8xf32>):
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c8 = arith.constant 8 : index
    %direct = dataflow.stream "direct" depth 7 : !dataflow.stream<f32>
    %late = dataflow.stream "late" depth 2 : !dataflow.stream<f32>
    %back = dataflow.stream "back" depth 2 : !dataflow.stream<vector<1xf32>>
    dataflow.task "fork" {
      scf.for %i = %c0 to %c8 step %c1 {
        %v = memref.load %mx[%i] : memref<8xf32>
        dataflow.stream_write %v into %late : f32 -> !dataflow.stream<f32>
        dataflow.stream_write %v into %direct : f32 -> !dataflow.stream<f32>
      }
      dataflow.yield
    }
    dataflow.task "turn" {
      %b = memref.alloc() : memref<8x1xf32>
      scf.for %i = %c0 to %c8 step %c1 {
        %v = dataflow.stream_read %late : !dataflow.stream<f32> -> f32
        memref.store %v, %b[%i, %c0] : memref<8x1xf32>
      }
      scf.for %i = %c0 to %c8 step %c1 {
        %c7 = arith.constant 7 : index
        %zero = arith.constant 0.0 : f32
        %j = arith.subi %c7, %i : index
        %v = vector.transfer_read %b[%j, %c0], %zero {in_bounds = [true]} : memref<8x1xf32>, vector<1xf32>
        dataflow.stream_write %v into %back : vector<1xf32> -> !dataflow.stream<vector<1xf32>>
      }
      dataflow.yield
    }
    dataflow.task "join" {
      scf.for %i = %c0 to %c8 step %c1 {
        %v = dataflow.stream_read %back : !dataflow.stream<vector<1xf32>> -> vector<1xf32>
        %w = dataflow.stream_read %direct : !dataflow.stream<f32> -> f32
        %s = vector.extract %v[0] : f32 from vector<1xf32>
        %sum = arith.addf %s, %w : f32
        memref.store %sum, %my[%i] : memref<8xf32>
      }
      dataflow.yield
    }
    dataflow.yield
  }
  func.return
}
func.func @main(%x: memref<8xf32> {dataflow.name = "x"}, %y: memref<8xf32> {dataflow.result = "y"}) {
  func.call @diamond(%x, %y) : (memref<8xf32>, memref<8xf32>) -> ()
  func.return
}
"""


# A ping-pong loop whose stages use the loop's variable, an index made from it, and a constant.
SCALED = """
func.func private @scaled(%x: memref<16xf32>, %y: memref<16xf32>) attributes {dataflow.place = "device"} {
  dataflow.kernel "scaled" ins(%x : memref<16xf32>) outs(%y : memref<16xf32>) {
  ^bb0(%mx: memref<16xf32>, %my: memref<16xf32>):
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c4 = arith.constant 4 : index
    %c16 = arith.constant 16 : index
    %in = dataflow.stream "in" depth 2 : !dataflow.stream<f32>
    %out = dataflow.stream "out" depth 2 : !dataflow.stream<f32>
    dataflow.task "load" {
      scf.for %i = %c0 to %c16 step %c1 {
        %v = memref.load %mx[%i] : memref<16xf32>
        dataflow.stream_write %v into %in : f32 -> !dataflow.stream<f32>
      }
      dataflow.yield
    }
    dataflow.task "convert" {
      %half = arith.constant 0.5 : f32
      scf.for %i = %c4 to %c16 step %c4 {
        %b = memref.alloc() {dataflow.ping_pong} : memref<4xf32>
        %next = arith.addi %i, %c1 : index
        scf.for %j = %c0 to %c4 step %c1 {
          %v = dataflow.stream_read %in : !dataflow.stream<f32> -> f32
          %h = arith.mulf %v, %half : f32
          memref.store %h, %b[%j] : memref<4xf32>
        }
        %n = arith.index_cast %next : index to i32
        %f = arith.sitofp %n : i32 to f32
        scf.for %j = %c0 to %c4 step %c1 {
          %v = memref.load %b[%j] : memref<4xf32>
          %s = arith.mulf %v, %f : f32
          dataflow.stream_write %s into %out : f32 -> !dataflow.stream<f32>
        }
      }
      scf.for %j = %c0 to %c4 step %c1 {
        %v = dataflow.stream_read %in : !dataflow.stream<f32> -> f32
        dataflow.stream_write %v into %out : f32 -> !dataflow.stream<f32>
      }
      dataflow.yield
    }
    dataflow.task "store" {
      scf.for %i = %c0 to %c16 step %c1 {
        %v = dataflow.stream_read %out : !dataflow.stream<f32> -> f32
        memref.store %v, %my[%i] : memref<16xf32>
      }
      dataflow.yield
    }
    dataflow.yield
  }
  func.return
}
func.func @main(%x: memref<16xf32> {dataflow.name = "x"}, %y: memref<16xf32> {dataflow.result = "y"}) {
  func.call @scaled(%x, %y) : (memref<16xf32>, memref<16xf32>) -> ()
  func.return
}
"""


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Built:
    return built(PROGRAM, tmp_path_factory.getbasetemp() / "emitted" / "program")


def arrays() -> dict[str, Array]:
    rng = np.random.default_rng(0)
    return {
        "ids": np.array([[1, 9, -3, 1]]),
        "wte.weight": rng.standard_normal((10, 16)).astype(np.float32),
        "c_attn.weight": (rng.standard_normal((16, 48)) / 4).astype(np.float32),
    }


def expected(given: dict[str, Array]) -> Array:
    weight = given["c_attn.weight"][:, 16:32]
    x = given["wte.weight"][given["ids"][0]].astype(np.float64) @ weight @ weight
    return np.exp(x / 2)


@pytest.mark.parametrize("mode", ["bounded", "unbounded"])
def test_the_program_computes_what_it_says(program: Built, mode: str) -> None:
    given = arrays()
    outputs, _ = program.run(given, mode="bounded" if mode == "bounded" else "unbounded")
    np.testing.assert_allclose(outputs["output_0"], expected(given), rtol=1e-5)


def test_every_fifo_carries_its_tokens(program: Built) -> None:
    _, reports = program.run(arrays())
    tokens = [{fifo.name: (fifo.tokens, fifo.width_bits) for fifo in report.fifos} for report in reports]
    block = {"x_matmul": (4, 512), "w_matmul": (16, 512), "matmul_y": (4, 512)}
    assert tokens == [{}, block, block, {"rows": (4, 512), "columns": (32, 64), "exp": (32, 64)}]


@pytest.fixture(scope="module")
def diamond(tmp_path_factory: pytest.TempPathFactory) -> Built:
    return built(DIAMOND, tmp_path_factory.getbasetemp() / "emitted" / "diamond")


X = np.arange(8, dtype=np.float32)


def test_reconvergent_paths_complete_at_their_depth(diamond: Built) -> None:
    """The eighth token is written last and read at once: the direct FIFO holds seven."""
    outputs, (report,) = diamond.run({"x": X})
    assert report.deadlock is None
    assert outputs["y"].tolist() == [7.0] * 8
    assert {fifo.name: fifo.high_water for fifo in report.fifos}["direct"] == 7


@pytest.mark.parametrize("depth", [2, 6])
def test_reconvergent_paths_deadlock_below_it(diamond: Built, depth: int) -> None:
    _, (report,) = diamond.run({"x": X}, depths={"direct": depth})
    assert report.deadlock is not None
    assert {task.task for task in report.deadlock.blocked} == {"fork", "turn", "join"}


def test_the_stages_of_a_ping_pong_loop_are_functions(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.getbasetemp() / "emitted" / "scaled"
    outputs, _ = built(SCALED, folder).run({"x": np.ones(16, np.float32)})
    want = [0.5 * factor for factor in (5, 9, 13) for _ in range(4)] + [1.0] * 4
    assert outputs["y"].tolist() == want
    source = (folder / "hls/scaled.cpp").read_text(encoding="utf-8")
    assert "convert_fill(in, b);" in source
    assert re.search(r"for \(int i = 0; i < 3; \+\+i\) \{\n#pragma HLS dataflow", source)

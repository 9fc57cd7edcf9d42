# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A task that reads or writes an itensor in consecutive ranges, from itensors down to the C++ that runs."""

from pathlib import Path

import numpy as np
import pytest

from csim.emitted_design import Array, built
from streamtensor.dialects import context
from streamtensor.flow.passes import PassRunner
from streamtensor.ir.text import parse_module, print_module, verify_module
from streamtensor.pipelines import Choices, passes_to
from streamtensor.simulate import interpreter

pytestmark = pytest.mark.needs("g++")

# Rows of 8 numbers in two tokens, so that a range holds a loop; a is 4 rows, b one, c is both, one under the other.
# Then the rows of c go to two places: the first 2 and the other 3.
PROGRAM = """
!a = !dataflow.itensor<1x8xf32, iter_space: [4, 2] * [1, 8], iter_map: (d0, d1) -> (d0, d1)>
!b = !dataflow.itensor<1x8xf32, iter_space: [2] * [8], iter_map: (d0) -> (0, d0)>
!c = !dataflow.itensor<1x8xf32, iter_space: [5, 2] * [1, 8], iter_map: (d0, d1) -> (d0, d1)>
!p = !dataflow.itensor<1x8xf32, iter_space: [2, 2] * [1, 8], iter_map: (d0, d1) -> (d0, d1)>
!q = !dataflow.itensor<1x8xf32, iter_space: [3, 2] * [1, 8], iter_map: (d0, d1) -> (d0, d1)>
func.func private @device(%x: tensor<4x16xf32>, %y: tensor<1x16xf32>) -> (tensor<2x16xf32>, tensor<3x16xf32>) attributes {dataflow.place = "device"} {
  %e = tensor.empty() : tensor<2x16xf32>
  %f = tensor.empty() : tensor<3x16xf32>
  %r, %s = dataflow.kernel "k" ins(%x, %y : tensor<4x16xf32>, tensor<1x16xf32>) outs(%e, %f : tensor<2x16xf32>, tensor<3x16xf32>) {
  ^bb0(%a: !a, %b: !b, %p: !p, %q: !q):
    %none = dataflow.itensor_empty : !c
    %c = dataflow.task "concat" inits(%none : !c) {
    ^bb0(%o: !c):
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %c4 = arith.constant 4 : index
      %c8 = arith.constant 8 : index
      %c16 = arith.constant 16 : index
      %first = scf.for %i = %c0 to %c4 step %c1 iter_args(%o1 = %o) -> (!c) {
        %row = scf.for %j = %c0 to %c16 step %c8 iter_args(%o2 = %o1) -> (!c) {
          %v = dataflow.itensor_read %a : !a -> tensor<1x8xf32>
          %w = dataflow.itensor_write %v into %o2 : tensor<1x8xf32> -> !c
          scf.yield %w : !c
        }
        scf.yield %row : !c
      }
      %second = scf.for %j = %c0 to %c16 step %c8 iter_args(%o2 = %first) -> (!c) {
        %v = dataflow.itensor_read %b : !b -> tensor<1x8xf32>
        %w = dataflow.itensor_write %v into %o2 : tensor<1x8xf32> -> !c
        scf.yield %w : !c
      }
      dataflow.yield %second : !c
    } -> !c
    %u, %w = dataflow.task "chunk" inits(%p, %q : !p, !q) {
    ^bb0(%op: !p, %oq: !q):
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %c2 = arith.constant 2 : index
      %c3 = arith.constant 3 : index
      %c8 = arith.constant 8 : index
      %c16 = arith.constant 16 : index
      %first = scf.for %i = %c0 to %c2 step %c1 iter_args(%o1 = %op) -> (!p) {
        %row = scf.for %j = %c0 to %c16 step %c8 iter_args(%o2 = %o1) -> (!p) {
          %v = dataflow.itensor_read %c : !c -> tensor<1x8xf32>
          %w = dataflow.itensor_write %v into %o2 : tensor<1x8xf32> -> !p
          scf.yield %w : !p
        }
        scf.yield %row : !p
      }
      %second = scf.for %i = %c0 to %c3 step %c1 iter_args(%o1 = %oq) -> (!q) {
        %row = scf.for %j = %c0 to %c16 step %c8 iter_args(%o2 = %o1) -> (!q) {
          %v = dataflow.itensor_read %c : !c -> tensor<1x8xf32>
          %w = dataflow.itensor_write %v into %o2 : tensor<1x8xf32> -> !q
          scf.yield %w : !q
        }
        scf.yield %row : !q
      }
      dataflow.yield %first, %second : !p, !q
    } -> !p, !q
    dataflow.yield %u, %w : !p, !q
  } -> tensor<2x16xf32>, tensor<3x16xf32>
  func.return %r, %s : tensor<2x16xf32>, tensor<3x16xf32>
}
func.func @main(%x: tensor<4x16xf32> {dataflow.name = "x"}, %y: tensor<1x16xf32> {dataflow.name = "y"}) -> (tensor<2x16xf32> {dataflow.name = "r"}, tensor<3x16xf32> {dataflow.name = "s"}) {
  %r, %s = func.call @device(%x, %y) : (tensor<4x16xf32>, tensor<1x16xf32>) -> (tensor<2x16xf32>, tensor<3x16xf32>)
  func.return %r, %s : tensor<2x16xf32>, tensor<3x16xf32>
}
"""  # noqa: E501  # types are longer than lines


@pytest.mark.parametrize("fifo_width_bits", [256, 64])
def test_ranges_reach_the_hardware(fifo_width_bits: int, tmp_path: Path) -> None:
    """Tokens as vectors of 8 numbers, and of 2: then each token of a range is a loop."""
    module = parse_module(context(), PROGRAM)
    verify_module(module, PROGRAM)
    x: Array = np.arange(64, dtype=np.float32).reshape(4, 16)
    y: Array = 100 + np.arange(16, dtype=np.float32).reshape(1, 16)
    rows = np.concatenate([x, y])
    runner = PassRunner(context(), verify_each=True, verify_numerics=True)
    for level in ("materialized", "stream"):
        runner.run(module, level, passes_to(level, Choices(fifo_width_bits=fifo_width_bits)))
        r, s = interpreter.run(module, [x, y])
        np.testing.assert_array_equal(r, rows[:2])
        np.testing.assert_array_equal(s, rows[2:])
    outputs, reports = built(print_module(module), tmp_path / "ranges").run({"x": x, "y": y})
    np.testing.assert_array_equal(outputs["r"], rows[:2])
    np.testing.assert_array_equal(outputs["s"], rows[2:])
    tokens = {fifo.name: fifo.tokens for report in reports for fifo in report.fifos}
    assert tokens["concat_to_chunk"] == 5 * 16 * 32 // fifo_width_bits

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Views and routing of itensors, from the operations down to the C++ that runs."""

from pathlib import Path

import numpy as np
import pytest

from csim.emitted_design import Array, built
from streamtensor.dialects import context
from streamtensor.dialects.dataflow import ITensorReassociateOp, StreamCastOp, TaskOp
from streamtensor.flow.passes import PassRunner
from streamtensor.ir.core import Operation
from streamtensor.ir.text import parse_module, print_module, verify_module
from streamtensor.pipelines import Choices, passes_to
from streamtensor.simulate import interpreter

pytestmark = pytest.mark.needs("g++")

# Rows from two places are put under each other and seen as one long row, of which there are two copies. One is cut in
# two results. The other is dropped by a task that passes the even blocks of the third input on, and these take turns
# with the same blocks that come directly.
PROGRAM = """
!a = !dataflow.itensor<1x8xf32, iter_space: [4, 2] * [1, 8], iter_map: (d0, d1) -> (d0, d1)>
!b = !dataflow.itensor<1x8xf32, iter_space: [2] * [8], iter_map: (d0) -> (0, d0)>
!c = !dataflow.itensor<1x8xf32, iter_space: [5, 2] * [1, 8], iter_map: (d0, d1) -> (d0, d1)>
!f = !dataflow.itensor<8xf32, iter_space: [5, 2] * [16, 8], iter_map: (d0, d1) -> (d0 + d1)>
!g = !dataflow.itensor<8xf32, iter_space: [10] * [8], iter_map: (d0) -> (d0)>
!h = !dataflow.itensor<8xf32, iter_space: [20] * [8], iter_map: (d0) -> (d0)>
!h2 = !dataflow.itensor<8xf32, iter_space: [10] * [16], iter_map: (d0) -> (d0)>
!p = !dataflow.itensor<8xf32, iter_space: [4] * [8], iter_map: (d0) -> (d0)>
!q = !dataflow.itensor<8xf32, iter_space: [6] * [8], iter_map: (d0) -> (d0)>
func.func private @device(%x: tensor<4x16xf32>, %y: tensor<1x16xf32>, %z: tensor<152xf32>) -> (tensor<160xf32>, tensor<32xf32>, tensor<48xf32>) attributes {dataflow.place = "device"} {
  %e = tensor.empty() : tensor<160xf32>
  %f = tensor.empty() : tensor<32xf32>
  %g = tensor.empty() : tensor<48xf32>
  %r, %s, %t = dataflow.kernel "k" ins(%x, %y, %z : tensor<4x16xf32>, tensor<1x16xf32>, tensor<152xf32>) outs(%e, %f, %g : tensor<160xf32>, tensor<32xf32>, tensor<48xf32>) {
  ^bb0(%a: !a, %b: !b, %j: !h2, %oh: !h, %op: !p, %oq: !q):
    %none = dataflow.itensor_empty : !c
    %c = dataflow.itensor_concat %a, %b dim 0 into %none : !a, !b -> !c
    %flat = dataflow.itensor_reassociate %c [[0, 1]] : !c -> !f
    %long = dataflow.itensor_cast %flat : !f -> !g
    %none1 = dataflow.itensor_empty : !g
    %none2 = dataflow.itensor_empty : !g
    %one, %two = dataflow.itensor_fork %long into %none1, %none2 : !g -> !g, !g
    %none3 = dataflow.itensor_empty : !h2
    %even = dataflow.task "even" inits(%none3 : !h2) {
    ^bb0(%o: !h2):
      %c0 = arith.constant 0 : index
      %c16 = arith.constant 16 : index
      %c8 = arith.constant 8 : index
      %c80 = arith.constant 80 : index
      %c160 = arith.constant 160 : index
      scf.for %i = %c0 to %c80 step %c8 {
        %v = dataflow.itensor_read %one : !g -> tensor<8xf32>
      }
      %w = scf.for %i = %c0 to %c160 step %c16 iter_args(%o1 = %o) -> (!h2) {
        %v = dataflow.itensor_read %j : !h2 -> tensor<8xf32>
        %n = dataflow.itensor_write %v into %o1 : tensor<8xf32> -> !h2
        scf.yield %n : !h2
      }
      dataflow.yield %w : !h2
    } -> !h2
    %both = dataflow.itensor_join %even, %j loop 0 into %oh : !h2, !h2 -> !h
    %u, %w = dataflow.itensor_chunk %two dim 0 into %op, %oq : !g -> !p, !q
    dataflow.yield %both, %u, %w : !h, !p, !q
  } -> tensor<160xf32>, tensor<32xf32>, tensor<48xf32>
  func.return %r, %s, %t : tensor<160xf32>, tensor<32xf32>, tensor<48xf32>
}
func.func @main(%x: tensor<4x16xf32> {dataflow.name = "x"}, %y: tensor<1x16xf32> {dataflow.name = "y"}, %z: tensor<152xf32> {dataflow.name = "z"}) -> (tensor<160xf32> {dataflow.name = "r"}, tensor<32xf32> {dataflow.name = "s"}, tensor<48xf32> {dataflow.name = "t"}) {
  %r, %s, %t = func.call @device(%x, %y, %z) : (tensor<4x16xf32>, tensor<1x16xf32>, tensor<152xf32>) -> (tensor<160xf32>, tensor<32xf32>, tensor<48xf32>)
  func.return %r, %s, %t : tensor<160xf32>, tensor<32xf32>, tensor<48xf32>
}
"""  # noqa: E501  # types are longer than lines


def count(module: Operation, kind: type[Operation]) -> int:
    return sum(isinstance(op, kind) for op in module.walk())


@pytest.mark.parametrize("fifo_width_bits", [512, 96])
def test_routing_reaches_the_hardware(fifo_width_bits: int, tmp_path: Path) -> None:
    """Also with vectors of 2 numbers, since 3 of them divide no tile: then each token of a range is a loop."""
    module = parse_module(context(), PROGRAM)
    verify_module(module, PROGRAM)
    generator = np.random.default_rng(0)
    x, y, z = (generator.standard_normal(shape).astype(np.float32) for shape in ((4, 16), (1, 16), (152,)))
    flat: Array = np.concatenate([x, y]).ravel()
    even = np.stack([z[start : start + 8] for start in range(0, 160, 16)])
    wanted = {"r": np.stack([even, even], axis=1).ravel(), "s": flat[:32], "t": flat[32:]}

    choices = Choices(fifo_width_bits=fifo_width_bits)
    runner = PassRunner(context(), verify_each=True, verify_numerics=True)
    for found, name in zip(interpreter.run(module, [x, y, z]), wanted, strict=True):
        np.testing.assert_array_equal(found, wanted[name])
    runner.run(module, "materialized", passes_to("materialized", choices))
    assert count(module, ITensorReassociateOp) == 2  # one for each reader
    # Three loads, the concatenation, the cut, the turns, the task of the program, and three stores: no task for a view
    # or a copy.
    assert count(module, TaskOp) == 10
    runner.run(module, "stream", passes_to("stream", choices))
    assert count(module, StreamCastOp) == 2

    outputs, reports = built(print_module(module), tmp_path / "routing").run({"x": x, "y": y, "z": z})
    for name, array in wanted.items():
        np.testing.assert_array_equal(outputs[name], array)
    tokens = {fifo.name: fifo.tokens for report in reports for fifo in report.fifos}
    lanes = 8 if fifo_width_bits == 512 else 2
    assert tokens["concat_to_chunk"] == 80 // lanes
    assert tokens["join_to_store_result"] == 160 // lanes


# Tokens of 2x24 numbers and of 48 are cut into vectors of 12 and of 16; a view between them needs one length.
UNEVEN = """
!tile = !dataflow.itensor<2x24xf32, iter_space: [3] * [2], iter_map: (d0) -> (d0, 0)>
!flat = !dataflow.itensor<48xf32, iter_space: [3] * [48], iter_map: (d0) -> (d0)>
func.func private @device(%x: tensor<6x24xf32>) -> tensor<144xf32> attributes {dataflow.place = "device"} {
  %e = tensor.empty() : tensor<144xf32>
  %r = dataflow.kernel "k" ins(%x : tensor<6x24xf32>) outs(%e : tensor<144xf32>) {
  ^bb0(%a: !tile, %o: !flat):
    %f = dataflow.itensor_reassociate %a [[0, 1]] : !tile -> !flat
    dataflow.yield %f : !flat
  } -> tensor<144xf32>
  func.return %r : tensor<144xf32>
}
func.func @main(%x: tensor<6x24xf32> {dataflow.name = "x"}) -> (tensor<144xf32> {dataflow.name = "r"}) {
  %r = func.call @device(%x) : (tensor<6x24xf32>) -> tensor<144xf32>
  func.return %r : tensor<144xf32>
}
"""


def test_both_ends_of_a_view_have_equally_long_vectors(tmp_path: Path) -> None:
    module = parse_module(context(), UNEVEN)
    verify_module(module, UNEVEN)
    runner = PassRunner(context(), verify_each=True, verify_numerics=True)
    for level in ("materialized", "stream"):
        runner.run(module, level, passes_to(level, Choices()))
    x = np.arange(144, dtype=np.float32).reshape(6, 24)
    outputs, reports = built(print_module(module), tmp_path / "uneven").run({"x": x})
    np.testing.assert_array_equal(outputs["r"], x.ravel())
    (fifo,) = reports[0].fifos
    assert (fifo.width_bits, fifo.tokens) == (4 * 32, 36)

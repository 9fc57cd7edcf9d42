# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""IA+CA on the operations of a program."""

from math import prod

import pytest

from streamtensor.dialects import context
from streamtensor.ir.builtin import ModuleOp
from streamtensor.ir.text import parse_module
from streamtensor.spaces.mode_comparison import MODES, compare_modes, mode_points, mode_values, program_nodes
from streamtensor.spaces.parallelization import Mode, banks, parallelize, partitions
from streamtensor.spaces.space import Parameter

# The must-pass case of the design document: A and B are made, C[i][j] += A[2i][k] * B[k][j]. Each iteration has two
# operations here, so that the shares of the three kernels are those of the published case.
PROGRAM = """
func.func private @device(%a: tensor<32x16xf32>, %b: tensor<16x16xf32>) -> tensor<16x16xf32>
    attributes {dataflow.place = "device"} {
  %e0 = tensor.empty() : tensor<32x16xf32>
  %x = linalg.generic {indexing_maps = [#two, #two], iterator_types = ["parallel", "parallel"]}
      ins(%a : tensor<32x16xf32>) outs(%e0 : tensor<32x16xf32>) attrs = {dataflow.kernel = "load_a"} {
  ^bb0(%p: f32, %o: f32):
    %t = arith.mulf %p, %p : f32
    %r = arith.addf %t, %p : f32
    linalg.yield %r : f32
  } -> tensor<32x16xf32>
  %e1 = tensor.empty() : tensor<16x16xf32>
  %y = linalg.generic {indexing_maps = [#two, #two], iterator_types = ["parallel", "parallel"]}
      ins(%b : tensor<16x16xf32>) outs(%e1 : tensor<16x16xf32>) attrs = {dataflow.kernel = "load_b"} {
  ^bb0(%p: f32, %o: f32):
    %t = arith.mulf %p, %p : f32
    %r = arith.addf %t, %p : f32
    linalg.yield %r : f32
  } -> tensor<16x16xf32>
  %z = linalg.generic {indexing_maps = [#left, #right, #out], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %y : tensor<32x16xf32>, tensor<16x16xf32>) outs(%e1 : tensor<16x16xf32>)
      attrs = {dataflow.kernel = "product"} {
  ^bb0(%p: f32, %q: f32, %o: f32):
    %m = arith.mulf %p, %q : f32
    %r = arith.addf %o, %m : f32
    linalg.yield %r : f32
  } -> tensor<16x16xf32>
  func.return %z : tensor<16x16xf32>
}
"""
MAPS = {
    "#two": "affine_map<(d0, d1) -> (d0, d1)>",
    "#left": "affine_map<(d0, d1, d2) -> (d0 * 2, d2)>",
    "#right": "affine_map<(d0, d1, d2) -> (d2, d1)>",
    "#out": "affine_map<(d0, d1, d2) -> (d0, d1)>",
}


def program() -> ModuleOp:
    text = PROGRAM
    for name, map in MAPS.items():
        text = text.replace(name, map)
    return parse_module(context(), text)


def test_nodes_are_what_the_operations_say() -> None:
    found = program_nodes(program())
    assert list(found.nodes) == ["load_a", "load_b", "product"]
    node = found.nodes["product"]
    assert (node.tripcounts, node.reductions, node.intensity) == ((16, 16, 16), frozenset({2}), 2 * 4096)
    assert [access.dimensions for access in node.reads] == [((0, 2), (2, 1)), ((2, 1), (1, 1))]
    assert node.writes[0].dimensions == ((0, 1), (1, 1))
    assert found.intermediate == {node.reads[0].array, node.reads[1].array}
    assert found.iterations == {"load_a": 512, "load_b": 256, "product": 4096}
    assert found.dsp["product"] == found.dsp["load_a"] > 0  # one multiplication and one addition each


@pytest.mark.parametrize(
    ("mode", "a", "b"),
    [("ia+ca", (8, 1), (1, 8)), ("ia", (8, 2), (1, 8)), ("ca", (8, 4), (4, 8)), ("naive", (8, 8), (4, 8))],
)
def test_partitions_of_the_must_pass_case(mode: Mode, a: tuple[int, ...], b: tuple[int, ...]) -> None:
    found = program_nodes(program())
    parts = partitions(found.nodes, parallelize(found.nodes, 32, mode))
    node = found.nodes["product"]
    assert [parts[access.array] for access in (*node.reads, *node.writes)] == [a, b, (4, 8)]


def test_costs_add_up() -> None:
    module = program()
    nodes = program_nodes(module)
    costs = compare_modes(module, 32)
    assert tuple(costs) == MODES
    for mode, cost in costs.items():
        assert cost.factors == parallelize(nodes.nodes, 32, mode)
        assert cost.banks == sum(banks(nodes.nodes, cost.factors).values())
        assert cost.dsp == sum(nodes.dsp[name] * prod(factors) for name, factors in cost.factors.items())
        assert cost.cycles == max(nodes.iterations[name] // prod(f) for name, f in cost.factors.items())
        assert cost.cycles == 128
    assert costs["ia+ca"].intermediate_banks < costs["ia"].intermediate_banks < costs["naive"].intermediate_banks
    assert costs["ia+ca"].operations == costs["ia"].operations < costs["ca"].operations == costs["naive"].operations


def test_values_are_legal() -> None:
    """A number that a parameter does not list becomes the largest one below it; what has no parameter is left out."""
    parameters = [
        Parameter("tile.product.1", (0, 2, 6, 16), 0, "tiling", ""),
        Parameter("unroll.product", (0, 1, 16, 64), 0, "tiling", ""),
        Parameter("unroll.load_a", (0, 4, 8), 0, "tiling", ""),
    ]
    found = mode_values(program(), 32, "naive", parameters)
    assert found == {"tile.product.1": 6, "unroll.product": 16, "unroll.load_a": 8}


def test_points_begin_with_the_default() -> None:
    parameters = [
        Parameter("default_tile_size", (16, 64), 16, "tiling", ""),
        Parameter("unroll.product", (0, 1, 16, 64), 0, "tiling", ""),
    ]
    found = mode_points(program(), {"default_tile_size": 16, "unroll.product": 0}, parameters)
    assert found["ia+ca-256"] == {"default_tile_size": 64, "unroll.product": 64}

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Bytes that cross external memory, on programs small enough to count by hand."""

from streamtensor.cost.external_bytes import external_bytes, external_traffic
from streamtensor.dialects import context
from streamtensor.ir.text import parse_module
from streamtensor.report.summary import facts_of
from streamtensor.transforms.fusion.lower_pack_unpack import LowerPackUnpackPass
from streamtensor.transforms.fusion.pack_kernel_interface import PackKernelInterfacePass
from streamtensor.transforms.fusion.widen_kernel_interface import WidenKernelInterfacePass

# Two layers of two kernels: y = k1(x, w) with each row of x twice, then z = k2(y). The i16 make 2 bytes.
PROGRAM = """
!twice = !dataflow.itensor<4x4xi16, iter_space: [2, 2, 2] * [4, 1, 4], iter_map: (d0, d1, d2) -> (d0, d2)>
!tiles = !dataflow.itensor<4x4xi16, iter_space: [2, 2] * [4, 4], iter_map: (d0, d1) -> (d0, d1)>
func.func private @layer(%x: tensor<8x8xi16>, %w: tensor<1x8x8xi16>) -> tensor<8x8xi16>
    attributes {dataflow.place = "device"} {
  %e = tensor.empty() : tensor<8x8xi16>
  %f = tensor.empty() : tensor<8x8xi16>
  %v = tensor.collapse_shape %w [[0 : i64, 1 : i64], [2 : i64]] : tensor<1x8x8xi16> into tensor<8x8xi16>
  %y = dataflow.kernel "k1" ins(%x, %v : tensor<8x8xi16>, tensor<8x8xi16>) outs(%e : tensor<8x8xi16>) {
  ^bb0(%i: !twice, %j: !tiles, %o: !tiles):
    %n = dataflow.itensor_empty : !tiles
    dataflow.yield %n : !tiles
  } -> tensor<8x8xi16>
  %z = dataflow.kernel "k2" ins(%y : tensor<8x8xi16>) outs(%f : tensor<8x8xi16>) {
  ^bb0(%i: !tiles, %o: !tiles):
    %n = dataflow.itensor_empty : !tiles
    dataflow.yield %n : !tiles
  } -> tensor<8x8xi16>
  func.return %z : tensor<8x8xi16>
}
func.func @main(%x: tensor<8x8xi16> {dataflow.name = "x"}, %w: tensor<1x8x8xi16> {dataflow.param = "w"})
    -> tensor<8x8xi16> {
  %a = func.call @layer(%x, %w) : (tensor<8x8xi16>, tensor<1x8x8xi16>) -> tensor<8x8xi16>
  %b = func.call @layer(%a, %w) : (tensor<8x8xi16>, tensor<1x8x8xi16>) -> tensor<8x8xi16>
  func.return %b : tensor<8x8xi16>
}
"""


def test_what_is_replayed_counts_each_time() -> None:
    traffic = external_traffic(parse_module(context(), PROGRAM))
    found = [(t.kernel, t.name, t.direction, t.holds, t.data_bytes, t.bytes, t.launches) for t in traffic]
    assert found == [
        ("k1", "x", "read", "boundary", 128, 256, 2),
        ("k1", "w", "read", "parameter", 128, 128, 2),
        ("k1", "result_0", "write", "intermediate", 128, 128, 2),
        ("k2", "y", "read", "intermediate", 128, 128, 2),
        ("k2", "result_0", "write", "boundary", 128, 128, 2),
    ]
    sums = external_bytes(traffic)
    assert (sums.parameter, sums.intermediate, sums.boundary) == (256, 512, 768)
    assert sums.total == 1536


def test_another_layout_moves_the_same_bytes_in_wider_words() -> None:
    module = parse_module(context(), PROGRAM)
    before = external_traffic(module)
    for one in (PackKernelInterfacePass(), WidenKernelInterfacePass(), LowerPackUnpackPass()):
        one.apply(context(), module)
    after = external_traffic(module)
    assert [(t.holds, t.bytes, t.launches) for t in after] == [(t.holds, t.bytes, t.launches) for t in before]
    assert {t.word_bits for t in before} == {16}
    assert {t.word_bits for t in after} == {256}  # a token of 4x4


def test_the_summary_says_what_crosses_external_memory() -> None:
    module = parse_module(context(), PROGRAM)
    assert facts_of("dataflow", module)["external_bytes"] == {"unfused": 1536}
    fused = facts_of("fused", module)
    assert fused["external_bytes"] == {"fused": 1536, "parameter": 256, "intermediate": 512, "boundary": 768}
    assert [port["word_bits"] for port in fused["ports"]] == [16] * 5

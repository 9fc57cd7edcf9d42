// RUN: streamtensor-opt %s -p widen-kernel-interface | filecheck %s
// RUN: streamtensor-opt %s -p 'widen-kernel-interface{fifo_bits=64}' | filecheck %s --check-prefix NARROW

!tiles = !dataflow.itensor<16x16xi8, iter_space: [4, 4] * [16, 16], iter_map: (d0, d1) -> (d0, d1)>
!line = !dataflow.itensor<128xi8, iter_space: [4] * [128], iter_map: (d0) -> (d0)>
!odd = !dataflow.itensor<12x4xf32, iter_space: [2] * [4], iter_map: (d0) -> (0, d0)>
!threes = !dataflow.itensor<3xf32, iter_space: [8] * [3], iter_map: (d0) -> (d0)>

// A word is what the FIFO carries, 4 rows of 16; where FIFOs are narrower than the port it is the most even one.
// CHECK-LABEL: func.func private @packed
// CHECK:         %[[X:.*]] = tensor_ext.widen %x : tensor<4x4x16x16xi8> -> tensor<4x4x4x1xvector<4x16xi8>>
// CHECK:         %[[Y:.*]] = dataflow.kernel "k" ins(%[[X]] : tensor<4x4x4x1xvector<4x16xi8>>) outs(%{{.*}} : tensor<4x4x4x1xvector<4x16xi8>>)
// CHECK:         %[[R:.*]] = tensor_ext.unwiden %[[Y]] : tensor<4x4x4x1xvector<4x16xi8>> -> tensor<4x4x16x16xi8>
// CHECK-NEXT:    func.return %[[R]]
// NARROW-LABEL: func.func private @packed
// NARROW:         tensor_ext.widen %x : tensor<4x4x16x16xi8> -> tensor<4x4x2x2xvector<8x8xi8>>
func.func private @packed(%x: tensor<4x4x16x16xi8>) -> tensor<4x4x16x16xi8> attributes {dataflow.place = "device"} {
  %e = tensor.empty() : tensor<4x4x16x16xi8>
  %y = dataflow.kernel "k" ins(%x : tensor<4x4x16x16xi8>) outs(%e : tensor<4x4x16x16xi8>) {
  ^bb0(%i: !tiles, %o: !tiles):
    %n = dataflow.itensor_empty : !tiles
    dataflow.yield %n : !tiles
  } -> tensor<4x4x16x16xi8>
  func.return %y : tensor<4x4x16x16xi8>
}

// A tensor that is not packed has words along its last dimension. In tokens of 12x4 of f32 they are one row wide, not a
// port; tokens of 3 start inside every word of 4, and 3 is no power of two, so that port stays as it is.
// CHECK-LABEL: func.func private @plain
// CHECK-DAG:     tensor_ext.widen %line : tensor<512xi8> -> tensor<8xvector<64xi8>>
// CHECK-DAG:     tensor_ext.widen %odd : tensor<12x8xf32> -> tensor<12x2xvector<1x4xf32>>
// CHECK:         dataflow.kernel "k" ins(%{{.*}}, %{{.*}}, %threes :
func.func private @plain(%line: tensor<512xi8>, %odd: tensor<12x8xf32>, %threes: tensor<24xf32>) -> tensor<512xi8> attributes {dataflow.place = "device"} {
  %e = tensor.empty() : tensor<512xi8>
  %y = dataflow.kernel "k" ins(%line, %odd, %threes : tensor<512xi8>, tensor<12x8xf32>, tensor<24xf32>) outs(%e : tensor<512xi8>) {
  ^bb0(%a: !line, %b: !odd, %c: !threes, %o: !line):
    %n = dataflow.itensor_empty : !line
    dataflow.yield %n : !line
  } -> tensor<512xi8>
  func.return %y : tensor<512xi8>
}

// A slice that starts inside a word has no words.
// CHECK-LABEL: func.func private @unaligned
// CHECK:         %[[S:.*]] = tensor.extract_slice %x[8] [512] [1]
// CHECK-NEXT:    dataflow.kernel "k" ins(%[[S]] : tensor<512xi8>)
func.func private @unaligned(%x: tensor<1024xi8>, %e: tensor<512xi8>) -> tensor<512xi8> attributes {dataflow.place = "device"} {
  %s = tensor.extract_slice %x[8] [512] [1] : tensor<1024xi8> to tensor<512xi8>
  %y = dataflow.kernel "k" ins(%s : tensor<512xi8>) outs(%e : tensor<512xi8>) {
  ^bb0(%i: !line, %o: !line):
    %n = dataflow.itensor_empty : !line
    dataflow.yield %n : !line
  } -> tensor<512xi8>
  func.return %y : tensor<512xi8>
}

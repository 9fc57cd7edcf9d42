// RUN: streamtensor-opt %s -p pack-kernel-interface | filecheck %s

!tiles = !dataflow.itensor<16x16xi8, iter_space: [4, 4] * [16, 16], iter_map: (d0, d1) -> (d0, d1)>
!halves = !dataflow.itensor<16x8xi8, iter_space: [8, 4] * [8, 16], iter_map: (d0, d1) -> (d1, d0)>
!windows = !dataflow.itensor<18x64xi8, iter_space: [4] * [16], iter_map: (d0) -> (d0, 0)>
!rows = !dataflow.itensor<2x64xi8, iter_space: [32] * [2], iter_map: (d0) -> (d0, 0)>
!line = !dataflow.itensor<16xi8, iter_space: [256] * [16], iter_map: (d0) -> (d0)>
!short = !dataflow.itensor<4x4xi8, iter_space: [4] * [4], iter_map: (d0) -> (d0, 0)>

// The tile is the token: 64x64 in 16x16 becomes 4x4x16x16, on both sides.
// CHECK-LABEL: func.func private @token
// CHECK:         %[[X:.*]] = tensor_ext.pack %x : tensor<64x64xi8> -> tensor<4x4x16x16xi8>
// CHECK:         %[[Y:.*]] = dataflow.kernel "k" ins(%[[X]] : tensor<4x4x16x16xi8>) outs(%{{.*}} : tensor<4x4x16x16xi8>)
// CHECK:         %[[R:.*]] = tensor_ext.unpack %[[Y]] : tensor<4x4x16x16xi8> -> tensor<64x64xi8>
// CHECK-NEXT:    func.return %[[R]]
func.func private @token(%x: tensor<64x64xi8>) -> tensor<64x64xi8> attributes {dataflow.place = "device"} {
  %e = tensor.empty() : tensor<64x64xi8>
  %y = dataflow.kernel "k" ins(%x : tensor<64x64xi8>) outs(%e : tensor<64x64xi8>) {
  ^bb0(%i: !tiles, %o: !tiles):
    %n = dataflow.itensor_empty : !tiles
    dataflow.yield %n : !tiles
  } -> tensor<64x64xi8>
  func.return %y : tensor<64x64xi8>
}

// The kernel that makes a tensor and the one that reads it agree on the largest tile that divides both tokens.
// CHECK-LABEL: func.func private @agree
// CHECK:         %[[Y:.*]] = dataflow.kernel "writer" {{.*}} outs(%{{.*}} : tensor<4x8x16x8xi8>)
// CHECK:         %[[T:.*]] = tensor_ext.unpack %[[Y]] : tensor<4x8x16x8xi8> -> tensor<64x64xi8>
// CHECK:         %[[P:.*]] = tensor_ext.pack %[[T]] : tensor<64x64xi8> -> tensor<4x8x16x8xi8>
// CHECK:         dataflow.kernel "reader" ins(%[[P]] : tensor<4x8x16x8xi8>)
func.func private @agree(%x: tensor<64x64xi8>) -> tensor<64x64xi8> attributes {dataflow.place = "device"} {
  %e = tensor.empty() : tensor<64x64xi8>
  %f = tensor.empty() : tensor<64x64xi8>
  %t = dataflow.kernel "writer" ins(%x : tensor<64x64xi8>) outs(%e : tensor<64x64xi8>) {
  ^bb0(%i: !tiles, %o: !tiles):
    %n = dataflow.itensor_empty : !tiles
    dataflow.yield %n : !tiles
  } -> tensor<64x64xi8>
  %y = dataflow.kernel "reader" ins(%t : tensor<64x64xi8>) outs(%f : tensor<64x64xi8>) {
  ^bb0(%i: !halves, %o: !tiles):
    %n = dataflow.itensor_empty : !tiles
    dataflow.yield %n : !tiles
  } -> tensor<64x64xi8>
  func.return %y : tensor<64x64xi8>
}

// A reshape between two kernels that changes the tensor: a pack would stay on the device, so both sides are plain.
// CHECK-LABEL: func.func private @reshaped
// CHECK:         dataflow.kernel "writer" {{.*}} outs(%{{.*}} : tensor<64x64xi8>)
// CHECK-NOT:     tensor_ext.unpack
// CHECK:         dataflow.kernel "reader" ins(%{{.*}} : tensor<4096xi8>)
func.func private @reshaped(%x: tensor<64x64xi8>) -> tensor<4096xi8> attributes {dataflow.place = "device"} {
  %e = tensor.empty() : tensor<64x64xi8>
  %f = tensor.empty() : tensor<4096xi8>
  %t = dataflow.kernel "writer" ins(%x : tensor<64x64xi8>) outs(%e : tensor<64x64xi8>) {
  ^bb0(%i: !tiles, %o: !tiles):
    %n = dataflow.itensor_empty : !tiles
    dataflow.yield %n : !tiles
  } -> tensor<64x64xi8>
  %c = tensor.collapse_shape %t [[0 : i64, 1 : i64]] : tensor<64x64xi8> into tensor<4096xi8>
  %y = dataflow.kernel "reader" ins(%c : tensor<4096xi8>) outs(%f : tensor<4096xi8>) {
  ^bb0(%i: !line, %o: !line):
    %n = dataflow.itensor_empty : !line
    dataflow.yield %n : !line
  } -> tensor<4096xi8>
  func.return %y : tensor<4096xi8>
}

// Windows that overlap straddle every tile; rows that are runs of addresses and fill a port are packed already; short
// ones are runs too, but words of a plain tensor would be shorter than the port.
// CHECK-LABEL: func.func private @left
// CHECK-NOT:     tensor_ext.pack %windows
// CHECK-NOT:     tensor_ext.pack %rows
// CHECK:         tensor_ext.pack %short : tensor<16x4xi8> -> tensor<4x1x4x4xi8>
// CHECK:         dataflow.kernel "k" ins(%windows, %rows, %{{.*}} : tensor<66x64xi8>, tensor<64x64xi8>, tensor<4x1x4x4xi8>)
func.func private @left(%windows: tensor<66x64xi8>, %rows: tensor<64x64xi8>, %short: tensor<16x4xi8>) -> tensor<64x64xi8> attributes {dataflow.place = "device"} {
  %e = tensor.empty() : tensor<64x64xi8>
  %y = dataflow.kernel "k" ins(%windows, %rows, %short : tensor<66x64xi8>, tensor<64x64xi8>, tensor<16x4xi8>) outs(%e : tensor<64x64xi8>) {
  ^bb0(%a: !windows, %b: !rows, %c: !short, %o: !tiles):
    %n = dataflow.itensor_empty : !tiles
    dataflow.yield %n : !tiles
  } -> tensor<64x64xi8>
  func.return %y : tensor<64x64xi8>
}

// A parameter that a function of the host reads too stays as it is in the model: it is stored once.
// CHECK-LABEL: func.func private @device
// CHECK:         %[[X:.*]] = tensor_ext.pack %x
// CHECK-NOT:     tensor_ext.pack %table
// CHECK:         dataflow.kernel "k" ins(%[[X]], %table :
func.func private @gather(%table: tensor<64x64xi8>) -> tensor<64x64xi8> attributes {dataflow.place = "host"} {
  func.return %table : tensor<64x64xi8>
}
func.func private @device(%x: tensor<64x64xi8>, %table: tensor<64x64xi8>) -> tensor<64x64xi8> attributes {dataflow.place = "device"} {
  %e = tensor.empty() : tensor<64x64xi8>
  %y = dataflow.kernel "k" ins(%x, %table : tensor<64x64xi8>, tensor<64x64xi8>) outs(%e : tensor<64x64xi8>) {
  ^bb0(%i: !tiles, %j: !tiles, %o: !tiles):
    %n = dataflow.itensor_empty : !tiles
    dataflow.yield %n : !tiles
  } -> tensor<64x64xi8>
  func.return %y : tensor<64x64xi8>
}
func.func @main(%table: tensor<64x64xi8> {dataflow.param = "table"}) -> tensor<64x64xi8> {
  %x = func.call @gather(%table) : (tensor<64x64xi8>) -> tensor<64x64xi8>
  %y = func.call @device(%x, %table) : (tensor<64x64xi8>, tensor<64x64xi8>) -> tensor<64x64xi8>
  func.return %y : tensor<64x64xi8>
}

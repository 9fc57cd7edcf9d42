// RUN: streamtensor-opt %s -p narrow-parameters | filecheck %s

// The weight that needs 4 bits is one of 4 bits for every layer; what reads it gets the extended numbers. The one that a
// layer also gets something wider in the place of, and the one that the host reads, stay.
// CHECK-LABEL: func.func private @layer
// CHECK-SAME:    (%{{.*}}: tensor<4x8xi8>, %[[W:.*]]: tensor<8x6xi4>, %{{.*}}: tensor<6xi8>)
// CHECK-NEXT:    %[[O:.*]] = tensor.empty() : tensor<8x6xi8>
// CHECK-NEXT:    %[[E:.*]] = linalg.generic {{.*}} ins(%[[W]] : tensor<8x6xi4>) outs(%[[O]] : tensor<8x6xi8>)
// CHECK-NEXT:    ^bb0(%[[N:.*]]: i4, %{{.*}}: i8):
// CHECK-NEXT:      %[[V:.*]] = arith.extsi %[[N]] : i4 to i8
// CHECK-NEXT:      linalg.yield %[[V]] : i8
// CHECK:         tensor.collapse_shape %[[E]]
func.func private @layer(%x: tensor<4x8xi8>, %w: tensor<8x6xi8>, %b: tensor<6xi8>) -> tensor<48xi8> attributes {dataflow.place = "device"} {
  %flat = tensor.collapse_shape %w [[0, 1]] : tensor<8x6xi8> into tensor<48xi8>
  func.return %flat : tensor<48xi8>
}

// CHECK-LABEL: func.func private @gather
// CHECK-SAME:    (%{{.*}}: tensor<6xi8>)
func.func private @gather(%t: tensor<6xi8>) -> tensor<6xi8> attributes {dataflow.place = "host"} {
  func.return %t : tensor<6xi8>
}

// CHECK-LABEL: func.func @main
// CHECK-SAME:    %{{.*}}: tensor<8x6xi4> {dataflow.param = "0.w"}, %{{.*}}: tensor<8x6xi4> {dataflow.param = "1.w"},
// CHECK-SAME:    %{{.*}}: tensor<6xi8> {dataflow.param = "0.b"}, %{{.*}}: tensor<6xi8> {dataflow.param = "1.b"},
// CHECK-SAME:    %{{.*}}: tensor<6xi8> {dataflow.param = "t"})
func.func @main(%x: tensor<4x8xi8> {dataflow.name = "x"}, %w0: tensor<8x6xi8> {dataflow.param = "0.w", dataflow.param_bits = 4 : i64}, %w1: tensor<8x6xi8> {dataflow.param = "1.w", dataflow.param_bits = 4 : i64}, %b0: tensor<6xi8> {dataflow.param = "0.b", dataflow.param_bits = 4 : i64}, %b1: tensor<6xi8> {dataflow.param = "1.b"}, %t: tensor<6xi8> {dataflow.param = "t", dataflow.param_bits = 4 : i64}) -> (tensor<48xi8>, tensor<48xi8>, tensor<6xi8>) {
  %0 = func.call @layer(%x, %w0, %b0) : (tensor<4x8xi8>, tensor<8x6xi8>, tensor<6xi8>) -> tensor<48xi8>
  %1 = func.call @layer(%x, %w1, %b1) : (tensor<4x8xi8>, tensor<8x6xi8>, tensor<6xi8>) -> tensor<48xi8>
  %2 = func.call @gather(%t) : (tensor<6xi8>) -> tensor<6xi8>
  func.return %0, %1, %2 : tensor<48xi8>, tensor<48xi8>, tensor<6xi8>
}

// RUN: streamtensor-opt %s -p pack-kernel-interface,widen-kernel-interface,lower-pack-unpack | filecheck %s

!tiles = !dataflow.itensor<16x16xi8, iter_space: [4, 4] * [16, 16], iter_map: (d0, d1) -> (d0, d1)>
!line = !dataflow.itensor<64xi8, iter_space: [4] * [64], iter_map: (d0) -> (d0)>

// The arguments and the result have the packed type; nothing is packed on the device, and words of a row-major
// parameter are a view of it.
// CHECK-LABEL: func.func private @step
// CHECK-SAME:    (%x: tensor<4x4x4x1xvector<4x16xi8>>, %w: tensor<4x4x4x1xvector<4x16xi8>>, %{{.*}}: tensor<4x4x4x1xvector<4x16xi8>>, %b: tensor<256xi8>) -> tensor<4x4x4x1xvector<4x16xi8>>
// CHECK-NOT:     tensor_ext.pack
// CHECK:         tensor_ext.widen %b : tensor<256xi8> -> tensor<4xvector<64xi8>>
// CHECK:         %[[R:.*]] = dataflow.kernel "first"
// CHECK:         %[[S:.*]] = dataflow.kernel "second" ins(%[[R]]
// CHECK-NEXT:    ^bb0
// CHECK-NEXT:      dataflow.itensor_empty
// CHECK-NEXT:      dataflow.yield
// CHECK-NEXT:    } ->
// CHECK-NEXT:    func.return %[[S]]
func.func private @step(%x: tensor<1x64x64xi8>, %w: tensor<64x128xi8>, %b: tensor<256xi8>) -> tensor<1x64x64xi8> attributes {dataflow.place = "device"} {
  %e = tensor.empty() : tensor<64x64xi8>
  %f = tensor.empty() : tensor<64x64xi8>
  %c = tensor.collapse_shape %x [[0 : i64, 1 : i64], [2 : i64]] : tensor<1x64x64xi8> into tensor<64x64xi8>
  %p = tensor.extract_slice %w[0, 0] [64, 64] [1, 1] : tensor<64x128xi8> to tensor<64x64xi8>
  %q = tensor.extract_slice %w[0, 64] [64, 64] [1, 1] : tensor<64x128xi8> to tensor<64x64xi8>
  %t = dataflow.kernel "first" ins(%c, %p, %q, %b : tensor<64x64xi8>, tensor<64x64xi8>, tensor<64x64xi8>, tensor<256xi8>) outs(%e : tensor<64x64xi8>) {
  ^bb0(%i: !tiles, %j: !tiles, %k: !tiles, %l: !line, %o: !tiles):
    %n = dataflow.itensor_empty : !tiles
    dataflow.yield %n : !tiles
  } -> tensor<64x64xi8>
  %y = dataflow.kernel "second" ins(%t : tensor<64x64xi8>) outs(%f : tensor<64x64xi8>) {
  ^bb0(%i: !tiles, %o: !tiles):
    %n = dataflow.itensor_empty : !tiles
    dataflow.yield %n : !tiles
  } -> tensor<64x64xi8>
  %r = tensor.expand_shape %y [[0 : i64, 1 : i64], [2 : i64]] output_shape [1, 64, 64] : tensor<64x64xi8> into tensor<1x64x64xi8>
  func.return %r : tensor<1x64x64xi8>
}

// Nobody calls it here: whoever will gives it packed memory.
// CHECK-LABEL: func.func private @uncalled
// CHECK-SAME:    (%x: tensor<4x4x4x1xvector<4x16xi8>>) -> tensor<4x4x4x1xvector<4x16xi8>>
// CHECK-NOT:     tensor_ext
func.func private @uncalled(%x: tensor<64x64xi8>) -> tensor<64x64xi8> attributes {dataflow.place = "device"} {
  %e = tensor.empty() : tensor<64x64xi8>
  %y = dataflow.kernel "k" ins(%x : tensor<64x64xi8>) outs(%e : tensor<64x64xi8>) {
  ^bb0(%i: !tiles, %o: !tiles):
    %n = dataflow.itensor_empty : !tiles
    dataflow.yield %n : !tiles
  } -> tensor<64x64xi8>
  func.return %y : tensor<64x64xi8>
}

// Functions of the host, one for each kind of change: the two slices of a parameter are two, however often they are used.
// CHECK-LABEL: func.func private @unpack_0
// CHECK-SAME:    attributes {dataflow.place = "host", dataflow.layout = "unpack"}
// CHECK-NEXT:    tensor_ext.unwiden
// CHECK-NEXT:    tensor_ext.unpack
// CHECK-LABEL: func.func private @pack_1
// CHECK-SAME:    attributes {dataflow.place = "host", dataflow.layout = "pack"}
// CHECK-NEXT:    tensor.collapse_shape
// CHECK-NEXT:    tensor_ext.pack
// CHECK-NEXT:    tensor_ext.widen
// CHECK-LABEL: func.func private @pack_2
// CHECK-NEXT:    tensor.extract_slice %{{.*}}[0, 0]
// CHECK-LABEL: func.func private @pack_3
// CHECK-NEXT:    tensor.extract_slice %{{.*}}[0, 64]
// CHECK-NOT:   func.func private

// What the first call gives is packed as the second one takes it: the host only sees the model's own input and output.
// CHECK-LABEL: func.func @main
// CHECK-NEXT:    %[[X:.*]] = func.call @pack_1(%x)
// CHECK-NEXT:    %[[P:.*]] = func.call @pack_2(%w)
// CHECK-NEXT:    %[[Q:.*]] = func.call @pack_3(%w)
// CHECK-NEXT:    %[[T:.*]] = func.call @step(%[[X]], %[[P]], %[[Q]], %b)
// CHECK-NEXT:    %[[Y:.*]] = func.call @step(%[[T]], %[[P]], %[[Q]], %b)
// CHECK-NEXT:    %[[U:.*]] = func.call @unpack_0(%[[Y]])
// CHECK-NEXT:    %[[R:.*]] = tensor.expand_shape %[[U]]
// CHECK-NEXT:    func.return %[[R]]
func.func @main(%x: tensor<1x64x64xi8> {dataflow.name = "x"}, %w: tensor<64x128xi8> {dataflow.param = "w"}, %b: tensor<256xi8> {dataflow.param = "b"}) -> tensor<1x64x64xi8> {
  %t = func.call @step(%x, %w, %b) : (tensor<1x64x64xi8>, tensor<64x128xi8>, tensor<256xi8>) -> tensor<1x64x64xi8>
  %y = func.call @step(%t, %w, %b) : (tensor<1x64x64xi8>, tensor<64x128xi8>, tensor<256xi8>) -> tensor<1x64x64xi8>
  func.return %y : tensor<1x64x64xi8>
}

// RUN: streamtensor-opt %s -p 'apply-tiling,convert-linalg-to-kernel,materialize-kernels' | filecheck %s

#id = affine_map<(d0, d1) -> (d0, d1)>

// The arguments of the body become the tensors in external memory; a load and a store task move the tokens.
// CHECK: !itensor_[[T:[0-9]+]] = !dataflow.itensor<1x4xf32, iter_space: [2, 2] * [1, 4], iter_map: (d0, d1) -> (d0, d1)>
// CHECK-LABEL: func.func private @one
// CHECK:         dataflow.kernel "exp" ins(%x : tensor<2x8xf32>) outs(%{{.*}} : tensor<2x8xf32>) {
// CHECK-NEXT:    ^bb0(%[[X:.*]]: tensor<2x8xf32>, %[[Y:.*]]: tensor<2x8xf32>):
// CHECK:           %[[L:.*]] = dataflow.task "load_x" inits(%{{.*}} : !itensor_[[T]]) {
// CHECK:             scf.for %[[I:.*]] = %{{.*}} to %c2{{.*}} step %c1
// CHECK-NEXT:          scf.for %[[J:.*]] = %{{.*}} to %c8{{.*}} step %c4
// CHECK-NEXT:            %[[S:.*]] = tensor.extract_slice %[[X]][%[[I]], %[[J]]] [1, 4] [1, 1]
// CHECK-NEXT:            dataflow.itensor_write %[[S]] into
// CHECK:           %[[A:.*]] = dataflow.task "exp" inits(%{{.*}} : !itensor_[[T]]) {
// CHECK:             dataflow.itensor_read %[[L]]
// CHECK:           %[[R:.*]] = dataflow.task "store_result" inits(%[[Y]] : tensor<2x8xf32>) {
// CHECK:             %[[V:.*]] = dataflow.itensor_read %[[A]]
// CHECK-NEXT:        tensor.insert_slice %[[V]] into
// CHECK:           dataflow.yield %[[R]] : tensor<2x8xf32>
func.func private @one(%x: tensor<2x8xf32>) -> tensor<2x8xf32> attributes {dataflow.place = "device"} {
  %e = tensor.empty() : tensor<2x8xf32>
  %r = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%x : tensor<2x8xf32>) outs(%e : tensor<2x8xf32>) attrs = {dataflow.tile = array<i64: 1, 4>, dataflow.order = array<i64: 0, 1>} {
  ^bb0(%u: f32, %out: f32):
    %s = math.exp %u : f32
    linalg.yield %s : f32
  } -> tensor<2x8xf32>
  func.return %r : tensor<2x8xf32>
}

// Packed memory: a slice of words, at offset floordiv tile, becomes a token; the store does the inverse. Two tokens lie in
// one tile of the parameter, whose inner index is what is left.
// CHECK-LABEL: func.func private @packed
// CHECK:         dataflow.task "load_x"
// CHECK:           scf.for %[[I:.*]] = %{{.*}} to %c64{{.*}} step %c16
// CHECK:             scf.for %[[J:.*]] = %{{.*}} to %c64{{.*}} step %c16
// CHECK-NEXT:          %[[A:.*]] = arith.divsi %[[I]], %c16
// CHECK-NEXT:          %[[B:.*]] = arith.divsi %[[J]], %c16
// CHECK-NEXT:          %[[S:.*]] = tensor.extract_slice %{{.*}}[%[[A]], %[[B]], 0, 0] [1, 1, 4, 1] [1, 1, 1, 1] : tensor<4x4x4x1xvector<4x16xi8>> to tensor<1x1x4x1xvector<4x16xi8>>
// CHECK-NEXT:          %[[U:.*]] = tensor_ext.unwiden %[[S]] : tensor<1x1x4x1xvector<4x16xi8>> -> tensor<1x1x16x16xi8>
// CHECK-NEXT:          %[[T:.*]] = tensor_ext.unpack %[[U]] : tensor<1x1x16x16xi8> -> tensor<16x16xi8>
// CHECK-NEXT:          dataflow.itensor_write %[[T]]
// CHECK:         dataflow.task "load_w"
// CHECK:           scf.for %[[I:.*]] = %{{.*}} to %c64{{.*}} step %c16
// CHECK:             scf.for %[[J:.*]] = %{{.*}} to %c64{{.*}} step %c32
// CHECK:               scf.for %[[K:.*]] = %{{.*}} to %c32{{.*}} step %c16
// CHECK-NEXT:            %[[A:.*]] = arith.divsi %[[I]], %c16
// CHECK-NEXT:            %[[B:.*]] = arith.divsi %[[J]], %c32
// CHECK-NEXT:            tensor.extract_slice %{{.*}}[%[[A]], %[[B]], 0, %[[K]]] [1, 1, 16, 16] [1, 1, 1, 1] : tensor<4x2x16x32xi8> to tensor<1x1x16x16xi8>
// CHECK:         dataflow.task "store_result"
// CHECK:           %[[T:.*]] = dataflow.itensor_read
// CHECK-NEXT:      %[[P:.*]] = tensor_ext.pack %[[T]] : tensor<16x16xi8> -> tensor<1x1x16x16xi8>
// CHECK-NEXT:      %[[V:.*]] = tensor_ext.widen %[[P]] : tensor<1x1x16x16xi8> -> tensor<1x1x4x1xvector<4x16xi8>>
// CHECK-NEXT:      tensor.insert_slice %[[V]] into
!tiles = !dataflow.itensor<16x16xi8, iter_space: [4, 4] * [16, 16], iter_map: (d0, d1) -> (d0, d1)>
func.func private @packed(%x: tensor<4x4x4x1xvector<4x16xi8>>, %w: tensor<4x2x16x32xi8>) -> tensor<4x4x4x1xvector<4x16xi8>> attributes {dataflow.place = "device"} {
  %e = tensor.empty() : tensor<4x4x4x1xvector<4x16xi8>>
  %y = dataflow.kernel "k" ins(%x, %w : tensor<4x4x4x1xvector<4x16xi8>>, tensor<4x2x16x32xi8>) outs(%e : tensor<4x4x4x1xvector<4x16xi8>>) {
  ^bb0(%i: !tiles, %j: !tiles, %o: !tiles):
    %n = dataflow.itensor_empty : !tiles
    dataflow.yield %n : !tiles
  } -> tensor<4x4x4x1xvector<4x16xi8>>
  func.return %y : tensor<4x4x4x1xvector<4x16xi8>>
}

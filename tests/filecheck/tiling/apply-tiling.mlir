// RUN: streamtensor-opt %s -p apply-tiling | filecheck %s

// Parallel loops outermost, in the order that is written; the reduction inside, on an accumulator of one tile. The
// index in the body becomes the index of the whole operation.
// CHECK-LABEL: func.func private @matmul
// CHECK:         %[[E:.*]] = tensor.empty() : tensor<4x6xf32>
// CHECK-NEXT:    %[[Y:.*]] = scf.for %[[J:.*]] = %c0 to %c6 step %c3 iter_args(%[[YJ:.*]] = %[[E]]) -> (tensor<4x6xf32>) {
// CHECK-NEXT:      %[[YI:.*]] = scf.for %[[I:.*]] = %c0 to %c4 step %c2 iter_args(%[[C:.*]] = %[[YJ]]) -> (tensor<4x6xf32>) {
// CHECK-NEXT:        %[[A0:.*]] = tensor.empty() : tensor<2x3xf32>
// CHECK-NEXT:        %[[A:.*]] = scf.for %[[K:.*]] = %c0 to %c8 step %c4 iter_args(%[[ACC:.*]] = %[[A0]]) -> (tensor<2x3xf32>) {
// CHECK-NEXT:          %[[TX:.*]] = tensor.extract_slice %x[%[[I]], %[[K]]] [2, 4] [1, 1]
// CHECK-NEXT:          %[[TW:.*]] = tensor.extract_slice %w[%[[K]], %[[J]]] [4, 3] [1, 1]
// CHECK-NEXT:          %[[R:.*]] = linalg.generic
// CHECK-SAME:            ins(%[[TX]], %[[TW]] : tensor<2x4xf32>, tensor<4x3xf32>) outs(%[[ACC]] : tensor<2x3xf32>)
// CHECK:                 %[[IN:.*]] = linalg.index 2
// CHECK-NEXT:            %[[AT:.*]] = arith.addi %[[IN]], %[[K]]
// CHECK:                 arith.cmpi eq, %[[AT]]
// CHECK:               scf.yield %[[R]]
// CHECK:             %[[N:.*]] = tensor.insert_slice %[[A]] into %[[C]][%[[I]], %[[J]]] [2, 3] [1, 1]
// CHECK-NEXT:        scf.yield %[[N]]
func.func private @matmul(%x: tensor<4x8xf32>, %w: tensor<8x6xf32>) -> tensor<4x6xf32> attributes {dataflow.place = "device"} {
  %e = tensor.empty() : tensor<4x6xf32>
  %y = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%x, %w : tensor<4x8xf32>, tensor<8x6xf32>) outs(%e : tensor<4x6xf32>) attrs = {dataflow.tile = array<i64: 2, 3, 4>, dataflow.order = array<i64: 1, 0, 2>} {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %k = linalg.index 2 : index
    %c0 = arith.constant 0 : index
    %first = arith.cmpi eq, %k, %c0 : index
    %zero = arith.constant 0.0 : f32
    %acc = arith.select %first, %zero, %o : f32
    %m = arith.mulf %a, %b : f32
    %s = arith.addf %acc, %m : f32
    linalg.yield %s : f32
  } -> tensor<4x6xf32>
  func.return %y : tensor<4x6xf32>
}

// One tile is the whole operation: nothing changes.
// CHECK-LABEL: func.func private @whole
// CHECK-NOT:     scf.for
// CHECK:         linalg.generic
func.func private @whole(%x: tensor<8xf32>) -> tensor<8xf32> attributes {dataflow.place = "device"} {
  %e = tensor.empty() : tensor<8xf32>
  %z = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} ins(%x : tensor<8xf32>) outs(%e : tensor<8xf32>) attrs = {dataflow.tile = array<i64: 8>, dataflow.order = array<i64: 0>} {
  ^bb0(%a: f32, %o: f32):
    %s = math.exp %a : f32
    linalg.yield %s : f32
  } -> tensor<8xf32>
  func.return %z : tensor<8xf32>
}

// The window of a convolution: tiles of the input overlap.
// CHECK-LABEL: func.func private @window
// CHECK:         scf.for %[[I:.*]] = %c0 to %c8 step %c4
// CHECK:           tensor.extract_slice %x[%[[I]]] [6] [1] : tensor<10xf32> to tensor<6xf32>
// CHECK:           tensor.extract_slice %w[0] [3] [1] : tensor<3xf32> to tensor<3xf32>
func.func private @window(%x: tensor<10xf32>, %w: tensor<3xf32>) -> tensor<8xf32> attributes {dataflow.place = "device"} {
  %e = tensor.empty() : tensor<8xf32>
  %z = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0 + d1)>, affine_map<(d0, d1) -> (d1)>, affine_map<(d0, d1) -> (d0)>], iterator_types = ["parallel", "reduction"]} ins(%x, %w : tensor<10xf32>, tensor<3xf32>) outs(%e : tensor<8xf32>) attrs = {dataflow.tile = array<i64: 4, 3>, dataflow.order = array<i64: 0, 1>} {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %m = arith.mulf %a, %b : f32
    %s = arith.addf %o, %m : f32
    linalg.yield %s : f32
  } -> tensor<8xf32>
  func.return %z : tensor<8xf32>
}

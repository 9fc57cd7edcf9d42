// RUN: streamtensor-opt %s -p 'unroll-kernels{budget=20}' | filecheck %s

// All have 512 iterations. The first one gets what is left when the second one has all 4 parallel iterations of its
// tile, and what was chosen for the third one stays.
// CHECK-LABEL: func.func private @f
// CHECK:         dataflow.kernel = "a", dataflow.tile = array<i64: 8, 4, 1>, dataflow.lanes = 8 : i64}
// CHECK:         dataflow.kernel = "b", dataflow.tile = array<i64: 2, 2, 16>, dataflow.lanes = 4 : i64}
// CHECK:         dataflow.kernel = "c", dataflow.lanes = 2 : i64, dataflow.tile = array<i64: 8, 4, 1>}
func.func private @f(%x: tensor<8x16xf32>, %w: tensor<4x16xf32>) -> (tensor<8x4xf32>, tensor<8x4xf32>, tensor<8x4xf32>) attributes {dataflow.place = "device"} {
  %e0 = tensor.empty() : tensor<8x4xf32>
  %r0 = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%x, %w : tensor<8x16xf32>, tensor<4x16xf32>) outs(%e0 : tensor<8x4xf32>) attrs = {dataflow.kernel = "a", dataflow.tile = array<i64: 8, 4, 1>} {
  ^bb0(%u: f32, %v: f32, %out: f32):
    %m = arith.mulf %u, %v : f32
    %s = arith.addf %out, %m : f32
    linalg.yield %s : f32
  } -> tensor<8x4xf32>
  %e1 = tensor.empty() : tensor<8x4xf32>
  %r1 = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%x, %w : tensor<8x16xf32>, tensor<4x16xf32>) outs(%e1 : tensor<8x4xf32>) attrs = {dataflow.kernel = "b", dataflow.tile = array<i64: 2, 2, 16>} {
  ^bb0(%u: f32, %v: f32, %out: f32):
    %m = arith.mulf %u, %v : f32
    %s = arith.addf %out, %m : f32
    linalg.yield %s : f32
  } -> tensor<8x4xf32>
  %e2 = tensor.empty() : tensor<8x4xf32>
  %r2 = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%x, %w : tensor<8x16xf32>, tensor<4x16xf32>) outs(%e2 : tensor<8x4xf32>) attrs = {dataflow.kernel = "c", dataflow.lanes = 2 : i64, dataflow.tile = array<i64: 8, 4, 1>} {
  ^bb0(%u: f32, %v: f32, %out: f32):
    %m = arith.mulf %u, %v : f32
    %s = arith.addf %out, %m : f32
    linalg.yield %s : f32
  } -> tensor<8x4xf32>
  func.return %r0, %r1, %r2 : tensor<8x4xf32>, tensor<8x4xf32>, tensor<8x4xf32>
}

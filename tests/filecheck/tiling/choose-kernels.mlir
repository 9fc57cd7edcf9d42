// RUN: streamtensor-opt %s -p 'choose-kernels{choices="tile.a.1=2","tile.a.2=1","unroll.a=8","order.b=1,0,2","group.b=1"}' | filecheck %s

// What is not chosen is left to the rules: 0 for the tile of a loop, nothing for the rest.
// CHECK-LABEL: func.func private @f
// CHECK:         dataflow.kernel = "a", dataflow.wanted_tile = array<i64: 0, 2, 1>, dataflow.lanes = 8 : i64}
// CHECK:         dataflow.kernel = "b", dataflow.order = array<i64: 1, 0, 2>, dataflow.starts_group}
func.func private @f(%x: tensor<8x16xf32>, %w: tensor<4x16xf32>) -> (tensor<8x4xf32>, tensor<8x4xf32>) attributes {dataflow.place = "device"} {
  %e0 = tensor.empty() : tensor<8x4xf32>
  %r0 = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%x, %w : tensor<8x16xf32>, tensor<4x16xf32>) outs(%e0 : tensor<8x4xf32>) attrs = {dataflow.kernel = "a"} {
  ^bb0(%u: f32, %v: f32, %out: f32):
    %m = arith.mulf %u, %v : f32
    %s = arith.addf %out, %m : f32
    linalg.yield %s : f32
  } -> tensor<8x4xf32>
  %e1 = tensor.empty() : tensor<8x4xf32>
  %r1 = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%x, %w : tensor<8x16xf32>, tensor<4x16xf32>) outs(%e1 : tensor<8x4xf32>) attrs = {dataflow.kernel = "b"} {
  ^bb0(%u: f32, %v: f32, %out: f32):
    %m = arith.mulf %u, %v : f32
    %s = arith.addf %out, %m : f32
    linalg.yield %s : f32
  } -> tensor<8x4xf32>
  func.return %r0, %r1 : tensor<8x4xf32>, tensor<8x4xf32>
}

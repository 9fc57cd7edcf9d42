// RUN: streamtensor-opt %s -p default-tiling{tile=2},order-loops | filecheck %s

// Keys are made row by row, and the scores, in the order of their result, want them head by head, each for all rows: all
// keys would wait in a converter. With the keys outside in the scores too, both have one order and nothing waits.
// CHECK-LABEL: func.func private @heads
// CHECK:         dataflow.order = array<i64: 0, 1, 2>
// CHECK:         dataflow.order = array<i64: 2, 0, 1>
// CHECK-NOT:     order_is_default
func.func private @heads(%x: tensor<8x4xf32>, %w: tensor<4x4xf32>, %q: tensor<4x8xf32>) -> tensor<4x8x8xf32> attributes {dataflow.place = "device"} {
  %e = tensor.empty() : tensor<8x4xf32>
  %k = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%x, %w : tensor<8x4xf32>, tensor<4x4xf32>) outs(%e : tensor<8x4xf32>) {
  ^bb0(%u: f32, %v: f32, %out: f32):
    %m = arith.mulf %u, %v : f32
    %s = arith.addf %out, %m : f32
    linalg.yield %s : f32
  } -> tensor<8x4xf32>
  %f = tensor.empty() : tensor<4x8x8xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1)>, affine_map<(d0, d1, d2) -> (d2, d0)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%q, %k : tensor<4x8xf32>, tensor<8x4xf32>) outs(%f : tensor<4x8x8xf32>) {
  ^bb0(%u: f32, %v: f32, %out: f32):
    %s = arith.mulf %u, %v : f32
    linalg.yield %s : f32
  } -> tensor<4x8x8xf32>
  func.return %r : tensor<4x8x8xf32>
}

// An order that was given stays, whatever it costs.
// CHECK-LABEL: func.func private @given
// CHECK:         dataflow.order = array<i64: 0, 1, 2>
// CHECK:         dataflow.order = array<i64: 0, 1, 2>
func.func private @given(%x: tensor<8x4xf32>, %w: tensor<4x4xf32>, %q: tensor<4x8xf32>) -> tensor<4x8x8xf32> attributes {dataflow.place = "device"} {
  %e = tensor.empty() : tensor<8x4xf32>
  %k = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%x, %w : tensor<8x4xf32>, tensor<4x4xf32>) outs(%e : tensor<8x4xf32>) attrs = {dataflow.order = array<i64: 0, 1, 2>} {
  ^bb0(%u: f32, %v: f32, %out: f32):
    %m = arith.mulf %u, %v : f32
    %s = arith.addf %out, %m : f32
    linalg.yield %s : f32
  } -> tensor<8x4xf32>
  %f = tensor.empty() : tensor<4x8x8xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1)>, affine_map<(d0, d1, d2) -> (d2, d0)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%q, %k : tensor<4x8xf32>, tensor<8x4xf32>) outs(%f : tensor<4x8x8xf32>) attrs = {dataflow.order = array<i64: 0, 1, 2>} {
  ^bb0(%u: f32, %v: f32, %out: f32):
    %s = arith.mulf %u, %v : f32
    linalg.yield %s : f32
  } -> tensor<4x8x8xf32>
  func.return %r : tensor<4x8x8xf32>
}

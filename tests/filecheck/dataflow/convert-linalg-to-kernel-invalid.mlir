// RUN: streamtensor-opt %s -p apply-tiling,convert-linalg-to-kernel --split-input-file --verify-diagnostics

#in = affine_map<(d0, d1) -> (d0, d1)>
#out = affine_map<(d0, d1) -> (d0)>
// expected-error@unknown {{ST0306: the result of a linalg operation starts from a value that is not tensor.empty}}
func.func private @f(%x: tensor<4x6xf32>, %e: tensor<4xf32>) -> tensor<4xf32> attributes {dataflow.place = "device"} {
  %r = linalg.generic {indexing_maps = [#in, #out], iterator_types = ["parallel", "reduction"]} ins(%x : tensor<4x6xf32>) outs(%e : tensor<4xf32>) attrs = {dataflow.tile = array<i64: 2, 3>, dataflow.order = array<i64: 0, 1>} {
  ^bb0(%u: f32, %out: f32):
    %s = arith.addf %out, %u : f32
    linalg.yield %s : f32
  } -> tensor<4xf32>
  func.return %r : tensor<4xf32>
}

// -----

#in = affine_map<(d0, d1) -> (d0, d1)>
#out = affine_map<(d0, d1) -> (d0)>
// expected-error@unknown {{ST0306: the result of a linalg operation starts from a value that is not tensor.empty}}
func.func private @f(%x: tensor<4x6xf32>, %e: tensor<4xf32>) -> tensor<4xf32> attributes {dataflow.place = "device"} {
  %r = linalg.generic {indexing_maps = [#in, #out], iterator_types = ["parallel", "reduction"]} ins(%x : tensor<4x6xf32>) outs(%e : tensor<4xf32>) attrs = {dataflow.tile = array<i64: 4, 6>, dataflow.order = array<i64: 0, 1>} {
  ^bb0(%u: f32, %out: f32):
    %s = arith.addf %out, %u : f32
    linalg.yield %s : f32
  } -> tensor<4xf32>
  func.return %r : tensor<4xf32>
}

// -----

// Stride 2: the last element is never read, which no itensor type can say.
// expected-error@unknown {{ST0306: the slices of a tensor of 10 only cover 9 of it}}
func.func private @stride(%x: tensor<10xf32>, %w: tensor<3xf32>) -> tensor<4xf32> attributes {dataflow.place = "device"} {
  %e = tensor.empty() : tensor<4xf32>
  %z = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0 * 2 + d1)>, affine_map<(d0, d1) -> (d1)>, affine_map<(d0, d1) -> (d0)>], iterator_types = ["parallel", "reduction"]} ins(%x, %w : tensor<10xf32>, tensor<3xf32>) outs(%e : tensor<4xf32>) attrs = {dataflow.tile = array<i64: 2, 3>, dataflow.order = array<i64: 0, 1>} {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %m = arith.mulf %a, %b : f32
    %s = arith.addf %o, %m : f32
    linalg.yield %s : f32
  } -> tensor<4xf32>
  func.return %z : tensor<4xf32>
}

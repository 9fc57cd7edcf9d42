// RUN: streamtensor-opt %s -p apply-tiling --split-input-file --verify-diagnostics

#in = affine_map<(d0, d1) -> (d0, d1)>
#out = affine_map<(d0, d1) -> (d0)>
// expected-error@unknown {{ST0306: linalg.generic: tile 4 does not divide loop 1 of 6}}
func.func private @f(%x: tensor<4x6xf32>) -> tensor<4xf32> attributes {dataflow.place = "device"} {
  %e = tensor.empty() : tensor<4xf32>
  %r = linalg.generic {indexing_maps = [#in, #out], iterator_types = ["parallel", "reduction"]} ins(%x : tensor<4x6xf32>) outs(%e : tensor<4xf32>) attrs = {dataflow.tile = array<i64: 2, 4>, dataflow.order = array<i64: 0, 1>} {
  ^bb0(%u: f32, %out: f32):
    %s = arith.addf %out, %u : f32
    linalg.yield %s : f32
  } -> tensor<4xf32>
  func.return %r : tensor<4xf32>
}

// -----

#in = affine_map<(d0, d1) -> (d0, d1)>
#out = affine_map<(d0, d1) -> (d0)>
// expected-error@unknown {{ST0306: linalg.generic: tile 0 does not divide loop 0 of 4}}
func.func private @f(%x: tensor<4x6xf32>) -> tensor<4xf32> attributes {dataflow.place = "device"} {
  %e = tensor.empty() : tensor<4xf32>
  %r = linalg.generic {indexing_maps = [#in, #out], iterator_types = ["parallel", "reduction"]} ins(%x : tensor<4x6xf32>) outs(%e : tensor<4xf32>) attrs = {dataflow.tile = array<i64: 0, 6>, dataflow.order = array<i64: 0, 1>} {
  ^bb0(%u: f32, %out: f32):
    %s = arith.addf %out, %u : f32
    linalg.yield %s : f32
  } -> tensor<4xf32>
  func.return %r : tensor<4xf32>
}

// -----

#in = affine_map<(d0, d1) -> (d0, d1)>
#out = affine_map<(d0, d1) -> (d0)>
// expected-error@unknown {{ST0306: linalg.generic: dataflow.order [1, 0] puts a reduction around a parallel loop}}
func.func private @f(%x: tensor<4x6xf32>) -> tensor<4xf32> attributes {dataflow.place = "device"} {
  %e = tensor.empty() : tensor<4xf32>
  %r = linalg.generic {indexing_maps = [#in, #out], iterator_types = ["parallel", "reduction"]} ins(%x : tensor<4x6xf32>) outs(%e : tensor<4xf32>) attrs = {dataflow.tile = array<i64: 2, 3>, dataflow.order = array<i64: 1, 0>} {
  ^bb0(%u: f32, %out: f32):
    %s = arith.addf %out, %u : f32
    linalg.yield %s : f32
  } -> tensor<4xf32>
  func.return %r : tensor<4xf32>
}

// -----

#in = affine_map<(d0, d1) -> (d0, d1)>
#out = affine_map<(d0, d1) -> (d0)>
// expected-error@unknown {{ST0306: linalg.generic: dataflow.order [0, 0] and dataflow.tile [2, 3] do not name its 2 loops}}
func.func private @f(%x: tensor<4x6xf32>) -> tensor<4xf32> attributes {dataflow.place = "device"} {
  %e = tensor.empty() : tensor<4xf32>
  %r = linalg.generic {indexing_maps = [#in, #out], iterator_types = ["parallel", "reduction"]} ins(%x : tensor<4x6xf32>) outs(%e : tensor<4xf32>) attrs = {dataflow.tile = array<i64: 2, 3>, dataflow.order = array<i64: 0, 0>} {
  ^bb0(%u: f32, %out: f32):
    %s = arith.addf %out, %u : f32
    linalg.yield %s : f32
  } -> tensor<4xf32>
  func.return %r : tensor<4xf32>
}

// -----

#in = affine_map<(d0, d1) -> (d0, d1)>
#out = affine_map<(d0, d1) -> (d0)>
// expected-error@unknown {{ST0306: linalg.generic: dataflow.order [0, 1] and dataflow.tile [2] do not name its 2 loops}}
func.func private @f(%x: tensor<4x6xf32>) -> tensor<4xf32> attributes {dataflow.place = "device"} {
  %e = tensor.empty() : tensor<4xf32>
  %r = linalg.generic {indexing_maps = [#in, #out], iterator_types = ["parallel", "reduction"]} ins(%x : tensor<4x6xf32>) outs(%e : tensor<4xf32>) attrs = {dataflow.tile = array<i64: 2>, dataflow.order = array<i64: 0, 1>} {
  ^bb0(%u: f32, %out: f32):
    %s = arith.addf %out, %u : f32
    linalg.yield %s : f32
  } -> tensor<4xf32>
  func.return %r : tensor<4xf32>
}

// -----

#in = affine_map<(d0, d1) -> (d0, d1)>
#out = affine_map<(d0, d1) -> (d0)>
// A tile alone says nothing about the order.
// expected-error@unknown {{ST0306: linalg.generic: dataflow.order is missing}}
func.func private @f(%x: tensor<4x6xf32>) -> tensor<4xf32> attributes {dataflow.place = "device"} {
  %e = tensor.empty() : tensor<4xf32>
  %r = linalg.generic {indexing_maps = [#in, #out], iterator_types = ["parallel", "reduction"]} ins(%x : tensor<4x6xf32>) outs(%e : tensor<4xf32>) attrs = {dataflow.tile = array<i64: 2, 3>} {
  ^bb0(%u: f32, %out: f32):
    %s = arith.addf %out, %u : f32
    linalg.yield %s : f32
  } -> tensor<4xf32>
  func.return %r : tensor<4xf32>
}

// -----

#in = affine_map<(d0, d1) -> (d0, d1)>
#out = affine_map<(d0, d1) -> (d0)>
// expected-error@unknown {{ST0306: linalg.generic: dataflow.tile is not an array of integers}}
func.func private @f(%x: tensor<4x6xf32>) -> tensor<4xf32> attributes {dataflow.place = "device"} {
  %e = tensor.empty() : tensor<4xf32>
  %r = linalg.generic {indexing_maps = [#in, #out], iterator_types = ["parallel", "reduction"]} ins(%x : tensor<4x6xf32>) outs(%e : tensor<4xf32>) attrs = {dataflow.tile = "2", dataflow.order = array<i64: 0, 1>} {
  ^bb0(%u: f32, %out: f32):
    %s = arith.addf %out, %u : f32
    linalg.yield %s : f32
  } -> tensor<4xf32>
  func.return %r : tensor<4xf32>
}

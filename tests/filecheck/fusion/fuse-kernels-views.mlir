// RUN: streamtensor-opt %s -p 'apply-tiling,convert-linalg-to-kernel,fuse-kernels' | filecheck %s

#id1 = affine_map<(d0) -> (d0)>
#id2 = affine_map<(d0, d1) -> (d0, d1)>

// Rows of tokens that are contiguous runs: the flat tensor is the same stream with other types, and nothing is held.
// CHECK-LABEL: func.func private @collapse
// CHECK-NOT:     tensor.collapse_shape
// CHECK:         dataflow.kernel "collapse_0" ins(%{{.*}} : tensor<4x8xf32>) outs(%{{.*}} : tensor<32xf32>) {
// CHECK:           %[[A:.*]] = dataflow.task "exp"
// CHECK:           %[[B:.*]] = dataflow.itensor_reassociate %[[A]] {{\[\[}}0, 1]] : {{.*}} -> !itensor_[[F:[0-9]+]]
// CHECK-NEXT:      dataflow.task "tanh" inits(%{{.*}} : !itensor_[[F]])
// CHECK:             dataflow.itensor_read %[[B]]
func.func private @collapse(%x: tensor<4x8xf32>) -> tensor<32xf32> attributes {dataflow.place = "device"} {
  %e = tensor.empty() : tensor<4x8xf32>
  %f = tensor.empty() : tensor<32xf32>
  %a = linalg.generic {indexing_maps = [#id2, #id2], iterator_types = ["parallel", "parallel"]} ins(%x : tensor<4x8xf32>) outs(%e : tensor<4x8xf32>) attrs = {dataflow.tile = array<i64: 1, 4>, dataflow.order = array<i64: 0, 1>} {
  ^bb0(%u: f32, %out: f32):
    %s = math.exp %u : f32
    linalg.yield %s : f32
  } -> tensor<4x8xf32>
  %v = tensor.collapse_shape %a [[0, 1]] : tensor<4x8xf32> into tensor<32xf32>
  %b = linalg.generic {indexing_maps = [#id1, #id1], iterator_types = ["parallel"]} ins(%v : tensor<32xf32>) outs(%f : tensor<32xf32>) attrs = {dataflow.tile = array<i64: 4>, dataflow.order = array<i64: 0>} {
  ^bb0(%u: f32, %out: f32):
    %s = math.tanh %u : f32
    linalg.yield %s : f32
  } -> tensor<32xf32>
  func.return %b : tensor<32xf32>
}

// The other way round; the tokens of the flat tensor are longer, so that a converter stands before the expansion.
// CHECK-LABEL: func.func private @expand
// CHECK-NOT:     tensor.expand_shape
// CHECK:         dataflow.kernel "expand_0" ins(%{{.*}} : tensor<32xf32>) outs(%{{.*}} : tensor<4x8xf32>) {
// CHECK:           %[[A:.*]] = dataflow.task "exp"
// CHECK:           %[[B:.*]] = dataflow.itensor_converter %[[A]] buffer [16] shared 1
// CHECK-NEXT:      %[[C:.*]] = dataflow.itensor_reassociate %[[B]] {{\[\[}}0, 1]]
// CHECK-NEXT:      dataflow.task "tanh"
// CHECK:             dataflow.itensor_read %[[C]]
func.func private @expand(%x: tensor<32xf32>) -> tensor<4x8xf32> attributes {dataflow.place = "device"} {
  %e = tensor.empty() : tensor<4x8xf32>
  %f = tensor.empty() : tensor<32xf32>
  %a = linalg.generic {indexing_maps = [#id1, #id1], iterator_types = ["parallel"]} ins(%x : tensor<32xf32>) outs(%f : tensor<32xf32>) attrs = {dataflow.tile = array<i64: 16>, dataflow.order = array<i64: 0>} {
  ^bb0(%u: f32, %out: f32):
    %s = math.exp %u : f32
    linalg.yield %s : f32
  } -> tensor<32xf32>
  %v = tensor.expand_shape %a [[0, 1]] output_shape [4, 8] : tensor<32xf32> into tensor<4x8xf32>
  %b = linalg.generic {indexing_maps = [#id2, #id2], iterator_types = ["parallel", "parallel"]} ins(%v : tensor<4x8xf32>) outs(%e : tensor<4x8xf32>) attrs = {dataflow.tile = array<i64: 1, 4>, dataflow.order = array<i64: 0, 1>} {
  ^bb0(%u: f32, %out: f32):
    %s = math.tanh %u : f32
    linalg.yield %s : f32
  } -> tensor<4x8xf32>
  func.return %b : tensor<4x8xf32>
}

// A tile of two rows is no run of the flat tensor: a converter to runs of rows comes first.
// CHECK-LABEL: func.func private @tile
// CHECK-NOT:     tensor.collapse_shape
// CHECK:           %[[A:.*]] = dataflow.task "exp"
// CHECK:           %[[B:.*]] = dataflow.itensor_converter %[[A]] buffer [2, 8] shared 1
// CHECK-NEXT:      %[[C:.*]] = dataflow.itensor_reassociate %[[B]] {{\[\[}}0, 1]] : {{.*}} -> !itensor_[[F]]
// CHECK-NEXT:      dataflow.task "tanh"
// CHECK:             dataflow.itensor_read %[[C]] : !itensor_[[F]]
func.func private @tile(%x: tensor<4x8xf32>) -> tensor<32xf32> attributes {dataflow.place = "device"} {
  %e = tensor.empty() : tensor<4x8xf32>
  %f = tensor.empty() : tensor<32xf32>
  %a = linalg.generic {indexing_maps = [#id2, #id2], iterator_types = ["parallel", "parallel"]} ins(%x : tensor<4x8xf32>) outs(%e : tensor<4x8xf32>) attrs = {dataflow.tile = array<i64: 2, 4>, dataflow.order = array<i64: 0, 1>} {
  ^bb0(%u: f32, %out: f32):
    %s = math.exp %u : f32
    linalg.yield %s : f32
  } -> tensor<4x8xf32>
  %v = tensor.collapse_shape %a [[0, 1]] : tensor<4x8xf32> into tensor<32xf32>
  %b = linalg.generic {indexing_maps = [#id1, #id1], iterator_types = ["parallel"]} ins(%v : tensor<32xf32>) outs(%f : tensor<32xf32>) attrs = {dataflow.tile = array<i64: 4>, dataflow.order = array<i64: 0>} {
  ^bb0(%u: f32, %out: f32):
    %s = math.tanh %u : f32
    linalg.yield %s : f32
  } -> tensor<32xf32>
  func.return %b : tensor<32xf32>
}

// What is read through a reshape inside, and returned through another one, goes to both; the view of the group is
// gone, the other one stays.
// CHECK-LABEL: func.func private @both
// CHECK:         %[[K:.*]], %{{.*}} = dataflow.kernel "both_0" ins(%{{.*}} : tensor<4x8xf32>) outs(%{{.*}}, %{{.*}} : tensor<4x8xf32>, tensor<32xf32>) {
// CHECK:           dataflow.itensor_reassociate
// CHECK:         tensor.collapse_shape %[[K]]
// CHECK-NOT:     tensor.collapse_shape
func.func private @both(%x: tensor<4x8xf32>) -> (tensor<32xf32>, tensor<32xf32>) attributes {dataflow.place = "device"} {
  %e = tensor.empty() : tensor<4x8xf32>
  %f = tensor.empty() : tensor<32xf32>
  %a = linalg.generic {indexing_maps = [#id2, #id2], iterator_types = ["parallel", "parallel"]} ins(%x : tensor<4x8xf32>) outs(%e : tensor<4x8xf32>) attrs = {dataflow.tile = array<i64: 1, 4>, dataflow.order = array<i64: 0, 1>} {
  ^bb0(%u: f32, %out: f32):
    %s = math.exp %u : f32
    linalg.yield %s : f32
  } -> tensor<4x8xf32>
  %v = tensor.collapse_shape %a [[0, 1]] : tensor<4x8xf32> into tensor<32xf32>
  %w = tensor.collapse_shape %a [[0, 1]] : tensor<4x8xf32> into tensor<32xf32>
  %b = linalg.generic {indexing_maps = [#id1, #id1], iterator_types = ["parallel"]} ins(%v : tensor<32xf32>) outs(%f : tensor<32xf32>) attrs = {dataflow.tile = array<i64: 4>, dataflow.order = array<i64: 0>} {
  ^bb0(%u: f32, %out: f32):
    %s = math.tanh %u : f32
    linalg.yield %s : f32
  } -> tensor<32xf32>
  func.return %w, %b : tensor<32xf32>, tensor<32xf32>
}

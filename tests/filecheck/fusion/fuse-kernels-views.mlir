// RUN: streamtensor-opt %s -p 'apply-tiling,convert-linalg-to-kernel,fuse-kernels' | filecheck %s

#id1 = affine_map<(d0) -> (d0)>
#id2 = affine_map<(d0, d1) -> (d0, d1)>

// Rows of tokens that are contiguous runs: the flat tensor is the same stream with other types, and nothing is held.
// CHECK-LABEL: func.func private @collapse
// CHECK-NOT:     tensor.collapse_shape
// CHECK:         dataflow.kernel "collapse_0" ins(%{{.*}} : tensor<4x8xf32>) outs(%{{.*}} : tensor<32xf32>) {
// CHECK:           %[[A:.*]] = dataflow.task "exp"
// CHECK:           %[[B:.*]] = dataflow.itensor_reassociate %[[A]] {{\[\[}}0, 1]] {{.*}} -> [[F:.*]]
// CHECK-NEXT:      %[[C:.*]] = dataflow.itensor_converter %[[B]] buffer [] shared 1
// CHECK:           dataflow.task "tanh"
// CHECK:             dataflow.itensor_read %[[C]]
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

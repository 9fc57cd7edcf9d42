// RUN: streamtensor-opt %s -p 'apply-tiling,convert-linalg-to-kernel,fuse-kernels,materialize-kernels,vectorize-itensors{width_bits=64},ensure-itensor-single-use,convert-empty-to-instance,size-streams,lower-itensor-to-stream' | filecheck %s

#id = affine_map<(d0, d1) -> (d0, d1)>

// An itensor is one FIFO, named after its two tasks, with its depth; loops and tasks no longer carry it.
// CHECK-LABEL: func.func private @fork
// CHECK-NOT:     itensor
// CHECK:         %[[L:.*]] = dataflow.stream "load_x_to_exp" depth 2 : !dataflow.stream<vector<1x2xf32>>
// CHECK-NEXT:    dataflow.task "load_x" {
// CHECK:           scf.for %{{.*}} = %{{.*}} to %c2{{.*}} step %c1{{[_0-9]*}} {
// CHECK:           dataflow.stream_write %{{.*}} into %[[L]] : vector<1x2xf32> -> !dataflow.stream<vector<1x2xf32>>
// CHECK:         %[[S:.*]] = dataflow.stream "add_to_store_result" depth 2
// CHECK-NEXT:    %[[A0:.*]] = dataflow.stream "exp_to_tanh" depth 8
// CHECK-NEXT:    %[[A1:.*]] = dataflow.stream "exp_to_add" depth 8
// CHECK-NEXT:    dataflow.task "exp" {
// CHECK:           dataflow.stream_read %[[L]] : !dataflow.stream<vector<1x2xf32>> -> vector<1x2xf32>
// CHECK:           dataflow.stream_write %[[V:.*]] into %[[A0]]
// CHECK-NEXT:      dataflow.stream_write %[[V]] into %[[A1]]
// CHECK:         dataflow.task "add" {
// CHECK:           dataflow.stream_read %[[A1]]
// CHECK:           dataflow.stream_write %{{.*}} into %[[S]]
// CHECK:         dataflow.task "store_result" inits(%{{.*}} : tensor<2x8xf32>) {
// CHECK:           dataflow.stream_read %[[S]]
func.func private @fork(%x: tensor<2x8xf32>) -> tensor<2x8xf32> attributes {dataflow.place = "device"} {
  %e = tensor.empty() : tensor<2x8xf32>
  %a = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%x : tensor<2x8xf32>) outs(%e : tensor<2x8xf32>) attrs = {dataflow.tile = array<i64: 1, 4>, dataflow.order = array<i64: 0, 1>} {
  ^bb0(%u: f32, %out: f32):
    %s = math.exp %u : f32
    linalg.yield %s : f32
  } -> tensor<2x8xf32>
  %b = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%a : tensor<2x8xf32>) outs(%e : tensor<2x8xf32>) attrs = {dataflow.tile = array<i64: 1, 4>, dataflow.order = array<i64: 0, 1>} {
  ^bb0(%u: f32, %out: f32):
    %s = math.tanh %u : f32
    linalg.yield %s : f32
  } -> tensor<2x8xf32>
  %r = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel", "parallel"]} ins(%a, %b : tensor<2x8xf32>, tensor<2x8xf32>) outs(%e : tensor<2x8xf32>) attrs = {dataflow.tile = array<i64: 1, 4>, dataflow.order = array<i64: 0, 1>} {
  ^bb0(%u: f32, %v: f32, %out: f32):
    %s = arith.addf %u, %v : f32
    linalg.yield %s : f32
  } -> tensor<2x8xf32>
  func.return %r : tensor<2x8xf32>
}

// A result that nobody reads is not written.
// CHECK-LABEL: func.func private @unread
// CHECK:         dataflow.task "exp" {
// CHECK:           dataflow.stream_write
// CHECK-NOT:       dataflow.stream_write
// CHECK:         dataflow.task "store_result"
func.func private @unread(%x: tensor<2x8xf32>) -> tensor<2x8xf32> attributes {dataflow.place = "device"} {
  %e = tensor.empty() : tensor<2x8xf32>
  %r:2 = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel", "parallel"]} ins(%x : tensor<2x8xf32>) outs(%e, %e : tensor<2x8xf32>, tensor<2x8xf32>) attrs = {dataflow.tile = array<i64: 1, 8>, dataflow.order = array<i64: 0, 1>} {
  ^bb0(%u: f32, %out: f32, %out2: f32):
    %s = math.exp %u : f32
    linalg.yield %s, %u : f32, f32
  } -> (tensor<2x8xf32>, tensor<2x8xf32>)
  func.return %r#0 : tensor<2x8xf32>
}

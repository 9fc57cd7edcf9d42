// RUN: streamtensor-opt %s -p 'apply-tiling,convert-linalg-to-kernel,fuse-kernels,materialize-kernels,ensure-itensor-single-use' | filecheck %s

#id = affine_map<(d0, d1) -> (d0, d1)>

// The result of `exp` has two readers: its task writes two itensors, each reader gets its own.
// CHECK-LABEL: func.func private @fork
// CHECK:         dataflow.task "load_x"
// CHECK:         dataflow.itensor_empty
// CHECK:         %[[E0:.*]] = dataflow.itensor_empty
// CHECK-NEXT:    %[[E1:.*]] = dataflow.itensor_empty
// CHECK-NEXT:    %[[A0:.*]], %[[A1:.*]] = dataflow.task "exp" inits(%[[E0]], %[[E1]] :
// CHECK:           %[[T:.*]] = linalg.generic
// CHECK:           %[[W0:.*]] = dataflow.itensor_write %[[T]] into
// CHECK-NEXT:      %[[W1:.*]] = dataflow.itensor_write %[[T]] into
// CHECK-NEXT:      scf.yield %[[W0]], %[[W1]]
// CHECK:         %[[B:.*]] = dataflow.task "tanh"
// CHECK:           dataflow.itensor_read %[[A0]]
// CHECK:         dataflow.task "add"
// CHECK:           dataflow.itensor_read %[[A1]]
// CHECK-NEXT:      dataflow.itensor_read %[[B]]
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

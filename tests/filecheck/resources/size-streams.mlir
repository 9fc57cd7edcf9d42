// RUN: streamtensor-opt %s -p 'apply-tiling,convert-linalg-to-kernel,fuse-kernels,materialize-kernels,ensure-itensor-single-use,convert-empty-to-instance,size-streams' | filecheck %s
// RUN: streamtensor-opt %s -p 'apply-tiling,convert-linalg-to-kernel,fuse-kernels,materialize-kernels,ensure-itensor-single-use,convert-empty-to-instance,size-streams{depth=7}' | filecheck %s --check-prefix FIXED

#id = affine_map<(d0, d1) -> (d0, d1)>

// A FIFO that is a bridge of the graph of tasks gets the least depth; those on the reconvergent path from `exp` to `add`
// get what they hold at most in one run of the tasks one after another: all four tokens.
// CHECK-LABEL: func.func private @fork
// CHECK:         %[[L:.*]] = dataflow.itensor_instance "load_x_to_exp" depth 2
// CHECK-NEXT:    dataflow.task "load_x" inits(%[[L]] :
// CHECK:         %[[S:.*]] = dataflow.itensor_instance "add_to_store_result" depth 2
// CHECK:         dataflow.itensor_instance "exp_to_tanh" depth 4
// CHECK-NEXT:    dataflow.itensor_instance "exp_to_add" depth 4
// CHECK-NEXT:    dataflow.task "exp"
// CHECK:         dataflow.itensor_instance "tanh_to_add" depth 4
// CHECK-NEXT:    dataflow.task "tanh"
// CHECK:         dataflow.task "add" inits(%[[S]] :
// FIXED-COUNT-5: dataflow.itensor_instance "{{.*}}" depth 7
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

// RUN: streamtensor-opt %s -p name-kernels | filecheck %s

// A product has the name of its parameter; others have that of what they compute, with a number where it is taken.
// A name that is there stays. The block is the larger function and comes first.
// CHECK-LABEL: func.func private @head
// CHECK:         dataflow.kernel = "tanh_1"
// CHECK-LABEL: func.func private @block
// CHECK:         dataflow.kernel = "mlp_c_fc"
// CHECK:         dataflow.kernel = "tanh"
// CHECK:         dataflow.kernel = "mine"
#id = affine_map<(d0) -> (d0)>
func.func private @head(%x: tensor<8xf32>) -> tensor<8xf32> attributes {dataflow.place = "device"} {
  %e = tensor.empty() : tensor<8xf32>
  %r = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%x : tensor<8xf32>) outs(%e : tensor<8xf32>) {
  ^bb0(%u: f32, %out: f32):
    %s = math.tanh %u : f32
    linalg.yield %s : f32
  } -> tensor<8xf32>
  func.return %r : tensor<8xf32>
}

func.func private @block(%x: tensor<4xf32>, %mlp_c_fc_weight: tensor<8x4xf32>) -> tensor<8xf32> attributes {dataflow.place = "device"} {
  %e = tensor.empty() : tensor<8xf32>
  %k = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d1)>, affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0)>], iterator_types = ["parallel", "reduction"]} ins(%x, %mlp_c_fc_weight : tensor<4xf32>, tensor<8x4xf32>) outs(%e : tensor<8xf32>) {
  ^bb0(%u: f32, %v: f32, %out: f32):
    %m = arith.mulf %u, %v : f32
    %s = arith.addf %out, %m : f32
    linalg.yield %s : f32
  } -> tensor<8xf32>
  %f = tensor.empty() : tensor<8xf32>
  %t = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%k : tensor<8xf32>) outs(%f : tensor<8xf32>) {
  ^bb0(%u: f32, %out: f32):
    %s = math.tanh %u : f32
    linalg.yield %s : f32
  } -> tensor<8xf32>
  %g = tensor.empty() : tensor<8xf32>
  %r = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%t : tensor<8xf32>) outs(%g : tensor<8xf32>) attrs = {dataflow.kernel = "mine"} {
  ^bb0(%u: f32, %out: f32):
    %s = math.tanh %u : f32
    linalg.yield %s : f32
  } -> tensor<8xf32>
  func.return %r : tensor<8xf32>
}

// RUN: streamtensor-opt %s -p own-results | filecheck %s

// An argument, a view of one, and a value that is returned twice are copied; a fresh value is not.
func.func @main(%x: tensor<4x6xf32>) -> (tensor<24xf32>, tensor<4x6xf32>, tensor<4x6xf32>) attributes {dataflow.place = "device"} {
  %e = tensor.empty() : tensor<4x6xf32>
  %y = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%x : tensor<4x6xf32>) outs(%e : tensor<4x6xf32>) {
  ^bb0(%a: f32, %o: f32):
    %n = arith.negf %a : f32
    linalg.yield %n : f32
  } -> tensor<4x6xf32>
  %flat = tensor.collapse_shape %x [[0, 1]] : tensor<4x6xf32> into tensor<24xf32>
  func.return %flat, %y, %y : tensor<24xf32>, tensor<4x6xf32>, tensor<4x6xf32>
}

// CHECK:       %flat = tensor.collapse_shape %x
// CHECK:       %[[A:.*]] = linalg.generic
// CHECK-SAME:  ins(%flat : tensor<24xf32>)
// CHECK:       %[[B:.*]] = linalg.generic
// CHECK-SAME:  ins(%y : tensor<4x6xf32>)
// CHECK:       func.return %[[A]], %y, %[[B]]

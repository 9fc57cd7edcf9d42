// RUN: streamtensor-opt %s -p fold-truncated-constants | filecheck %s

// A constant that is truncated is a constant of the narrower type, and the body holds it.
// CHECK-LABEL: func.func @truncated
// CHECK-NOT:   f64
// CHECK:       linalg.generic
// CHECK-NEXT:  ^bb0(%[[X:.*]]: f32, %{{.*}}: f32):
// CHECK-NEXT:    %[[C:.*]] = arith.constant 0.797884583 : f32
// CHECK-NEXT:    %[[Y:.*]] = arith.mulf %[[X]], %[[C]] : f32
// CHECK-NEXT:    linalg.yield %[[Y]] : f32
func.func @truncated(%x: tensor<4xf32>) -> tensor<4xf32> {
  %c = arith.constant 0.79788456080286541 : f64
  %e = tensor.empty() : tensor<4xf32>
  %y = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} ins(%x : tensor<4xf32>) outs(%e : tensor<4xf32>) {
  ^bb0(%in: f32, %out: f32):
    %t = arith.truncf %c : f64 to f32
    %m = arith.mulf %in, %t : f32
    linalg.yield %m : f32
  } -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// Factors of one go; a scalar constant operand becomes a constant of the body.
// CHECK-LABEL: func.func @scalar_operand
// CHECK:       linalg.generic
// CHECK-SAME:    ins(%{{.*}} : tensor<4xf32>) outs
// CHECK-NEXT:  ^bb0(%[[X:.*]]: f32, %{{.*}}: f32):
// CHECK-NEXT:    %[[C:.*]] = arith.constant 5.000000e-01 : f32
// CHECK-NEXT:    %[[Y:.*]] = arith.addf %[[X]], %[[C]] : f32
// CHECK-NEXT:    linalg.yield %[[Y]] : f32
func.func @scalar_operand(%x: tensor<4xf32>) -> tensor<4xf32> {
  %one = arith.constant 1.0 : f32
  %half = arith.constant 0.5 : f32
  %e = tensor.empty() : tensor<4xf32>
  %y = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> ()>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} ins(%x, %half : tensor<4xf32>, f32) outs(%e : tensor<4xf32>) {
  ^bb0(%in: f32, %h: f32, %out: f32):
    %m = arith.mulf %in, %one : f32
    %n = arith.mulf %one, %m : f32
    %d = arith.divf %n, %one : f32
    %a = arith.addf %d, %h : f32
    linalg.yield %a : f32
  } -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// 1 / x is not x.
// CHECK-LABEL: func.func @reciprocal
// CHECK:         arith.divf
func.func @reciprocal(%x: tensor<4xf32>) -> tensor<4xf32> {
  %one = arith.constant 1.0 : f32
  %e = tensor.empty() : tensor<4xf32>
  %y = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} ins(%x : tensor<4xf32>) outs(%e : tensor<4xf32>) {
  ^bb0(%in: f32, %out: f32):
    %d = arith.divf %one, %in : f32
    linalg.yield %d : f32
  } -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// The host's functions stay as they are.
// CHECK-LABEL: func.func @host
// CHECK:         arith.truncf
func.func @host(%x: tensor<4xf32>) -> tensor<4xf32> attributes {dataflow.place = "host"} {
  %c = arith.constant 0.5 : f64
  %e = tensor.empty() : tensor<4xf32>
  %y = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} ins(%x : tensor<4xf32>) outs(%e : tensor<4xf32>) {
  ^bb0(%in: f32, %out: f32):
    %t = arith.truncf %c : f64 to f32
    %m = arith.mulf %in, %t : f32
    linalg.yield %m : f32
  } -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// RUN: streamtensor-opt %s -p fold-copies | filecheck %s

// Repeating key heads for grouped queries is a map that leaves out the loop over the group.
// CHECK-LABEL: func.func @repeated_heads
// CHECK-SAME:    (%[[Q:.*]]: tensor<2x3x8xf32>, %[[K:.*]]: tensor<8x2xf32>, %[[B:.*]]: tensor<2x3xf32>)
// CHECK-NEXT:    linalg.generic
// CHECK-SAME:      [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d2, d0)>, affine_map<(d0, d1, d2) -> (d0, d1)>]
// CHECK-SAME:      ins(%[[Q]], %[[K]] : tensor<2x3x8xf32>, tensor<8x2xf32>) outs(%[[B]] : tensor<2x3xf32>)
// CHECK-NOT:     linalg.generic
func.func @repeated_heads(%q: tensor<2x3x8xf32>, %k: tensor<8x2xf32>, %b: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %e = tensor.empty() : tensor<2x8xf32>
  %t = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d1, d0)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%k : tensor<8x2xf32>) outs(%e : tensor<2x8xf32>) {
  ^bb0(%in: f32, %out: f32):
    linalg.yield %in : f32
  } -> tensor<2x8xf32>
  %f = tensor.empty() : tensor<2x3x8xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%t : tensor<2x8xf32>) outs(%f : tensor<2x3x8xf32>) {
  ^bb0(%in: f32, %out: f32):
    linalg.yield %in : f32
  } -> tensor<2x3x8xf32>
  %s = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%q, %r : tensor<2x3x8xf32>, tensor<2x3x8xf32>) outs(%b : tensor<2x3xf32>) {
  ^bb0(%x: f32, %y: f32, %out: f32):
    %m = arith.mulf %x, %y : f32
    %a = arith.addf %out, %m : f32
    linalg.yield %a : f32
  } -> tensor<2x3xf32>
  return %s : tensor<2x3xf32>
}

// A fill becomes a constant of the body that reads it.
// CHECK-LABEL: func.func @fill
// CHECK:         linalg.generic {{.*}} ins(%{{.*}} : tensor<4xf32>) outs
// CHECK-NEXT:    ^bb0(%[[X:.*]]: f32, %{{.*}}: f32):
// CHECK-NEXT:      %[[C:.*]] = arith.constant 2.000000e+00 : f32
// CHECK-NEXT:      arith.maximumf %[[X]], %[[C]] : f32
func.func @fill(%x: tensor<4xf32>) -> tensor<4xf32> {
  %e = tensor.empty() : tensor<4xf32>
  %f = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} outs(%e : tensor<4xf32>) {
  ^bb0(%out: f32):
    %c = arith.constant 2.0 : f32
    linalg.yield %c : f32
  } -> tensor<4xf32>
  %y = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} ins(%x, %f : tensor<4xf32>, tensor<4xf32>) outs(%e : tensor<4xf32>) {
  ^bb0(%in: f32, %two: f32, %out: f32):
    %s = arith.maximumf %in, %two : f32
    linalg.yield %s : f32
  } -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// The sum over a broadcast needs the copy: nothing else says how long the loop is.
// CHECK-LABEL: func.func @sum_of_broadcast
// CHECK:         %[[R:.*]] = linalg.generic {{.*}} outs(%{{.*}} : tensor<2x3xf32>)
// CHECK:         linalg.generic {{.*}} ins(%[[R]] : tensor<2x3xf32>)
func.func @sum_of_broadcast(%x: tensor<2xf32>, %b: tensor<2xf32>) -> tensor<2xf32> {
  %e = tensor.empty() : tensor<2x3xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%x : tensor<2xf32>) outs(%e : tensor<2x3xf32>) {
  ^bb0(%in: f32, %out: f32):
    linalg.yield %in : f32
  } -> tensor<2x3xf32>
  %s = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0)>], iterator_types = ["parallel", "reduction"]} ins(%r : tensor<2x3xf32>) outs(%b : tensor<2xf32>) {
  ^bb0(%x0: f32, %out: f32):
    %a = arith.addf %out, %x0 : f32
    linalg.yield %a : f32
  } -> tensor<2xf32>
  return %s : tensor<2xf32>
}

// What is returned transposed is written transposed.
// CHECK-LABEL: func.func @write_permuted
// CHECK:         %[[E:.*]] = tensor.empty() : tensor<3x2xf32>
// CHECK:         %[[Y:.*]] = linalg.generic
// CHECK-SAME:      [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d1, d0)>]
// CHECK-SAME:      outs(%[[E]] : tensor<3x2xf32>)
// CHECK:         func.return %[[Y]] : tensor<3x2xf32>
func.func @write_permuted(%x: tensor<2x3xf32>) -> tensor<3x2xf32> {
  %e = tensor.empty() : tensor<2x3xf32>
  %y = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%x : tensor<2x3xf32>) outs(%e : tensor<2x3xf32>) {
  ^bb0(%in: f32, %out: f32):
    %s = math.exp %in : f32
    linalg.yield %s : f32
  } -> tensor<2x3xf32>
  %f = tensor.empty() : tensor<3x2xf32>
  %t = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d1, d0)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%y : tensor<2x3xf32>) outs(%f : tensor<3x2xf32>) {
  ^bb0(%in: f32, %out: f32):
    linalg.yield %in : f32
  } -> tensor<3x2xf32>
  return %t : tensor<3x2xf32>
}

// A transposed argument that is returned stays a copy.
// CHECK-LABEL: func.func @returned_copy
// CHECK:         %[[T:.*]] = linalg.generic
// CHECK:         func.return %[[T]]
func.func @returned_copy(%x: tensor<2x3xf32>) -> tensor<3x2xf32> {
  %f = tensor.empty() : tensor<3x2xf32>
  %t = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d1, d0)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%x : tensor<2x3xf32>) outs(%f : tensor<3x2xf32>) {
  ^bb0(%in: f32, %out: f32):
    linalg.yield %in : f32
  } -> tensor<3x2xf32>
  return %t : tensor<3x2xf32>
}

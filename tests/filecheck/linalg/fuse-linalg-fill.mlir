// RUN: streamtensor-opt %s -p fuse-linalg-fill | filecheck %s

// The fill is what the first iteration of both reduction loops starts from.
// CHECK-LABEL: func.func @fill
// CHECK:         %[[O:.*]] = tensor.empty() : tensor<4xf32>
// CHECK-NEXT:    linalg.generic {{.*}} outs(%[[O]] : tensor<4xf32>)
// CHECK-NEXT:    ^bb0(%[[X:.*]]: f32, %[[A:.*]]: f32):
// CHECK-DAG:       %[[C:.*]] = arith.constant 0.000000e+00 : f32
// CHECK-DAG:       %[[Z:.*]] = arith.constant 0 : index
// CHECK-DAG:       %[[I:.*]] = linalg.index 1 : index
// CHECK-DAG:       %[[IZ:.*]] = arith.cmpi eq, %[[I]], %[[Z]] : index
// CHECK-DAG:       %[[J:.*]] = linalg.index 2 : index
// CHECK-DAG:       %[[JZ:.*]] = arith.cmpi eq, %[[J]], %[[Z]] : index
// CHECK-DAG:       %[[F:.*]] = arith.andi %[[IZ]], %[[JZ]] : i1
// CHECK-DAG:       %[[S:.*]] = arith.select %[[F]], %[[C]], %[[A]] : f32
// CHECK-DAG:       arith.addf %[[S]], %[[X]] : f32
func.func @fill(%x: tensor<4x2x3xf32>) -> tensor<4xf32> {
  %e = tensor.empty() : tensor<4xf32>
  %f = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} outs(%e : tensor<4xf32>) {
  ^bb0(%out: f32):
    %c = arith.constant 0.0 : f32
    linalg.yield %c : f32
  } -> tensor<4xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0)>], iterator_types = ["parallel", "reduction", "reduction"]} ins(%x : tensor<4x2x3xf32>) outs(%f : tensor<4xf32>) {
  ^bb0(%in: f32, %out: f32):
    %s = arith.addf %out, %in : f32
    linalg.yield %s : f32
  } -> tensor<4xf32>
  return %r : tensor<4xf32>
}

// A tensor as the start is one more input.
// CHECK-LABEL: func.func @tensor
// CHECK-SAME:    (%[[X:.*]]: tensor<4x8xf32>, %[[B:.*]]: tensor<4xf32>)
// CHECK:         linalg.generic
// CHECK-SAME:      [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0)>, affine_map<(d0, d1) -> (d0)>]
// CHECK-SAME:      ins(%[[X]], %[[B]] : tensor<4x8xf32>, tensor<4xf32>) outs
// CHECK-NEXT:    ^bb0(%{{.*}}: f32, %[[I:.*]]: f32, %[[A:.*]]: f32):
// CHECK:           arith.select %{{.*}}, %[[I]], %[[A]] : f32
func.func @tensor(%x: tensor<4x8xf32>, %b: tensor<4xf32>) -> tensor<4xf32> {
  %r = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0)>], iterator_types = ["parallel", "reduction"]} ins(%x : tensor<4x8xf32>) outs(%b : tensor<4xf32>) {
  ^bb0(%in: f32, %out: f32):
    %s = arith.addf %out, %in : f32
    linalg.yield %s : f32
  } -> tensor<4xf32>
  return %r : tensor<4xf32>
}

// Without a reduction the start is simply read; an output that is not read needs no contents.
// CHECK-LABEL: func.func @elementwise
// CHECK-SAME:    (%[[X:.*]]: tensor<4xf32>, %[[B:.*]]: tensor<4xf32>)
// CHECK:         %[[R:.*]] = linalg.generic {{.*}} ins(%[[X]], %[[B]] : tensor<4xf32>, tensor<4xf32>) outs(%[[E:.*]] : tensor<4xf32>)
// CHECK-NEXT:    ^bb0(%[[I:.*]]: f32, %[[J:.*]]: f32, %{{.*}}: f32):
// CHECK-NEXT:      arith.addf %[[J]], %[[I]] : f32
// CHECK:         linalg.generic {{.*}} ins(%[[R]] : tensor<4xf32>) outs(%[[E]] : tensor<4xf32>)
func.func @elementwise(%x: tensor<4xf32>, %b: tensor<4xf32>) -> tensor<4xf32> {
  %r = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} ins(%x : tensor<4xf32>) outs(%b : tensor<4xf32>) {
  ^bb0(%in: f32, %out: f32):
    %s = arith.addf %out, %in : f32
    linalg.yield %s : f32
  } -> tensor<4xf32>
  %t = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} ins(%r : tensor<4xf32>) outs(%x : tensor<4xf32>) {
  ^bb0(%in: f32, %out: f32):
    %s = math.exp %in : f32
    linalg.yield %s : f32
  } -> tensor<4xf32>
  return %t : tensor<4xf32>
}

// RUN: streamtensor-opt %s -p fold-reshapes | filecheck %s

// The consumer works on heads: the projection makes them, from a weight and a bias that are expanded.
// CHECK-LABEL: func.func @expand
// CHECK-SAME:    (%[[X:.*]]: tensor<4x8xf32>, %[[W:.*]]: tensor<8x6xf32>, %[[B:.*]]: tensor<4x6xf32>)
// CHECK-DAG:     %[[WH:.*]] = tensor.expand_shape %[[W]] {{.*}} : tensor<8x6xf32> into tensor<8x2x3xf32>
// CHECK-DAG:     %[[BH:.*]] = tensor.expand_shape %[[B]] {{.*}} : tensor<4x6xf32> into tensor<4x2x3xf32>
// CHECK:         %[[P:.*]] = linalg.generic
// CHECK-SAME:      [affine_map<(d0, d1, d2, d3) -> (d0, d3)>, affine_map<(d0, d1, d2, d3) -> (d3, d1, d2)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>]
// CHECK-SAME:      ["parallel", "parallel", "parallel", "reduction"]
// CHECK-SAME:      ins(%[[X]], %[[WH]] : tensor<4x8xf32>, tensor<8x2x3xf32>) outs(%[[BH]] : tensor<4x2x3xf32>)
// CHECK:         linalg.generic {{.*}} ins(%[[P]] : tensor<4x2x3xf32>)
func.func @expand(%x: tensor<4x8xf32>, %w: tensor<8x6xf32>, %b: tensor<4x6xf32>) -> tensor<4x2xf32> {
  %p = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%x, %w : tensor<4x8xf32>, tensor<8x6xf32>) outs(%b : tensor<4x6xf32>) {
  ^bb0(%a: f32, %c: f32, %out: f32):
    %m = arith.mulf %a, %c : f32
    %s = arith.addf %out, %m : f32
    linalg.yield %s : f32
  } -> tensor<4x6xf32>
  %e = tensor.expand_shape %p [[0], [1, 2]] output_shape [4, 2, 3] : tensor<4x6xf32> into tensor<4x2x3xf32>
  %o = tensor.empty() : tensor<4x2xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%e : tensor<4x2x3xf32>) outs(%o : tensor<4x2xf32>) {
  ^bb0(%a: f32, %out: f32):
    %s = arith.maximumf %out, %a : f32
    linalg.yield %s : f32
  } -> tensor<4x2xf32>
  return %r : tensor<4x2xf32>
}

// The producer makes heads, the consumer sums over all of them: its reduction loop is split, in the same order.
// CHECK-LABEL: func.func @collapse
// CHECK:         %[[P:.*]] = linalg.generic
// CHECK:         linalg.generic
// CHECK-SAME:      [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0)>]
// CHECK-SAME:      ["parallel", "reduction", "reduction"]
// CHECK-SAME:      ins(%[[P]] : tensor<4x2x3xf32>)
// CHECK:           linalg.index 1 : index
// CHECK:           arith.constant 3 : index
// CHECK:           arith.muli
// CHECK:           linalg.index 2 : index
// CHECK:           arith.addi
// CHECK-NOT:     tensor.collapse_shape
func.func @collapse(%x: tensor<4x2x3xf32>, %b: tensor<4xf32>) -> tensor<4xf32> {
  %e = tensor.empty() : tensor<4x2x3xf32>
  %p = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%x : tensor<4x2x3xf32>) outs(%e : tensor<4x2x3xf32>) {
  ^bb0(%in: f32, %out: f32):
    %s = math.exp %in : f32
    linalg.yield %s : f32
  } -> tensor<4x2x3xf32>
  %c = tensor.collapse_shape %p [[0], [1, 2]] : tensor<4x2x3xf32> into tensor<4x6xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0)>], iterator_types = ["parallel", "reduction"]} ins(%c : tensor<4x6xf32>) outs(%b : tensor<4xf32>) {
  ^bb0(%a: f32, %out: f32):
    %i = linalg.index 1 : index
    %k = arith.index_cast %i : index to i64
    %f = arith.sitofp %k : i64 to f32
    %m = arith.mulf %a, %f : f32
    %s = arith.addf %out, %m : f32
    linalg.yield %s : f32
  } -> tensor<4xf32>
  return %r : tensor<4xf32>
}

// Dimensions of size one are left to the function's boundary.
// CHECK-LABEL: func.func @unit
// CHECK-SAME:    (%[[X:.*]]: tensor<1x4x1xf32>)
// CHECK:         %[[XS:.*]] = tensor.collapse_shape %[[X]] {{.*}} : tensor<1x4x1xf32> into tensor<4xf32>
// CHECK:         %[[Y:.*]] = linalg.generic
// CHECK-SAME:      [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>]
// CHECK-SAME:      ins(%[[XS]] : tensor<4xf32>)
// CHECK:         %[[R:.*]] = tensor.expand_shape %[[Y]] {{.*}} : tensor<4xf32> into tensor<1x1x4xf32>
// CHECK:         func.return %[[R]]
func.func @unit(%x: tensor<1x4x1xf32>) -> tensor<1x1x4xf32> {
  %e = tensor.empty() : tensor<1x1x4xf32>
  %y = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%x : tensor<1x4x1xf32>) outs(%e : tensor<1x1x4xf32>) {
  ^bb0(%in: f32, %out: f32):
    %s = math.exp %in : f32
    linalg.yield %s : f32
  } -> tensor<1x1x4xf32>
  return %y : tensor<1x1x4xf32>
}

// 4x6 read as 6x4 has no common factors: the view stays between the two.
// CHECK-LABEL: func.func @regroup
// CHECK:         %[[P:.*]] = linalg.generic {{.*}} -> (d0, d1)>]
// CHECK:         %[[C:.*]] = tensor.collapse_shape %[[P]] {{.*}} : tensor<4x6xf32> into tensor<24xf32>
// CHECK:         %[[E:.*]] = tensor.expand_shape %[[C]] {{.*}} : tensor<24xf32> into tensor<6x4xf32>
// CHECK:         linalg.generic {{.*}} ins(%[[E]] : tensor<6x4xf32>)
func.func @regroup(%x: tensor<4x6xf32>, %b: tensor<6xf32>) -> tensor<6xf32> {
  %e = tensor.empty() : tensor<4x6xf32>
  %p = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%x : tensor<4x6xf32>) outs(%e : tensor<4x6xf32>) {
  ^bb0(%in: f32, %out: f32):
    %s = math.exp %in : f32
    linalg.yield %s : f32
  } -> tensor<4x6xf32>
  %c = tensor.collapse_shape %p [[0, 1]] : tensor<4x6xf32> into tensor<24xf32>
  %d = tensor.expand_shape %c [[0, 1]] output_shape [6, 4] : tensor<24xf32> into tensor<6x4xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0)>], iterator_types = ["parallel", "reduction"]} ins(%d : tensor<6x4xf32>) outs(%b : tensor<6xf32>) {
  ^bb0(%a: f32, %out: f32):
    %s = arith.addf %out, %a : f32
    linalg.yield %s : f32
  } -> tensor<6xf32>
  return %r : tensor<6xf32>
}

// Views of arguments and views that are returned stay.
// CHECK-LABEL: func.func @boundary
// CHECK:         %[[A:.*]] = tensor.collapse_shape %{{.*}} : tensor<2x3xf32> into tensor<6xf32>
// CHECK:         %[[Y:.*]] = linalg.generic {{.*}} ins(%[[A]] : tensor<6xf32>)
// CHECK:         %[[R:.*]] = tensor.expand_shape %[[Y]] {{.*}} : tensor<6xf32> into tensor<3x2xf32>
// CHECK:         func.return %[[R]]
func.func @boundary(%x: tensor<2x3xf32>) -> tensor<3x2xf32> {
  %c = tensor.collapse_shape %x [[0, 1]] : tensor<2x3xf32> into tensor<6xf32>
  %e = tensor.empty() : tensor<6xf32>
  %y = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} ins(%c : tensor<6xf32>) outs(%e : tensor<6xf32>) {
  ^bb0(%in: f32, %out: f32):
    %s = math.exp %in : f32
    linalg.yield %s : f32
  } -> tensor<6xf32>
  %r = tensor.expand_shape %y [[0, 1]] output_shape [3, 2] : tensor<6xf32> into tensor<3x2xf32>
  return %r : tensor<3x2xf32>
}

// Every reader of a reshaped fill gets a fill of its own shape; nobody's loops are split for it.
// CHECK-LABEL: func.func @fill
// CHECK-NOT:     tensor.expand_shape
// CHECK-NOT:     tensor.collapse_shape
// CHECK:         linalg.generic {{.*}} outs(%{{.*}} : tensor<6xf32>)
// CHECK:         linalg.generic {{.*}} ins(%{{.*}}, %{{.*}} : tensor<6xf32>, tensor<6xf32>)
// CHECK:         linalg.generic {{.*}} ins(%{{.*}}, %{{.*}} : tensor<2x3xf32>, tensor<2x3xf32>)
func.func @fill(%x: tensor<6xf32>, %y: tensor<2x3xf32>) -> (tensor<6xf32>, tensor<2x3xf32>) {
  %e = tensor.empty() : tensor<6xf32>
  %g = tensor.empty() : tensor<2x3xf32>
  %f = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} outs(%e : tensor<6xf32>) {
  ^bb0(%out: f32):
    %c = arith.constant 2.0 : f32
    linalg.yield %c : f32
  } -> tensor<6xf32>
  %h = tensor.expand_shape %f [[0, 1]] output_shape [2, 3] : tensor<6xf32> into tensor<2x3xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} ins(%x, %f : tensor<6xf32>, tensor<6xf32>) outs(%e : tensor<6xf32>) {
  ^bb0(%in: f32, %two: f32, %out: f32):
    %s = arith.maximumf %in, %two : f32
    linalg.yield %s : f32
  } -> tensor<6xf32>
  %t = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%y, %h : tensor<2x3xf32>, tensor<2x3xf32>) outs(%g : tensor<2x3xf32>) {
  ^bb0(%in: f32, %two: f32, %out: f32):
    %s = arith.maximumf %in, %two : f32
    linalg.yield %s : f32
  } -> tensor<2x3xf32>
  return %r, %t : tensor<6xf32>, tensor<2x3xf32>
}

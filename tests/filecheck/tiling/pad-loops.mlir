// RUN: streamtensor-opt %s -p 'pad-loops{tile=4}' | filecheck %s
// RUN: streamtensor-opt %s -p 'pad-loops{tile=4 below_percent=0}' | filecheck %s --check-prefix OFF

#row = affine_map<(d0, d1, d2) -> (d0, d2)>
#weight = affine_map<(d0, d1, d2) -> (d1, d2)>
#out = affine_map<(d0, d1, d2) -> (d0, d1)>
#all = affine_map<(d0, d1) -> (d0, d1)>
#outer = affine_map<(d0, d1) -> (d0)>

// 7 rows and 11 columns have no divisor from 2 to 4, and become 8 and 12; the reduction of 6 takes tiles of 3. The view
// goes with them. A sum over padded columns adds -0 there, a maximum takes -inf; what is no such operation keeps what
// it had.
// CHECK-LABEL: func.func private @rows(%x: tensor<1x8x6xf32>, %w: tensor<12x6xf32>)
// CHECK-SAME:      -> (tensor<8xf32>, tensor<8xf32>, tensor<8xf32>)
// CHECK:         tensor.collapse_shape %x {{.*}} into tensor<8x6xf32>
// CHECK:         linalg.generic {{.*}} ins(%{{.*}}, %w : tensor<8x6xf32>, tensor<12x6xf32>)
// CHECK-NOT:       linalg.index
// CHECK:         } -> tensor<8x12xf32>
// CHECK:         linalg.generic
// CHECK:           %[[ZERO:.*]] = arith.constant -0.0
// CHECK:           %[[COLUMN:.*]] = linalg.index 1 : index
// CHECK:           %[[END:.*]] = arith.constant 11 : index
// CHECK:           %[[INSIDE:.*]] = arith.cmpi slt, %[[COLUMN]], %[[END]]
// CHECK:           arith.select %[[INSIDE]], %{{.*}}, %[[ZERO]]
// CHECK:           arith.addf
// CHECK:         linalg.generic
// CHECK:           arith.constant 0xff800000
// CHECK:           arith.select
// CHECK:           arith.maximumf
// CHECK:         linalg.generic
// CHECK:           %[[NEW:.*]] = arith.subf
// CHECK:           %[[KEEP:.*]] = arith.select %{{.*}}, %[[NEW]], %{{.*}}
// CHECK:           linalg.yield %[[KEEP]]

// OFF-NOT:       tensor_ext
func.func private @rows(%x: tensor<1x7x6xf32>, %w: tensor<11x6xf32>) -> (tensor<7xf32>, tensor<7xf32>, tensor<7xf32>) attributes {dataflow.place = "device"} {
  %v = tensor.collapse_shape %x [[0, 1], [2]] : tensor<1x7x6xf32> into tensor<7x6xf32>
  %e = tensor.empty() : tensor<7x11xf32>
  %y = linalg.generic {indexing_maps = [#row, #weight, #out], iterator_types = ["parallel", "parallel", "reduction"]} ins(%v, %w : tensor<7x6xf32>, tensor<11x6xf32>) outs(%e : tensor<7x11xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %m = arith.mulf %a, %b : f32
    %s = arith.addf %o, %m : f32
    linalg.yield %s : f32
  } -> tensor<7x11xf32>
  %f = tensor.empty() : tensor<7xf32>
  %sum = linalg.generic {indexing_maps = [#all, #outer], iterator_types = ["parallel", "reduction"]} ins(%y : tensor<7x11xf32>) outs(%f : tensor<7xf32>) {
  ^bb0(%a: f32, %o: f32):
    %s = arith.addf %o, %a : f32
    linalg.yield %s : f32
  } -> tensor<7xf32>
  %max = linalg.generic {indexing_maps = [#all, #outer], iterator_types = ["parallel", "reduction"]} ins(%y : tensor<7x11xf32>) outs(%f : tensor<7xf32>) {
  ^bb0(%a: f32, %o: f32):
    %s = arith.maximumf %o, %a : f32
    linalg.yield %s : f32
  } -> tensor<7xf32>
  %other = linalg.generic {indexing_maps = [#all, #outer], iterator_types = ["parallel", "reduction"]} ins(%y : tensor<7x11xf32>) outs(%f : tensor<7xf32>) {
  ^bb0(%a: f32, %o: f32):
    %s = arith.subf %a, %o : f32
    linalg.yield %s : f32
  } -> tensor<7xf32>
  func.return %sum, %max, %other : tensor<7xf32>, tensor<7xf32>, tensor<7xf32>
}

// What one function hands to the next stays padded. A division of integers has the divisor 1 behind the extent.
// CHECK-LABEL: func.func private @divide(%x: tensor<8xi32>, %y: tensor<8xi32>) -> tensor<8xi32>
// CHECK:         %[[ONE:.*]] = arith.constant 1 : i32
// CHECK:         %[[DIVISOR:.*]] = arith.select %{{.*}}, %{{.*}}, %[[ONE]] : i32
// CHECK:         arith.divsi %{{.*}}, %[[DIVISOR]]
func.func private @divide(%x: tensor<7xi32>, %y: tensor<7xi32>) -> tensor<7xi32> attributes {dataflow.place = "device"} {
  %e = tensor.empty() : tensor<7xi32>
  %z = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} ins(%x, %y : tensor<7xi32>, tensor<7xi32>) outs(%e : tensor<7xi32>) {
  ^bb0(%a: i32, %b: i32, %o: i32):
    %d = arith.divsi %a, %b : i32
    linalg.yield %d : i32
  } -> tensor<7xi32>
  func.return %z : tensor<7xi32>
}

// A dimension that a view splits, and one along which tensors are concatenated, keep their extents.
// CHECK-LABEL: func.func private @kept(%x: tensor<14xf32>, %y: tensor<7xf32>) -> (tensor<2x7xf32>, tensor<14xf32>)
func.func private @kept(%x: tensor<14xf32>, %y: tensor<7xf32>) -> (tensor<2x7xf32>, tensor<14xf32>) attributes {dataflow.place = "device"} {
  %v = tensor.expand_shape %x [[0, 1]] output_shape [2, 7] : tensor<14xf32> into tensor<2x7xf32>
  %e = tensor.empty() : tensor<2x7xf32>
  %z = linalg.generic {indexing_maps = [#all, #all], iterator_types = ["parallel", "parallel"]} ins(%v : tensor<2x7xf32>) outs(%e : tensor<2x7xf32>) {
  ^bb0(%a: f32, %o: f32):
    %d = arith.addf %a, %a : f32
    linalg.yield %d : f32
  } -> tensor<2x7xf32>
  %c = tensor.concat dim(0) %y, %y : (tensor<7xf32>, tensor<7xf32>) -> tensor<14xf32>
  func.return %z, %c : tensor<2x7xf32>, tensor<14xf32>
}

// CHECK-LABEL: func.func @main
// CHECK:         %[[X:.*]] = tensor_ext.extend %x : tensor<7xi32> -> tensor<8xi32>
// CHECK-NEXT:    %[[A:.*]] = func.call @divide(%[[X]], %[[X]]) : (tensor<8xi32>, tensor<8xi32>) -> tensor<8xi32>
// CHECK-NEXT:    %[[B:.*]] = func.call @divide(%[[A]], %[[X]])
// CHECK-NEXT:    tensor_ext.extend %r : tensor<1x7x6xf32> -> tensor<1x8x6xf32>
// CHECK:         func.call @rows
// CHECK:         tensor_ext.crop %[[B]] : tensor<8xi32> -> tensor<7xi32>
// CHECK-COUNT-3: tensor_ext.crop %{{.*}} : tensor<8xf32> -> tensor<7xf32>
func.func @main(%x: tensor<7xi32>, %r: tensor<1x7x6xf32>, %w: tensor<11x6xf32>, %k: tensor<14xf32>, %l: tensor<7xf32>) -> (tensor<7xi32>, tensor<7xf32>, tensor<7xf32>, tensor<7xf32>, tensor<2x7xf32>, tensor<14xf32>) {
  %a = func.call @divide(%x, %x) : (tensor<7xi32>, tensor<7xi32>) -> tensor<7xi32>
  %b = func.call @divide(%a, %x) : (tensor<7xi32>, tensor<7xi32>) -> tensor<7xi32>
  %s, %m, %o = func.call @rows(%r, %w) : (tensor<1x7x6xf32>, tensor<11x6xf32>) -> (tensor<7xf32>, tensor<7xf32>, tensor<7xf32>)
  %p, %q = func.call @kept(%k, %l) : (tensor<14xf32>, tensor<7xf32>) -> (tensor<2x7xf32>, tensor<14xf32>)
  func.return %b, %s, %m, %o, %p, %q : tensor<7xi32>, tensor<7xf32>, tensor<7xf32>, tensor<7xf32>, tensor<2x7xf32>, tensor<14xf32>
}

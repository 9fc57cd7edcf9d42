// RUN: streamtensor-opt %s -p tidy-linalg | filecheck %s

// The index of the maximum is not read: the result, its output and its arithmetic go.
// CHECK-LABEL: func.func @argmax_twin
// CHECK-SAME:    (%[[X:.*]]: tensor<4x8xf32>, %[[M:.*]]: tensor<4xf32>, %{{.*}}: tensor<4xi64>)
// CHECK-NEXT:    %[[R:.*]] = linalg.generic
// CHECK-SAME:      [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0)>]
// CHECK-SAME:      ins(%[[X]] : tensor<4x8xf32>) outs(%[[M]] : tensor<4xf32>)
// CHECK-NEXT:    ^bb0(%[[A:.*]]: f32, %[[B:.*]]: f32):
// CHECK-NEXT:      %[[C:.*]] = arith.maximumf %[[A]], %[[B]] : f32
// CHECK-NEXT:      linalg.yield %[[C]] : f32
// CHECK-NEXT:    } -> tensor<4xf32>
// CHECK-NEXT:    func.return %[[R]] : tensor<4xf32>
func.func @argmax_twin(%x: tensor<4x8xf32>, %m: tensor<4xf32>, %i: tensor<4xi64>) -> tensor<4xf32> {
  %r:2 = "linalg.generic"(%x, %m, %i) <{indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0)>, affine_map<(d0, d1) -> (d0)>], iterator_types = [#linalg.iterator_type<parallel>, #linalg.iterator_type<reduction>], operandSegmentSizes = array<i32: 1, 2>}> ({
  ^bb0(%in: f32, %max: f32, %at: i64):
    %n = linalg.index 1 : index
    %k = arith.index_cast %n : index to i64
    %a = arith.maximumf %in, %max : f32
    %g = arith.cmpf ogt, %in, %max : f32
    %s = arith.select %g, %k, %at : i64
    linalg.yield %a, %s : f32, i64
  }) : (tensor<4x8xf32>, tensor<4xf32>, tensor<4xi64>) -> (tensor<4xf32>, tensor<4xi64>)
  return %r#0 : tensor<4xf32>
}

// The other way round both stay: the index depends on the maximum.
// CHECK-LABEL: func.func @argmax
// CHECK:         linalg.yield %{{.*}}, %{{.*}} : f32, i64
func.func @argmax(%x: tensor<4x8xf32>, %m: tensor<4xf32>, %i: tensor<4xi64>) -> tensor<4xi64> {
  %r:2 = "linalg.generic"(%x, %m, %i) <{indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0)>, affine_map<(d0, d1) -> (d0)>], iterator_types = [#linalg.iterator_type<parallel>, #linalg.iterator_type<reduction>], operandSegmentSizes = array<i32: 1, 2>}> ({
  ^bb0(%in: f32, %max: f32, %at: i64):
    %n = linalg.index 1 : index
    %k = arith.index_cast %n : index to i64
    %a = arith.maximumf %in, %max : f32
    %g = arith.cmpf ogt, %in, %max : f32
    %s = arith.select %g, %k, %at : i64
    linalg.yield %a, %s : f32, i64
  }) : (tensor<4x8xf32>, tensor<4xf32>, tensor<4xi64>) -> (tensor<4xf32>, tensor<4xi64>)
  return %r#1 : tensor<4xi64>
}

// Equal operands are one operand, an unread operand goes, an unused operation too.
// CHECK-LABEL: func.func @operands
// CHECK-SAME:    (%[[X:.*]]: tensor<4xf32>, %{{.*}}: tensor<4xf32>)
// CHECK:         linalg.generic
// CHECK-SAME:      ins(%[[X]] : tensor<4xf32>) outs
// CHECK-NEXT:    ^bb0(%[[A:.*]]: f32, %{{.*}}: f32):
// CHECK-NEXT:      %[[S:.*]] = arith.mulf %[[A]], %[[A]] : f32
// CHECK-NEXT:      linalg.yield %[[S]] : f32
// CHECK-NOT:     linalg.generic
// CHECK:         func.return
func.func @operands(%x: tensor<4xf32>, %y: tensor<4xf32>) -> tensor<4xf32> {
  %e = tensor.empty() : tensor<4xf32>
  %unused = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} ins(%x : tensor<4xf32>) outs(%e : tensor<4xf32>) {
  ^bb0(%in: f32, %out: f32):
    %s = math.exp %in : f32
    linalg.yield %s : f32
  } -> tensor<4xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} ins(%x, %y, %x : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) outs(%e : tensor<4xf32>) {
  ^bb0(%a: f32, %b: f32, %c: f32, %out: f32):
    %s = arith.mulf %a, %c : f32
    linalg.yield %s : f32
  } -> tensor<4xf32>
  return %r : tensor<4xf32>
}

// Equal operations are one, whatever their source lines.
// CHECK-LABEL: func.func @equal
// CHECK:         %[[S:.*]] = linalg.generic
// CHECK:         func.return %[[S]], %[[S]] : tensor<4xf32>, tensor<4xf32>
func.func @equal(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %e = tensor.empty() : tensor<4xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} ins(%x : tensor<4xf32>) outs(%e : tensor<4xf32>) attrs = {dataflow.loc = "model.py:1"} {
  ^bb0(%in: f32, %out: f32):
    %s = math.exp %in : f32
    linalg.yield %s : f32
  } -> tensor<4xf32>
  %t = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} ins(%x : tensor<4xf32>) outs(%e : tensor<4xf32>) attrs = {dataflow.loc = "model.py:2"} {
  ^bb0(%in: f32, %out: f32):
    %s = math.exp %in : f32
    linalg.yield %s : f32
  } -> tensor<4xf32>
  return %r, %t : tensor<4xf32>, tensor<4xf32>
}

// RUN: streamtensor-opt %s -p narrow-accumulators | filecheck %s

// A sum of products of 8-bit numbers that its reader cuts to 32 bits is made of 32 bits.
// CHECK-LABEL: func.func @product
// CHECK:         linalg.generic {{.*}} outs(%{{.*}} : tensor<4x6xi32>)
// CHECK-NEXT:    ^bb0(%[[X:.*]]: i8, %[[W:.*]]: i32, %[[A:.*]]: i32):
// CHECK-NOT:       i64
// CHECK:           arith.constant 0 : i32
// CHECK:           arith.select {{.*}} : i32
// CHECK:           arith.extsi %[[X]] : i8 to i32
// CHECK:           arith.muli {{.*}}, %[[W]] : i32
// CHECK:           arith.addi {{.*}} : i32
// CHECK:           linalg.yield {{.*}} : i32
// CHECK:         linalg.generic {{.*}} ins(%{{.*}} : tensor<4x6xi32>)
// CHECK-NEXT:    ^bb0(%[[S:.*]]: i32, %{{.*}}: i32):
// CHECK-NOT:       arith.trunci
// CHECK:           arith.addi %[[S]], %[[S]] : i32
func.func @product(%x: tensor<4x8xi8>, %w: tensor<8x6xi32>) -> tensor<4x6xi32> {
  %o = tensor.empty() : tensor<4x6xi64>
  %n = tensor.empty() : tensor<4x6xi32>
  %p = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%x, %w : tensor<4x8xi8>, tensor<8x6xi32>) outs(%o : tensor<4x6xi64>) {
  ^bb0(%i: i8, %j: i32, %acc: i64):
    %zero = arith.constant 0 : i64
    %first = arith.constant 0 : index
    %k = linalg.index 2 : index
    %is_first = arith.cmpi eq, %k, %first : index
    %start = arith.select %is_first, %zero, %acc : i64
    %a = arith.extsi %i : i8 to i64
    %b = arith.extsi %j : i32 to i64
    %m = arith.muli %a, %b : i64
    %s = arith.addi %start, %m : i64
    linalg.yield %s : i64
  } -> tensor<4x6xi64>
  %r = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%p : tensor<4x6xi64>) outs(%n : tensor<4x6xi32>) {
  ^bb0(%in: i64, %out: i32):
    %t = arith.trunci %in : i64 to i32
    %d = arith.addi %t, %t : i32
    linalg.yield %d : i32
  } -> tensor<4x6xi32>
  return %r : tensor<4x6xi32>
}

// A reader that looks at the upper half, or a shift to the right in the sum: nothing may be cut.
// CHECK-LABEL: func.func @upper_bits
// CHECK:         arith.shrsi {{.*}} : i64
// CHECK:         linalg.yield {{.*}} : i64
// CHECK:         arith.trunci
// CHECK-LABEL: func.func @wide_reader
// CHECK:         linalg.yield {{.*}} : i64
// CHECK:         arith.shrsi {{.*}} : i64
func.func @upper_bits(%x: tensor<4x8xi32>) -> tensor<4xi32> {
  %o = tensor.empty() : tensor<4xi64>
  %n = tensor.empty() : tensor<4xi32>
  %p = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0)>], iterator_types = ["parallel", "reduction"]} ins(%x : tensor<4x8xi32>) outs(%o : tensor<4xi64>) {
  ^bb0(%i: i32, %acc: i64):
    %four = arith.constant 4 : i64
    %a = arith.extsi %i : i32 to i64
    %m = arith.muli %a, %a : i64
    %h = arith.shrsi %m, %four : i64
    %s = arith.addi %acc, %h : i64
    linalg.yield %s : i64
  } -> tensor<4xi64>
  %r = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} ins(%p : tensor<4xi64>) outs(%n : tensor<4xi32>) {
  ^bb0(%in: i64, %out: i32):
    %t = arith.trunci %in : i64 to i32
    linalg.yield %t : i32
  } -> tensor<4xi32>
  return %r : tensor<4xi32>
}

func.func @wide_reader(%x: tensor<4x8xi32>) -> tensor<4xi32> {
  %o = tensor.empty() : tensor<4xi64>
  %n = tensor.empty() : tensor<4xi32>
  %p = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0)>], iterator_types = ["parallel", "reduction"]} ins(%x : tensor<4x8xi32>) outs(%o : tensor<4xi64>) {
  ^bb0(%i: i32, %acc: i64):
    %a = arith.extsi %i : i32 to i64
    %s = arith.addi %acc, %a : i64
    linalg.yield %s : i64
  } -> tensor<4xi64>
  %r = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} ins(%p : tensor<4xi64>) outs(%n : tensor<4xi32>) {
  ^bb0(%in: i64, %out: i32):
    %three = arith.constant 3 : i64
    %h = arith.shrsi %in, %three : i64
    %t = arith.trunci %h : i64 to i32
    linalg.yield %t : i32
  } -> tensor<4xi32>
  return %r : tensor<4xi32>
}

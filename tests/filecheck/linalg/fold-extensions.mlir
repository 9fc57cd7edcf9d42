// RUN: streamtensor-opt %s -p fold-extensions | filecheck %s

// A product reads the 8-bit operands, although it reads each of their elements several times.
// CHECK-LABEL: func.func @product
// CHECK-NOT:     tensor<4x8xi32>
// CHECK:         linalg.generic {{.*}} ["parallel", "parallel", "reduction"]} ins(%x, %w : tensor<4x8xi8>, tensor<8x6xi8>) outs(%{{.*}} : tensor<4x6xi32>)
// CHECK-NEXT:    ^bb0(%{{.*}}: i8, %{{.*}}: i8, %{{.*}}: i32):
// CHECK-COUNT-2:   arith.extsi {{.*}} : i8 to i32
// CHECK:           arith.muli
func.func @product(%x: tensor<4x8xi8>, %w: tensor<8x6xi8>, %z: tensor<4x6xi32>) -> tensor<4x6xi32> {
  %a = tensor.empty() : tensor<4x8xi32>
  %b = tensor.empty() : tensor<8x6xi32>
  %p = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%x : tensor<4x8xi8>) outs(%a : tensor<4x8xi32>) {
  ^bb0(%in: i8, %out: i32):
    %e = arith.extsi %in : i8 to i32
    linalg.yield %e : i32
  } -> tensor<4x8xi32>
  %q = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%w : tensor<8x6xi8>) outs(%b : tensor<8x6xi32>) {
  ^bb0(%in: i8, %out: i32):
    %e = arith.extsi %in : i8 to i32
    linalg.yield %e : i32
  } -> tensor<8x6xi32>
  %r = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%p, %q : tensor<4x8xi32>, tensor<8x6xi32>) outs(%z : tensor<4x6xi32>) {
  ^bb0(%i: i32, %j: i32, %acc: i32):
    %m = arith.muli %i, %j : i32
    %s = arith.addi %acc, %m : i32
    linalg.yield %s : i32
  } -> tensor<4x6xi32>
  return %r : tensor<4x6xi32>
}

// Two fields of one packed number of a row: the elements of the row take the bits themselves.
// CHECK-LABEL: func.func @fields
// CHECK:         linalg.generic {{.*}} ins(%x, %p, %p : tensor<4x8xi32>, tensor<4xi32>, tensor<4xi32>)
// CHECK:           arith.shrsi
// CHECK:           arith.andi
// CHECK-NOT:     linalg.generic
func.func @fields(%x: tensor<4x8xi32>, %p: tensor<4xi32>) -> tensor<4x8xi32> {
  %a = tensor.empty() : tensor<4xi32>
  %o = tensor.empty() : tensor<4x8xi32>
  %high = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} ins(%p : tensor<4xi32>) outs(%a : tensor<4xi32>) {
  ^bb0(%in: i32, %out: i32):
    %six = arith.constant 6 : i32
    %s = arith.shrsi %in, %six : i32
    linalg.yield %s : i32
  } -> tensor<4xi32>
  %low = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} ins(%p : tensor<4xi32>) outs(%a : tensor<4xi32>) {
  ^bb0(%in: i32, %out: i32):
    %mask = arith.constant 63 : i32
    %s = arith.andi %in, %mask : i32
    linalg.yield %s : i32
  } -> tensor<4xi32>
  %r = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0)>, affine_map<(d0, d1) -> (d0)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%x, %high, %low : tensor<4x8xi32>, tensor<4xi32>, tensor<4xi32>) outs(%o : tensor<4x8xi32>) {
  ^bb0(%v: i32, %h: i32, %l: i32, %out: i32):
    %m = arith.muli %v, %h : i32
    %s = arith.shrsi %m, %l : i32
    linalg.yield %s : i32
  } -> tensor<4x8xi32>
  return %r : tensor<4x8xi32>
}

// Work stays where it is, and so does a truncation, behind which the numbers are narrower.
// CHECK-LABEL: func.func @work
// CHECK:         arith.addi
// CHECK-NEXT:    linalg.yield
// CHECK:         arith.trunci
// CHECK-NEXT:    linalg.yield
// CHECK:         arith.muli
func.func @work(%x: tensor<4xi32>, %y: tensor<4xi32>) -> tensor<4xi32> {
  %o = tensor.empty() : tensor<4xi32>
  %n = tensor.empty() : tensor<4xi8>
  %a = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} ins(%x : tensor<4xi32>) outs(%o : tensor<4xi32>) {
  ^bb0(%in: i32, %out: i32):
    %one = arith.constant 1 : i32
    %s = arith.addi %in, %one : i32
    linalg.yield %s : i32
  } -> tensor<4xi32>
  %b = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} ins(%y : tensor<4xi32>) outs(%n : tensor<4xi8>) {
  ^bb0(%in: i32, %out: i8):
    %s = arith.trunci %in : i32 to i8
    linalg.yield %s : i8
  } -> tensor<4xi8>
  %r = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} ins(%a, %b : tensor<4xi32>, tensor<4xi8>) outs(%o : tensor<4xi32>) {
  ^bb0(%i: i32, %j: i8, %out: i32):
    %e = arith.extsi %j : i8 to i32
    %m = arith.muli %i, %e : i32
    linalg.yield %m : i32
  } -> tensor<4xi32>
  return %r : tensor<4xi32>
}

// RUN: streamtensor-opt %s -p apply-tiling,convert-linalg-to-kernel | filecheck %s

// The types come from the loops: element = slice sizes, space = loops around, map = slice offsets.
// CHECK-DAG: !itensor_[[X:[0-9]+]] = !dataflow.itensor<2x4xf32, iter_space: [2, 2, 2] * [3, 2, 4], iter_map: (d0, d1, d2) -> (d1, d2)>
// CHECK-DAG: !itensor_[[W:[0-9]+]] = !dataflow.itensor<4x3xf32, iter_space: [2, 2, 2] * [3, 2, 4], iter_map: (d0, d1, d2) -> (d2, d0)>
// CHECK-DAG: !itensor_[[Y:[0-9]+]] = !dataflow.itensor<2x3xf32, iter_space: [2, 2] * [3, 2], iter_map: (d0, d1) -> (d1, d0)>
// CHECK-DAG: !itensor_[[G:[0-9]+]] = !dataflow.itensor<4x2xf32, iter_space: [4] * [2], iter_map: (d0) -> (0, d0)>

// CHECK-LABEL: func.func private @matmul
// CHECK-NEXT:    %[[E:.*]] = tensor.empty() : tensor<4x6xf32>
// CHECK-NEXT:    %[[K:.*]] = dataflow.kernel "matmul" ins(%x, %w : tensor<4x8xf32>, tensor<8x6xf32>) outs(%[[E]] : tensor<4x6xf32>) {
// CHECK-NEXT:    ^bb0(%[[XI:.*]]: !itensor_[[X]], %[[WI:.*]]: !itensor_[[W]], %[[YI:.*]]: !itensor_[[Y]]):
// CHECK-NEXT:      %[[T:.*]] = dataflow.task "matmul" inits(%[[YI]] : !itensor_[[Y]]) {
// CHECK:             tensor.empty() : tensor<2x3xf32>
// CHECK-NEXT:        %[[A:.*]] = scf.for
// CHECK-NEXT:          %[[TX:.*]] = dataflow.itensor_read %[[XI]]
// CHECK-NEXT:          %[[TW:.*]] = dataflow.itensor_read %[[WI]]
// CHECK-NEXT:          linalg.generic
// CHECK-SAME:            ins(%[[TX]], %[[TW]] :
// CHECK:             dataflow.itensor_write %[[A]] into %{{.*}} : tensor<2x3xf32> -> !itensor_[[Y]]
// CHECK:         func.return %[[K]]
func.func private @matmul(%x: tensor<4x8xf32>, %w: tensor<8x6xf32>) -> tensor<4x6xf32> attributes {dataflow.place = "device"} {
  %e = tensor.empty() : tensor<4x6xf32>
  %y = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%x, %w : tensor<4x8xf32>, tensor<8x6xf32>) outs(%e : tensor<4x6xf32>) attrs = {dataflow.tile = array<i64: 2, 3, 4>, dataflow.order = array<i64: 1, 0, 2>} {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %k = linalg.index 2 : index
    %c0 = arith.constant 0 : index
    %first = arith.cmpi eq, %k, %c0 : index
    %zero = arith.constant 0.0 : f32
    %acc = arith.select %first, %zero, %o : f32
    %m = arith.mulf %a, %b : f32
    %s = arith.addf %acc, %m : f32
    linalg.yield %s : f32
  } -> tensor<4x6xf32>
  func.return %y : tensor<4x6xf32>
}

// Two slices of one tensor that are the same token are one read.
// CHECK-LABEL: func.func private @gram
// CHECK:         dataflow.kernel "matmul" ins(%x : tensor<4x8xf32>)
// CHECK-NEXT:    ^bb0(%[[X:.*]]: !itensor_[[G]], %{{.*}}):
// CHECK:           %[[T:.*]] = dataflow.itensor_read %[[X]] : !itensor_[[G]] -> tensor<4x2xf32>
// CHECK-NEXT:      linalg.generic
// CHECK-SAME:        ins(%[[T]], %[[T]] : tensor<4x2xf32>, tensor<4x2xf32>)
func.func private @gram(%x: tensor<4x8xf32>) -> tensor<4x4xf32> attributes {dataflow.place = "device"} {
  %e = tensor.empty() : tensor<4x4xf32>
  %y = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%x, %x : tensor<4x8xf32>, tensor<4x8xf32>) outs(%e : tensor<4x4xf32>) attrs = {dataflow.tile = array<i64: 4, 4, 2>, dataflow.order = array<i64: 0, 1, 2>} {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %m = arith.mulf %a, %b : f32
    %s = arith.addf %o, %m : f32
    linalg.yield %s : f32
  } -> tensor<4x4xf32>
  func.return %y : tensor<4x4xf32>
}

// An operation that was not tiled is one token of each operand.
// CHECK-LABEL: func.func private @whole
// CHECK:         dataflow.kernel "exp"
// CHECK:           dataflow.task "exp"
// CHECK:             %[[T:.*]] = dataflow.itensor_read %{{.*}} -> tensor<8xf32>
// CHECK:             %[[R:.*]] = linalg.generic
// CHECK:             dataflow.itensor_write %[[R]] into
func.func private @whole(%x: tensor<8xf32>) -> tensor<8xf32> attributes {dataflow.place = "device"} {
  %e = tensor.empty() : tensor<8xf32>
  %z = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} ins(%x : tensor<8xf32>) outs(%e : tensor<8xf32>) {
  ^bb0(%a: f32, %o: f32):
    %s = math.exp %a : f32
    linalg.yield %s : f32
  } -> tensor<8xf32>
  func.return %z : tensor<8xf32>
}

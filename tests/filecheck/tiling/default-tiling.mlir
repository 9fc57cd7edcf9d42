// RUN: streamtensor-opt %s -p 'default-tiling{tile=4}' | filecheck %s

// Loops and tensor dimensions that meet are one axis with one tile, the largest divisor that is not above the limit;
// between tiles the loops of the result come first, in its order, and the reduction last.
// CHECK-LABEL: func.func private @matmul_transposed
// CHECK:         linalg.generic
// CHECK-SAME:      dataflow.tile = array<i64: 4, 3, 2>, dataflow.order = array<i64: 2, 0, 1>
// CHECK:         linalg.generic
// CHECK-SAME:      dataflow.tile = array<i64: 2, 4>, dataflow.order = array<i64: 0, 1>
func.func private @matmul_transposed(%x: tensor<8x9xf32>, %w: tensor<9x10xf32>) -> tensor<10x8xf32> attributes {dataflow.place = "device"} {
  %e = tensor.empty() : tensor<10x8xf32>
  %y = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1)>, affine_map<(d0, d1, d2) -> (d1, d2)>, affine_map<(d0, d1, d2) -> (d2, d0)>], iterator_types = ["parallel", "reduction", "parallel"]} ins(%x, %w : tensor<8x9xf32>, tensor<9x10xf32>) outs(%e : tensor<10x8xf32>) {
  ^bb0(%a: f32, %b: f32, %acc: f32):
    %m = arith.mulf %a, %b : f32
    %s = arith.addf %acc, %m : f32
    linalg.yield %s : f32
  } -> tensor<10x8xf32>
  %z = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%y : tensor<10x8xf32>) outs(%e : tensor<10x8xf32>) {
  ^bb0(%a: f32, %o: f32):
    %s = math.exp %a : f32
    linalg.yield %s : f32
  } -> tensor<10x8xf32>
  func.return %z : tensor<10x8xf32>
}

// A loop over which the contraction is a batch gets tile 1, in all operations that meet it: a token is one head.
// CHECK-LABEL: func.func private @heads
// CHECK:         linalg.generic
// CHECK-SAME:      dataflow.tile = array<i64: 1, 4, 4, 4>
// CHECK:         linalg.generic
// CHECK-SAME:      dataflow.tile = array<i64: 1, 4, 4>
func.func private @heads(%q: tensor<2x8x4xf32>, %k: tensor<2x8x4xf32>) -> tensor<2x8x8xf32> attributes {dataflow.place = "device"} {
  %e = tensor.empty() : tensor<2x8x8xf32>
  %y = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d0, d2, d3)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>], iterator_types = ["parallel", "parallel", "parallel", "reduction"]} ins(%q, %k : tensor<2x8x4xf32>, tensor<2x8x4xf32>) outs(%e : tensor<2x8x8xf32>) {
  ^bb0(%a: f32, %b: f32, %acc: f32):
    %m = arith.mulf %a, %b : f32
    %s = arith.addf %acc, %m : f32
    linalg.yield %s : f32
  } -> tensor<2x8x8xf32>
  %z = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%y : tensor<2x8x8xf32>) outs(%e : tensor<2x8x8xf32>) {
  ^bb0(%a: f32, %o: f32):
    %s = math.exp %a : f32
    linalg.yield %s : f32
  } -> tensor<2x8x8xf32>
  func.return %z : tensor<2x8x8xf32>
}

// What scales the weights of a group is no factor: the loops over the outputs are not those of a batch.
// CHECK-LABEL: func.func private @groups
// CHECK:         linalg.generic
// CHECK-SAME:      dataflow.tile = array<i64: 4, 2, 4>
func.func private @groups(%x: tensor<2x8xi8>, %w: tensor<8x2x8xi4>, %s: tensor<8x2xi16>) -> tensor<8xi32> attributes {dataflow.place = "device"} {
  %e = tensor.empty() : tensor<8xi32>
  %y = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1)>, affine_map<(d0, d1, d2) -> (d0)>], iterator_types = ["parallel", "reduction", "reduction"]} ins(%x, %w, %s : tensor<2x8xi8>, tensor<8x2x8xi4>, tensor<8x2xi16>) outs(%e : tensor<8xi32>) {
  ^bb0(%a: i8, %b: i4, %c: i16, %acc: i32):
    %b16 = arith.extsi %b : i4 to i16
    %bc = arith.muli %b16, %c : i16
    %bc32 = arith.extsi %bc : i16 to i32
    %a32 = arith.extsi %a : i8 to i32
    %m = arith.muli %a32, %bc32 : i32
    %t = arith.addi %acc, %m : i32
    linalg.yield %t : i32
  } -> tensor<8xi32>
  func.return %y : tensor<8xi32>
}

// A choice that is written already stays; a function of the host is left alone.
// CHECK-LABEL: func.func private @chosen
// CHECK:         dataflow.tile = array<i64: 8>
// CHECK-LABEL: func.func private @host
// CHECK-NOT:     dataflow.tile
func.func private @chosen(%x: tensor<8xf32>) -> tensor<8xf32> attributes {dataflow.place = "device"} {
  %e = tensor.empty() : tensor<8xf32>
  %z = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} ins(%x : tensor<8xf32>) outs(%e : tensor<8xf32>) attrs = {dataflow.tile = array<i64: 8>} {
  ^bb0(%a: f32, %o: f32):
    %s = math.exp %a : f32
    linalg.yield %s : f32
  } -> tensor<8xf32>
  func.return %z : tensor<8xf32>
}
func.func private @host(%x: tensor<8xf32>) -> tensor<8xf32> attributes {dataflow.place = "host"} {
  %e = tensor.empty() : tensor<8xf32>
  %z = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} ins(%x : tensor<8xf32>) outs(%e : tensor<8xf32>) {
  ^bb0(%a: f32, %o: f32):
    %s = math.exp %a : f32
    linalg.yield %s : f32
  } -> tensor<8xf32>
  func.return %z : tensor<8xf32>
}

// Where windows move, rows come one by one outside of the channels, also before and after the convolution; within a row
// the width stays whole, and a window is never taken apart.
// CHECK-LABEL: func.func private @windows
// CHECK:         linalg.generic {{.*}}dataflow.tile = array<i64: 4, 1, 8>, dataflow.order = array<i64: 1, 0, 2>
// CHECK:         tensor.pad
// CHECK:         dataflow.tile = array<i64: 4, 1, 8>, dataflow.order = array<i64: 1, 0, 2>
// CHECK:         linalg.generic {{.*}}dataflow.tile = array<i64: 3, 1, 8, 4, 3, 3>, dataflow.order = array<i64: 1, 0, 2, 3, 4, 5>
func.func private @windows(%x: tensor<8x8x8xf32>, %w: tensor<6x8x3x3xf32>) -> tensor<6x8x8xf32> attributes {dataflow.place = "device"} {
  %c = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<8x8x8xf32>
  %a = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%x : tensor<8x8x8xf32>) outs(%e : tensor<8x8x8xf32>) {
  ^bb0(%u: f32, %o: f32):
    %s = math.exp %u : f32
    linalg.yield %s : f32
  } -> tensor<8x8x8xf32>
  %p = tensor.pad %a low[0, 1, 1] high[0, 1, 1] {
  ^bb0(%i: index, %j: index, %k: index):
    tensor.yield %c : f32
  } : tensor<8x8x8xf32> to tensor<8x10x10xf32>
  %f = tensor.empty() : tensor<6x8x8xf32>
  %y = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2, d3, d4, d5) -> (d3, d1 + d4, d2 + d5)>, affine_map<(d0, d1, d2, d3, d4, d5) -> (d0, d3, d4, d5)>, affine_map<(d0, d1, d2, d3, d4, d5) -> (d0, d1, d2)>], iterator_types = ["parallel", "parallel", "parallel", "reduction", "reduction", "reduction"]} ins(%p, %w : tensor<8x10x10xf32>, tensor<6x8x3x3xf32>) outs(%f : tensor<6x8x8xf32>) {
  ^bb0(%u: f32, %v: f32, %o: f32):
    %m = arith.mulf %u, %v : f32
    %n = arith.addf %m, %o : f32
    linalg.yield %n : f32
  } -> tensor<6x8x8xf32>
  func.return %y : tensor<6x8x8xf32>
}

// Windows along one dimension: it is tiled, and outside of the channels; what is padded goes in steps of the padding.
// CHECK-LABEL: func.func private @line
// CHECK:         tensor.pad
// CHECK:         dataflow.tile = array<i64: 4, 1>, dataflow.order = array<i64: 1, 0>
// CHECK:         linalg.generic {{.*}}dataflow.tile = array<i64: 4, 4, 3>, dataflow.order = array<i64: 1, 0, 2>
func.func private @line(%x: tensor<8x12xf32>, %w: tensor<8x3xf32>) -> tensor<8x12xf32> attributes {dataflow.place = "device"} {
  %c = arith.constant 0.0 : f32
  %p = tensor.pad %x low[0, 1] high[0, 1] {
  ^bb0(%i: index, %j: index):
    tensor.yield %c : f32
  } : tensor<8x12xf32> to tensor<8x14xf32>
  %e = tensor.empty() : tensor<8x12xf32>
  %y = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1 + d2)>, affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d0, d1)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%p, %w : tensor<8x14xf32>, tensor<8x3xf32>) outs(%e : tensor<8x12xf32>) {
  ^bb0(%u: f32, %v: f32, %o: f32):
    %m = arith.mulf %u, %v : f32
    %n = arith.addf %m, %o : f32
    linalg.yield %n : f32
  } -> tensor<8x12xf32>
  func.return %y : tensor<8x12xf32>
}

// RUN: streamtensor-opt %s -p apply-tiling,convert-linalg-to-kernel,fuse-kernels | filecheck %s
// RUN: streamtensor-opt %s -p 'apply-tiling,convert-linalg-to-kernel,fuse-kernels{limit_bits=512}' | filecheck %s --check-prefix SMALL
// RUN: streamtensor-opt %s -p 'apply-tiling,convert-linalg-to-kernel,fuse-kernels{strategy=greedy}' | filecheck %s --check-prefix GREEDY

#id = affine_map<(d0, d1) -> (d0, d1)>
#line = affine_map<(d0) -> (d0)>

// CHECK-DAG: !itensor_[[ROW:[0-9]+]] = !dataflow.itensor<2x2xf32, iter_space: [2, 2] * [2, 2], iter_map: (d0, d1) -> (d0, d1)>
// CHECK-DAG: !itensor_[[COL:[0-9]+]] = !dataflow.itensor<2x2xf32, iter_space: [2, 2] * [2, 2], iter_map: (d0, d1) -> (d1, d0)>

// Equal types: the consumer reads what the producer writes; in between is one empty itensor.
// CHECK-LABEL: func.func private @chain
// CHECK:         %[[R:.*]] = dataflow.kernel "chain_0" ins(%x : tensor<4x4xf32>) outs(%{{.*}} : tensor<4x4xf32>) {
// CHECK-NEXT:    ^bb0(%[[X:.*]]: !itensor_[[ROW]], %[[OUT:.*]]: !itensor_[[ROW]]):
// CHECK-NEXT:      %[[EMPTY:.*]] = dataflow.itensor_empty : !itensor_[[ROW]]
// CHECK-NEXT:      %[[A:.*]] = dataflow.task "exp" inits(%[[EMPTY]] : !itensor_[[ROW]])
// CHECK:             dataflow.itensor_read %[[X]]
// CHECK:           %[[B:.*]] = dataflow.task "tanh" inits(%[[OUT]] : !itensor_[[ROW]])
// CHECK:             dataflow.itensor_read %[[A]]
// CHECK:           dataflow.yield %[[B]] : !itensor_[[ROW]]
// CHECK-NOT:     dataflow.kernel
// CHECK:         func.return %[[R]]
// The tiles of both kernels (twice 2 x 128 bits) fit under the small limit.
// SMALL-LABEL: func.func private @chain
// SMALL:         dataflow.kernel "chain_0"
// SMALL-NOT:     dataflow.kernel
func.func private @chain(%x: tensor<4x4xf32>) -> tensor<4x4xf32> attributes {dataflow.place = "device"} {
  %e = tensor.empty() : tensor<4x4xf32>
  %a = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%x : tensor<4x4xf32>) outs(%e : tensor<4x4xf32>) attrs = {dataflow.tile = array<i64: 2, 2>, dataflow.order = array<i64: 0, 1>} {
  ^bb0(%u: f32, %out: f32):
    %s = math.exp %u : f32
    linalg.yield %s : f32
  } -> tensor<4x4xf32>
  %r = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%a : tensor<4x4xf32>) outs(%e : tensor<4x4xf32>) attrs = {dataflow.tile = array<i64: 2, 2>, dataflow.order = array<i64: 0, 1>} {
  ^bb0(%u: f32, %out: f32):
    %s = math.tanh %u : f32
    linalg.yield %s : f32
  } -> tensor<4x4xf32>
  func.return %r : tensor<4x4xf32>
}

// Other types: a converter, here of the whole tensor. Under the small limit it does not fit, so that there are two
// groups that talk through external memory.
// CHECK-LABEL: func.func private @converter
// CHECK:         dataflow.kernel "converter_0"
// CHECK:           %[[A:.*]] = dataflow.task "exp"
// CHECK:           %[[C:.*]] = dataflow.itensor_converter %[[A]] buffer [4, 4] shared 0 : !itensor_[[ROW]] -> !itensor_[[COL]]
// CHECK-NEXT:      dataflow.task "tanh"
// CHECK:             dataflow.itensor_read %[[C]]
// CHECK-NOT:     dataflow.kernel
// SMALL-LABEL: func.func private @converter
// SMALL:         %[[M:.*]] = dataflow.kernel "converter_0" ins(%x :
// SMALL-NOT:     dataflow.itensor_converter
// SMALL:         %[[R:.*]] = dataflow.kernel "converter_1" ins(%[[M]] :
// SMALL-NOT:     dataflow.itensor_converter
// SMALL:         func.return %[[R]]
func.func private @converter(%x: tensor<4x4xf32>) -> tensor<4x4xf32> attributes {dataflow.place = "device"} {
  %e = tensor.empty() : tensor<4x4xf32>
  %a = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%x : tensor<4x4xf32>) outs(%e : tensor<4x4xf32>) attrs = {dataflow.tile = array<i64: 2, 2>, dataflow.order = array<i64: 0, 1>} {
  ^bb0(%u: f32, %out: f32):
    %s = math.exp %u : f32
    linalg.yield %s : f32
  } -> tensor<4x4xf32>
  %r = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%a : tensor<4x4xf32>) outs(%e : tensor<4x4xf32>) attrs = {dataflow.tile = array<i64: 2, 2>, dataflow.order = array<i64: 1, 0>} {
  ^bb0(%u: f32, %out: f32):
    %s = math.tanh %u : f32
    linalg.yield %s : f32
  } -> tensor<4x4xf32>
  func.return %r : tensor<4x4xf32>
}

// Two consumers that want the same order share the converter.
// CHECK-LABEL: func.func private @shared_converter
// CHECK:         %[[C:.*]] = dataflow.itensor_converter
// CHECK-NEXT:    dataflow.itensor_empty
// CHECK-NEXT:    %[[B:.*]] = dataflow.task "tanh"
// CHECK:           dataflow.itensor_read %[[C]]
// CHECK-NOT:     dataflow.itensor_converter
// CHECK:         dataflow.task "add"
// CHECK:           dataflow.itensor_read %[[C]]
// CHECK-NEXT:      dataflow.itensor_read %[[B]]
func.func private @shared_converter(%x: tensor<4x4xf32>) -> tensor<4x4xf32> attributes {dataflow.place = "device"} {
  %e = tensor.empty() : tensor<4x4xf32>
  %a = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%x : tensor<4x4xf32>) outs(%e : tensor<4x4xf32>) attrs = {dataflow.tile = array<i64: 2, 2>, dataflow.order = array<i64: 0, 1>} {
  ^bb0(%u: f32, %out: f32):
    %s = math.exp %u : f32
    linalg.yield %s : f32
  } -> tensor<4x4xf32>
  %b = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%a : tensor<4x4xf32>) outs(%e : tensor<4x4xf32>) attrs = {dataflow.tile = array<i64: 2, 2>, dataflow.order = array<i64: 1, 0>} {
  ^bb0(%u: f32, %out: f32):
    %s = math.tanh %u : f32
    linalg.yield %s : f32
  } -> tensor<4x4xf32>
  %r = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel", "parallel"]} ins(%a, %b : tensor<4x4xf32>, tensor<4x4xf32>) outs(%e : tensor<4x4xf32>) attrs = {dataflow.tile = array<i64: 2, 2>, dataflow.order = array<i64: 1, 0>} {
  ^bb0(%u: f32, %v: f32, %out: f32):
    %s = arith.addf %u, %v : f32
    linalg.yield %s : f32
  } -> tensor<4x4xf32>
  func.return %r : tensor<4x4xf32>
}

// A slice is in external memory: two groups. (Reshapes: fuse-kernels-views.mlir)
// CHECK-LABEL: func.func private @view
// CHECK:         %[[M:.*]] = dataflow.kernel "view_0" ins(%x : tensor<4x4xf32>)
// CHECK:         %[[V:.*]] = tensor.extract_slice %[[M]]
// CHECK:         dataflow.kernel "view_1" ins(%[[V]] : tensor<2x4xf32>)
func.func private @view(%x: tensor<4x4xf32>) -> tensor<2x4xf32> attributes {dataflow.place = "device"} {
  %e = tensor.empty() : tensor<4x4xf32>
  %a = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%x : tensor<4x4xf32>) outs(%e : tensor<4x4xf32>) attrs = {dataflow.tile = array<i64: 2, 2>, dataflow.order = array<i64: 0, 1>} {
  ^bb0(%u: f32, %out: f32):
    %s = math.exp %u : f32
    linalg.yield %s : f32
  } -> tensor<4x4xf32>
  %v = tensor.extract_slice %a[2, 0] [2, 4] [1, 1] : tensor<4x4xf32> to tensor<2x4xf32>
  %f = tensor.empty() : tensor<2x4xf32>
  %r = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%v : tensor<2x4xf32>) outs(%f : tensor<2x4xf32>) attrs = {dataflow.tile = array<i64: 2, 2>, dataflow.order = array<i64: 0, 1>} {
  ^bb0(%u: f32, %out: f32):
    %s = math.tanh %u : f32
    linalg.yield %s : f32
  } -> tensor<2x4xf32>
  func.return %r : tensor<2x4xf32>
}

// Windows that overlap, of a tensor that another kernel makes: a line buffer that holds one window.
// CHECK-LABEL: func.func private @windows
// CHECK:         dataflow.kernel "windows_0" ins(%x, %w : tensor<66xf32>, tensor<3xf32>)
// CHECK:           %[[A:.*]] = dataflow.task "exp"
// CHECK:           dataflow.itensor_converter %[[A]] buffer [4] shared 0
// CHECK-NOT:     dataflow.kernel
func.func private @windows(%x: tensor<66xf32>, %w: tensor<3xf32>) -> tensor<64xf32> attributes {dataflow.place = "device"} {
  %e = tensor.empty() : tensor<66xf32>
  %a = linalg.generic {indexing_maps = [#line, #line], iterator_types = ["parallel"]} ins(%x : tensor<66xf32>) outs(%e : tensor<66xf32>) attrs = {dataflow.tile = array<i64: 2>, dataflow.order = array<i64: 0>} {
  ^bb0(%u: f32, %out: f32):
    %s = math.exp %u : f32
    linalg.yield %s : f32
  } -> tensor<66xf32>
  %f = tensor.empty() : tensor<64xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0 + d1)>, affine_map<(d0, d1) -> (d1)>, affine_map<(d0, d1) -> (d0)>], iterator_types = ["parallel", "reduction"]} ins(%a, %w : tensor<66xf32>, tensor<3xf32>) outs(%f : tensor<64xf32>) attrs = {dataflow.tile = array<i64: 2, 3>, dataflow.order = array<i64: 0, 1>} {
  ^bb0(%u: f32, %v: f32, %out: f32):
    %m = arith.mulf %u, %v : f32
    %s = arith.addf %out, %m : f32
    linalg.yield %s : f32
  } -> tensor<64xf32>
  func.return %r : tensor<64xf32>
}

// A kernel without predecessors (a scaled parameter) is placed with its first consumer, by the greedy too.
// CHECK-LABEL: func.func private @source
// CHECK:         dataflow.kernel "source_0" ins(%x, %w :
// CHECK-NOT:     dataflow.kernel
// GREEDY-LABEL: func.func private @source
// GREEDY:         dataflow.kernel "source_0" ins(%x, %w :
// GREEDY-NOT:     dataflow.kernel
func.func private @source(%x: tensor<4x4xf32>, %w: tensor<4x4xf32>) -> tensor<4x4xf32> attributes {dataflow.place = "device"} {
  %e = tensor.empty() : tensor<4x4xf32>
  %a = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%x : tensor<4x4xf32>) outs(%e : tensor<4x4xf32>) attrs = {dataflow.tile = array<i64: 2, 2>, dataflow.order = array<i64: 0, 1>} {
  ^bb0(%u: f32, %out: f32):
    %s = math.exp %u : f32
    linalg.yield %s : f32
  } -> tensor<4x4xf32>
  %b = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%w : tensor<4x4xf32>) outs(%e : tensor<4x4xf32>) attrs = {dataflow.tile = array<i64: 2, 2>, dataflow.order = array<i64: 0, 1>} {
  ^bb0(%u: f32, %out: f32):
    %s = math.tanh %u : f32
    linalg.yield %s : f32
  } -> tensor<4x4xf32>
  %r = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel", "parallel"]} ins(%a, %b : tensor<4x4xf32>, tensor<4x4xf32>) outs(%e : tensor<4x4xf32>) attrs = {dataflow.tile = array<i64: 2, 2>, dataflow.order = array<i64: 0, 1>} {
  ^bb0(%u: f32, %v: f32, %out: f32):
    %s = arith.addf %u, %v : f32
    linalg.yield %s : f32
  } -> tensor<4x4xf32>
  func.return %r : tensor<4x4xf32>
}

// RUN: streamtensor-opt %s | filecheck %s

// Types of one stream: a loop is split; a step stands in the map; dimensions are put together and taken apart.
!whole = !dataflow.itensor<2xf32, iter_space: [4] * [2], iter_map: (d0) -> (d0)>
!split = !dataflow.itensor<2xf32, iter_space: [2, 2] * [4, 2], iter_map: (d0, d1) -> (d0 + d1)>
!scaled = !dataflow.itensor<2xf32, iter_space: [4] * [1], iter_map: (d0) -> (d0 * 2)>
!rows = !dataflow.itensor<1x4xf32, iter_space: [3, 2] * [1, 4], iter_map: (d0, d1) -> (d0, d1)>
!flat = !dataflow.itensor<4xf32, iter_space: [6] * [4], iter_map: (d0) -> (d0)>
!vectors = !dataflow.itensor<vector<1x4xf32>, iter_space: [3, 2] * [1, 4], iter_map: (d0, d1) -> (d0, d1)>
!flat_vectors = !dataflow.itensor<vector<4xf32>, iter_space: [6] * [4], iter_map: (d0) -> (d0)>

// CHECK-LABEL: func.func @views
// CHECK-NEXT:    %s = dataflow.itensor_cast %x {kept} : !itensor_{{[0-9]+}} -> !dataflow.itensor<2xf32, iter_space: [2, 2] * [4, 2], iter_map: (d0, d1) -> ((d0 + d1))>
// CHECK-NEXT:    %c = dataflow.itensor_cast %x : !itensor_{{[0-9]+}} -> !dataflow.itensor<2xf32, iter_space: [4] * [1], iter_map: (d0) -> ((d0 * 2))>
// CHECK-NEXT:    %f = dataflow.itensor_reassociate %r {{\[\[}}0, 1]] {kept} : !itensor_[[R:[0-9]+]] -> !itensor_[[F:[0-9]+]]
// CHECK-NEXT:    %g = dataflow.itensor_reassociate %f {{\[\[}}0, 1]] : !itensor_[[F]] -> !itensor_[[R]]
// CHECK-NEXT:    %w = dataflow.itensor_reassociate %v {{\[\[}}0, 1]] : !itensor_{{[0-9]+}} -> !dataflow.itensor<vector<4xf32>,
func.func @views(%x: !whole, %r: !rows, %v: !vectors) {
  %s = dataflow.itensor_cast %x {kept} : !whole -> !split
  %c = dataflow.itensor_cast %x : !whole -> !scaled
  %f = dataflow.itensor_reassociate %r [[0, 1]] {kept} : !rows -> !flat
  %g = dataflow.itensor_reassociate %f [[0, 1]] : !flat -> !rows
  %w = dataflow.itensor_reassociate %v [[0, 1]] : !vectors -> !flat_vectors
  func.return
}

// CHECK-LABEL: func.func @streams
// CHECK:         %t = dataflow.stream_cast %s : !dataflow.stream<vector<1x4xf32>> -> !dataflow.stream<vector<2x2xf32>>
// CHECK-NEXT:    %v = dataflow.stream_cast %u : !dataflow.stream<f32> -> !dataflow.stream<vector<1xf32>>
func.func @streams() {
  %s = dataflow.stream "s" depth 2 : !dataflow.stream<vector<1x4xf32>>
  %u = dataflow.stream "u" depth 2 : !dataflow.stream<f32>
  %t = dataflow.stream_cast %s : !dataflow.stream<vector<1x4xf32>> -> !dataflow.stream<vector<2x2xf32>>
  %v = dataflow.stream_cast %u : !dataflow.stream<f32> -> !dataflow.stream<vector<1xf32>>
  func.return
}

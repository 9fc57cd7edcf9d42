// RUN: streamtensor-opt %s | filecheck %s

// The worked examples of itensor.md over 8x8, and every operation, as they are printed.
// CHECK-DAG: !itensor_[[A:[0-9]+]] = !dataflow.itensor<2x2xf32, iter_space: [4, 4] * [2, 2], iter_map: (d0, d1) -> (d0, d1)>
// CHECK-DAG: !itensor_{{[0-9]+}} = !dataflow.itensor<f32, iter_space: [4] * [1], iter_map: (d0) -> ()>
// CHECK-DAG: !itensor_[[B:[0-9]+]] = !dataflow.itensor<4x2xf32, iter_space: [4, 2] * [2, 4], iter_map: (d0, d1) -> (d1, d0)>
!a = !dataflow.itensor<2x2xf32, iter_space: [4, 4] * [2, 2], iter_map: (d0, d1) -> (d0, d1)>
!b = !dataflow.itensor<4x2xf32, iter_space: [4, 2] * [2, 4], iter_map: (d0, d1) -> (d1, d0)>
!c = !dataflow.itensor<4x2xf32, iter_space: [4, 2, 2] * [2, 1, 4], iter_map: (d0, d1, d2) -> (d2, d0)>

// CHECK-LABEL: func.func @converters
// CHECK:         dataflow.itensor_converter %{{.*}} buffer [8, 8] shared 0 : !itensor_[[A]] -> !itensor_[[B]]
// CHECK-NEXT:    dataflow.itensor_converter %{{.*}} buffer [8, 2] shared 1 : !itensor_[[B]] -> !dataflow.itensor<4x2xf32, iter_space: [4, 2, 2] * [2, 1, 4], iter_map: (d0, d1, d2) -> (d2, d0)>
func.func @converters(%a: !a) {
  %b = dataflow.itensor_converter %a buffer [8, 8] shared 0 : !a -> !b
  %c = dataflow.itensor_converter %b buffer [8, 2] shared 1 : !b -> !c
  func.return
}

// A scalar token, a constant map, and a loop that the map does not use; a loop of the type may stand as several.
// CHECK-LABEL: func.func @kernels
// CHECK:         %[[K:.*]] = dataflow.kernel "k" ins(%{{.*}} : tensor<f32>) outs(%{{.*}} : tensor<8xf32>) {
// CHECK-NEXT:    ^bb0(%[[X:.*]]: !itensor_[[S:[0-9]+]], %[[O:.*]]: !itensor_[[Y:[0-9]+]]):
// CHECK-NEXT:      %[[T:.*]] = dataflow.task "t" inits(%[[O]] : !itensor_[[Y]]) {
// CHECK:             dataflow.itensor_read %[[X]] : !itensor_[[S]] -> tensor<f32>
// CHECK:             dataflow.itensor_write %{{.*}} into %{{.*}} : tensor<2xf32> -> !itensor_[[Y]]
// CHECK:           } -> !itensor_[[Y]]
// CHECK-NEXT:      dataflow.yield %[[T]] : !itensor_[[Y]]
// CHECK-NEXT:    } -> tensor<8xf32>
!scalar = !dataflow.itensor<f32, iter_space: [4] * [1], iter_map: (d0) -> ()>
!line = !dataflow.itensor<2xf32, iter_space: [4] * [2], iter_map: (d0) -> (d0)>
func.func @kernels(%x: tensor<f32>, %e: tensor<8xf32>) -> tensor<8xf32> {
  %k = dataflow.kernel "k" ins(%x : tensor<f32>) outs(%e : tensor<8xf32>) {
  ^bb0(%i: !scalar, %o: !line):
    %t = dataflow.task "t" inits(%o : !line) {
    ^bb0(%w: !line):
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %c2 = arith.constant 2 : index
      %c4 = arith.constant 4 : index
      %c8 = arith.constant 8 : index
      scf.for %n = %c0 to %c4 step %c1 {
        %v = dataflow.itensor_read %i : !scalar -> tensor<f32>
      }
      %s = tensor.empty() {dataflow.ping_pong} : tensor<2xf32>
      %l = scf.for %n = %c0 to %c8 step %c4 iter_args(%p = %w) -> (!line) {
        %m = scf.for %q = %c0 to %c4 step %c2 iter_args(%r = %p) -> (!line) {
          %z = dataflow.itensor_write %s into %r : tensor<2xf32> -> !line
          scf.yield %z : !line
        }
        scf.yield %m : !line
      }
      dataflow.yield %l : !line
    } -> !line
    dataflow.yield %t : !line
  } -> tensor<8xf32>
  func.return %k : tensor<8xf32>
}

// CHECK-LABEL: func.func @streams
// CHECK:         %[[S:.*]] = dataflow.stream "s" depth 4 : !dataflow.stream<vector<2x4xi8>>
// CHECK:         dataflow.stream_write %{{.*}} into %[[S]] : vector<2x4xi8> -> !dataflow.stream<vector<2x4xi8>>
// CHECK:         dataflow.stream_read %[[S]] : !dataflow.stream<vector<2x4xi8>> -> vector<2x4xi8>
func.func @streams(%x: vector<2x4xi8>) {
  %s = dataflow.stream "s" depth 4 : !dataflow.stream<vector<2x4xi8>>
  dataflow.task "a" {
    dataflow.stream_write %x into %s : vector<2x4xi8> -> !dataflow.stream<vector<2x4xi8>>
    dataflow.yield
  }
  dataflow.task "b" {
    %v = dataflow.stream_read %s : !dataflow.stream<vector<2x4xi8>> -> vector<2x4xi8>
    dataflow.yield
  }
  func.return
}

// An attribute of an empty tensor survives printing.
// CHECK: dataflow.ping_pong_kept
func.func @attribute() {
  %s = tensor.empty() {dataflow.ping_pong_kept} : tensor<2xf32>
  func.return
}

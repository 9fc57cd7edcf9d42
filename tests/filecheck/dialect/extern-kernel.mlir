// RUN: streamtensor-opt %s | filecheck %s
// RUN: streamtensor-opt %s -p dce | filecheck %s

// A hand-written kernel on tensors, on itensors (tiles and vectors), and on FIFOs. Dead code elimination keeps it where
// it writes a FIFO.
!t = !dataflow.itensor<2x4xf32, iter_space: [4] * [2], iter_map: (d0) -> (d0, 0)>
!v = !dataflow.itensor<vector<2x4xf32>, iter_space: [4] * [2], iter_map: (d0) -> (d0, 0)>
!s = !dataflow.stream<vector<2x4xf32>>

// CHECK-LABEL: func.func @tensors
// CHECK:         %{{.*}} = dataflow.extern_kernel "k" ins(%{{.*}} : tensor<8x4xf32>) outs(%{{.*}} : tensor<8x4xf32>) {source = "k.cpp", function = "rows", ports = [!itensor_[[T:[0-9]+]], !itensor_[[T]]], ii = 1 : i64, delay = 9 : i64, reads_before_writes = array<i64: 1>, resources = {bram = 2 : i64, dsp = 4 : i64}, width_bits = 512 : i64} -> tensor<8x4xf32>
func.func @tensors(%x: tensor<8x4xf32>, %e: tensor<8x4xf32>) -> tensor<8x4xf32> {
  %r = dataflow.extern_kernel "k" ins(%x : tensor<8x4xf32>) outs(%e : tensor<8x4xf32>) {source = "k.cpp", function = "rows", ports = [!t, !t], ii = 1 : i64, delay = 9 : i64, reads_before_writes = array<i64: 1>, resources = {bram = 2 : i64, dsp = 4 : i64}, width_bits = 512 : i64} -> tensor<8x4xf32>
  func.return %r : tensor<8x4xf32>
}

// CHECK-LABEL: func.func @itensors
// CHECK:         dataflow.extern_kernel "tiles" ins(%{{.*}} : !itensor_[[T]]) outs(%{{.*}} : !itensor_[[T]])
// CHECK-SAME:    -> !itensor_[[T]]
// CHECK:         dataflow.extern_kernel "vectors" ins(%{{.*}} : !itensor_[[V:[0-9]+]]) outs(%{{.*}} : !itensor_[[V]])
func.func @itensors(%x: tensor<8x4xf32>, %e: tensor<8x4xf32>) -> (tensor<8x4xf32>, tensor<8x4xf32>) {
  %a = dataflow.kernel "a" ins(%x : tensor<8x4xf32>) outs(%e : tensor<8x4xf32>) {
  ^bb0(%i: !t, %o: !t):
    %r = dataflow.extern_kernel "tiles" ins(%i : !t) outs(%o : !t) {source = "k.cpp", function = "rows", ports = [!t, !t], ii = 1 : i64, delay = 9 : i64, width_bits = 512 : i64} -> !t
    dataflow.yield %r : !t
  } -> tensor<8x4xf32>
  %b = dataflow.kernel "b" ins(%x : tensor<8x4xf32>) outs(%e : tensor<8x4xf32>) {
  ^bb0(%i: !v, %o: !v):
    %r = dataflow.extern_kernel "vectors" ins(%i : !v) outs(%o : !v) {source = "k.cpp", function = "rows", ports = [!t, !t], ii = 1 : i64, delay = 9 : i64, width_bits = 512 : i64} -> !v
    dataflow.yield %r : !v
  } -> tensor<8x4xf32>
  func.return %a, %b : tensor<8x4xf32>, tensor<8x4xf32>
}

// CHECK-LABEL: func.func @streams
// CHECK:         dataflow.extern_kernel "k" ins(%{{.*}} : !dataflow.stream<vector<2x4xf32>>) outs(%{{.*}} : !dataflow.stream<vector<2x4xf32>>) {source = "k.cpp", headers = ["k.h"], function = "rows"
// CHECK-NEXT:    func.return
func.func @streams() {
  %i = dataflow.stream "i" depth 2 : !s
  %o = dataflow.stream "o" depth 2 : !s
  dataflow.extern_kernel "k" ins(%i : !s) outs(%o : !s) {source = "k.cpp", headers = ["k.h"], function = "rows", ports = [!t, !t], ii = 1 : i64, delay = 9 : i64, width_bits = 512 : i64}
  func.return
}

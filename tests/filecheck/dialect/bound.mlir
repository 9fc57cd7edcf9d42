// RUN: streamtensor-opt %s | filecheck %s

// CHECK-LABEL: func.func @main
// CHECK:         %n = dataflow.bound %position tile 16 most 24 : memref<1xi64>
// CHECK:         dataflow.kernel "k" ins(%n : index)
func.func @main(%position: memref<1xi64>) {
  %n = dataflow.bound %position tile 16 most 24 : memref<1xi64>
  dataflow.kernel "k" ins(%n : index) {
  ^bb0(%m: index):
    dataflow.yield
  }
  func.return
}

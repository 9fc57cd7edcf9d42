// RUN: streamtensor-opt %s --split-input-file --verify-diagnostics

func.func @two(%position: memref<2xi64>) {
  // expected-error@+1 {{the position is one integer in memory, not memref<2xi64>}}
  %n = dataflow.bound %position tile 16 most 24 : memref<2xi64>
  func.return
}

// -----

func.func @real(%position: memref<1xf32>) {
  // expected-error@+1 {{the position is one integer in memory, not memref<1xf32>}}
  %n = dataflow.bound %position tile 16 most 24 : memref<1xf32>
  func.return
}

// -----

func.func @none(%position: memref<1xi64>) {
  // expected-error@+1 {{24 tiles of 0 rows: the least is 1}}
  %n = dataflow.bound %position tile 0 most 24 : memref<1xi64>
  func.return
}

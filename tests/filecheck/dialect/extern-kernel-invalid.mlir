// RUN: streamtensor-opt %s --split-input-file --verify-diagnostics

!t = !dataflow.itensor<2xf32, iter_space: [4] * [2], iter_map: (d0) -> (d0)>
func.func @name(%x: tensor<8xf32>, %y: tensor<8xf32>) {
  // expected-error@+1 {{'k::k' is not the name of a C++ function}}
  %r = dataflow.extern_kernel "k" ins(%x : tensor<8xf32>) outs(%y : tensor<8xf32>) {source = "k.cpp", function = "k::k", ports = [!t, !t], ii = 1 : i64, delay = 0 : i64, width_bits = 512 : i64} -> tensor<8xf32>
  func.return
}

// -----

!t = !dataflow.itensor<2xf32, iter_space: [4] * [2], iter_map: (d0) -> (d0)>
func.func @ii(%x: tensor<8xf32>, %y: tensor<8xf32>) {
  // expected-error@+1 {{the II is 0; the least is 1}}
  %r = dataflow.extern_kernel "k" ins(%x : tensor<8xf32>) outs(%y : tensor<8xf32>) {source = "k.cpp", function = "k", ports = [!t, !t], ii = 0 : i64, delay = 0 : i64, width_bits = 512 : i64} -> tensor<8xf32>
  func.return
}

// -----

!t = !dataflow.itensor<2xf32, iter_space: [4] * [2], iter_map: (d0) -> (d0)>
func.func @delay(%x: tensor<8xf32>, %y: tensor<8xf32>) {
  // expected-error@+1 {{the delay is -1; the least is 0}}
  %r = dataflow.extern_kernel "k" ins(%x : tensor<8xf32>) outs(%y : tensor<8xf32>) {source = "k.cpp", function = "k", ports = [!t, !t], ii = 1 : i64, delay = -1 : i64, width_bits = 512 : i64} -> tensor<8xf32>
  func.return
}

// -----

!t = !dataflow.itensor<2xf32, iter_space: [4] * [2], iter_map: (d0) -> (d0)>
func.func @width(%x: tensor<8xf32>, %y: tensor<8xf32>) {
  // expected-error@+1 {{the width is 0 bits; the least is 1}}
  %r = dataflow.extern_kernel "k" ins(%x : tensor<8xf32>) outs(%y : tensor<8xf32>) {source = "k.cpp", function = "k", ports = [!t, !t], ii = 1 : i64, delay = 0 : i64, width_bits = 0 : i64} -> tensor<8xf32>
  func.return
}

// -----

!t = !dataflow.itensor<2xf32, iter_space: [4] * [2], iter_map: (d0) -> (d0)>
func.func @resource(%x: tensor<8xf32>, %y: tensor<8xf32>) {
  // expected-error@+1 {{no resource luts; there are dsp, bram, uram, lut, ff}}
  %r = dataflow.extern_kernel "k" ins(%x : tensor<8xf32>) outs(%y : tensor<8xf32>) {source = "k.cpp", function = "k", ports = [!t, !t], ii = 1 : i64, delay = 0 : i64, width_bits = 512 : i64, resources = {luts = 4 : i64}} -> tensor<8xf32>
  func.return
}

// -----

!t = !dataflow.itensor<2xf32, iter_space: [4] * [2], iter_map: (d0) -> (d0)>
func.func @count(%x: tensor<8xf32>, %y: tensor<8xf32>) {
  // expected-error@+1 {{the count of dsp is a number from 0 on}}
  %r = dataflow.extern_kernel "k" ins(%x : tensor<8xf32>) outs(%y : tensor<8xf32>) {source = "k.cpp", function = "k", ports = [!t, !t], ii = 1 : i64, delay = 0 : i64, width_bits = 512 : i64, resources = {dsp = -4 : i64}} -> tensor<8xf32>
  func.return
}

// -----

!t = !dataflow.itensor<2xf32, iter_space: [4] * [2], iter_map: (d0) -> (d0)>
func.func @kinds(%x: tensor<8xf32>, %y: tensor<8xf32>) {
  // expected-error@+1 {{the ports are itensor types}}
  %r = dataflow.extern_kernel "k" ins(%x : tensor<8xf32>) outs(%y : tensor<8xf32>) {source = "k.cpp", function = "k", ports = [!t, f32], ii = 1 : i64, delay = 0 : i64, width_bits = 512 : i64} -> tensor<8xf32>
  func.return
}

// -----

!t = !dataflow.itensor<2xf32, iter_space: [4] * [2], iter_map: (d0) -> (d0)>
!v = !dataflow.itensor<vector<2xf32>, iter_space: [4] * [2], iter_map: (d0) -> (d0)>
func.func @vectors(%x: tensor<8xf32>, %y: tensor<8xf32>) {
  // expected-error@+1 {{a port is declared with tiles as tokens, not vectors}}
  %r = dataflow.extern_kernel "k" ins(%x : tensor<8xf32>) outs(%y : tensor<8xf32>) {source = "k.cpp", function = "k", ports = [!t, !v], ii = 1 : i64, delay = 0 : i64, width_bits = 512 : i64} -> tensor<8xf32>
  func.return
}

// -----

!t = !dataflow.itensor<2xf32, iter_space: [4] * [2], iter_map: (d0) -> (d0)>
func.func @number(%x: tensor<8xf32>, %y: tensor<8xf32>) {
  // expected-error@+1 {{has 1 ports for 1 ins and 1 outs}}
  %r = dataflow.extern_kernel "k" ins(%x : tensor<8xf32>) outs(%y : tensor<8xf32>) {source = "k.cpp", function = "k", ports = [!t], ii = 1 : i64, delay = 0 : i64, width_bits = 512 : i64} -> tensor<8xf32>
  func.return
}

// -----

!t = !dataflow.itensor<2xf32, iter_space: [4] * [2], iter_map: (d0) -> (d0)>
func.func @mixed(%x: !t, %y: tensor<8xf32>) {
  // expected-error@+1 {{its operands are all tensors, all itensors or all FIFOs}}
  %r = dataflow.extern_kernel "k" ins(%x : !t) outs(%y : tensor<8xf32>) {source = "k.cpp", function = "k", ports = [!t, !t], ii = 1 : i64, delay = 0 : i64, width_bits = 512 : i64} -> tensor<8xf32>
  func.return
}

// -----

!t = !dataflow.itensor<2xf32, iter_space: [4] * [2], iter_map: (d0) -> (d0)>
func.func @shape(%x: tensor<6xf32>, %y: tensor<8xf32>) {
  // expected-error@+1 {{port 0 is !dataflow.itensor<2xf32, iter_space: [4] * [2], iter_map: (d0) -> (d0)> of 8xf32, but operand 0 is tensor<6xf32>}}
  %r = dataflow.extern_kernel "k" ins(%x : tensor<6xf32>) outs(%y : tensor<8xf32>) {source = "k.cpp", function = "k", ports = [!t, !t], ii = 1 : i64, delay = 0 : i64, width_bits = 512 : i64} -> tensor<8xf32>
  func.return
}

// -----

!t = !dataflow.itensor<2xf32, iter_space: [4] * [2], iter_map: (d0) -> (d0)>
func.func @scalar(%x: tensor<8xf32>, %y: tensor<8xi32>) {
  // expected-error@+1 {{of 8xf32, but operand 1 is tensor<8xi32>}}
  %r = dataflow.extern_kernel "k" ins(%x : tensor<8xf32>) outs(%y : tensor<8xi32>) {source = "k.cpp", function = "k", ports = [!t, !t], ii = 1 : i64, delay = 0 : i64, width_bits = 512 : i64} -> tensor<8xi32>
  func.return
}

// -----

!t = !dataflow.itensor<2xf32, iter_space: [4] * [2], iter_map: (d0) -> (d0)>
!u = !dataflow.itensor<4xf32, iter_space: [2] * [4], iter_map: (d0) -> (d0)>
func.func @order(%x: !t, %y: !u) {
  // expected-error@+1 {{of 8xf32, but operand 1 is !dataflow.itensor<4xf32}}
  %r = dataflow.extern_kernel "k" ins(%x : !t) outs(%y : !u) {source = "k.cpp", function = "k", ports = [!t, !t], ii = 1 : i64, delay = 0 : i64, width_bits = 512 : i64} -> !u
  func.return
}

// -----

!t = !dataflow.itensor<2xf32, iter_space: [4] * [2], iter_map: (d0) -> (d0)>
func.func @fifo(%x: !dataflow.stream<vector<2xf32>>, %y: !dataflow.stream<vector<4xf32>>) {
  // expected-error@+1 {{of 8xf32, but operand 1 is !dataflow.stream<vector<4xf32>>}}
  dataflow.extern_kernel "k" ins(%x : !dataflow.stream<vector<2xf32>>) outs(%y : !dataflow.stream<vector<4xf32>>) {source = "k.cpp", function = "k", ports = [!t, !t], ii = 1 : i64, delay = 0 : i64, width_bits = 512 : i64}
  func.return
}

// -----

!t = !dataflow.itensor<2xf32, iter_space: [4] * [2], iter_map: (d0) -> (d0)>
!o = !dataflow.itensor<3xf32, iter_space: [4] * [2], iter_map: (d0) -> (d0)>
func.func @windows(%x: tensor<8xf32>, %y: tensor<9xf32>) {
  // expected-error@+1 {{an out port writes each element once}}
  %r = dataflow.extern_kernel "k" ins(%x : tensor<8xf32>) outs(%y : tensor<9xf32>) {source = "k.cpp", function = "k", ports = [!t, !o], ii = 1 : i64, delay = 0 : i64, width_bits = 512 : i64} -> tensor<9xf32>
  func.return
}

// -----

!t = !dataflow.itensor<2xf32, iter_space: [4] * [2], iter_map: (d0) -> (d0)>
!o = !dataflow.itensor<1xf32, iter_space: [4] * [2], iter_map: (d0) -> (d0)>
func.func @gaps(%x: tensor<7xf32>, %y: tensor<8xf32>) {
  // expected-error@+1 {{an in port reads all of its data, but !dataflow.itensor<1xf32, iter_space: [4] * [2], iter_map: (d0) -> (d0)> is gapped}}
  %r = dataflow.extern_kernel "k" ins(%x : tensor<7xf32>) outs(%y : tensor<8xf32>) {source = "k.cpp", function = "k", ports = [!o, !t], ii = 1 : i64, delay = 0 : i64, width_bits = 512 : i64} -> tensor<8xf32>
  func.return
}

// -----

!t = !dataflow.itensor<2xf32, iter_space: [4] * [2], iter_map: (d0) -> (d0)>
func.func @results(%x: tensor<8xf32>, %y: tensor<8xf32>) {
  // expected-error@+1 {{the results have the types of the outs}}
  %r = dataflow.extern_kernel "k" ins(%x : tensor<8xf32>) outs(%y : tensor<8xf32>) {source = "k.cpp", function = "k", ports = [!t, !t], ii = 1 : i64, delay = 0 : i64, width_bits = 512 : i64} -> tensor<4xf32>
  func.return
}

// -----

!t = !dataflow.itensor<2xf32, iter_space: [4] * [2], iter_map: (d0) -> (d0)>
func.func @reads(%x: tensor<8xf32>, %y: tensor<8xf32>) {
  // expected-error@+1 {{reads_before_writes has 2 numbers for 1 ins}}
  %r = dataflow.extern_kernel "k" ins(%x : tensor<8xf32>) outs(%y : tensor<8xf32>) {source = "k.cpp", function = "k", ports = [!t, !t], ii = 1 : i64, delay = 0 : i64, width_bits = 512 : i64, reads_before_writes = array<i64: 1, 1>} -> tensor<8xf32>
  func.return
}

// -----

!t = !dataflow.itensor<2xf32, iter_space: [4] * [2], iter_map: (d0) -> (d0)>
func.func @divides(%x: tensor<8xf32>, %y: tensor<8xf32>) {
  // expected-error@+1 {{port 0 reads 3 tokens at a time, which do not divide its 4}}
  %r = dataflow.extern_kernel "k" ins(%x : tensor<8xf32>) outs(%y : tensor<8xf32>) {source = "k.cpp", function = "k", ports = [!t, !t], ii = 1 : i64, delay = 0 : i64, width_bits = 512 : i64, reads_before_writes = array<i64: 3>} -> tensor<8xf32>
  func.return
}

// -----

!t = !dataflow.itensor<2xf32, iter_space: [4] * [2], iter_map: (d0) -> (d0)>
!u = !dataflow.itensor<4xf32, iter_space: [2] * [4], iter_map: (d0) -> (d0)>
func.func @share(%x: tensor<8xf32>, %y: tensor<8xf32>) {
  // expected-error@+1 {{out port 0 has 2 tokens, which 4 rounds do not divide}}
  %r = dataflow.extern_kernel "k" ins(%x : tensor<8xf32>) outs(%y : tensor<8xf32>) {source = "k.cpp", function = "k", ports = [!t, !u], ii = 1 : i64, delay = 0 : i64, width_bits = 512 : i64, reads_before_writes = array<i64: 1>} -> tensor<8xf32>
  func.return
}

// -----

!t = !dataflow.itensor<2xf32, iter_space: [4] * [2], iter_map: (d0) -> (d0)>
!s = !dataflow.itensor<2xf32, iter_space: [6] * [2], iter_map: (d0) -> (d0)>
func.func @nest(%x: tensor<8xf32>, %z: tensor<12xf32>, %y: tensor<8xf32>) {
  // expected-error@+1 {{the ports are read in 4 and in 6 rounds, which do not nest}}
  %r = dataflow.extern_kernel "k" ins(%x, %z : tensor<8xf32>, tensor<12xf32>) outs(%y : tensor<8xf32>) {source = "k.cpp", function = "k", ports = [!t, !s, !t], ii = 1 : i64, delay = 0 : i64, width_bits = 512 : i64, reads_before_writes = array<i64: 1, 1>} -> tensor<8xf32>
  func.return
}

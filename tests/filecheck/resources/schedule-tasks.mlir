// RUN: streamtensor-opt %s -p 'schedule-tasks' | filecheck %s

// Nothing is carried: an iteration a cycle. 3 cycles of multiplication, and the write.
// CHECK-LABEL: dataflow.kernel "scale"
// CHECK:       {dataflow.pipeline = 1 : i64, dataflow.depth = 4 : i64}
func.func private @scale() attributes {dataflow.place = "device"} {
  dataflow.kernel "scale" {
    %in = dataflow.stream "in" depth 2 : !dataflow.stream<f32>
    %out = dataflow.stream "out" depth 2 : !dataflow.stream<f32>
    dataflow.task "scale" {
      %zero = arith.constant 0 : index
      %one = arith.constant 1 : index
      %many = arith.constant 64 : index
      %factor = arith.constant 2.0 : f32
      scf.for %i = %zero to %many step %one {
        %x = dataflow.stream_read %in : !dataflow.stream<f32> -> f32
        %y = arith.mulf %x, %factor : f32
        dataflow.stream_write %y into %out : f32 -> !dataflow.stream<f32>
      } {dataflow.pipeline = 1 : i64}
      dataflow.yield
    }
    dataflow.yield
  }
  func.return
}

// A sum in one register waits for the addition of the iteration before: 4 cycles, and one more for the store. An integer
// sum takes 1. In 16 elements of LUT memory each sum has 16 iterations time for reading, adding and writing, 1 + 4 + 1
// cycles. The last loop merges with the one around it, which moves no element: a sum in BRAM, 2 + 4 + 1 cycles in 4
// iterations.
// CHECK-LABEL: dataflow.kernel "sums"
// CHECK:       {dataflow.pipeline = 4 : i64, dataflow.depth = 5 : i64}
// CHECK:       {dataflow.pipeline = 1 : i64, dataflow.depth = 2 : i64}
// CHECK:       {dataflow.pipeline = 1 : i64, dataflow.depth = 6 : i64}
// CHECK:       {dataflow.pipeline = 2 : i64, dataflow.depth = 7 : i64}
func.func private @sums() attributes {dataflow.place = "device"} {
  dataflow.kernel "sums" {
    %in = dataflow.stream "in" depth 2 : !dataflow.stream<f32>
    %whole = dataflow.stream "whole" depth 2 : !dataflow.stream<i32>
    dataflow.task "sums" {
      %zero = arith.constant 0 : index
      %one = arith.constant 1 : index
      %four = arith.constant 4 : index
      %sixteen = arith.constant 16 : index
      %many = arith.constant 64 : index
      %sum = memref.alloc() {dataflow.memory = "lutram"} : memref<1xf32>
      %count = memref.alloc() {dataflow.memory = "lutram"} : memref<1xi32>
      %sums = memref.alloc() {dataflow.memory = "lutram"} : memref<16xf32>
      %large = memref.alloc() {dataflow.memory = "bram"} : memref<4xf32>
      scf.for %i = %zero to %many step %one {
        %x = dataflow.stream_read %in : !dataflow.stream<f32> -> f32
        %old = memref.load %sum[%zero] : memref<1xf32>
        %new = arith.addf %old, %x : f32
        memref.store %new, %sum[%zero] : memref<1xf32>
      } {dataflow.pipeline = 1 : i64}
      scf.for %i = %zero to %many step %one {
        %x = dataflow.stream_read %whole : !dataflow.stream<i32> -> i32
        %old = memref.load %count[%zero] : memref<1xi32>
        %new = arith.addi %old, %x : i32
        memref.store %new, %count[%zero] : memref<1xi32>
      } {dataflow.pipeline = 1 : i64}
      scf.for %i = %zero to %four step %one {
        scf.for %j = %zero to %sixteen step %one {
          %x = dataflow.stream_read %in : !dataflow.stream<f32> -> f32
          %old = memref.load %sums[%j] : memref<16xf32>
          %new = arith.addf %old, %x : f32
          memref.store %new, %sums[%j] : memref<16xf32>
        } {dataflow.pipeline = 1 : i64}
      }
      scf.for %i = %zero to %sixteen step %one {
        scf.for %j = %zero to %four step %one {
          %x = dataflow.stream_read %in : !dataflow.stream<f32> -> f32
          %old = memref.load %large[%j] : memref<4xf32>
          %new = arith.addf %old, %x : f32
          memref.store %new, %large[%j] : memref<4xf32>
        } {dataflow.pipeline = 1 : i64}
      }
      dataflow.yield
    }
    dataflow.yield
  }
  func.return
}

// Ports: a FIFO gives one token a cycle; a bank of memory has two ports, one of which writes. Four elements from one bank
// take two cycles, from two banks one. An interval that the user wants longer stays.
// CHECK-LABEL: dataflow.kernel "ports"
// CHECK:       {dataflow.pipeline = 2 : i64, dataflow.depth = 2 : i64}
// CHECK:       {dataflow.unroll}
// CHECK:       {dataflow.pipeline = 2 : i64, dataflow.depth = 4 : i64}
// CHECK:       {dataflow.unroll}
// CHECK:       {dataflow.pipeline = 1 : i64, dataflow.depth = 4 : i64}
// CHECK:       {dataflow.pipeline = 5 : i64, dataflow.depth = 1 : i64}
func.func private @ports() attributes {dataflow.place = "device"} {
  dataflow.kernel "ports" {
    %in = dataflow.stream "in" depth 2 : !dataflow.stream<i32>
    dataflow.task "ports" {
      %zero = arith.constant 0 : index
      %one = arith.constant 1 : index
      %four = arith.constant 4 : index
      %many = arith.constant 64 : index
      %one_bank = memref.alloc() {dataflow.memory = "bram"} : memref<64x4xi32>
      %two_banks = memref.alloc() {dataflow.memory = "bram", dataflow.partition = array<i64: 1, 2>} : memref<64x4xi32>
      %sums = memref.alloc() {dataflow.partition = array<i64: 4>, dataflow.memory = "lutram"} : memref<4xi32>
      scf.for %i = %zero to %many step %one {
        %x = dataflow.stream_read %in : !dataflow.stream<i32> -> i32
        %y = dataflow.stream_read %in : !dataflow.stream<i32> -> i32
      } {dataflow.pipeline = 1 : i64}
      scf.for %i = %zero to %many step %one {
        scf.for %j = %zero to %four step %one {
          %x = memref.load %one_bank[%i, %j] : memref<64x4xi32>
          %old = memref.load %sums[%j] : memref<4xi32>
          %new = arith.addi %old, %x : i32
          memref.store %new, %sums[%j] : memref<4xi32>
        } {dataflow.unroll}
      } {dataflow.pipeline = 1 : i64}
      scf.for %i = %zero to %many step %one {
        scf.for %j = %zero to %four step %one {
          %x = memref.load %two_banks[%i, %j] : memref<64x4xi32>
          %old = memref.load %sums[%j] : memref<4xi32>
          %new = arith.addi %old, %x : i32
          memref.store %new, %sums[%j] : memref<4xi32>
        } {dataflow.unroll}
      } {dataflow.pipeline = 1 : i64}
      scf.for %i = %zero to %many step %one {
        %x = dataflow.stream_read %in : !dataflow.stream<i32> -> i32
      } {dataflow.pipeline = 5 : i64}
      dataflow.yield
    }
    dataflow.yield
  }
  func.return
}

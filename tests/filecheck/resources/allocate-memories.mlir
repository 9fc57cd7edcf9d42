// RUN: streamtensor-opt %s -p 'allocate-memories' | filecheck %s

// By the words of one bank: one into registers, up to 64 into LUT memory, the others where they take the smaller share of the 2016 BRAM36 and
// 960 URAM blocks: 2048 words of 32 bits are 2 BRAM or 1 URAM, 2049 words are 3 BRAM or 1 URAM. A partition makes banks; a
// buffer outside of tasks is external memory and gets no kind.
// CHECK-LABEL: func.func private @kinds
// CHECK-NEXT:    memref.alloc() : memref<16xf32>
// CHECK:         memref.alloc() {dataflow.memory = "lutram"} : memref<8x8xf32>
// CHECK-NEXT:    memref.alloc() {dataflow.memory = "bram"} : memref<65xf32>
// CHECK-NEXT:    memref.alloc() {dataflow.memory = "bram"} : memref<2048xf32>
// CHECK-NEXT:    memref.alloc() {dataflow.memory = "uram"} : memref<2049xf32>
// CHECK-NEXT:    memref.alloc() {dataflow.partition = array<i64: 1, 2>, dataflow.memory = "bram"} : memref<1024x4xf32>
// CHECK-NEXT:    memref.alloc() {dataflow.partition = array<i64: 8, 8>, dataflow.memory = "registers"} : memref<8x8xf32>
// CHECK-NEXT:    memref.alloc() {dataflow.memory = "registers"} : memref<f32>
func.func private @kinds() attributes {dataflow.place = "device"} {
  %external = memref.alloc() : memref<16xf32>
  dataflow.kernel "kinds" {
    dataflow.task "kinds" {
      %a = memref.alloc() : memref<8x8xf32>
      %b = memref.alloc() : memref<65xf32>
      %c = memref.alloc() : memref<2048xf32>
      %d = memref.alloc() : memref<2049xf32>
      %e = memref.alloc() {dataflow.partition = array<i64: 1, 2>} : memref<1024x4xf32>
      %f = memref.alloc() {dataflow.partition = array<i64: 8, 8>} : memref<8x8xf32>
      %g = memref.alloc() : memref<f32>
      dataflow.yield
    }
    dataflow.yield
  }
  func.return
}

// RUN: streamtensor-opt %s -p 'allocate-memories' | filecheck %s

// By the words of one bank: up to 64 into LUT memory, from 4096 on into URAM, the others into BRAM. A partition makes
// banks; a buffer outside of tasks is external memory and gets no kind.
// CHECK-LABEL: func.func private @kinds
// CHECK-NEXT:    memref.alloc() : memref<16xf32>
// CHECK:         memref.alloc() {dataflow.memory = "lutram"} : memref<8x8xf32>
// CHECK-NEXT:    memref.alloc() {dataflow.memory = "bram"} : memref<65xf32>
// CHECK-NEXT:    memref.alloc() {dataflow.memory = "bram"} : memref<4095xf32>
// CHECK-NEXT:    memref.alloc() {dataflow.memory = "uram"} : memref<4096xf32>
// CHECK-NEXT:    memref.alloc() {dataflow.partition = array<i64: 1, 2>, dataflow.memory = "bram"} : memref<1024x4xf32>
func.func private @kinds() attributes {dataflow.place = "device"} {
  %external = memref.alloc() : memref<16xf32>
  dataflow.kernel "kinds" {
    dataflow.task "kinds" {
      %a = memref.alloc() : memref<8x8xf32>
      %b = memref.alloc() : memref<65xf32>
      %c = memref.alloc() : memref<4095xf32>
      %d = memref.alloc() : memref<4096xf32>
      %e = memref.alloc() {dataflow.partition = array<i64: 1, 2>} : memref<1024x4xf32>
      dataflow.yield
    }
    dataflow.yield
  }
  func.return
}

// RUN: streamtensor-opt %s -p 'strip-mine{unroll=4 plain=8 products=2}' | filecheck %s

// Sixteen elements in groups of eight, or of two where the body multiplies; a sum stays as it is.
// CHECK-LABEL: dataflow.task "plain"
// CHECK:         scf.for %[[J:.*]] = %c0{{.*}} to %c16{{.*}} step %c8
// CHECK-NEXT:      scf.for %[[K:.*]] = %c0{{.*}} to %c8{{.*}} step %c1
// CHECK-NEXT:        %[[I:.*]] = arith.addi %[[J]], %[[K]] : index
// CHECK-NEXT:        memref.load %{{.*}}[%[[I]]]
// CHECK-LABEL: dataflow.task "products"
// CHECK:         scf.for %{{.*}} to %c16{{.*}} step %c2
// CHECK-LABEL: dataflow.task "sum"
// CHECK:         scf.for %{{.*}} to %c16{{.*}} step %c1
// CHECK-NEXT:      memref.load
func.func private @f() attributes {dataflow.place = "device"} {
 dataflow.kernel "k" {
  dataflow.task "plain" {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c16 = arith.constant 16 : index
    %a = memref.alloc() : memref<16xi32>
    %b = memref.alloc() : memref<16xi32>
    scf.for %i = %c0 to %c16 step %c1 {
      %x = memref.load %a[%i] : memref<16xi32>
      %y = arith.addi %x, %x : i32
      memref.store %y, %b[%i] : memref<16xi32>
    }
    dataflow.yield
  }
  dataflow.task "products" {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c16 = arith.constant 16 : index
    %a = memref.alloc() : memref<16xi32>
    %b = memref.alloc() : memref<16xi32>
    scf.for %i = %c0 to %c16 step %c1 {
      %x = memref.load %a[%i] : memref<16xi32>
      %y = arith.muli %x, %x : i32
      memref.store %y, %b[%i] : memref<16xi32>
    }
    dataflow.yield
  }
  dataflow.task "sum" {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c16 = arith.constant 16 : index
    %a = memref.alloc() : memref<16xi32>
    %b = memref.alloc() : memref<i32>
    scf.for %i = %c0 to %c16 step %c1 {
      %x = memref.load %a[%i] : memref<16xi32>
      %s = memref.load %b[] : memref<i32>
      %y = arith.addi %x, %s : i32
      memref.store %y, %b[] : memref<i32>
    }
    dataflow.yield
  }
  dataflow.yield
 }
  func.return
}

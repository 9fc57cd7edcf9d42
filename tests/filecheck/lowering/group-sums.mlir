// RUN: streamtensor-opt %s -p 'group-sums{plain=8 products=2}' | filecheck %s

// A sum of sixteen values in groups of eight, of squares in groups of two; what does not combine stays, and so does what
// starts anew in a later iteration.
// CHECK-LABEL: dataflow.task "sum"
// CHECK:         scf.for %[[J:.*]] = %c0{{.*}} to %c16{{.*}} step %c8
// CHECK-NEXT:      %[[ZERO:.*]] = arith.constant 0 : i32
// CHECK-NEXT:      %[[T:.*]] = scf.for %[[K:.*]] = %c0{{.*}} to %c8{{.*}} step %c1{{.*}} iter_args(%[[SO_FAR:.*]] = %[[ZERO]]) -> (i32) {
// CHECK-NEXT:        %[[I:.*]] = arith.addi %[[J]], %[[K]] : index
// CHECK-NEXT:        %[[X:.*]] = memref.load %{{.*}}[%[[I]]]
// CHECK-NEXT:        %[[MORE:.*]] = arith.addi %[[SO_FAR]], %[[X]] : i32
// CHECK-NEXT:        scf.yield %[[MORE]] : i32
// CHECK-NEXT:      } {dataflow.unroll}
// CHECK:           %[[HELD:.*]] = memref.load
// CHECK:           arith.cmpi eq, %[[J]], %c0
// CHECK:           %[[START:.*]] = arith.select %{{.*}}, %{{.*}}, %[[HELD]] : i32
// CHECK-NEXT:      %[[SUM:.*]] = arith.addi %[[START]], %[[T]] : i32
// CHECK-NEXT:      memref.store %[[SUM]]
// CHECK-LABEL: dataflow.task "largest_square"
// CHECK:         scf.for %{{.*}} to %c16{{.*}} step %c2
// CHECK-NEXT:      arith.constant -2147483648 : i32
// CHECK:           arith.maxsi
// CHECK-LABEL: dataflow.task "later"
// CHECK:         scf.for %{{.*}} to %c16{{.*}} step %c1
// CHECK-NEXT:      memref.load
// CHECK-LABEL: dataflow.task "elements"
// CHECK:         scf.for %{{.*}} to %c16{{.*}} step %c1
// CHECK-NEXT:      memref.load
func.func private @f() attributes {dataflow.place = "device"} {
 dataflow.kernel "k" {
  dataflow.task "sum" {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c16 = arith.constant 16 : index
    %zero = arith.constant 0 : i32
    %a = memref.alloc() : memref<16xi32>
    %b = memref.alloc() : memref<i32>
    scf.for %i = %c0 to %c16 step %c1 {
      %x = memref.load %a[%i] : memref<16xi32>
      %s = memref.load %b[] : memref<i32>
      %first = arith.cmpi eq, %i, %c0 : index
      %start = arith.select %first, %zero, %s : i32
      %y = arith.addi %x, %start : i32
      memref.store %y, %b[] : memref<i32>
    }
    dataflow.yield
  }
  dataflow.task "largest_square" {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c16 = arith.constant 16 : index
    %a = memref.alloc() : memref<16xi32>
    %b = memref.alloc() : memref<1xi32>
    scf.for %i = %c0 to %c16 step %c1 {
      %x = memref.load %a[%i] : memref<16xi32>
      %square = arith.muli %x, %x : i32
      %s = memref.load %b[%c0] : memref<1xi32>
      %y = arith.maxsi %s, %square : i32
      memref.store %y, %b[%c0] : memref<1xi32>
    }
    dataflow.yield
  }
  dataflow.task "later" {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c16 = arith.constant 16 : index
    %zero = arith.constant 0 : i32
    %a = memref.alloc() : memref<16xi32>
    %b = memref.alloc() : memref<i32>
    scf.for %i = %c0 to %c16 step %c1 {
      %x = memref.load %a[%i] : memref<16xi32>
      %s = memref.load %b[] : memref<i32>
      %third = arith.cmpi eq, %i, %c1 : index
      %start = arith.select %third, %zero, %s : i32
      %y = arith.addi %x, %start : i32
      memref.store %y, %b[] : memref<i32>
    }
    dataflow.yield
  }
  dataflow.task "elements" {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c16 = arith.constant 16 : index
    %a = memref.alloc() : memref<16xi32>
    %b = memref.alloc() : memref<16xi32>
    scf.for %i = %c0 to %c16 step %c1 {
      %x = memref.load %a[%i] : memref<16xi32>
      %s = memref.load %b[%i] : memref<16xi32>
      %y = arith.addi %x, %s : i32
      memref.store %y, %b[%i] : memref<16xi32>
    }
    dataflow.yield
  }
  dataflow.yield
 }
  func.return
}

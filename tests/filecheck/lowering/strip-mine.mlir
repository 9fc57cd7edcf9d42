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


// Eight lanes were chosen for a product over a tile of 4x4: all columns and two rows at once. With 16 or more nothing has
// to be split.
// CHECK-LABEL: dataflow.task "lanes"
// CHECK:         scf.for %{{.*}} = %c0{{.*}} to %c4{{.*}} step %c2
// CHECK-NEXT:      scf.for %{{.*}} = %c0{{.*}} to %c2{{.*}} step %c1
// CHECK-NEXT:        arith.addi
// CHECK-NEXT:        scf.for %{{.*}} = %c0{{.*}} to %c4{{.*}} step %c1
// CHECK-LABEL: dataflow.task "enough"
// CHECK:         scf.for %{{.*}} = %c0{{.*}} to %c4{{.*}} step %c1
// CHECK-NEXT:      scf.for %{{.*}} = %c0{{.*}} to %c4{{.*}} step %c1
func.func private @g() attributes {dataflow.place = "device"} {
 dataflow.kernel "k" {
  dataflow.task "lanes" {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c4 = arith.constant 4 : index
    %c16 = arith.constant 16 : index
    %a = memref.alloc() : memref<4x16xi32>
    %b = memref.alloc() : memref<4x4xi32>
    scf.for %k = %c0 to %c16 step %c1 {
      scf.for %i = %c0 to %c4 step %c1 {
        scf.for %j = %c0 to %c4 step %c1 {
          %x = memref.load %a[%i, %k] : memref<4x16xi32>
          %y = arith.muli %x, %x : i32
          %z = memref.load %b[%i, %j] : memref<4x4xi32>
          %s = arith.addi %y, %z : i32
          memref.store %s, %b[%i, %j] : memref<4x4xi32>
        }
      }
    } {dataflow.lanes = 8 : i64}
    dataflow.yield
  }
  dataflow.task "enough" {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c4 = arith.constant 4 : index
    %c16 = arith.constant 16 : index
    %a = memref.alloc() : memref<4x16xi32>
    %b = memref.alloc() : memref<4x4xi32>
    scf.for %k = %c0 to %c16 step %c1 {
      scf.for %i = %c0 to %c4 step %c1 {
        scf.for %j = %c0 to %c4 step %c1 {
          %x = memref.load %a[%i, %k] : memref<4x16xi32>
          %y = arith.muli %x, %x : i32
          %z = memref.load %b[%i, %j] : memref<4x4xi32>
          %s = arith.addi %y, %z : i32
          memref.store %s, %b[%i, %j] : memref<4x4xi32>
        }
      }
    } {dataflow.lanes = 16 : i64}
    dataflow.yield
  }
  dataflow.yield
 }
 func.return
}

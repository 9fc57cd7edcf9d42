// RUN: streamtensor-opt %s -p 'apply-tiling,convert-linalg-to-kernel,materialize-kernels,vectorize-itensors,convert-empty-to-instance,lower-itensor-to-stream,bufferize,convert-linalg-to-loops' | filecheck %s

// Within a tile the reduction is outermost and the accumulator is changed in place.
// CHECK-LABEL: func.func private @matmul
// CHECK:         dataflow.task "matmul"
// CHECK:           %[[C:.*]] = memref.alloc() : memref<2x3xf32>
// CHECK-NEXT:      %[[A:.*]] = memref.alloc() : memref<2x4xf32>
// CHECK-NEXT:      %[[B:.*]] = memref.alloc() : memref<4x3xf32>
// CHECK-NOT:       linalg.generic
// CHECK:           scf.for %[[KT:.*]] = %{{.*}} to %c8{{.*}} step %c4
// CHECK:             scf.for %[[K:.*]] = %{{.*}} to %c4{{.*}} step %c1
// CHECK-NEXT:          scf.for %[[I:.*]] = %{{.*}} to %c2{{.*}} step %c1
// CHECK-NEXT:            scf.for %[[J:.*]] = %{{.*}} to %c3{{.*}} step %c1
// CHECK-NEXT:              memref.load %[[A]][%[[I]], %[[K]]]
// CHECK-NEXT:              memref.load %[[B]][%[[K]], %[[J]]]
// CHECK-NEXT:              memref.load %[[C]][%[[I]], %[[J]]]
// CHECK-NEXT:              arith.addi %[[K]], %[[KT]] : index
// CHECK:                   memref.store %{{.*}}, %[[C]][%[[I]], %[[J]]]
func.func private @matmul(%x: tensor<4x8xf32>, %w: tensor<8x6xf32>) -> tensor<4x6xf32> attributes {dataflow.place = "device"} {
  %e = tensor.empty() : tensor<4x6xf32>
  %y = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%x, %w : tensor<4x8xf32>, tensor<8x6xf32>) outs(%e : tensor<4x6xf32>) attrs = {dataflow.tile = array<i64: 2, 3, 4>, dataflow.order = array<i64: 1, 0, 2>} {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %k = linalg.index 2 : index
    %c0 = arith.constant 0 : index
    %first = arith.cmpi eq, %k, %c0 : index
    %zero = arith.constant 0.0 : f32
    %acc = arith.select %first, %zero, %o : f32
    %m = arith.mulf %a, %b : f32
    %s = arith.addf %acc, %m : f32
    linalg.yield %s : f32
  } -> tensor<4x6xf32>
  func.return %y : tensor<4x6xf32>
}

// RUN: streamtensor-opt %s -p convert-tensor-to-kernel | filecheck %s

// A row of the constant, the rows of the source, each put into a wider row of the constant, and two rows of the constant.
// CHECK:       !itensor_0 = !dataflow.itensor<1x8xf32, iter_space: [4] * [1], iter_map: (d0) -> (d0, 0)>
// CHECK-NEXT:  !itensor_1 = !dataflow.itensor<1x11xf32, iter_space: [7] * [1], iter_map: (d0) -> (d0, 0)>
// CHECK-LABEL: func.func private @pad
// CHECK:         dataflow.kernel "pad" ins(%x : tensor<4x8xf32>)
// CHECK:           dataflow.task "pad"
// CHECK:             %[[ROW:.*]] = linalg.generic
// CHECK:               arith.constant 5.0
// CHECK:             } -> tensor<1x11xf32>
// CHECK:             %[[FRAME:.*]] = linalg.generic
// CHECK:             } -> tensor<1x11xf32>
// CHECK-NEXT:        %[[A:.*]] = dataflow.itensor_write %[[ROW]] into %{{.*}} : tensor<1x11xf32> -> !itensor_1
// CHECK-NEXT:        %[[B:.*]] = scf.for %{{.*}} = %{{.*}} to %c4 step %c1 iter_args(%[[C:.*]] = %[[A]]) -> (!itensor_1) {
// CHECK-NEXT:          %[[T:.*]] = dataflow.itensor_read %{{.*}} : !itensor_0 -> tensor<1x8xf32>
// CHECK-NEXT:          %[[I:.*]] = tensor.insert_slice %[[T]] into %[[FRAME]][0, 1] [1, 8] [1, 1]
// CHECK-NEXT:          dataflow.itensor_write %[[I]] into %[[C]]
// CHECK:             scf.for %{{.*}} = %{{.*}} to %c2 step %c1 iter_args(%[[D:.*]] = %[[B]]) -> (!itensor_1) {
// CHECK-NEXT:          dataflow.itensor_write %[[ROW]] into %[[D]]
func.func private @pad(%x: tensor<4x8xf32>) -> tensor<7x11xf32> attributes {dataflow.place = "device"} {
  %c = arith.constant 5.0 : f32
  %y = tensor.pad %x low[1, 1] high[2, 2] {
  ^bb0(%i: index, %j: index):
    tensor.yield %c : f32
  } {dataflow.tile = array<i64: 1, 8>, dataflow.order = array<i64: 0, 1>} : tensor<4x8xf32> to tensor<7x11xf32>
  func.return %y : tensor<7x11xf32>
}

// Along a dimension inside of the row loop nothing changes, and the batch is outside: rows are filled for each image.
// CHECK-LABEL: func.func private @pad_images
// CHECK:         scf.for %{{.*}} = %c0{{.*}} to %c2{{.*}} step %c1
// CHECK-NEXT:      scf.for %{{.*}} = %c0{{.*}} to %c4{{.*}} step %c2
// CHECK-NEXT:        dataflow.itensor_write
// CHECK:           scf.for %{{.*}} = %c0{{.*}} to %c6{{.*}} step %c1
// CHECK-NEXT:        scf.for %{{.*}} = %c0{{.*}} to %c4{{.*}} step %c2
// CHECK-NEXT:          dataflow.itensor_read
// CHECK-NEXT:          dataflow.itensor_write
func.func private @pad_images(%x: tensor<2x4x6x8xf32>) -> tensor<2x4x7x8xf32> attributes {dataflow.place = "device"} {
  %c = arith.constant 0.0 : f32
  %y = tensor.pad %x low[0, 0, 1, 0] high[0, 0, 0, 0] {
  ^bb0(%i: index, %j: index, %k: index, %l: index):
    tensor.yield %c : f32
  } {dataflow.tile = array<i64: 1, 2, 1, 8>, dataflow.order = array<i64: 0, 2, 1, 3>} : tensor<2x4x6x8xf32> to tensor<2x4x7x8xf32>
  func.return %y : tensor<2x4x7x8xf32>
}

// For each row of tiles, the tiles of the first piece and then those of the second.
// CHECK-LABEL: func.func private @concat
// CHECK:         dataflow.kernel "concat" ins(%{{.*}}, %{{.*}} : tensor<4x4xf32>, tensor<4x6xf32>)
// CHECK:         scf.for %{{.*}} = %{{.*}} to %c4{{.*}} step %c2{{.*}} iter_args(%[[O:.*]] = %{{.*}})
// CHECK-NEXT:      %[[A:.*]] = scf.for %{{.*}} = %{{.*}} to %c4{{.*}} step %c2{{.*}} iter_args(%{{.*}} = %[[O]])
// CHECK-NEXT:        dataflow.itensor_read
// CHECK-NEXT:        dataflow.itensor_write
// CHECK:           scf.for %{{.*}} = %{{.*}} to %c6{{.*}} step %c2{{.*}} iter_args(%{{.*}} = %[[A]])
// CHECK-NEXT:        dataflow.itensor_read
// CHECK-NEXT:        dataflow.itensor_write
func.func private @concat(%x: tensor<4x4xf32>, %y: tensor<4x6xf32>) -> tensor<4x10xf32> attributes {dataflow.place = "device"} {
  %z = tensor.concat dim(1) %x, %y {dataflow.tile = array<i64: 2, 2>, dataflow.order = array<i64: 0, 1>} : (tensor<4x4xf32>, tensor<4x6xf32>) -> tensor<4x10xf32>
  func.return %z : tensor<4x10xf32>
}

// RUN: streamtensor-opt %s -p 'apply-tiling,convert-linalg-to-kernel,fuse-kernels{limit_bits=300},materialize-kernels,vectorize-itensors,convert-empty-to-instance,lower-itensor-to-stream,bufferize' | filecheck %s

#id = affine_map<(d0, d1) -> (d0, d1)>

// Results become trailing arguments into which the kernel writes; local tensors become buffers at the start of the
// task, updates happen in place.
// CHECK-LABEL: func.func private @one(%x: memref<2x8xf32>, %0: memref<2x8xf32> {dataflow.result = "output_0"})
// CHECK-NEXT:    dataflow.kernel "one_0" ins(%x : memref<2x8xf32>) outs(%0 : memref<2x8xf32>) {
// CHECK-NEXT:    ^bb0(%[[X:.*]]: memref<2x8xf32>, %[[Y:.*]]: memref<2x8xf32>):
// CHECK:         dataflow.task "load_x" {
// CHECK:           vector.transfer_read %[[X]]
// CHECK:         dataflow.task "exp" {
// CHECK:           %[[OUT:.*]] = memref.alloc() : memref<1x4xf32>
// CHECK-NEXT:      %[[IN:.*]] = memref.alloc() : memref<1x4xf32>
// CHECK-NEXT:      scf.for
// CHECK:             vector.transfer_write %{{.*}}, %[[IN]]
// CHECK-NEXT:        linalg.generic {{.*}} ins(%[[IN]] : memref<1x4xf32>) outs(%[[OUT]] : memref<1x4xf32>)
// CHECK:             vector.transfer_read %[[OUT]]
// CHECK:         dataflow.task "store_result" {
// CHECK:           vector.transfer_write %{{.*}}, %[[Y]]
// CHECK:         func.return{{$}}
func.func private @one(%x: tensor<2x8xf32>) -> tensor<2x8xf32> attributes {dataflow.place = "device"} {
  %e = tensor.empty() : tensor<2x8xf32>
  %r = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%x : tensor<2x8xf32>) outs(%e : tensor<2x8xf32>) attrs = {dataflow.tile = array<i64: 1, 4>, dataflow.order = array<i64: 0, 1>} {
  ^bb0(%u: f32, %out: f32):
    %s = math.exp %u : f32
    linalg.yield %s : f32
  } -> tensor<2x8xf32>
  func.return %r : tensor<2x8xf32>
}

// A view is a strided memref, a tensor between two kernels (which do not fit into one here) a buffer of the function.
// CHECK-LABEL: func.func private @views(%x: memref<4x8xf32>, %0: memref<16xf32> {dataflow.result = "output_0"})
// CHECK:         %[[S:.*]] = memref.reinterpret_cast %x to offset: [16], sizes: [2, 8], strides: [8, 1] : memref<4x8xf32> to memref<2x8xf32, strided<[8, 1], offset: 16>>
// CHECK:         %[[M:.*]] = memref.alloc() : memref<2x8xf32>
// CHECK:         dataflow.kernel "views_0" ins(%[[S]] : memref<2x8xf32, strided<[8, 1], offset: 16>>) outs(%[[M]] : memref<2x8xf32>)
// CHECK:         %[[F:.*]] = memref.reinterpret_cast %[[M]] to offset: [0], sizes: [16], strides: [1]
// CHECK:         dataflow.kernel "views_1" ins(%[[F]] : memref<16xf32>) outs(%0 : memref<16xf32>)
func.func private @views(%x: tensor<4x8xf32>) -> tensor<16xf32> attributes {dataflow.place = "device"} {
  %v = tensor.extract_slice %x[2, 0] [2, 8] [1, 1] : tensor<4x8xf32> to tensor<2x8xf32>
  %e = tensor.empty() : tensor<2x8xf32>
  %a = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%v : tensor<2x8xf32>) outs(%e : tensor<2x8xf32>) attrs = {dataflow.tile = array<i64: 1, 4>, dataflow.order = array<i64: 0, 1>} {
  ^bb0(%u: f32, %out: f32):
    %s = math.exp %u : f32
    linalg.yield %s : f32
  } -> tensor<2x8xf32>
  %c = tensor.collapse_shape %a [[0, 1]] : tensor<2x8xf32> into tensor<16xf32>
  %f = tensor.empty() : tensor<16xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} ins(%c : tensor<16xf32>) outs(%f : tensor<16xf32>) attrs = {dataflow.tile = array<i64: 4>, dataflow.order = array<i64: 0>} {
  ^bb0(%u: f32, %out: f32):
    %t = math.tanh %u : f32
    linalg.yield %t : f32
  } -> tensor<16xf32>
  func.return %r : tensor<16xf32>
}

// What the host packs is one copy, through a walk over the row-major buffer in the order of the tiles and words.
// CHECK-LABEL: func.func private @pack(%x: memref<4x8xf32>, %0: memref<2x2x2x1xvector<1x4xf32>> {dataflow.result = "output_0"})
// CHECK:         %[[T:.*]] = memref.reinterpret_cast %x to offset: [0], sizes: [2, 2, 2, 4], strides: [16, 4, 8, 1]
// CHECK-NEXT:    %[[W:.*]] = memref.reinterpret_cast %[[T]] to offset: [0], sizes: [2, 2, 2, 1, 1, 4], strides: [16, 4, 8, 4, 8, 1]
// CHECK-NEXT:    %[[L:.*]] = tensor_ext.lanes %0 : memref<2x2x2x1xvector<1x4xf32>> -> memref<2x2x2x1x1x4xf32>
// CHECK:         %[[V:.*]] = memref.load %[[W]]
// CHECK-NEXT:    memref.store %[[V]], %[[L]]
func.func private @pack(%x: tensor<4x8xf32>) -> tensor<2x2x2x1xvector<1x4xf32>> attributes {dataflow.place = "host", dataflow.layout = "pack"} {
  %p = tensor_ext.pack %x : tensor<4x8xf32> -> tensor<2x2x2x4xf32>
  %w = tensor_ext.widen %p : tensor<2x2x2x4xf32> -> tensor<2x2x2x1xvector<1x4xf32>>
  func.return %w : tensor<2x2x2x1xvector<1x4xf32>>
}

// CHECK-LABEL: func.func private @unpack(%x: memref<2x2x2x1xvector<1x4xf32>>, %0: memref<4x8xf32> {dataflow.result = "output_0"})
// CHECK:         %[[L:.*]] = tensor_ext.lanes %x
// CHECK:         memref.reinterpret_cast %0 to offset: [0], sizes: [2, 2, 2, 4], strides: [16, 4, 8, 1]
// CHECK:         memref.load %[[L]]
func.func private @unpack(%x: tensor<2x2x2x1xvector<1x4xf32>>) -> tensor<4x8xf32> attributes {dataflow.place = "host", dataflow.layout = "unpack"} {
  %u = tensor_ext.unwiden %x : tensor<2x2x2x1xvector<1x4xf32>> -> tensor<2x2x2x4xf32>
  %y = tensor_ext.unpack %u : tensor<2x2x2x4xf32> -> tensor<4x8xf32>
  func.return %y : tensor<4x8xf32>
}

// RUN: streamtensor-opt %s -p materialize-kernels,vectorize-itensors,convert-empty-to-instance,lower-itensor-to-stream,bufferize | filecheck %s

// Words of a row-major tensor are a view of it, also of a slice, and of a result.
// CHECK-LABEL: func.func private @view(%x: memref<4x16xf32>, %0: memref<4x8xf32> {dataflow.result = "output_0"})
// CHECK:         %[[N:.*]] = memref.reinterpret_cast %{{.*}} to offset: [8], sizes: [4, 2, 1, 4], strides: [16, 4, 16, 1]
// CHECK-NEXT:    %[[X:.*]] = tensor_ext.lanes %[[N]] : memref<4x2x1x4xf32, strided<[16, 4, 16, 1], offset: 8>> -> memref<4x2xvector<1x4xf32>, strided<[4, 1], offset: 2>>
// CHECK:         %[[Y:.*]] = tensor_ext.lanes %{{.*}} -> memref<4x2xvector<1x4xf32>>
// CHECK:         dataflow.kernel "k" ins(%[[X]] : memref<4x2xvector<1x4xf32>, strided<[4, 1], offset: 2>>) outs(%[[Y]] : memref<4x2xvector<1x4xf32>>)
// CHECK:           %[[WORD:.*]] = memref.load %{{.*}} : memref<4x2xvector<1x4xf32>, strided<[4, 1], offset: 2>>
// CHECK-NEXT:      dataflow.stream_write %[[WORD]]
!word = !dataflow.itensor<1x4xf32, iter_space: [4, 2] * [1, 4], iter_map: (d0, d1) -> (d0, d1)>
func.func private @view(%x: tensor<4x16xf32>) -> tensor<4x8xf32> attributes {dataflow.place = "device"} {
  %s = tensor.extract_slice %x[0, 8] [4, 8] [1, 1] : tensor<4x16xf32> to tensor<4x8xf32>
  %w = tensor_ext.widen %s : tensor<4x8xf32> -> tensor<4x2xvector<1x4xf32>>
  %e = tensor.empty() : tensor<4x2xvector<1x4xf32>>
  %y = dataflow.kernel "k" ins(%w : tensor<4x2xvector<1x4xf32>>) outs(%e : tensor<4x2xvector<1x4xf32>>) {
  ^bb0(%i: !word, %o: !word):
    %t = dataflow.task "copy" inits(%o : !word) {
    ^bb0(%a: !word):
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %c4 = arith.constant 4 : index
      %c8 = arith.constant 8 : index
      %r = scf.for %p = %c0 to %c4 step %c1 iter_args(%b = %a) -> (!word) {
        %q = scf.for %l = %c0 to %c8 step %c4 iter_args(%c = %b) -> (!word) {
          %v = dataflow.itensor_read %i : !word -> tensor<1x4xf32>
          %d = dataflow.itensor_write %v into %c : tensor<1x4xf32> -> !word
          scf.yield %d : !word
        }
        scf.yield %q : !word
      }
      dataflow.yield %r : !word
    } -> !word
    dataflow.yield %t : !word
  } -> tensor<4x2xvector<1x4xf32>>
  %u = tensor_ext.unwiden %y : tensor<4x2xvector<1x4xf32>> -> tensor<4x8xf32>
  func.return %u : tensor<4x8xf32>
}

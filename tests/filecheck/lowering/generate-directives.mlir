// RUN: streamtensor-opt %s -p 'apply-tiling,convert-linalg-to-kernel,materialize-kernels,vectorize-itensors,convert-empty-to-instance,lower-itensor-to-stream,bufferize,convert-linalg-to-loops,generate-directives' | filecheck %s
// RUN: streamtensor-opt %s -p 'apply-tiling,convert-linalg-to-kernel,materialize-kernels,vectorize-itensors,convert-empty-to-instance,lower-itensor-to-stream,bufferize,convert-linalg-to-loops,generate-directives{unroll=2}' | filecheck %s --check-prefix ROLLED

// The innermost loop that only computes is unrolled and the one around it pipelined; a loop with a FIFO is pipelined.
// Buffers are partitioned by what one cycle touches.
// CHECK-LABEL: func.func private @matmul
// CHECK:         dataflow.task "load_x"
// CHECK:           dataflow.stream_write
// CHECK-NEXT:    } {dataflow.pipeline = 1 : i64}
// CHECK:         dataflow.task "matmul"
// CHECK:           memref.alloc() {dataflow.partition = array<i64: 2, 3>} : memref<2x3xf32>
// CHECK-NEXT:      memref.alloc() {dataflow.partition = array<i64: 2, 4>} : memref<2x4xf32>
// CHECK-NEXT:      memref.alloc() {dataflow.partition = array<i64: 4, 3>} : memref<4x3xf32>
// CHECK:           memref.store
// CHECK-NEXT:    } {dataflow.unroll}
// CHECK-NEXT:    } {dataflow.pipeline = 1 : i64}
// CHECK-NEXT:    }{{$}}

// Three iterations are more than may be unrolled.
// ROLLED:        dataflow.task "matmul"
// ROLLED:          memref.store
// ROLLED-NEXT:   } {dataflow.pipeline = 1 : i64}
// ROLLED-NEXT:   }{{$}}
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

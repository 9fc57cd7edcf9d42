// RUN: streamtensor-opt %s -p 'convert-linalg-to-kernel' | filecheck %s --check-prefix KERNEL
// RUN: streamtensor-opt %s -p 'convert-linalg-to-kernel,fuse-kernels' | filecheck %s --check-prefix FUSED
// RUN: streamtensor-opt %s -p 'convert-linalg-to-kernel,fuse-kernels,materialize-converters,materialize-kernels,vectorize-itensors,ensure-itensor-single-use,convert-empty-to-instance,size-streams' | filecheck %s --check-prefix SIZED
// RUN: streamtensor-opt %s -p 'convert-linalg-to-kernel,fuse-kernels,materialize-converters,materialize-kernels,vectorize-itensors,ensure-itensor-single-use,convert-empty-to-instance,size-streams,lower-itensor-to-stream,bufferize' | filecheck %s --check-prefix STREAM
// RUN: not streamtensor-opt %s -p 'convert-linalg-to-kernel,materialize-kernels,vectorize-itensors{width-bits=256}' | filecheck %s --check-prefix WIDTH

// Two kernels behind each other: the second wants the tiles by columns, and gives a result that nobody reads. Its first
// result is read by the third one at two ports.
!rows = !dataflow.itensor<4x4xf32, iter_space: [2, 2] * [4, 4], iter_map: (d0, d1) -> (d0, d1)>
!columns = !dataflow.itensor<4x4xf32, iter_space: [2, 2] * [4, 4], iter_map: (d0, d1) -> (d1, d0)>

// KERNEL-LABEL: func.func private @chain
// KERNEL:         %[[A:.*]] = dataflow.kernel "first" ins(%{{.*}} : tensor<8x8xf32>) outs(%{{.*}} : tensor<8x8xf32>) {
// KERNEL-NEXT:    ^bb0(%[[X:.*]]: !itensor_[[R:[0-9]+]], %[[O:.*]]: !itensor_[[R]]):
// KERNEL-NEXT:      %[[Y:.*]] = dataflow.extern_kernel "first" ins(%[[X]] : !itensor_[[R]]) outs(%[[O]] : !itensor_[[R]])
// KERNEL-NEXT:      dataflow.yield %[[Y]] : !itensor_[[R]]
// KERNEL-NEXT:    } -> tensor<8x8xf32>
// KERNEL:         dataflow.kernel "second" ins(%[[A]] : tensor<8x8xf32>)

// FUSED-LABEL:  func.func private @chain
// FUSED:          dataflow.kernel "chain_0" ins(%{{.*}} : tensor<8x8xf32>)
// FUSED:            %[[A:.*]] = dataflow.extern_kernel "first"
// FUSED:            %[[C:.*]] = dataflow.itensor_converter %[[A]] buffer [8, 8] shared 0
// FUSED-NOT:      dataflow.kernel

// SIZED-LABEL:  func.func private @chain
// SIZED:          dataflow.extern_kernel "first"
// SIZED:          %[[S:.*]], %[[U:.*]] = dataflow.extern_kernel "second"
// SIZED:          dataflow.task "second_unread_1" {
// SIZED:            dataflow.itensor_read %[[U]]
// SIZED:          %[[F0:.*]], %[[F1:.*]] = dataflow.task "second_fork_0"
// SIZED:            dataflow.itensor_read %[[S]]
// SIZED:          %[[C:.*]] = dataflow.task "third_copy_1"
// SIZED:            dataflow.itensor_read %[[F0]]
// SIZED:          dataflow.extern_kernel "third" ins(%[[F1]], %[[C]] :

// STREAM-LABEL: func.func private @chain
// STREAM:         %[[IN:.*]] = dataflow.stream "load_x_to_first" depth 2
// STREAM:         dataflow.extern_kernel "first" ins(%[[IN]] : !dataflow.stream<vector<4x4xf32>>) outs(%{{.*}} : !dataflow.stream<vector<4x4xf32>>) {source = "k.cpp"
// STREAM:         dataflow.extern_kernel "second"
// STREAM:         dataflow.extern_kernel "third" ins(%[[P:.*]], %[[Q:.*]] : !dataflow.stream<vector<4x4xf32>>, !dataflow.stream<vector<4x4xf32>>)

// WIDTH: error[ST0304]: extern kernel first has ports of at most 512 bits, but the FIFOs are 256 bits wide
func.func private @chain(%x: tensor<8x8xf32>) -> tensor<8x8xf32> attributes {dataflow.place = "device"} {
  %e = tensor.empty() : tensor<8x8xf32>
  %a = dataflow.extern_kernel "first" ins(%x : tensor<8x8xf32>) outs(%e : tensor<8x8xf32>) {source = "k.cpp", function = "first", ports = [!rows, !rows], ii = 1 : i64, delay = 2 : i64, width_bits = 512 : i64, reads_before_writes = array<i64: 1>} -> tensor<8x8xf32>
  %b, %u = dataflow.extern_kernel "second" ins(%a : tensor<8x8xf32>) outs(%e, %e : tensor<8x8xf32>, tensor<8x8xf32>) {source = "k.cpp", function = "second", ports = [!columns, !rows, !rows], ii = 1 : i64, delay = 2 : i64, width_bits = 512 : i64} -> tensor<8x8xf32>, tensor<8x8xf32>
  %c = dataflow.extern_kernel "third" ins(%b, %b : tensor<8x8xf32>, tensor<8x8xf32>) outs(%e : tensor<8x8xf32>) {source = "k.cpp", function = "third", ports = [!rows, !rows, !rows], ii = 1 : i64, delay = 2 : i64, width_bits = 512 : i64} -> tensor<8x8xf32>
  func.return %c : tensor<8x8xf32>
}

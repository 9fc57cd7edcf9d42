// RUN: streamtensor-opt %s -p 'apply-tiling,convert-linalg-to-kernel,fuse-kernels,materialize-converters' | filecheck %s

#id = affine_map<(d0, d1) -> (d0, d1)>

// One shared loop over rows of tiles: in it the buffer of one row of tiles is filled in the order of the source and
// drained in the order of the result. Filling may overlap with draining, so there are two copies.
// CHECK-LABEL: func.func private @shared_loop
// CHECK:         %[[A:.*]] = dataflow.task "exp"
// CHECK:         %[[EMPTY:.*]] = dataflow.itensor_empty
// CHECK-NEXT:    %[[C:.*]] = dataflow.task "converter_0" inits(%[[EMPTY]] :
// CHECK:           scf.for %{{.*}} = %{{.*}} to %c4{{.*}} step %c2{{.*}} iter_args
// CHECK-NEXT:        %[[B0:.*]] = tensor.empty() {dataflow.ping_pong} : tensor<2x8xf32>
// CHECK-NEXT:        %[[FULL:.*]] = scf.for %[[J:.*]] = %{{.*}} to %c8{{.*}} step %c4{{.*}} iter_args(%[[B:.*]] = %[[B0]])
// CHECK-NEXT:          %[[T:.*]] = dataflow.itensor_read %[[A]] : {{.*}} -> tensor<2x4xf32>
// CHECK-NEXT:          tensor.insert_slice %[[T]] into %[[B]][0, %[[J]]] [2, 4] [1, 1]
// CHECK:             scf.for %[[R:.*]] = %{{.*}} to %c2{{.*}} step %c1{{.*}} iter_args
// CHECK-NEXT:          scf.for %[[Q:.*]] = %{{.*}} to %c8{{.*}} step %c2{{.*}} iter_args
// CHECK-NEXT:            %[[O:.*]] = tensor.extract_slice %[[FULL]][%[[R]], %[[Q]]] [1, 2] [1, 1]
// CHECK-NEXT:            dataflow.itensor_write %[[O]] into
// CHECK:         dataflow.task "tanh"
// CHECK:           dataflow.itensor_read %[[C]]
func.func private @shared_loop(%x: tensor<4x8xf32>) -> tensor<4x8xf32> attributes {dataflow.place = "device"} {
  %e = tensor.empty() : tensor<4x8xf32>
  %a = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%x : tensor<4x8xf32>) outs(%e : tensor<4x8xf32>) attrs = {dataflow.tile = array<i64: 2, 4>, dataflow.order = array<i64: 0, 1>} {
  ^bb0(%u: f32, %out: f32):
    %s = math.exp %u : f32
    linalg.yield %s : f32
  } -> tensor<4x8xf32>
  %r = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%a : tensor<4x8xf32>) outs(%e : tensor<4x8xf32>) attrs = {dataflow.tile = array<i64: 1, 2>, dataflow.order = array<i64: 0, 1>} {
  ^bb0(%u: f32, %out: f32):
    %s = math.tanh %u : f32
    linalg.yield %s : f32
  } -> tensor<4x8xf32>
  func.return %r : tensor<4x8xf32>
}

// No shared loop: the whole data is filled and drained once per launch, one copy is enough.
// CHECK-LABEL: func.func private @once
// CHECK:         dataflow.task "converter_0"
// CHECK:           tensor.empty() : tensor<4x8xf32>
// CHECK-NOT:     dataflow.itensor_converter
func.func private @once(%x: tensor<4x8xf32>) -> tensor<4x8xf32> attributes {dataflow.place = "device"} {
  %e = tensor.empty() : tensor<4x8xf32>
  %a = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%x : tensor<4x8xf32>) outs(%e : tensor<4x8xf32>) attrs = {dataflow.tile = array<i64: 2, 4>, dataflow.order = array<i64: 0, 1>} {
  ^bb0(%u: f32, %out: f32):
    %s = math.exp %u : f32
    linalg.yield %s : f32
  } -> tensor<4x8xf32>
  %r = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%a : tensor<4x8xf32>) outs(%e : tensor<4x8xf32>) attrs = {dataflow.tile = array<i64: 2, 4>, dataflow.order = array<i64: 1, 0>} {
  ^bb0(%u: f32, %out: f32):
    %s = math.tanh %u : f32
    linalg.yield %s : f32
  } -> tensor<4x8xf32>
  func.return %r : tensor<4x8xf32>
}

// Two types of one order: a cast, no task and no buffer.
// CHECK-LABEL: func.func private @same_order
// CHECK:         ^bb0(%[[X:.*]]: !itensor_[[S:[0-9]+]], %{{.*}}: !itensor_[[F:[0-9]+]]):
// CHECK-NEXT:      %[[C:.*]] = dataflow.itensor_cast %[[X]] : !itensor_[[S]] -> !itensor_[[F]]
// CHECK-NEXT:      dataflow.task "store"
// CHECK:             dataflow.itensor_read %[[C]]
!split = !dataflow.itensor<2xf32, iter_space: [2, 2] * [4, 2], iter_map: (d0, d1) -> (d0 + d1)>
!flat = !dataflow.itensor<2xf32, iter_space: [4] * [2], iter_map: (d0) -> (d0)>
func.func private @same_order(%x: tensor<8xf32>) -> tensor<8xf32> attributes {dataflow.place = "device"} {
  %e = tensor.empty() : tensor<8xf32>
  %r = dataflow.kernel "same_order" ins(%x : tensor<8xf32>) outs(%e : tensor<8xf32>) {
  ^bb0(%i: !split, %o: !flat):
    %c = dataflow.itensor_converter %i buffer [] shared 2 : !split -> !flat
    %t = dataflow.task "store" inits(%o : !flat) {
    ^bb0(%w: !flat):
      %c0 = arith.constant 0 : index
      %c2 = arith.constant 2 : index
      %c8 = arith.constant 8 : index
      %l = scf.for %n = %c0 to %c8 step %c2 iter_args(%v = %w) -> (!flat) {
        %token = dataflow.itensor_read %c : !flat -> tensor<2xf32>
        %next = dataflow.itensor_write %token into %v : tensor<2xf32> -> !flat
        scf.yield %next : !flat
      }
      dataflow.yield %l : !flat
    } -> !flat
    dataflow.yield %t : !flat
  } -> tensor<8xf32>
  func.return %r : tensor<8xf32>
}

// Windows that overlap, from tokens that do not: a line buffer. Rows come two at a time; windows of three rows move by
// one. One block is stored first, then for each two windows the rows move up by a block and the next block is stored.
// CHECK-LABEL: func.func private @line_buffer
// CHECK:         dataflow.task "converter_0"
// CHECK:           %[[L0:.*]] = tensor.empty() : tensor<4x16xf32>
// CHECK-NEXT:      %[[T0:.*]] = dataflow.itensor_read
// CHECK-NEXT:      %[[L1:.*]] = tensor.insert_slice %[[T0]] into %[[L0]][2, 0] [2, 16] [1, 1]
// CHECK-NEXT:      scf.for %{{.*}} = %{{.*}} to %c62{{.*}} step %c2{{.*}} iter_args(%[[L2:.*]] = %[[L1]], %{{.*}} = %{{.*}})
// CHECK-NEXT:        %[[OLD:.*]] = tensor.extract_slice %[[L2]][2, 0] [2, 16] [1, 1]
// CHECK-NEXT:        %[[L3:.*]] = tensor.insert_slice %[[OLD]] into %[[L2]][0, 0] [2, 16] [1, 1]
// CHECK-NEXT:        %[[T1:.*]] = dataflow.itensor_read
// CHECK-NEXT:        %[[L4:.*]] = tensor.insert_slice %[[T1]] into %[[L3]][2, 0] [2, 16] [1, 1]
// CHECK-NEXT:        %[[W0:.*]] = tensor.extract_slice %[[L4]][0, 0] [3, 16] [1, 1]
// CHECK-NEXT:        dataflow.itensor_write %[[W0]]
// CHECK-NEXT:        %[[W1:.*]] = tensor.extract_slice %[[L4]][1, 0] [3, 16] [1, 1]
// CHECK-NEXT:        dataflow.itensor_write %[[W1]]
!rows = !dataflow.itensor<2x16xf32, iter_space: [32] * [2], iter_map: (d0) -> (d0, 0)>
!windows = !dataflow.itensor<3x16xf32, iter_space: [62] * [1], iter_map: (d0) -> (d0, 0)>
func.func private @line_buffer(%x: tensor<64x16xf32>) attributes {dataflow.place = "device"} {
  dataflow.kernel "k" ins(%x : tensor<64x16xf32>) {
  ^bb0(%i: !rows):
    %c = dataflow.itensor_converter %i buffer [4, 16] shared 0 : !rows -> !windows
    dataflow.yield
  }
  func.return
}

// RUN: streamtensor-opt %s -p 'apply-tiling,convert-linalg-to-kernel,materialize-kernels,vectorize-itensors{width_bits=64}' | filecheck %s

#id = affine_map<(d0, d1) -> (d0, d1)>

// Two f32 lanes fill 64 bits: a token of 4 becomes two vectors, in one more loop. Between memory and FIFO the vectors
// are moved in place, at the ends of the computation the tile is put together and taken apart.
// CHECK: !itensor_[[V:[0-9]+]] = !dataflow.itensor<vector<1x2xf32>, iter_space: [2, 2, 2] * [1, 4, 2], iter_map: (d0, d1, d2) -> (d0, (d1 + d2))>
// CHECK-LABEL: func.func private @one
// CHECK:         dataflow.task "load_x"
// CHECK-NOT:       tensor.extract_slice
// CHECK:           scf.for %[[I:.*]] = %{{.*}} to %c2{{.*}} step %c1
// CHECK-NEXT:        scf.for %[[J:.*]] = %{{.*}} to %c8{{.*}} step %c4
// CHECK-NEXT:          scf.for %[[Q:.*]] = %{{.*}} to %c4{{.*}} step %c2
// CHECK-NEXT:            %[[C:.*]] = arith.addi %[[J]], %[[Q]] : index
// CHECK-NEXT:            %[[S:.*]] = vector.transfer_read %{{.*}}[%[[I]], %[[C]]], %padding {in_bounds = [true, true]} : tensor<2x8xf32>, vector<1x2xf32>
// CHECK-NEXT:            dataflow.itensor_write %[[S]] into %{{.*}} : vector<1x2xf32> -> !itensor_[[V]]
// CHECK:         dataflow.task "exp"
// CHECK:           %[[TILE:.*]] = scf.for %[[Q2:.*]] = %{{.*}} to %c4{{.*}} step %c2{{.*}} iter_args(%[[PART:.*]] = %{{.*}}) -> (tensor<1x4xf32>)
// CHECK-NEXT:        %[[T:.*]] = dataflow.itensor_read %{{.*}} -> vector<1x2xf32>
// CHECK-NEXT:        vector.transfer_write %[[T]], %[[PART]][%{{.*}}, %[[Q2]]]
// CHECK:           %[[R:.*]] = linalg.generic {{.*}} ins(%[[TILE]] :
// CHECK:           scf.for %[[Q3:.*]] = %{{.*}} to %c4{{.*}} step %c2
// CHECK-NEXT:        %[[U:.*]] = vector.transfer_read %[[R]][%{{.*}}, %[[Q3]]]
// CHECK-NEXT:        dataflow.itensor_write %[[U]]
// CHECK:         dataflow.task "store_result"
// CHECK-NOT:       tensor.insert_slice
// CHECK:           vector.transfer_write
func.func private @one(%x: tensor<2x8xf32>) -> tensor<2x8xf32> attributes {dataflow.place = "device"} {
  %e = tensor.empty() : tensor<2x8xf32>
  %r = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%x : tensor<2x8xf32>) outs(%e : tensor<2x8xf32>) attrs = {dataflow.tile = array<i64: 1, 4>, dataflow.order = array<i64: 0, 1>} {
  ^bb0(%u: f32, %out: f32):
    %s = math.exp %u : f32
    linalg.yield %s : f32
  } -> tensor<2x8xf32>
  func.return %r : tensor<2x8xf32>
}

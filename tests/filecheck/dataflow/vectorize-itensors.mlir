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

// Packed memory in words. Where a word is what the FIFO carries it goes straight there; a wider one is put into a tile
// first, from which the FIFO's vectors are taken.
// CHECK-LABEL: func.func private @words
// CHECK:         dataflow.task "load_x"
// CHECK:           scf.for %[[I:.*]] = %{{.*}} to %c4{{.*}} step %c2
// CHECK:             %[[T:.*]] = arith.divsi %[[I]], %c2
// CHECK-NEXT:        scf.for %[[R:.*]] = %{{.*}} to %c2{{.*}} step %c1
// CHECK-NEXT:          %[[W:.*]] = tensor.extract %{{.*}}[%[[T]], %c0{{.*}}, %[[R]], %c0{{.*}}] : tensor<2x1x2x1xvector<1x2xf32>>
// CHECK-NEXT:          dataflow.itensor_write %[[W]] into %{{.*}} : vector<1x2xf32>
// CHECK:         dataflow.task "load_w"
// CHECK:             %[[TILE:.*]] = tensor.empty() : tensor<2x2xf32>
// CHECK-NEXT:        %[[W:.*]] = tensor.extract %{{.*}} : tensor<2x1x1x1xvector<2x2xf32>>
// CHECK-NEXT:        %[[FULL:.*]] = vector.transfer_write %[[W]], %[[TILE]]
// CHECK-NEXT:        scf.for
// CHECK-NEXT:          %[[V:.*]] = vector.transfer_read %[[FULL]]
// CHECK-NEXT:          dataflow.itensor_write %[[V]]
// CHECK:         dataflow.task "store_result"
// CHECK:           %[[V:.*]] = dataflow.itensor_read %{{.*}} -> vector<1x2xf32>
// CHECK-NEXT:      tensor.insert %[[V]] into %{{.*}} : tensor<2x1x2x1xvector<1x2xf32>>
// CHECK-NOT:     tensor_ext
!tiles = !dataflow.itensor<2x2xf32, iter_space: [2] * [2], iter_map: (d0) -> (d0, 0)>
func.func private @words(%x: tensor<2x1x2x1xvector<1x2xf32>>, %w: tensor<2x1x1x1xvector<2x2xf32>>) -> tensor<2x1x2x1xvector<1x2xf32>> attributes {dataflow.place = "device"} {
  %e = tensor.empty() : tensor<2x1x2x1xvector<1x2xf32>>
  %y = dataflow.kernel "k" ins(%x, %w : tensor<2x1x2x1xvector<1x2xf32>>, tensor<2x1x1x1xvector<2x2xf32>>) outs(%e : tensor<2x1x2x1xvector<1x2xf32>>) {
  ^bb0(%i: !tiles, %j: !tiles, %o: !tiles):
    %n = dataflow.itensor_empty : !tiles
    dataflow.yield %n : !tiles
  } -> tensor<2x1x2x1xvector<1x2xf32>>
  func.return %y : tensor<2x1x2x1xvector<1x2xf32>>
}

// Rows of a line buffer move up in vectors, the upper ones first: what is put over a row was taken from it before. A
// computed tile goes into a larger one in vectors too.
// CHECK-LABEL: func.func private @moves
// CHECK:         dataflow.task "lines"
// CHECK:           %[[MOVED:.*]] = scf.for %[[I:.*]] = %{{.*}} to %c2{{.*}} step %c1{{.*}} iter_args(%[[A:.*]] = %{{.*}}) -> (tensor<3x4xf32>)
// CHECK-NEXT:        scf.for %[[J:.*]] = %{{.*}} to %c4{{.*}} step %c2{{.*}} iter_args(%[[B:.*]] = %[[A]])
// CHECK-NEXT:          %[[BELOW:.*]] = arith.addi %c1{{.*}}, %[[I]]
// CHECK-NEXT:          %[[V:.*]] = vector.transfer_read %[[B]][%[[BELOW]], %[[J]]], {{.*}} vector<1x2xf32>
// CHECK-NEXT:          vector.transfer_write %[[V]], %[[B]][%[[I]], %[[J]]]
// CHECK:           %[[NEW:.*]] = linalg.generic
// CHECK:           scf.for %[[K:.*]] = %{{.*}} to %c4{{.*}} step %c2{{.*}} iter_args(%[[C:.*]] = %[[MOVED]])
// CHECK-NEXT:        %[[N:.*]] = vector.transfer_read %[[NEW]][%c0{{.*}}, %[[K]]]
// CHECK-NEXT:        vector.transfer_write %[[N]], %[[C]][%c2{{.*}}, %[[K]]]
// CHECK-NOT:       tensor.insert_slice
!whole = !dataflow.itensor<3x4xf32, iter_space: [] * [], iter_map: () -> (0, 0)>
func.func private @moves(%x: tensor<3x4xf32>, %y: tensor<3x4xf32>) -> tensor<3x4xf32> attributes {dataflow.place = "device"} {
  %r = dataflow.kernel "k" ins(%x : tensor<3x4xf32>) outs(%y : tensor<3x4xf32>) {
  ^bb0(%i: !whole, %o: !whole):
    %t = dataflow.task "lines" inits(%o : !whole) {
    ^bb0(%d: !whole):
      %lines = dataflow.itensor_read %i : !whole -> tensor<3x4xf32>
      %old = tensor.extract_slice %lines[1, 0] [2, 4] [1, 1] : tensor<3x4xf32> to tensor<2x4xf32>
      %moved = tensor.insert_slice %old into %lines[0, 0] [2, 4] [1, 1] : tensor<2x4xf32> into tensor<3x4xf32>
      %e = tensor.empty() : tensor<1x4xf32>
      %new = linalg.generic {indexing_maps = [#id], iterator_types = ["parallel", "parallel"]} outs(%e : tensor<1x4xf32>) {
      ^bb0(%out: f32):
        %c = arith.constant 1.0 : f32
        linalg.yield %c : f32
      } -> tensor<1x4xf32>
      %all = tensor.insert_slice %new into %moved[2, 0] [1, 4] [1, 1] : tensor<1x4xf32> into tensor<3x4xf32>
      %w = dataflow.itensor_write %all into %d : tensor<3x4xf32> -> !whole
      dataflow.yield %w : !whole
    } -> !whole
    dataflow.yield %t : !whole
  } -> tensor<3x4xf32>
  func.return %r : tensor<3x4xf32>
}

// RUN: streamtensor-opt %s -p bubble-up-slices | filecheck %s

// A projection of which two parts are used, through a reshape: two projections of slices of the weight.
// CHECK-LABEL: func.func @two_parts
// CHECK-SAME:    (%[[X:.*]]: tensor<4x8xf32>, %[[W:.*]]: tensor<8x6xf32>, %[[B:.*]]: tensor<4x6xf32>)
// CHECK-DAG:     %[[W0:.*]] = tensor.extract_slice %[[W]][0, 0] [8, 3] [1, 1] : tensor<8x6xf32> to tensor<8x3xf32>
// CHECK-DAG:     %[[B0:.*]] = tensor.extract_slice %[[B]][0, 0] [4, 3] [1, 1] : tensor<4x6xf32> to tensor<4x3xf32>
// CHECK-DAG:     %[[P0:.*]] = linalg.generic {{.*}} ins(%[[X]], %[[W0]] : tensor<4x8xf32>, tensor<8x3xf32>) outs(%[[B0]] : tensor<4x3xf32>)
// CHECK-DAG:     %[[W1:.*]] = tensor.extract_slice %[[W]][0, 3] [8, 3] [1, 1] : tensor<8x6xf32> to tensor<8x3xf32>
// CHECK-DAG:     %[[B1:.*]] = tensor.extract_slice %[[B]][0, 3] [4, 3] [1, 1] : tensor<4x6xf32> to tensor<4x3xf32>
// CHECK-DAG:     %[[P1:.*]] = linalg.generic {{.*}} ins(%[[X]], %[[W1]] : tensor<4x8xf32>, tensor<8x3xf32>) outs(%[[B1]] : tensor<4x3xf32>)
// CHECK-NOT:     tensor.extract_slice
// CHECK:         func.return
func.func @two_parts(%x: tensor<4x8xf32>, %w: tensor<8x6xf32>, %b: tensor<4x6xf32>) -> (tensor<4x3xf32>, tensor<4x3xf32>) {
  %p = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%x, %w : tensor<4x8xf32>, tensor<8x6xf32>) outs(%b : tensor<4x6xf32>) {
  ^bb0(%a: f32, %c: f32, %out: f32):
    %m = arith.mulf %a, %c : f32
    %s = arith.addf %out, %m : f32
    linalg.yield %s : f32
  } -> tensor<4x6xf32>
  %e = tensor.expand_shape %p [[0, 1], [2]] output_shape [1, 4, 6] : tensor<4x6xf32> into tensor<1x4x6xf32>
  %u = tensor.extract_slice %e[0, 0, 0] [1, 4, 3] [1, 1, 1] : tensor<1x4x6xf32> to tensor<4x3xf32>
  %v = tensor.extract_slice %e[0, 0, 3] [1, 4, 3] [1, 1, 1] : tensor<1x4x6xf32> to tensor<4x3xf32>
  return %u, %v : tensor<4x3xf32>, tensor<4x3xf32>
}

// Also the whole result is used: computing the slice as well would be more work.
// CHECK-LABEL: func.func @also_whole
// CHECK:         %[[Y:.*]] = linalg.generic
// CHECK:         tensor.extract_slice %[[Y]][0] [2] [1]
func.func @also_whole(%x: tensor<8xf32>) -> (tensor<8xf32>, tensor<2xf32>) {
  %e = tensor.empty() : tensor<8xf32>
  %y = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} ins(%x : tensor<8xf32>) outs(%e : tensor<8xf32>) {
  ^bb0(%in: f32, %out: f32):
    %s = math.exp %in : f32
    linalg.yield %s : f32
  } -> tensor<8xf32>
  %u = tensor.extract_slice %y[0] [2] [1] : tensor<8xf32> to tensor<2xf32>
  return %y, %u : tensor<8xf32>, tensor<2xf32>
}

// The loop's index counts from the slice's start, in its steps.
// CHECK-LABEL: func.func @index
// CHECK:         tensor.empty() : tensor<2xi64>
// CHECK:         linalg.generic
// CHECK:           %[[I:.*]] = linalg.index 0 : index
// CHECK-DAG:       %[[THREE:.*]] = arith.constant 3 : index
// CHECK-DAG:       %[[SCALED:.*]] = arith.muli %[[I]], %[[THREE]] : index
// CHECK-DAG:       %[[ONE:.*]] = arith.constant 1 : index
// CHECK-DAG:       %[[AT:.*]] = arith.addi %[[SCALED]], %[[ONE]] : index
// CHECK-DAG:       arith.index_cast %[[AT]] : index to i64
func.func @index() -> tensor<2xi64> {
  %e = tensor.empty() : tensor<8xi64>
  %y = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} outs(%e : tensor<8xi64>) {
  ^bb0(%out: i64):
    %i = linalg.index 0 : index
    %s = arith.index_cast %i : index to i64
    linalg.yield %s : i64
  } -> tensor<8xi64>
  %u = tensor.extract_slice %y[1] [2] [3] : tensor<8xi64> to tensor<2xi64>
  return %u : tensor<2xi64>
}

// A window slides over the sliced loop: the slice stays.
// CHECK-LABEL: func.func @window
// CHECK:         %[[Y:.*]] = linalg.generic
// CHECK:         tensor.extract_slice %[[Y]][2] [2] [1]
func.func @window(%x: tensor<8xf32>, %w: tensor<3xf32>, %b: tensor<6xf32>) -> tensor<2xf32> {
  %y = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0 + d1)>, affine_map<(d0, d1) -> (d1)>, affine_map<(d0, d1) -> (d0)>], iterator_types = ["parallel", "reduction"]} ins(%x, %w : tensor<8xf32>, tensor<3xf32>) outs(%b : tensor<6xf32>) {
  ^bb0(%a: f32, %c: f32, %out: f32):
    %m = arith.mulf %a, %c : f32
    %s = arith.addf %out, %m : f32
    linalg.yield %s : f32
  } -> tensor<6xf32>
  %u = tensor.extract_slice %y[2] [2] [1] : tensor<6xf32> to tensor<2xf32>
  return %u : tensor<2xf32>
}

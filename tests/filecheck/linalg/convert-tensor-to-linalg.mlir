// RUN: streamtensor-opt %s -p convert-tensor-to-linalg | filecheck %s

// The rotation of a rotary embedding: the halves change places, and one is negated.
// CHECK-LABEL: func.func @rotate_half
// CHECK:         %[[X:.*]] = tensor.expand_shape %x {{.*}} output_shape [4, 2, 3]
// CHECK:         linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, ((d1 * -1) + 1), d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>]
// CHECK-SAME:      ins(%[[X]] : tensor<4x2x3xf32>)
// CHECK:           %[[NEG:.*]] = arith.negf %[[A:.*]] : f32
// CHECK:           %[[PART:.*]] = linalg.index 1
// CHECK:           %[[FIRST:.*]] = arith.cmpi eq, %[[PART]]
// CHECK:           arith.select %[[FIRST]], %[[NEG]], %[[A]]
// CHECK:         tensor.collapse_shape
// CHECK-NOT:     tensor.concat
func.func @rotate_half(%x: tensor<4x6xf32>) -> tensor<4x6xf32> {
  %low = tensor.extract_slice %x[0, 0] [4, 3] [1, 1] : tensor<4x6xf32> to tensor<4x3xf32>
  %high = tensor.extract_slice %x[0, 3] [4, 3] [1, 1] : tensor<4x6xf32> to tensor<4x3xf32>
  %e = tensor.empty() : tensor<4x3xf32>
  %negated = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%high : tensor<4x3xf32>) outs(%e : tensor<4x3xf32>) {
  ^bb0(%in: f32, %out: f32):
    %n = arith.negf %in : f32
    linalg.yield %n : f32
  } -> tensor<4x3xf32>
  %r = tensor.concat dim(1) %negated, %low : (tensor<4x3xf32>, tensor<4x3xf32>) -> tensor<4x6xf32>
  return %r : tensor<4x6xf32>
}

// One tensor twice: the parts have no index of their own.
// CHECK-LABEL: func.func @twice
// CHECK:         affine_map<(d0, d1, d2) -> (d0, d2)>
// CHECK-NOT:     tensor.concat
func.func @twice(%x: tensor<4x3xf32>) -> tensor<4x6xf32> {
  %r = tensor.concat dim(1) %x, %x : (tensor<4x3xf32>, tensor<4x3xf32>) -> tensor<4x6xf32>
  return %r : tensor<4x6xf32>
}

// Parts of different tensors, parts of different sizes and parts that overlap stay.
// CHECK-LABEL: func.func @others
// CHECK-COUNT-3: tensor.concat
func.func @others(%x: tensor<4x6xf32>, %y: tensor<4x3xf32>, %z: tensor<4x3xf32>) -> (tensor<4x6xf32>, tensor<4x6xf32>, tensor<4x6xf32>) {
  %a = tensor.concat dim(1) %y, %z : (tensor<4x3xf32>, tensor<4x3xf32>) -> tensor<4x6xf32>
  %low = tensor.extract_slice %x[0, 0] [4, 2] [1, 1] : tensor<4x6xf32> to tensor<4x2xf32>
  %high = tensor.extract_slice %x[0, 2] [4, 4] [1, 1] : tensor<4x6xf32> to tensor<4x4xf32>
  %b = tensor.concat dim(1) %high, %low : (tensor<4x4xf32>, tensor<4x2xf32>) -> tensor<4x6xf32>
  %first = tensor.extract_slice %x[0, 0] [4, 3] [1, 1] : tensor<4x6xf32> to tensor<4x3xf32>
  %middle = tensor.extract_slice %x[0, 1] [4, 3] [1, 1] : tensor<4x6xf32> to tensor<4x3xf32>
  %c = tensor.concat dim(1) %first, %middle : (tensor<4x3xf32>, tensor<4x3xf32>) -> tensor<4x6xf32>
  return %a, %b, %c : tensor<4x6xf32>, tensor<4x6xf32>, tensor<4x6xf32>
}

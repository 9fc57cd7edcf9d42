// RUN: streamtensor-opt %s -p 'slice-weights{slice_bytes=64 least_columns=4}' | filecheck %s
// RUN: streamtensor-opt %s -p 'slice-weights' | filecheck %s --check-prefix WHOLE

// 8 x 16 weights of 8 bits are two slices of 64 bytes; the elementwise operation behind the product is cut with it, its
// bias too. What both slices read (the activations) is cut nowhere.
// CHECK-LABEL: func.func private @product
// CHECK:         %[[W0:.*]] = tensor.extract_slice %w[0, 0] [8, 8] [1, 1]
// CHECK:         linalg.generic
// CHECK-SAME:      ins(%x, %[[W0]] : tensor<8xi8>, tensor<8x8xi8>)
// CHECK:         %[[B0:.*]] = tensor.extract_slice %b[0] [8] [1]
// CHECK:         %[[Y0:.*]] = linalg.generic
// CHECK-SAME:      %[[B0]]
// CHECK:         tensor.extract_slice %w[0, 8] [8, 8] [1, 1]
// CHECK:         tensor.extract_slice %b[8] [8] [1]
// CHECK:         %[[Y1:.*]] = linalg.generic
// CHECK:         tensor.concat dim(0) %[[Y0]], %[[Y1]]

// WHOLE-NOT:     tensor.concat
func.func private @product(%x: tensor<8xi8>, %w: tensor<8x16xi8>, %b: tensor<16xi32>) -> tensor<16xi32> attributes {dataflow.place = "device"} {
  %e = tensor.empty() : tensor<16xi32>
  %y = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d1)>, affine_map<(d0, d1) -> (d1, d0)>, affine_map<(d0, d1) -> (d0)>], iterator_types = ["parallel", "reduction"]} ins(%x, %w : tensor<8xi8>, tensor<8x16xi8>) outs(%e : tensor<16xi32>) {
  ^bb0(%a: i8, %c: i8, %acc: i32):
    %p = arith.extsi %a : i8 to i32
    %q = arith.extsi %c : i8 to i32
    %m = arith.muli %p, %q : i32
    %s = arith.addi %acc, %m : i32
    linalg.yield %s : i32
  } -> tensor<16xi32>
  %z = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} ins(%y, %b : tensor<16xi32>, tensor<16xi32>) outs(%e : tensor<16xi32>) {
  ^bb0(%a: i32, %c: i32, %o: i32):
    %s = arith.addi %a, %c : i32
    linalg.yield %s : i32
  } -> tensor<16xi32>
  func.return %z : tensor<16xi32>
}

// Heads outside of a view: a slice of heads is a slice of the argument's columns.
// CHECK-LABEL: func.func private @heads
// CHECK:         %[[S:.*]] = tensor.extract_slice %w[0, 0] [8, 8] [1, 1]
// CHECK:         tensor.expand_shape %[[S]] {{.*}} output_shape [8, 2, 4]
// CHECK:         tensor.extract_slice %w[0, 8] [8, 8] [1, 1]
// CHECK:         tensor.concat dim(0) {{.*}} -> tensor<4x4xi32>
func.func private @heads(%x: tensor<8xi8>, %w: tensor<8x16xi8>) -> tensor<4x4xi32> attributes {dataflow.place = "device"} {
  %v = tensor.expand_shape %w [[0], [1, 2]] output_shape [8, 4, 4] : tensor<8x16xi8> into tensor<8x4x4xi8>
  %e = tensor.empty() : tensor<4x4xi32>
  %y = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d2)>, affine_map<(d0, d1, d2) -> (d2, d0, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%x, %v : tensor<8xi8>, tensor<8x4x4xi8>) outs(%e : tensor<4x4xi32>) {
  ^bb0(%a: i8, %c: i8, %acc: i32):
    %p = arith.extsi %a : i8 to i32
    %q = arith.extsi %c : i8 to i32
    %m = arith.muli %p, %q : i32
    %s = arith.addi %acc, %m : i32
    linalg.yield %s : i32
  } -> tensor<4x4xi32>
  func.return %y : tensor<4x4xi32>
}

// What is computed here is no argument, and stays whole.
// CHECK-LABEL: func.func private @computed
// CHECK-NOT:     tensor.concat
func.func private @computed(%x: tensor<8xi8>, %w: tensor<8x16xi8>) -> tensor<16xi32> attributes {dataflow.place = "device"} {
  %f = tensor.empty() : tensor<8x16xi8>
  %v = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%w : tensor<8x16xi8>) outs(%f : tensor<8x16xi8>) {
  ^bb0(%a: i8, %o: i8):
    %s = arith.addi %a, %a : i8
    linalg.yield %s : i8
  } -> tensor<8x16xi8>
  %e = tensor.empty() : tensor<16xi32>
  %y = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d1)>, affine_map<(d0, d1) -> (d1, d0)>, affine_map<(d0, d1) -> (d0)>], iterator_types = ["parallel", "reduction"]} ins(%x, %v : tensor<8xi8>, tensor<8x16xi8>) outs(%e : tensor<16xi32>) {
  ^bb0(%a: i8, %c: i8, %acc: i32):
    %p = arith.extsi %a : i8 to i32
    %q = arith.extsi %c : i8 to i32
    %m = arith.muli %p, %q : i32
    %s = arith.addi %acc, %m : i32
    linalg.yield %s : i32
  } -> tensor<16xi32>
  func.return %y : tensor<16xi32>
}

// RUN: streamtensor-opt %s -p 'slice-weights{slice_bytes=16 least_columns=2 lanes=4 most=4}' | filecheck %s

// Twelve columns with words of four weights: three parts of one word each bring twelve weights in a cycle; four parts of
// three columns would bring four, two of six columns also four.
// CHECK-LABEL: func.func private @alone
// CHECK:         tensor.extract_slice %w[0, 0] [8, 4] [1, 1]
// CHECK:         tensor.extract_slice %w[0, 4] [8, 4] [1, 1]
// CHECK:         tensor.extract_slice %w[0, 8] [8, 4] [1, 1]
// CHECK:         tensor.concat
func.func private @alone(%x: tensor<8xi8>, %w: tensor<8x12xi8>) -> tensor<12xi32> attributes {dataflow.place = "device"} {
  %e = tensor.empty() : tensor<12xi32>
  %y = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d1)>, affine_map<(d0, d1) -> (d1, d0)>, affine_map<(d0, d1) -> (d0)>], iterator_types = ["parallel", "reduction"]} ins(%x, %w : tensor<8xi8>, tensor<8x12xi8>) outs(%e : tensor<12xi32>) {
  ^bb0(%a: i8, %c: i8, %acc: i32):
    %p = arith.extsi %a : i8 to i32
    %q = arith.extsi %c : i8 to i32
    %m = arith.muli %p, %q : i32
    %s = arith.addi %acc, %m : i32
    linalg.yield %s : i32
  } -> tensor<12xi32>
  func.return %y : tensor<12xi32>
}

// Two products of the same values share the four parts.
// CHECK-LABEL: func.func private @two
// CHECK:         tensor.extract_slice %v[0, 0] [8, 8] [1, 1]
// CHECK:         tensor.extract_slice %v[0, 8] [8, 8] [1, 1]
// CHECK:         tensor.concat
// CHECK:         tensor.extract_slice %w[0, 0] [8, 8] [1, 1]
// CHECK:         tensor.extract_slice %w[0, 8] [8, 8] [1, 1]
// CHECK:         tensor.concat
func.func private @two(%x: tensor<8xi8>, %v: tensor<8x16xi8>, %w: tensor<8x16xi8>) -> (tensor<16xi32>, tensor<16xi32>) attributes {dataflow.place = "device"} {
  %e = tensor.empty() : tensor<16xi32>
  %y = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d1)>, affine_map<(d0, d1) -> (d1, d0)>, affine_map<(d0, d1) -> (d0)>], iterator_types = ["parallel", "reduction"]} ins(%x, %v : tensor<8xi8>, tensor<8x16xi8>) outs(%e : tensor<16xi32>) {
  ^bb0(%a: i8, %c: i8, %acc: i32):
    %p = arith.extsi %a : i8 to i32
    %q = arith.extsi %c : i8 to i32
    %m = arith.muli %p, %q : i32
    %s = arith.addi %acc, %m : i32
    linalg.yield %s : i32
  } -> tensor<16xi32>
  %z = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d1)>, affine_map<(d0, d1) -> (d1, d0)>, affine_map<(d0, d1) -> (d0)>], iterator_types = ["parallel", "reduction"]} ins(%x, %w : tensor<8xi8>, tensor<8x16xi8>) outs(%e : tensor<16xi32>) {
  ^bb0(%a: i8, %c: i8, %acc: i32):
    %p = arith.extsi %a : i8 to i32
    %q = arith.extsi %c : i8 to i32
    %m = arith.muli %p, %q : i32
    %s = arith.addi %acc, %m : i32
    linalg.yield %s : i32
  } -> tensor<16xi32>
  func.return %y, %z : tensor<16xi32>, tensor<16xi32>
}

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

// Twenty columns are five words of four weights: two parts of two words and one of one word; a fourth part would not make
// the largest one smaller.
// CHECK-LABEL: func.func private @uneven
// CHECK:         tensor.extract_slice %w[0, 0] [8, 8] [1, 1]
// CHECK:         tensor.extract_slice %w[0, 8] [8, 8] [1, 1]
// CHECK:         tensor.extract_slice %w[0, 16] [8, 4] [1, 1]
// CHECK:         tensor.concat dim(0) {{.*}} -> tensor<20xi32>
func.func private @uneven(%x: tensor<8xi8>, %w: tensor<8x20xi8>) -> tensor<20xi32> attributes {dataflow.place = "device"} {
  %e = tensor.empty() : tensor<20xi32>
  %y = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d1)>, affine_map<(d0, d1) -> (d1, d0)>, affine_map<(d0, d1) -> (d0)>], iterator_types = ["parallel", "reduction"]} ins(%x, %w : tensor<8xi8>, tensor<8x20xi8>) outs(%e : tensor<20xi32>) {
  ^bb0(%a: i8, %c: i8, %acc: i32):
    %p = arith.extsi %a : i8 to i32
    %q = arith.extsi %c : i8 to i32
    %m = arith.muli %p, %q : i32
    %s = arith.addi %acc, %m : i32
    linalg.yield %s : i32
  } -> tensor<20xi32>
  func.return %y : tensor<20xi32>
}

// Of two products of the same values the one with more words gets more of the four parts.
// CHECK-LABEL: func.func private @unlike
// CHECK:         tensor.extract_slice %v[0, 0] [8, 8] [1, 1]
// CHECK:         tensor.extract_slice %v[0, 8] [8, 8] [1, 1]
// CHECK:         tensor.extract_slice %v[0, 16] [8, 8] [1, 1]
// CHECK:         tensor.concat
// CHECK-NOT:     tensor.extract_slice
func.func private @unlike(%x: tensor<8xi8>, %v: tensor<8x24xi8>, %w: tensor<8x8xi8>) -> (tensor<24xi32>, tensor<8xi32>) attributes {dataflow.place = "device"} {
  %e = tensor.empty() : tensor<24xi32>
  %f = tensor.empty() : tensor<8xi32>
  %y = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d1)>, affine_map<(d0, d1) -> (d1, d0)>, affine_map<(d0, d1) -> (d0)>], iterator_types = ["parallel", "reduction"]} ins(%x, %v : tensor<8xi8>, tensor<8x24xi8>) outs(%e : tensor<24xi32>) {
  ^bb0(%a: i8, %c: i8, %acc: i32):
    %p = arith.extsi %a : i8 to i32
    %q = arith.extsi %c : i8 to i32
    %m = arith.muli %p, %q : i32
    %s = arith.addi %acc, %m : i32
    linalg.yield %s : i32
  } -> tensor<24xi32>
  %z = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d1)>, affine_map<(d0, d1) -> (d1, d0)>, affine_map<(d0, d1) -> (d0)>], iterator_types = ["parallel", "reduction"]} ins(%x, %w : tensor<8xi8>, tensor<8x8xi8>) outs(%f : tensor<8xi32>) {
  ^bb0(%a: i8, %c: i8, %acc: i32):
    %p = arith.extsi %a : i8 to i32
    %q = arith.extsi %c : i8 to i32
    %m = arith.muli %p, %q : i32
    %s = arith.addi %acc, %m : i32
    linalg.yield %s : i32
  } -> tensor<8xi32>
  func.return %y, %z : tensor<24xi32>, tensor<8xi32>
}

// An elementwise operation of two products that are cut alike is cut with them.
// CHECK-LABEL: func.func private @gated
// CHECK:         %[[A0:.*]] = linalg.generic
// CHECK:         %[[A1:.*]] = linalg.generic
// CHECK:         %[[B0:.*]] = linalg.generic
// CHECK:         %[[C0:.*]] = linalg.generic
// CHECK-SAME:      ins(%[[A0]], %[[B0]] : tensor<8xi32>, tensor<8xi32>)
// CHECK:         %[[B1:.*]] = linalg.generic
// CHECK:         %[[C1:.*]] = linalg.generic
// CHECK-SAME:      ins(%[[A1]], %[[B1]] : tensor<8xi32>, tensor<8xi32>)
// CHECK:         tensor.concat dim(0) %[[C0]], %[[C1]] : (tensor<8xi32>, tensor<8xi32>) -> tensor<16xi32>
// CHECK-NOT:     tensor.concat
func.func private @gated(%x: tensor<8xi8>, %v: tensor<8x16xi8>, %w: tensor<8x16xi8>) -> tensor<16xi32> attributes {dataflow.place = "device"} {
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
  %g = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} ins(%y, %z : tensor<16xi32>, tensor<16xi32>) outs(%e : tensor<16xi32>) {
  ^bb0(%a: i32, %b: i32, %o: i32):
    %m = arith.muli %a, %b : i32
    linalg.yield %m : i32
  } -> tensor<16xi32>
  func.return %g : tensor<16xi32>
}

// Where something else reads a product too, what follows stays whole.
// CHECK-LABEL: func.func private @read_twice
// CHECK:         %[[Y:.*]] = tensor.concat
// CHECK:         linalg.generic
// CHECK-SAME:      ins(%[[Y]] : tensor<16xi32>)
func.func private @read_twice(%x: tensor<8xi8>, %w: tensor<8x16xi8>) -> (tensor<16xi32>, tensor<16xi32>) attributes {dataflow.place = "device"} {
  %e = tensor.empty() : tensor<16xi32>
  %y = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d1)>, affine_map<(d0, d1) -> (d1, d0)>, affine_map<(d0, d1) -> (d0)>], iterator_types = ["parallel", "reduction"]} ins(%x, %w : tensor<8xi8>, tensor<8x16xi8>) outs(%e : tensor<16xi32>) {
  ^bb0(%a: i8, %c: i8, %acc: i32):
    %p = arith.extsi %a : i8 to i32
    %q = arith.extsi %c : i8 to i32
    %m = arith.muli %p, %q : i32
    %s = arith.addi %acc, %m : i32
    linalg.yield %s : i32
  } -> tensor<16xi32>
  %z = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} ins(%y : tensor<16xi32>) outs(%e : tensor<16xi32>) {
  ^bb0(%a: i32, %o: i32):
    %s = arith.addi %a, %a : i32
    linalg.yield %s : i32
  } -> tensor<16xi32>
  func.return %y, %z : tensor<16xi32>, tensor<16xi32>
}

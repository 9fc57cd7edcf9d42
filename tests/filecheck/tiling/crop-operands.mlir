// RUN: streamtensor-opt %s -p crop-operands | filecheck %s

#rows = affine_map<(d0, d1) -> (d0 * 2 + d1)>
#window = affine_map<(d0, d1) -> (d1)>
#out = affine_map<(d0, d1) -> (d0)>

// Windows of 3 that move by 2 leave out the last of 10: there is less behind the tensor, and nothing to slice.
// CHECK-LABEL: func.func private @padded
// CHECK:         %[[P:.*]] = tensor.pad %x low[1] high[0]
// CHECK:         : tensor<8xf32> to tensor<9xf32>
// CHECK-NOT:     tensor.pad
// CHECK:         linalg.generic {{.*}} ins(%[[P]], %w : tensor<9xf32>, tensor<3xf32>)
func.func private @padded(%x: tensor<8xf32>, %w: tensor<3xf32>) -> tensor<4xf32> attributes {dataflow.place = "device"} {
  %c = arith.constant 0.0 : f32
  %y = tensor.pad %x low[1] high[1] {
  ^bb0(%i: index):
    tensor.yield %c : f32
  } : tensor<8xf32> to tensor<10xf32>
  %e = tensor.empty() : tensor<4xf32>
  %z = linalg.generic {indexing_maps = [#rows, #window, #out], iterator_types = ["parallel", "reduction"]} ins(%y, %w : tensor<10xf32>, tensor<3xf32>) outs(%e : tensor<4xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %m = arith.mulf %a, %b : f32
    linalg.yield %m : f32
  } -> tensor<4xf32>
  func.return %z : tensor<4xf32>
}

// Without a padding the tensor is sliced.
// CHECK-LABEL: func.func private @plain
// CHECK:         %[[S:.*]] = tensor.extract_slice %x[0] [9] [1]
// CHECK:         linalg.generic {{.*}} ins(%[[S]], %w :
func.func private @plain(%x: tensor<10xf32>, %w: tensor<3xf32>) -> tensor<4xf32> attributes {dataflow.place = "device"} {
  %e = tensor.empty() : tensor<4xf32>
  %z = linalg.generic {indexing_maps = [#rows, #window, #out], iterator_types = ["parallel", "reduction"]} ins(%x, %w : tensor<10xf32>, tensor<3xf32>) outs(%e : tensor<4xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %m = arith.mulf %a, %b : f32
    linalg.yield %m : f32
  } -> tensor<4xf32>
  func.return %z : tensor<4xf32>
}

// What is read to its end stays.
// CHECK-LABEL: func.func private @whole
// CHECK-NOT:     tensor.extract_slice
// CHECK:         ins(%x, %w :
func.func private @whole(%x: tensor<9xf32>, %w: tensor<3xf32>) -> tensor<4xf32> attributes {dataflow.place = "device"} {
  %e = tensor.empty() : tensor<4xf32>
  %z = linalg.generic {indexing_maps = [#rows, #window, #out], iterator_types = ["parallel", "reduction"]} ins(%x, %w : tensor<9xf32>, tensor<3xf32>) outs(%e : tensor<4xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %m = arith.mulf %a, %b : f32
    linalg.yield %m : f32
  } -> tensor<4xf32>
  func.return %z : tensor<4xf32>
}

builtin.module {
  func.func private @main_0(%arg0: tensor<1x3x8x8xf32>, %arg1: tensor<4x3x3x3xf32>, %arg2: tensor<4xf32>, %arg3: tensor<5x144xf32>, %arg4: tensor<5xf32>) -> tensor<1x5xf32> attributes {dataflow.place = "device"} {
    %0 = arith.constant 0.000000e+00 : f32
    %1 = tensor.empty() : tensor<4x6x6xf32>
    %2 = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%arg2 : tensor<4xf32>) outs(%1 : tensor<4x6x6xf32>) {
    ^bb0(%arg20: f32, %arg21: f32):
      linalg.yield %arg20 : f32
    } -> tensor<4x6x6xf32>
    %3 = tensor.collapse_shape %arg0 [[0 : i64, 1 : i64], [2 : i64], [3 : i64]] : tensor<1x3x8x8xf32> into tensor<3x8x8xf32>
    %4 = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2, d3, d4, d5) -> (d3, (d1 + d4), (d2 + d5))>, affine_map<(d0, d1, d2, d3, d4, d5) -> (d0, d3, d4, d5)>, affine_map<(d0, d1, d2, d3, d4, d5) -> (d0, d1, d2)>], iterator_types = ["parallel", "parallel", "parallel", "reduction", "reduction", "reduction"]} ins(%3, %arg1 : tensor<3x8x8xf32>, tensor<4x3x3x3xf32>) outs(%2 : tensor<4x6x6xf32>) {
    ^bb0(%arg17: f32, %arg18: f32, %arg19: f32):
      %5 = arith.mulf %arg17, %arg18 : f32
      %6 = arith.addf %arg19, %5 : f32
      linalg.yield %6 : f32
    } -> tensor<4x6x6xf32>
    %7 = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%4 : tensor<4x6x6xf32>) outs(%1 : tensor<4x6x6xf32>) {
    ^bb0(%arg15: f32, %arg16: f32):
      %8 = arith.cmpf ugt, %arg15, %0 : f32
      %9 = arith.select %8, %arg15, %0 : f32
      linalg.yield %9 : f32
    } -> tensor<4x6x6xf32>
    %10 = tensor.empty() : tensor<144x5xf32>
    %11 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d1, d0)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%arg3 : tensor<5x144xf32>) outs(%10 : tensor<144x5xf32>) {
    ^bb0(%arg13: f32, %arg14: f32):
      linalg.yield %arg13 : f32
    } -> tensor<144x5xf32>
    %12 = tensor.empty() : tensor<5xf32>
    %13 = linalg.generic {indexing_maps = [affine_map<(d0) -> ()>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} ins(%0 : f32) outs(%12 : tensor<5xf32>) {
    ^bb0(%arg11: f32, %arg12: f32):
      linalg.yield %arg11 : f32
    } -> tensor<5xf32>
    %14 = tensor.collapse_shape %7 [[0 : i64, 1 : i64, 2 : i64]] : tensor<4x6x6xf32> into tensor<144xf32>
    %15 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d1)>, affine_map<(d0, d1) -> (d1, d0)>, affine_map<(d0, d1) -> (d0)>], iterator_types = ["parallel", "reduction"]} ins(%14, %11 : tensor<144xf32>, tensor<144x5xf32>) outs(%13 : tensor<5xf32>) {
    ^bb0(%arg8: f32, %arg9: f32, %arg10: f32):
      %16 = arith.mulf %arg8, %arg9 : f32
      %17 = arith.addf %arg10, %16 : f32
      linalg.yield %17 : f32
    } -> tensor<5xf32>
    %18 = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} ins(%15, %arg4 : tensor<5xf32>, tensor<5xf32>) outs(%12 : tensor<5xf32>) {
    ^bb0(%arg5: f32, %arg6: f32, %arg7: f32):
      %19 = arith.addf %arg5, %arg6 : f32
      linalg.yield %19 : f32
    } -> tensor<5xf32>
    %20 = tensor.expand_shape %18 [[0 : i64, 1 : i64]] output_shape [1, 5] : tensor<5xf32> into tensor<1x5xf32>
    func.return %20 : tensor<1x5xf32>
  }
}

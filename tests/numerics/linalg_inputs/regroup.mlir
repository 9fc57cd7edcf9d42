builtin.module {
  func.func private @main_0(%arg0: tensor<4x6xf32>) -> (tensor<6xf32>, tensor<12x2xf32>) attributes {dataflow.place = "device"} {
    %0 = arith.constant 0.000000e+00 : f32
    %1 = tensor.empty() : tensor<4x6xf32>
    %2 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%arg0 : tensor<4x6xf32>) outs(%1 : tensor<4x6xf32>) {
    ^bb0(%arg9: f32, %arg10: f32):
      %3 = math.exp %arg9 : f32
      linalg.yield %3 : f32
    } -> tensor<4x6xf32>
    %4 = tensor.collapse_shape %2 [[0 : i64, 1 : i64]] : tensor<4x6xf32> into tensor<24xf32>
    %5 = tensor.expand_shape %4 [[0 : i64, 1 : i64]] output_shape [6, 4] : tensor<24xf32> into tensor<6x4xf32>
    %6 = tensor.empty() : tensor<6xf32>
    %7 = linalg.generic {indexing_maps = [affine_map<(d0) -> ()>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} ins(%0 : f32) outs(%6 : tensor<6xf32>) {
    ^bb0(%arg7: f32, %arg8: f32):
      linalg.yield %arg7 : f32
    } -> tensor<6xf32>
    %8 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0)>], iterator_types = ["parallel", "reduction"]} ins(%5 : tensor<6x4xf32>) outs(%7 : tensor<6xf32>) {
    ^bb0(%arg5: f32, %arg6: f32):
      %9 = arith.addf %arg5, %arg6 : f32
      linalg.yield %9 : f32
    } -> tensor<6xf32>
    %10 = tensor.expand_shape %4 [[0 : i64, 1 : i64]] output_shape [2, 12] : tensor<24xf32> into tensor<2x12xf32>
    %11 = tensor.empty() : tensor<2x12xf32>
    %12 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%10 : tensor<2x12xf32>) outs(%11 : tensor<2x12xf32>) {
    ^bb0(%arg3: f32, %arg4: f32):
      %13 = math.tanh %arg3 : f32
      linalg.yield %13 : f32
    } -> tensor<2x12xf32>
    %14 = tensor.empty() : tensor<12x2xf32>
    %15 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d1, d0)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%12 : tensor<2x12xf32>) outs(%14 : tensor<12x2xf32>) {
    ^bb0(%arg1: f32, %arg2: f32):
      linalg.yield %arg1 : f32
    } -> tensor<12x2xf32>
    func.return %8, %15 : tensor<6xf32>, tensor<12x2xf32>
  }
}

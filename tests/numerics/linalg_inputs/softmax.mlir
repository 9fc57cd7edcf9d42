builtin.module {
  func.func private @main_0(%arg0: tensor<2x4x6xf32>) -> tensor<2x4x6xf32> attributes {dataflow.place = "device"} {
    %0 = arith.constant 0xff800000 : f32
    %1 = arith.constant 0.000000e+00 : f32
    %2 = arith.constant 5.000000e-01 : f32
    %3 = tensor.empty() : tensor<2x4x6xf32>
    %4 = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%arg0 : tensor<2x4x6xf32>) outs(%3 : tensor<2x4x6xf32>) {
    ^bb0(%arg20: f32, %arg21: f32):
      %5 = arith.mulf %arg20, %2 : f32
      linalg.yield %5 : f32
    } -> tensor<2x4x6xf32>
    %6 = tensor.empty() : tensor<2x6xf32>
    %7 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> ()>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%0 : f32) outs(%6 : tensor<2x6xf32>) {
    ^bb0(%arg16: f32, %arg17: f32):
      linalg.yield %arg16 : f32
    } -> tensor<2x6xf32>
    %8 = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d2)>], iterator_types = ["parallel", "reduction", "parallel"]} ins(%4 : tensor<2x4x6xf32>) outs(%7 : tensor<2x6xf32>) {
    ^bb0(%arg13: f32, %arg14: f32):
      %9 = arith.maximumf %arg13, %arg14 : f32
      linalg.yield %9 : f32
    } -> tensor<2x6xf32>
    %10 = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%4, %8 : tensor<2x4x6xf32>, tensor<2x6xf32>) outs(%3 : tensor<2x4x6xf32>) {
    ^bb0(%arg10: f32, %arg11: f32, %arg12: f32):
      %11 = arith.subf %arg10, %arg11 : f32
      linalg.yield %11 : f32
    } -> tensor<2x4x6xf32>
    %12 = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%10 : tensor<2x4x6xf32>) outs(%3 : tensor<2x4x6xf32>) {
    ^bb0(%arg8: f32, %arg9: f32):
      %13 = math.exp %arg8 : f32
      linalg.yield %13 : f32
    } -> tensor<2x4x6xf32>
    %14 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> ()>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%1 : f32) outs(%6 : tensor<2x6xf32>) {
    ^bb0(%arg6: f32, %arg7: f32):
      linalg.yield %arg6 : f32
    } -> tensor<2x6xf32>
    %15 = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d2)>], iterator_types = ["parallel", "reduction", "parallel"]} ins(%12 : tensor<2x4x6xf32>) outs(%14 : tensor<2x6xf32>) {
    ^bb0(%arg4: f32, %arg5: f32):
      %16 = arith.addf %arg4, %arg5 : f32
      linalg.yield %16 : f32
    } -> tensor<2x6xf32>
    %17 = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%12, %15 : tensor<2x4x6xf32>, tensor<2x6xf32>) outs(%3 : tensor<2x4x6xf32>) {
    ^bb0(%arg1: f32, %arg2: f32, %arg3: f32):
      %18 = arith.divf %arg1, %arg2 : f32
      linalg.yield %18 : f32
    } -> tensor<2x4x6xf32>
    func.return %17 : tensor<2x4x6xf32>
  }
}

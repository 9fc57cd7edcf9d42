builtin.module {
  func.func private @main_0(%arg0: tensor<1x6x16xf32>, %arg1: tensor<16xf32>, %arg2: tensor<16xf32>) -> tensor<1x6x16xf32> attributes {dataflow.place = "device"} {
    %0 = arith.constant 0.000000e+00 : f32
    %1 = arith.constant 1.000000e-05 : f32
    %2 = arith.constant 1.600000e+01 : f32
    %3 = tensor.empty() : tensor<6xf32>
    %4 = linalg.generic {indexing_maps = [affine_map<(d0) -> ()>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} ins(%0 : f32) outs(%3 : tensor<6xf32>) {
    ^bb0(%arg30: f32, %arg31: f32):
      linalg.yield %arg30 : f32
    } -> tensor<6xf32>
    %5 = tensor.collapse_shape %arg0 [[0 : i64, 1 : i64], [2 : i64]] : tensor<1x6x16xf32> into tensor<6x16xf32>
    %6 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0)>], iterator_types = ["parallel", "reduction"]} ins(%5 : tensor<6x16xf32>) outs(%4 : tensor<6xf32>) {
    ^bb0(%arg28: f32, %arg29: f32):
      %7 = arith.addf %arg28, %arg29 : f32
      linalg.yield %7 : f32
    } -> tensor<6xf32>
    %8 = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} ins(%6 : tensor<6xf32>) outs(%3 : tensor<6xf32>) {
    ^bb0(%arg26: f32, %arg27: f32):
      %9 = arith.divf %arg26, %2 : f32
      linalg.yield %9 : f32
    } -> tensor<6xf32>
    %10 = tensor.empty() : tensor<6x16xf32>
    %11 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%5, %8 : tensor<6x16xf32>, tensor<6xf32>) outs(%10 : tensor<6x16xf32>) {
    ^bb0(%arg23: f32, %arg24: f32, %arg25: f32):
      %12 = arith.subf %arg23, %arg24 : f32
      linalg.yield %12 : f32
    } -> tensor<6x16xf32>
    %13 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%11, %11 : tensor<6x16xf32>, tensor<6x16xf32>) outs(%10 : tensor<6x16xf32>) {
    ^bb0(%arg20: f32, %arg21: f32, %arg22: f32):
      %14 = arith.mulf %arg20, %arg21 : f32
      linalg.yield %14 : f32
    } -> tensor<6x16xf32>
    %15 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0)>], iterator_types = ["parallel", "reduction"]} ins(%13 : tensor<6x16xf32>) outs(%4 : tensor<6xf32>) {
    ^bb0(%arg18: f32, %arg19: f32):
      %16 = arith.addf %arg18, %arg19 : f32
      linalg.yield %16 : f32
    } -> tensor<6xf32>
    %17 = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} ins(%15 : tensor<6xf32>) outs(%3 : tensor<6xf32>) {
    ^bb0(%arg16: f32, %arg17: f32):
      %18 = arith.divf %arg16, %2 : f32
      linalg.yield %18 : f32
    } -> tensor<6xf32>
    %19 = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} ins(%17 : tensor<6xf32>) outs(%3 : tensor<6xf32>) {
    ^bb0(%arg14: f32, %arg15: f32):
      %20 = arith.addf %arg14, %1 : f32
      linalg.yield %20 : f32
    } -> tensor<6xf32>
    %21 = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} ins(%19 : tensor<6xf32>) outs(%3 : tensor<6xf32>) {
    ^bb0(%arg12: f32, %arg13: f32):
      %22 = math.rsqrt %arg12 : f32
      linalg.yield %22 : f32
    } -> tensor<6xf32>
    %23 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%11, %21 : tensor<6x16xf32>, tensor<6xf32>) outs(%10 : tensor<6x16xf32>) {
    ^bb0(%arg9: f32, %arg10: f32, %arg11: f32):
      %24 = arith.mulf %arg9, %arg10 : f32
      linalg.yield %24 : f32
    } -> tensor<6x16xf32>
    %25 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%23, %arg1 : tensor<6x16xf32>, tensor<16xf32>) outs(%10 : tensor<6x16xf32>) {
    ^bb0(%arg6: f32, %arg7: f32, %arg8: f32):
      %26 = arith.mulf %arg6, %arg7 : f32
      linalg.yield %26 : f32
    } -> tensor<6x16xf32>
    %27 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%25, %arg2 : tensor<6x16xf32>, tensor<16xf32>) outs(%10 : tensor<6x16xf32>) {
    ^bb0(%arg3: f32, %arg4: f32, %arg5: f32):
      %28 = arith.addf %arg3, %arg4 : f32
      linalg.yield %28 : f32
    } -> tensor<6x16xf32>
    %29 = tensor.expand_shape %27 [[0 : i64, 1 : i64], [2 : i64]] output_shape [1, 6, 16] : tensor<6x16xf32> into tensor<1x6x16xf32>
    func.return %29 : tensor<1x6x16xf32>
  }
}

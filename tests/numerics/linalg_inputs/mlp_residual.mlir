builtin.module {
  func.func private @main_0(%arg0: tensor<1x8x16xf32>, %arg1: tensor<32x16xf32>, %arg2: tensor<32xf32>, %arg3: tensor<16x32xf32>, %arg4: tensor<16xf32>) -> tensor<1x8x16xf32> attributes {dataflow.place = "device"} {
    %0 = arith.constant 0.000000e+00 : f32
    %1 = arith.constant 0.797884583 : f32
    %2 = arith.constant 4.471500e-02 : f32
    %3 = arith.constant 5.000000e-01 : f32
    %4 = arith.constant 1.000000e+00 : f32
    %5 = tensor.collapse_shape %arg0 [[0 : i64, 1 : i64], [2 : i64]] : tensor<1x8x16xf32> into tensor<8x16xf32>
    %6 = tensor.empty() : tensor<16x32xf32>
    %7 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d1, d0)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%arg1 : tensor<32x16xf32>) outs(%6 : tensor<16x32xf32>) {
    ^bb0(%arg48: f32, %arg49: f32):
      linalg.yield %arg48 : f32
    } -> tensor<16x32xf32>
    %8 = tensor.empty() : tensor<8x32xf32>
    %9 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> ()>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%0 : f32) outs(%8 : tensor<8x32xf32>) {
    ^bb0(%arg46: f32, %arg47: f32):
      linalg.yield %arg46 : f32
    } -> tensor<8x32xf32>
    %10 = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%5, %7 : tensor<8x16xf32>, tensor<16x32xf32>) outs(%9 : tensor<8x32xf32>) {
    ^bb0(%arg43: f32, %arg44: f32, %arg45: f32):
      %11 = arith.mulf %arg43, %arg44 : f32
      %12 = arith.addf %arg45, %11 : f32
      linalg.yield %12 : f32
    } -> tensor<8x32xf32>
    %13 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%10, %arg2 : tensor<8x32xf32>, tensor<32xf32>) outs(%8 : tensor<8x32xf32>) {
    ^bb0(%arg40: f32, %arg41: f32, %arg42: f32):
      %14 = arith.addf %arg40, %arg41 : f32
      linalg.yield %14 : f32
    } -> tensor<8x32xf32>
    %15 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%13, %13 : tensor<8x32xf32>, tensor<8x32xf32>) outs(%8 : tensor<8x32xf32>) {
    ^bb0(%arg37: f32, %arg38: f32, %arg39: f32):
      %16 = arith.mulf %arg37, %arg38 : f32
      linalg.yield %16 : f32
    } -> tensor<8x32xf32>
    %17 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%15, %13 : tensor<8x32xf32>, tensor<8x32xf32>) outs(%8 : tensor<8x32xf32>) {
    ^bb0(%arg34: f32, %arg35: f32, %arg36: f32):
      %18 = arith.mulf %arg34, %arg35 : f32
      linalg.yield %18 : f32
    } -> tensor<8x32xf32>
    %19 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%17 : tensor<8x32xf32>) outs(%8 : tensor<8x32xf32>) {
    ^bb0(%arg32: f32, %arg33: f32):
      %20 = arith.mulf %arg32, %2 : f32
      linalg.yield %20 : f32
    } -> tensor<8x32xf32>
    %21 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%13, %19 : tensor<8x32xf32>, tensor<8x32xf32>) outs(%8 : tensor<8x32xf32>) {
    ^bb0(%arg29: f32, %arg30: f32, %arg31: f32):
      %22 = arith.addf %arg29, %arg30 : f32
      linalg.yield %22 : f32
    } -> tensor<8x32xf32>
    %23 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%21 : tensor<8x32xf32>) outs(%8 : tensor<8x32xf32>) {
    ^bb0(%arg27: f32, %arg28: f32):
      %24 = arith.mulf %arg27, %1 : f32
      linalg.yield %24 : f32
    } -> tensor<8x32xf32>
    %25 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%13 : tensor<8x32xf32>) outs(%8 : tensor<8x32xf32>) {
    ^bb0(%arg25: f32, %arg26: f32):
      %26 = arith.mulf %arg25, %3 : f32
      linalg.yield %26 : f32
    } -> tensor<8x32xf32>
    %27 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%23 : tensor<8x32xf32>) outs(%8 : tensor<8x32xf32>) {
    ^bb0(%arg23: f32, %arg24: f32):
      %28 = math.tanh %arg23 : f32
      linalg.yield %28 : f32
    } -> tensor<8x32xf32>
    %29 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%27 : tensor<8x32xf32>) outs(%8 : tensor<8x32xf32>) {
    ^bb0(%arg21: f32, %arg22: f32):
      %30 = arith.addf %arg21, %4 : f32
      linalg.yield %30 : f32
    } -> tensor<8x32xf32>
    %31 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%25, %29 : tensor<8x32xf32>, tensor<8x32xf32>) outs(%8 : tensor<8x32xf32>) {
    ^bb0(%arg18: f32, %arg19: f32, %arg20: f32):
      %32 = arith.mulf %arg18, %arg19 : f32
      linalg.yield %32 : f32
    } -> tensor<8x32xf32>
    %33 = tensor.empty() : tensor<32x16xf32>
    %34 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d1, d0)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%arg3 : tensor<16x32xf32>) outs(%33 : tensor<32x16xf32>) {
    ^bb0(%arg16: f32, %arg17: f32):
      linalg.yield %arg16 : f32
    } -> tensor<32x16xf32>
    %35 = tensor.empty() : tensor<8x16xf32>
    %36 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> ()>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%0 : f32) outs(%35 : tensor<8x16xf32>) {
    ^bb0(%arg14: f32, %arg15: f32):
      linalg.yield %arg14 : f32
    } -> tensor<8x16xf32>
    %37 = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%31, %34 : tensor<8x32xf32>, tensor<32x16xf32>) outs(%36 : tensor<8x16xf32>) {
    ^bb0(%arg11: f32, %arg12: f32, %arg13: f32):
      %38 = arith.mulf %arg11, %arg12 : f32
      %39 = arith.addf %arg13, %38 : f32
      linalg.yield %39 : f32
    } -> tensor<8x16xf32>
    %40 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%37, %arg4 : tensor<8x16xf32>, tensor<16xf32>) outs(%35 : tensor<8x16xf32>) {
    ^bb0(%arg8: f32, %arg9: f32, %arg10: f32):
      %41 = arith.addf %arg8, %arg9 : f32
      linalg.yield %41 : f32
    } -> tensor<8x16xf32>
    %42 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%5, %40 : tensor<8x16xf32>, tensor<8x16xf32>) outs(%35 : tensor<8x16xf32>) {
    ^bb0(%arg5: f32, %arg6: f32, %arg7: f32):
      %43 = arith.addf %arg5, %arg6 : f32
      linalg.yield %43 : f32
    } -> tensor<8x16xf32>
    %44 = tensor.expand_shape %42 [[0 : i64, 1 : i64], [2 : i64]] output_shape [1, 8, 16] : tensor<8x16xf32> into tensor<1x8x16xf32>
    func.return %44 : tensor<1x8x16xf32>
  }
}

builtin.module {
  func.func private @main_0(%arg0: tensor<2x8x16xf32>, %arg1: tensor<48x16xf32>, %arg2: tensor<48xf32>, %arg3: tensor<16x16xf32>, %arg4: tensor<16xf32>) -> tensor<2x8x16xf32> attributes {dataflow.place = "device"} {
    %0 = arith.constant 0.000000e+00 : f32
    %1 = arith.constant 0xff800000 : f32
    %2 = arith.constant 2.82842708 : f32
    %3 = tensor.collapse_shape %arg0 [[0 : i64, 1 : i64], [2 : i64]] : tensor<2x8x16xf32> into tensor<16x16xf32>
    %4 = tensor.empty() : tensor<16x48xf32>
    %5 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d1, d0)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%arg1 : tensor<48x16xf32>) outs(%4 : tensor<16x48xf32>) {
    ^bb0(%arg60: f32, %arg61: f32):
      linalg.yield %arg60 : f32
    } -> tensor<16x48xf32>
    %6 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> ()>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%0 : f32) outs(%4 : tensor<16x48xf32>) {
    ^bb0(%arg58: f32, %arg59: f32):
      linalg.yield %arg58 : f32
    } -> tensor<16x48xf32>
    %7 = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%3, %5 : tensor<16x16xf32>, tensor<16x48xf32>) outs(%6 : tensor<16x48xf32>) {
    ^bb0(%arg55: f32, %arg56: f32, %arg57: f32):
      %8 = arith.mulf %arg55, %arg56 : f32
      %9 = arith.addf %arg57, %8 : f32
      linalg.yield %9 : f32
    } -> tensor<16x48xf32>
    %10 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%7, %arg2 : tensor<16x48xf32>, tensor<48xf32>) outs(%4 : tensor<16x48xf32>) {
    ^bb0(%arg52: f32, %arg53: f32, %arg54: f32):
      %11 = arith.addf %arg52, %arg53 : f32
      linalg.yield %11 : f32
    } -> tensor<16x48xf32>
    %12 = tensor.expand_shape %10 [[0 : i64, 1 : i64], [2 : i64, 3 : i64, 4 : i64]] output_shape [2, 8, 2, 3, 8] : tensor<16x48xf32> into tensor<2x8x2x3x8xf32>
    %13 = tensor.extract_slice %12[0, 0, 0, 0, 0] [2, 8, 2, 1, 8] [1, 1, 1, 1, 1] : tensor<2x8x2x3x8xf32> to tensor<2x8x2x8xf32>
    %14 = tensor.extract_slice %12[0, 0, 0, 1, 0] [2, 8, 2, 1, 8] [1, 1, 1, 1, 1] : tensor<2x8x2x3x8xf32> to tensor<2x8x2x8xf32>
    %15 = tensor.extract_slice %12[0, 0, 0, 2, 0] [2, 8, 2, 1, 8] [1, 1, 1, 1, 1] : tensor<2x8x2x3x8xf32> to tensor<2x8x2x8xf32>
    %16 = tensor.empty() : tensor<2x2x8x8xf32>
    %17 = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d2, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%13 : tensor<2x8x2x8xf32>) outs(%16 : tensor<2x2x8x8xf32>) {
    ^bb0(%arg50: f32, %arg51: f32):
      linalg.yield %arg50 : f32
    } -> tensor<2x2x8x8xf32>
    %18 = tensor.collapse_shape %17 [[0 : i64, 1 : i64], [2 : i64], [3 : i64]] : tensor<2x2x8x8xf32> into tensor<4x8x8xf32>
    %19 = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d3, d1, d2)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%14 : tensor<2x8x2x8xf32>) outs(%16 : tensor<2x2x8x8xf32>) {
    ^bb0(%arg48: f32, %arg49: f32):
      linalg.yield %arg48 : f32
    } -> tensor<2x2x8x8xf32>
    %20 = tensor.collapse_shape %19 [[0 : i64, 1 : i64], [2 : i64], [3 : i64]] : tensor<2x2x8x8xf32> into tensor<4x8x8xf32>
    %21 = tensor.empty() : tensor<4x8x8xf32>
    %22 = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> ()>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%0 : f32) outs(%21 : tensor<4x8x8xf32>) {
    ^bb0(%arg46: f32, %arg47: f32):
      linalg.yield %arg46 : f32
    } -> tensor<4x8x8xf32>
    %23 = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d0, d3, d2)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>], iterator_types = ["parallel", "parallel", "parallel", "reduction"]} ins(%18, %20 : tensor<4x8x8xf32>, tensor<4x8x8xf32>) outs(%22 : tensor<4x8x8xf32>) {
    ^bb0(%arg43: f32, %arg44: f32, %arg45: f32):
      %24 = arith.mulf %arg43, %arg44 : f32
      %25 = arith.addf %arg45, %24 : f32
      linalg.yield %25 : f32
    } -> tensor<4x8x8xf32>
    %26 = tensor.expand_shape %23 [[0 : i64, 1 : i64], [2 : i64], [3 : i64, 4 : i64]] output_shape [2, 2, 8, 1, 8] : tensor<4x8x8xf32> into tensor<2x2x8x1x8xf32>
    %27 = tensor.collapse_shape %26 [[0 : i64], [1 : i64], [2 : i64, 3 : i64], [4 : i64]] : tensor<2x2x8x1x8xf32> into tensor<2x2x8x8xf32>
    %28 = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%27 : tensor<2x2x8x8xf32>) outs(%16 : tensor<2x2x8x8xf32>) {
    ^bb0(%arg41: f32, %arg42: f32):
      %29 = arith.divf %arg41, %2 : f32
      linalg.yield %29 : f32
    } -> tensor<2x2x8x8xf32>
    %30 = tensor.empty() : tensor<2x2x8xf32>
    %31 = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> ()>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%1 : f32) outs(%30 : tensor<2x2x8xf32>) {
    ^bb0(%arg37: f32, %arg38: f32):
      linalg.yield %arg37 : f32
    } -> tensor<2x2x8xf32>
    %32 = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>], iterator_types = ["parallel", "parallel", "parallel", "reduction"]} ins(%28 : tensor<2x2x8x8xf32>) outs(%31 : tensor<2x2x8xf32>) {
    ^bb0(%arg34: f32, %arg35: f32):
      %33 = arith.maximumf %arg34, %arg35 : f32
      linalg.yield %33 : f32
    } -> tensor<2x2x8xf32>
    %34 = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%28, %32 : tensor<2x2x8x8xf32>, tensor<2x2x8xf32>) outs(%16 : tensor<2x2x8x8xf32>) {
    ^bb0(%arg31: f32, %arg32: f32, %arg33: f32):
      %35 = arith.subf %arg31, %arg32 : f32
      linalg.yield %35 : f32
    } -> tensor<2x2x8x8xf32>
    %36 = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%34 : tensor<2x2x8x8xf32>) outs(%16 : tensor<2x2x8x8xf32>) {
    ^bb0(%arg29: f32, %arg30: f32):
      %37 = math.exp %arg29 : f32
      linalg.yield %37 : f32
    } -> tensor<2x2x8x8xf32>
    %38 = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> ()>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%0 : f32) outs(%30 : tensor<2x2x8xf32>) {
    ^bb0(%arg27: f32, %arg28: f32):
      linalg.yield %arg27 : f32
    } -> tensor<2x2x8xf32>
    %39 = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>], iterator_types = ["parallel", "parallel", "parallel", "reduction"]} ins(%36 : tensor<2x2x8x8xf32>) outs(%38 : tensor<2x2x8xf32>) {
    ^bb0(%arg25: f32, %arg26: f32):
      %40 = arith.addf %arg25, %arg26 : f32
      linalg.yield %40 : f32
    } -> tensor<2x2x8xf32>
    %41 = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%36, %39 : tensor<2x2x8x8xf32>, tensor<2x2x8xf32>) outs(%16 : tensor<2x2x8x8xf32>) {
    ^bb0(%arg22: f32, %arg23: f32, %arg24: f32):
      %42 = arith.divf %arg22, %arg23 : f32
      linalg.yield %42 : f32
    } -> tensor<2x2x8x8xf32>
    %43 = tensor.collapse_shape %41 [[0 : i64, 1 : i64], [2 : i64], [3 : i64]] : tensor<2x2x8x8xf32> into tensor<4x8x8xf32>
    %44 = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d2, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%15 : tensor<2x8x2x8xf32>) outs(%16 : tensor<2x2x8x8xf32>) {
    ^bb0(%arg20: f32, %arg21: f32):
      linalg.yield %arg20 : f32
    } -> tensor<2x2x8x8xf32>
    %45 = tensor.collapse_shape %44 [[0 : i64, 1 : i64], [2 : i64], [3 : i64]] : tensor<2x2x8x8xf32> into tensor<4x8x8xf32>
    %46 = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d0, d3, d2)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>], iterator_types = ["parallel", "parallel", "parallel", "reduction"]} ins(%43, %45 : tensor<4x8x8xf32>, tensor<4x8x8xf32>) outs(%22 : tensor<4x8x8xf32>) {
    ^bb0(%arg17: f32, %arg18: f32, %arg19: f32):
      %47 = arith.mulf %arg17, %arg18 : f32
      %48 = arith.addf %arg19, %47 : f32
      linalg.yield %48 : f32
    } -> tensor<4x8x8xf32>
    %49 = tensor.expand_shape %46 [[0 : i64, 1 : i64], [2 : i64], [3 : i64, 4 : i64]] output_shape [2, 2, 8, 1, 8] : tensor<4x8x8xf32> into tensor<2x2x8x1x8xf32>
    %50 = tensor.collapse_shape %49 [[0 : i64], [1 : i64], [2 : i64, 3 : i64], [4 : i64]] : tensor<2x2x8x1x8xf32> into tensor<2x2x8x8xf32>
    %51 = tensor.empty() : tensor<2x8x2x8xf32>
    %52 = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d2, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%50 : tensor<2x2x8x8xf32>) outs(%51 : tensor<2x8x2x8xf32>) {
    ^bb0(%arg15: f32, %arg16: f32):
      linalg.yield %arg15 : f32
    } -> tensor<2x8x2x8xf32>
    %53 = tensor.collapse_shape %52 [[0 : i64, 1 : i64], [2 : i64, 3 : i64]] : tensor<2x8x2x8xf32> into tensor<16x16xf32>
    %54 = tensor.empty() : tensor<16x16xf32>
    %55 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d1, d0)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%arg3 : tensor<16x16xf32>) outs(%54 : tensor<16x16xf32>) {
    ^bb0(%arg13: f32, %arg14: f32):
      linalg.yield %arg13 : f32
    } -> tensor<16x16xf32>
    %56 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> ()>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%0 : f32) outs(%54 : tensor<16x16xf32>) {
    ^bb0(%arg11: f32, %arg12: f32):
      linalg.yield %arg11 : f32
    } -> tensor<16x16xf32>
    %57 = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%53, %55 : tensor<16x16xf32>, tensor<16x16xf32>) outs(%56 : tensor<16x16xf32>) {
    ^bb0(%arg8: f32, %arg9: f32, %arg10: f32):
      %58 = arith.mulf %arg8, %arg9 : f32
      %59 = arith.addf %arg10, %58 : f32
      linalg.yield %59 : f32
    } -> tensor<16x16xf32>
    %60 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%57, %arg4 : tensor<16x16xf32>, tensor<16xf32>) outs(%54 : tensor<16x16xf32>) {
    ^bb0(%arg5: f32, %arg6: f32, %arg7: f32):
      %61 = arith.addf %arg5, %arg6 : f32
      linalg.yield %61 : f32
    } -> tensor<16x16xf32>
    %62 = tensor.expand_shape %60 [[0 : i64, 1 : i64], [2 : i64]] output_shape [2, 8, 16] : tensor<16x16xf32> into tensor<2x8x16xf32>
    func.return %62 : tensor<2x8x16xf32>
  }
}

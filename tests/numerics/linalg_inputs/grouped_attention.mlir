builtin.module {
  func.func private @main_0(%arg0: tensor<1x8x16xf32>, %arg1: tensor<16x16xf32>, %arg2: tensor<16xf32>, %arg3: tensor<8x16xf32>, %arg4: tensor<8xf32>, %arg5: tensor<8x16xf32>, %arg6: tensor<8xf32>) -> tensor<1x8x16xf32> attributes {dataflow.place = "device"} {
    %0 = arith.constant 0.000000e+00 : f32
    %1 = arith.constant 0xff800000 : f32
    %2 = tensor.collapse_shape %arg0 [[0 : i64, 1 : i64], [2 : i64]] : tensor<1x8x16xf32> into tensor<8x16xf32>
    %3 = tensor.empty() : tensor<16x16xf32>
    %4 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d1, d0)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%arg1 : tensor<16x16xf32>) outs(%3 : tensor<16x16xf32>) {
    ^bb0(%arg76: f32, %arg77: f32):
      linalg.yield %arg76 : f32
    } -> tensor<16x16xf32>
    %5 = tensor.empty() : tensor<8x16xf32>
    %6 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> ()>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%0 : f32) outs(%5 : tensor<8x16xf32>) {
    ^bb0(%arg74: f32, %arg75: f32):
      linalg.yield %arg74 : f32
    } -> tensor<8x16xf32>
    %7 = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%2, %4 : tensor<8x16xf32>, tensor<16x16xf32>) outs(%6 : tensor<8x16xf32>) {
    ^bb0(%arg71: f32, %arg72: f32, %arg73: f32):
      %8 = arith.mulf %arg71, %arg72 : f32
      %9 = arith.addf %arg73, %8 : f32
      linalg.yield %9 : f32
    } -> tensor<8x16xf32>
    %10 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%7, %arg2 : tensor<8x16xf32>, tensor<16xf32>) outs(%5 : tensor<8x16xf32>) {
    ^bb0(%arg68: f32, %arg69: f32, %arg70: f32):
      %11 = arith.addf %arg68, %arg69 : f32
      linalg.yield %11 : f32
    } -> tensor<8x16xf32>
    %12 = tensor.expand_shape %10 [[0 : i64], [1 : i64, 2 : i64]] output_shape [8, 4, 4] : tensor<8x16xf32> into tensor<8x4x4xf32>
    %13 = tensor.empty() : tensor<4x8x4xf32>
    %14 = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d1, d0, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%12 : tensor<8x4x4xf32>) outs(%13 : tensor<4x8x4xf32>) {
    ^bb0(%arg66: f32, %arg67: f32):
      linalg.yield %arg66 : f32
    } -> tensor<4x8x4xf32>
    %15 = tensor.empty() : tensor<16x8xf32>
    %16 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d1, d0)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%arg3 : tensor<8x16xf32>) outs(%15 : tensor<16x8xf32>) {
    ^bb0(%arg64: f32, %arg65: f32):
      linalg.yield %arg64 : f32
    } -> tensor<16x8xf32>
    %17 = tensor.empty() : tensor<8x8xf32>
    %18 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> ()>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%0 : f32) outs(%17 : tensor<8x8xf32>) {
    ^bb0(%arg62: f32, %arg63: f32):
      linalg.yield %arg62 : f32
    } -> tensor<8x8xf32>
    %19 = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%2, %16 : tensor<8x16xf32>, tensor<16x8xf32>) outs(%18 : tensor<8x8xf32>) {
    ^bb0(%arg59: f32, %arg60: f32, %arg61: f32):
      %20 = arith.mulf %arg59, %arg60 : f32
      %21 = arith.addf %arg61, %20 : f32
      linalg.yield %21 : f32
    } -> tensor<8x8xf32>
    %22 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%19, %arg4 : tensor<8x8xf32>, tensor<8xf32>) outs(%17 : tensor<8x8xf32>) {
    ^bb0(%arg56: f32, %arg57: f32, %arg58: f32):
      %23 = arith.addf %arg56, %arg57 : f32
      linalg.yield %23 : f32
    } -> tensor<8x8xf32>
    %24 = tensor.expand_shape %22 [[0 : i64], [1 : i64, 2 : i64]] output_shape [8, 2, 4] : tensor<8x8xf32> into tensor<8x2x4xf32>
    %25 = tensor.empty() : tensor<2x8x4xf32>
    %26 = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d1, d0, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%24 : tensor<8x2x4xf32>) outs(%25 : tensor<2x8x4xf32>) {
    ^bb0(%arg54: f32, %arg55: f32):
      linalg.yield %arg54 : f32
    } -> tensor<2x8x4xf32>
    %27 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d1, d0)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%arg5 : tensor<8x16xf32>) outs(%15 : tensor<16x8xf32>) {
    ^bb0(%arg52: f32, %arg53: f32):
      linalg.yield %arg52 : f32
    } -> tensor<16x8xf32>
    %28 = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%2, %27 : tensor<8x16xf32>, tensor<16x8xf32>) outs(%18 : tensor<8x8xf32>) {
    ^bb0(%arg49: f32, %arg50: f32, %arg51: f32):
      %29 = arith.mulf %arg49, %arg50 : f32
      %30 = arith.addf %arg51, %29 : f32
      linalg.yield %30 : f32
    } -> tensor<8x8xf32>
    %31 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%28, %arg6 : tensor<8x8xf32>, tensor<8xf32>) outs(%17 : tensor<8x8xf32>) {
    ^bb0(%arg46: f32, %arg47: f32, %arg48: f32):
      %32 = arith.addf %arg46, %arg47 : f32
      linalg.yield %32 : f32
    } -> tensor<8x8xf32>
    %33 = tensor.expand_shape %31 [[0 : i64], [1 : i64, 2 : i64]] output_shape [8, 2, 4] : tensor<8x8xf32> into tensor<8x2x4xf32>
    %34 = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d1, d0, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%33 : tensor<8x2x4xf32>) outs(%25 : tensor<2x8x4xf32>) {
    ^bb0(%arg44: f32, %arg45: f32):
      linalg.yield %arg44 : f32
    } -> tensor<2x8x4xf32>
    %35 = tensor.empty() : tensor<2x2x8x4xf32>
    %36 = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d2, d3)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%26 : tensor<2x8x4xf32>) outs(%35 : tensor<2x2x8x4xf32>) {
    ^bb0(%arg42: f32, %arg43: f32):
      linalg.yield %arg42 : f32
    } -> tensor<2x2x8x4xf32>
    %37 = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d2, d3)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%34 : tensor<2x8x4xf32>) outs(%35 : tensor<2x2x8x4xf32>) {
    ^bb0(%arg40: f32, %arg41: f32):
      linalg.yield %arg40 : f32
    } -> tensor<2x2x8x4xf32>
    %38 = tensor.collapse_shape %36 [[0 : i64, 1 : i64], [2 : i64], [3 : i64]] : tensor<2x2x8x4xf32> into tensor<4x8x4xf32>
    %39 = tensor.empty() : tensor<4x4x8xf32>
    %40 = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%38 : tensor<4x8x4xf32>) outs(%39 : tensor<4x4x8xf32>) {
    ^bb0(%arg38: f32, %arg39: f32):
      linalg.yield %arg38 : f32
    } -> tensor<4x4x8xf32>
    %41 = tensor.empty() : tensor<4x8x8xf32>
    %42 = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> ()>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%0 : f32) outs(%41 : tensor<4x8x8xf32>) {
    ^bb0(%arg36: f32, %arg37: f32):
      linalg.yield %arg36 : f32
    } -> tensor<4x8x8xf32>
    %43 = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d0, d3, d2)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>], iterator_types = ["parallel", "parallel", "parallel", "reduction"]} ins(%14, %40 : tensor<4x8x4xf32>, tensor<4x4x8xf32>) outs(%42 : tensor<4x8x8xf32>) {
    ^bb0(%arg33: f32, %arg34: f32, %arg35: f32):
      %44 = arith.mulf %arg33, %arg34 : f32
      %45 = arith.addf %arg35, %44 : f32
      linalg.yield %45 : f32
    } -> tensor<4x8x8xf32>
    %46 = tensor.empty() : tensor<4x8xf32>
    %47 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> ()>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%1 : f32) outs(%46 : tensor<4x8xf32>) {
    ^bb0(%arg29: f32, %arg30: f32):
      linalg.yield %arg29 : f32
    } -> tensor<4x8xf32>
    %48 = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%43 : tensor<4x8x8xf32>) outs(%47 : tensor<4x8xf32>) {
    ^bb0(%arg26: f32, %arg27: f32):
      %49 = arith.maximumf %arg26, %arg27 : f32
      linalg.yield %49 : f32
    } -> tensor<4x8xf32>
    %50 = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%43, %48 : tensor<4x8x8xf32>, tensor<4x8xf32>) outs(%41 : tensor<4x8x8xf32>) {
    ^bb0(%arg23: f32, %arg24: f32, %arg25: f32):
      %51 = arith.subf %arg23, %arg24 : f32
      linalg.yield %51 : f32
    } -> tensor<4x8x8xf32>
    %52 = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%50 : tensor<4x8x8xf32>) outs(%41 : tensor<4x8x8xf32>) {
    ^bb0(%arg21: f32, %arg22: f32):
      %53 = math.exp %arg21 : f32
      linalg.yield %53 : f32
    } -> tensor<4x8x8xf32>
    %54 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> ()>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%0 : f32) outs(%46 : tensor<4x8xf32>) {
    ^bb0(%arg19: f32, %arg20: f32):
      linalg.yield %arg19 : f32
    } -> tensor<4x8xf32>
    %55 = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%52 : tensor<4x8x8xf32>) outs(%54 : tensor<4x8xf32>) {
    ^bb0(%arg17: f32, %arg18: f32):
      %56 = arith.addf %arg17, %arg18 : f32
      linalg.yield %56 : f32
    } -> tensor<4x8xf32>
    %57 = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%52, %55 : tensor<4x8x8xf32>, tensor<4x8xf32>) outs(%41 : tensor<4x8x8xf32>) {
    ^bb0(%arg14: f32, %arg15: f32, %arg16: f32):
      %58 = arith.divf %arg14, %arg15 : f32
      linalg.yield %58 : f32
    } -> tensor<4x8x8xf32>
    %59 = tensor.collapse_shape %37 [[0 : i64, 1 : i64], [2 : i64], [3 : i64]] : tensor<2x2x8x4xf32> into tensor<4x8x4xf32>
    %60 = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> ()>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%0 : f32) outs(%13 : tensor<4x8x4xf32>) {
    ^bb0(%arg12: f32, %arg13: f32):
      linalg.yield %arg12 : f32
    } -> tensor<4x8x4xf32>
    %61 = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d0, d3, d2)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>], iterator_types = ["parallel", "parallel", "parallel", "reduction"]} ins(%57, %59 : tensor<4x8x8xf32>, tensor<4x8x4xf32>) outs(%60 : tensor<4x8x4xf32>) {
    ^bb0(%arg9: f32, %arg10: f32, %arg11: f32):
      %62 = arith.mulf %arg9, %arg10 : f32
      %63 = arith.addf %arg11, %62 : f32
      linalg.yield %63 : f32
    } -> tensor<4x8x4xf32>
    %64 = tensor.empty() : tensor<8x4x4xf32>
    %65 = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d1, d0, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%61 : tensor<4x8x4xf32>) outs(%64 : tensor<8x4x4xf32>) {
    ^bb0(%arg7: f32, %arg8: f32):
      linalg.yield %arg7 : f32
    } -> tensor<8x4x4xf32>
    %66 = tensor.expand_shape %65 [[0 : i64, 1 : i64], [2 : i64], [3 : i64]] output_shape [1, 8, 4, 4] : tensor<8x4x4xf32> into tensor<1x8x4x4xf32>
    %67 = tensor.collapse_shape %66 [[0 : i64], [1 : i64], [2 : i64, 3 : i64]] : tensor<1x8x4x4xf32> into tensor<1x8x16xf32>
    func.return %67 : tensor<1x8x16xf32>
  }
}

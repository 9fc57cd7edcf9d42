builtin.module {
  func.func private @main_0(%arg0: tensor<1x1x16xf32>, %arg1: tensor<1x2x6x8xf32>, %arg2: tensor<1x2x6x8xf32>, %arg3: tensor<16xf32>, %arg4: tensor<16xf32>, %arg5: tensor<16x16xf32>, %arg6: tensor<16xf32>, %arg7: tensor<16x16xf32>, %arg8: tensor<16xf32>) -> tensor<1x1x16xf32> attributes {dataflow.place = "device"} {
    %0 = arith.constant 0.000000e+00 : f32
    %1 = arith.constant 0xff800000 : f32
    %2 = arith.constant 1.000000e-05 : f32
    %3 = arith.constant 1.600000e+01 : f32
    %4 = tensor.empty() : tensor<f32>
    %5 = linalg.generic {indexing_maps = [affine_map<() -> ()>, affine_map<() -> ()>], iterator_types = []} ins(%0 : f32) outs(%4 : tensor<f32>) {
    ^bb0(%arg88: f32, %arg89: f32):
      linalg.yield %arg88 : f32
    } -> tensor<f32>
    %6 = tensor.collapse_shape %arg0 [[0 : i64, 1 : i64, 2 : i64]] : tensor<1x1x16xf32> into tensor<16xf32>
    %7 = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> ()>], iterator_types = ["reduction"]} ins(%6 : tensor<16xf32>) outs(%5 : tensor<f32>) {
    ^bb0(%arg86: f32, %arg87: f32):
      %8 = arith.addf %arg86, %arg87 : f32
      linalg.yield %8 : f32
    } -> tensor<f32>
    %9 = linalg.generic {indexing_maps = [affine_map<() -> ()>, affine_map<() -> ()>], iterator_types = []} ins(%7 : tensor<f32>) outs(%4 : tensor<f32>) {
    ^bb0(%arg84: f32, %arg85: f32):
      %10 = arith.divf %arg84, %3 : f32
      linalg.yield %10 : f32
    } -> tensor<f32>
    %11 = tensor.empty() : tensor<16xf32>
    %12 = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> ()>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} ins(%6, %9 : tensor<16xf32>, tensor<f32>) outs(%11 : tensor<16xf32>) {
    ^bb0(%arg81: f32, %arg82: f32, %arg83: f32):
      %13 = arith.subf %arg81, %arg82 : f32
      linalg.yield %13 : f32
    } -> tensor<16xf32>
    %14 = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} ins(%12, %12 : tensor<16xf32>, tensor<16xf32>) outs(%11 : tensor<16xf32>) {
    ^bb0(%arg78: f32, %arg79: f32, %arg80: f32):
      %15 = arith.mulf %arg78, %arg79 : f32
      linalg.yield %15 : f32
    } -> tensor<16xf32>
    %16 = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> ()>], iterator_types = ["reduction"]} ins(%14 : tensor<16xf32>) outs(%5 : tensor<f32>) {
    ^bb0(%arg76: f32, %arg77: f32):
      %17 = arith.addf %arg76, %arg77 : f32
      linalg.yield %17 : f32
    } -> tensor<f32>
    %18 = linalg.generic {indexing_maps = [affine_map<() -> ()>, affine_map<() -> ()>], iterator_types = []} ins(%16 : tensor<f32>) outs(%4 : tensor<f32>) {
    ^bb0(%arg74: f32, %arg75: f32):
      %19 = arith.divf %arg74, %3 : f32
      linalg.yield %19 : f32
    } -> tensor<f32>
    %20 = linalg.generic {indexing_maps = [affine_map<() -> ()>, affine_map<() -> ()>], iterator_types = []} ins(%18 : tensor<f32>) outs(%4 : tensor<f32>) {
    ^bb0(%arg72: f32, %arg73: f32):
      %21 = arith.addf %arg72, %2 : f32
      linalg.yield %21 : f32
    } -> tensor<f32>
    %22 = linalg.generic {indexing_maps = [affine_map<() -> ()>, affine_map<() -> ()>], iterator_types = []} ins(%20 : tensor<f32>) outs(%4 : tensor<f32>) {
    ^bb0(%arg70: f32, %arg71: f32):
      %23 = math.rsqrt %arg70 : f32
      linalg.yield %23 : f32
    } -> tensor<f32>
    %24 = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> ()>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} ins(%12, %22 : tensor<16xf32>, tensor<f32>) outs(%11 : tensor<16xf32>) {
    ^bb0(%arg67: f32, %arg68: f32, %arg69: f32):
      %25 = arith.mulf %arg67, %arg68 : f32
      linalg.yield %25 : f32
    } -> tensor<16xf32>
    %26 = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} ins(%24, %arg3 : tensor<16xf32>, tensor<16xf32>) outs(%11 : tensor<16xf32>) {
    ^bb0(%arg64: f32, %arg65: f32, %arg66: f32):
      %27 = arith.mulf %arg64, %arg65 : f32
      linalg.yield %27 : f32
    } -> tensor<16xf32>
    %28 = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} ins(%26, %arg4 : tensor<16xf32>, tensor<16xf32>) outs(%11 : tensor<16xf32>) {
    ^bb0(%arg61: f32, %arg62: f32, %arg63: f32):
      %29 = arith.addf %arg61, %arg62 : f32
      linalg.yield %29 : f32
    } -> tensor<16xf32>
    %30 = tensor.empty() : tensor<16x16xf32>
    %31 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d1, d0)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%arg5 : tensor<16x16xf32>) outs(%30 : tensor<16x16xf32>) {
    ^bb0(%arg59: f32, %arg60: f32):
      linalg.yield %arg59 : f32
    } -> tensor<16x16xf32>
    %32 = linalg.generic {indexing_maps = [affine_map<(d0) -> ()>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} ins(%0 : f32) outs(%11 : tensor<16xf32>) {
    ^bb0(%arg57: f32, %arg58: f32):
      linalg.yield %arg57 : f32
    } -> tensor<16xf32>
    %33 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d1)>, affine_map<(d0, d1) -> (d1, d0)>, affine_map<(d0, d1) -> (d0)>], iterator_types = ["parallel", "reduction"]} ins(%28, %31 : tensor<16xf32>, tensor<16x16xf32>) outs(%32 : tensor<16xf32>) {
    ^bb0(%arg54: f32, %arg55: f32, %arg56: f32):
      %34 = arith.mulf %arg54, %arg55 : f32
      %35 = arith.addf %arg56, %34 : f32
      linalg.yield %35 : f32
    } -> tensor<16xf32>
    %36 = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} ins(%33, %arg6 : tensor<16xf32>, tensor<16xf32>) outs(%11 : tensor<16xf32>) {
    ^bb0(%arg51: f32, %arg52: f32, %arg53: f32):
      %37 = arith.addf %arg51, %arg52 : f32
      linalg.yield %37 : f32
    } -> tensor<16xf32>
    %38 = tensor.expand_shape %36 [[0 : i64, 1 : i64]] output_shape [2, 8] : tensor<16xf32> into tensor<2x8xf32>
    %39 = tensor.collapse_shape %arg1 [[0 : i64, 1 : i64], [2 : i64], [3 : i64]] : tensor<1x2x6x8xf32> into tensor<2x6x8xf32>
    %40 = tensor.empty() : tensor<2x8x6xf32>
    %41 = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%39 : tensor<2x6x8xf32>) outs(%40 : tensor<2x8x6xf32>) {
    ^bb0(%arg49: f32, %arg50: f32):
      linalg.yield %arg49 : f32
    } -> tensor<2x8x6xf32>
    %42 = tensor.empty() : tensor<2x6xf32>
    %43 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> ()>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%0 : f32) outs(%42 : tensor<2x6xf32>) {
    ^bb0(%arg47: f32, %arg48: f32):
      linalg.yield %arg47 : f32
    } -> tensor<2x6xf32>
    %44 = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d0, d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%38, %41 : tensor<2x8xf32>, tensor<2x8x6xf32>) outs(%43 : tensor<2x6xf32>) {
    ^bb0(%arg44: f32, %arg45: f32, %arg46: f32):
      %45 = arith.mulf %arg44, %arg45 : f32
      %46 = arith.addf %arg46, %45 : f32
      linalg.yield %46 : f32
    } -> tensor<2x6xf32>
    %47 = tensor.empty() : tensor<2xf32>
    %48 = linalg.generic {indexing_maps = [affine_map<(d0) -> ()>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} ins(%1 : f32) outs(%47 : tensor<2xf32>) {
    ^bb0(%arg40: f32, %arg41: f32):
      linalg.yield %arg40 : f32
    } -> tensor<2xf32>
    %49 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0)>], iterator_types = ["parallel", "reduction"]} ins(%44 : tensor<2x6xf32>) outs(%48 : tensor<2xf32>) {
    ^bb0(%arg37: f32, %arg38: f32):
      %50 = arith.maximumf %arg37, %arg38 : f32
      linalg.yield %50 : f32
    } -> tensor<2xf32>
    %51 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%44, %49 : tensor<2x6xf32>, tensor<2xf32>) outs(%42 : tensor<2x6xf32>) {
    ^bb0(%arg34: f32, %arg35: f32, %arg36: f32):
      %52 = arith.subf %arg34, %arg35 : f32
      linalg.yield %52 : f32
    } -> tensor<2x6xf32>
    %53 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%51 : tensor<2x6xf32>) outs(%42 : tensor<2x6xf32>) {
    ^bb0(%arg32: f32, %arg33: f32):
      %54 = math.exp %arg32 : f32
      linalg.yield %54 : f32
    } -> tensor<2x6xf32>
    %55 = linalg.generic {indexing_maps = [affine_map<(d0) -> ()>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} ins(%0 : f32) outs(%47 : tensor<2xf32>) {
    ^bb0(%arg30: f32, %arg31: f32):
      linalg.yield %arg30 : f32
    } -> tensor<2xf32>
    %56 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0)>], iterator_types = ["parallel", "reduction"]} ins(%53 : tensor<2x6xf32>) outs(%55 : tensor<2xf32>) {
    ^bb0(%arg28: f32, %arg29: f32):
      %57 = arith.addf %arg28, %arg29 : f32
      linalg.yield %57 : f32
    } -> tensor<2xf32>
    %58 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%53, %56 : tensor<2x6xf32>, tensor<2xf32>) outs(%42 : tensor<2x6xf32>) {
    ^bb0(%arg25: f32, %arg26: f32, %arg27: f32):
      %59 = arith.divf %arg25, %arg26 : f32
      linalg.yield %59 : f32
    } -> tensor<2x6xf32>
    %60 = tensor.collapse_shape %arg2 [[0 : i64, 1 : i64], [2 : i64], [3 : i64]] : tensor<1x2x6x8xf32> into tensor<2x6x8xf32>
    %61 = tensor.empty() : tensor<2x8xf32>
    %62 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> ()>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%0 : f32) outs(%61 : tensor<2x8xf32>) {
    ^bb0(%arg23: f32, %arg24: f32):
      linalg.yield %arg23 : f32
    } -> tensor<2x8xf32>
    %63 = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d0, d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%58, %60 : tensor<2x6xf32>, tensor<2x6x8xf32>) outs(%62 : tensor<2x8xf32>) {
    ^bb0(%arg20: f32, %arg21: f32, %arg22: f32):
      %64 = arith.mulf %arg20, %arg21 : f32
      %65 = arith.addf %arg22, %64 : f32
      linalg.yield %65 : f32
    } -> tensor<2x8xf32>
    %66 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d1, d0)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%arg7 : tensor<16x16xf32>) outs(%30 : tensor<16x16xf32>) {
    ^bb0(%arg18: f32, %arg19: f32):
      linalg.yield %arg18 : f32
    } -> tensor<16x16xf32>
    %67 = tensor.collapse_shape %63 [[0 : i64, 1 : i64]] : tensor<2x8xf32> into tensor<16xf32>
    %68 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d1)>, affine_map<(d0, d1) -> (d1, d0)>, affine_map<(d0, d1) -> (d0)>], iterator_types = ["parallel", "reduction"]} ins(%67, %66 : tensor<16xf32>, tensor<16x16xf32>) outs(%32 : tensor<16xf32>) {
    ^bb0(%arg15: f32, %arg16: f32, %arg17: f32):
      %69 = arith.mulf %arg15, %arg16 : f32
      %70 = arith.addf %arg17, %69 : f32
      linalg.yield %70 : f32
    } -> tensor<16xf32>
    %71 = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} ins(%68, %arg8 : tensor<16xf32>, tensor<16xf32>) outs(%11 : tensor<16xf32>) {
    ^bb0(%arg12: f32, %arg13: f32, %arg14: f32):
      %72 = arith.addf %arg12, %arg13 : f32
      linalg.yield %72 : f32
    } -> tensor<16xf32>
    %73 = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} ins(%6, %71 : tensor<16xf32>, tensor<16xf32>) outs(%11 : tensor<16xf32>) {
    ^bb0(%arg9: f32, %arg10: f32, %arg11: f32):
      %74 = arith.addf %arg9, %arg10 : f32
      linalg.yield %74 : f32
    } -> tensor<16xf32>
    %75 = tensor.expand_shape %73 [[0 : i64, 1 : i64, 2 : i64]] output_shape [1, 1, 16] : tensor<16xf32> into tensor<1x1x16xf32>
    func.return %75 : tensor<1x1x16xf32>
  }
}

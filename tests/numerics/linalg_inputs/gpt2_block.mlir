builtin.module {
  func.func private @main_0(%arg0: tensor<1x8x16xf32>, %arg1: tensor<1x1x8x8xf32>, %arg2: tensor<16xf32>, %arg3: tensor<16xf32>, %arg4: tensor<48xf32>, %arg5: tensor<16x48xf32>, %arg6: tensor<16xf32>, %arg7: tensor<16x16xf32>, %arg8: tensor<16xf32>, %arg9: tensor<16xf32>, %arg10: tensor<64xf32>, %arg11: tensor<16x64xf32>, %arg12: tensor<16xf32>, %arg13: tensor<64x16xf32>) -> tensor<1x8x16xf32> attributes {dataflow.place = "device"} {
    %0 = arith.constant 0.000000e+00 : f32
    %1 = arith.constant 0xff800000 : f32
    %2 = arith.constant 0.797884583 : f32
    %3 = arith.constant 4.471500e-02 : f32
    %4 = arith.constant 0.353553385 : f32
    %5 = arith.constant 1.000000e-05 : f32
    %6 = arith.constant 1.000000e-05 : f32
    %7 = arith.constant 1.600000e+01 : f32
    %8 = arith.constant 5.000000e-01 : f32
    %9 = arith.constant 1.000000e+00 : f32
    %10 = tensor.empty() : tensor<8xf32>
    %11 = linalg.generic {indexing_maps = [affine_map<(d0) -> ()>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} ins(%0 : f32) outs(%10 : tensor<8xf32>) {
    ^bb0(%arg166: f32, %arg167: f32):
      linalg.yield %arg166 : f32
    } -> tensor<8xf32>
    %12 = tensor.collapse_shape %arg0 [[0 : i64, 1 : i64], [2 : i64]] : tensor<1x8x16xf32> into tensor<8x16xf32>
    %13 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0)>], iterator_types = ["parallel", "reduction"]} ins(%12 : tensor<8x16xf32>) outs(%11 : tensor<8xf32>) {
    ^bb0(%arg164: f32, %arg165: f32):
      %14 = arith.addf %arg164, %arg165 : f32
      linalg.yield %14 : f32
    } -> tensor<8xf32>
    %15 = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} ins(%13 : tensor<8xf32>) outs(%10 : tensor<8xf32>) {
    ^bb0(%arg162: f32, %arg163: f32):
      %16 = arith.divf %arg162, %7 : f32
      linalg.yield %16 : f32
    } -> tensor<8xf32>
    %17 = tensor.empty() : tensor<8x16xf32>
    %18 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%12, %15 : tensor<8x16xf32>, tensor<8xf32>) outs(%17 : tensor<8x16xf32>) {
    ^bb0(%arg159: f32, %arg160: f32, %arg161: f32):
      %19 = arith.subf %arg159, %arg160 : f32
      linalg.yield %19 : f32
    } -> tensor<8x16xf32>
    %20 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%18, %18 : tensor<8x16xf32>, tensor<8x16xf32>) outs(%17 : tensor<8x16xf32>) {
    ^bb0(%arg156: f32, %arg157: f32, %arg158: f32):
      %21 = arith.mulf %arg156, %arg157 : f32
      linalg.yield %21 : f32
    } -> tensor<8x16xf32>
    %22 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0)>], iterator_types = ["parallel", "reduction"]} ins(%20 : tensor<8x16xf32>) outs(%11 : tensor<8xf32>) {
    ^bb0(%arg154: f32, %arg155: f32):
      %23 = arith.addf %arg154, %arg155 : f32
      linalg.yield %23 : f32
    } -> tensor<8xf32>
    %24 = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} ins(%22 : tensor<8xf32>) outs(%10 : tensor<8xf32>) {
    ^bb0(%arg152: f32, %arg153: f32):
      %25 = arith.divf %arg152, %7 : f32
      linalg.yield %25 : f32
    } -> tensor<8xf32>
    %26 = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} ins(%24 : tensor<8xf32>) outs(%10 : tensor<8xf32>) {
    ^bb0(%arg150: f32, %arg151: f32):
      %27 = arith.addf %arg150, %6 : f32
      linalg.yield %27 : f32
    } -> tensor<8xf32>
    %28 = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} ins(%26 : tensor<8xf32>) outs(%10 : tensor<8xf32>) {
    ^bb0(%arg148: f32, %arg149: f32):
      %29 = math.rsqrt %arg148 : f32
      linalg.yield %29 : f32
    } -> tensor<8xf32>
    %30 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%18, %28 : tensor<8x16xf32>, tensor<8xf32>) outs(%17 : tensor<8x16xf32>) {
    ^bb0(%arg145: f32, %arg146: f32, %arg147: f32):
      %31 = arith.mulf %arg145, %arg146 : f32
      linalg.yield %31 : f32
    } -> tensor<8x16xf32>
    %32 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%30, %arg2 : tensor<8x16xf32>, tensor<16xf32>) outs(%17 : tensor<8x16xf32>) {
    ^bb0(%arg142: f32, %arg143: f32, %arg144: f32):
      %33 = arith.mulf %arg142, %arg143 : f32
      linalg.yield %33 : f32
    } -> tensor<8x16xf32>
    %34 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%32, %arg3 : tensor<8x16xf32>, tensor<16xf32>) outs(%17 : tensor<8x16xf32>) {
    ^bb0(%arg139: f32, %arg140: f32, %arg141: f32):
      %35 = arith.addf %arg139, %arg140 : f32
      linalg.yield %35 : f32
    } -> tensor<8x16xf32>
    %36 = tensor.empty() : tensor<8x48xf32>
    %37 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> ()>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%0 : f32) outs(%36 : tensor<8x48xf32>) {
    ^bb0(%arg137: f32, %arg138: f32):
      linalg.yield %arg137 : f32
    } -> tensor<8x48xf32>
    %38 = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%34, %arg5 : tensor<8x16xf32>, tensor<16x48xf32>) outs(%37 : tensor<8x48xf32>) {
    ^bb0(%arg134: f32, %arg135: f32, %arg136: f32):
      %39 = arith.mulf %arg134, %arg135 : f32
      %40 = arith.addf %arg136, %39 : f32
      linalg.yield %40 : f32
    } -> tensor<8x48xf32>
    %41 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%38, %arg4 : tensor<8x48xf32>, tensor<48xf32>) outs(%36 : tensor<8x48xf32>) {
    ^bb0(%arg131: f32, %arg132: f32, %arg133: f32):
      %42 = arith.addf %arg131, %arg132 : f32
      linalg.yield %42 : f32
    } -> tensor<8x48xf32>
    %43 = tensor.expand_shape %41 [[0 : i64, 1 : i64], [2 : i64]] output_shape [1, 8, 48] : tensor<8x48xf32> into tensor<1x8x48xf32>
    %44 = tensor.extract_slice %43[0, 0, 0] [1, 8, 16] [1, 1, 1] : tensor<1x8x48xf32> to tensor<8x16xf32>
    %45 = tensor.extract_slice %43[0, 0, 16] [1, 8, 16] [1, 1, 1] : tensor<1x8x48xf32> to tensor<8x16xf32>
    %46 = tensor.extract_slice %43[0, 0, 32] [1, 8, 16] [1, 1, 1] : tensor<1x8x48xf32> to tensor<8x16xf32>
    %47 = tensor.expand_shape %46 [[0 : i64], [1 : i64, 2 : i64]] output_shape [8, 2, 8] : tensor<8x16xf32> into tensor<8x2x8xf32>
    %48 = tensor.empty() : tensor<2x8x8xf32>
    %49 = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d1, d0, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%47 : tensor<8x2x8xf32>) outs(%48 : tensor<2x8x8xf32>) {
    ^bb0(%arg129: f32, %arg130: f32):
      linalg.yield %arg129 : f32
    } -> tensor<2x8x8xf32>
    %50 = tensor.expand_shape %44 [[0 : i64], [1 : i64, 2 : i64]] output_shape [8, 2, 8] : tensor<8x16xf32> into tensor<8x2x8xf32>
    %51 = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d1, d0, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%50 : tensor<8x2x8xf32>) outs(%48 : tensor<2x8x8xf32>) {
    ^bb0(%arg127: f32, %arg128: f32):
      linalg.yield %arg127 : f32
    } -> tensor<2x8x8xf32>
    %52 = tensor.expand_shape %45 [[0 : i64], [1 : i64, 2 : i64]] output_shape [8, 2, 8] : tensor<8x16xf32> into tensor<8x2x8xf32>
    %53 = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d2, d0, d1)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%52 : tensor<8x2x8xf32>) outs(%48 : tensor<2x8x8xf32>) {
    ^bb0(%arg125: f32, %arg126: f32):
      linalg.yield %arg125 : f32
    } -> tensor<2x8x8xf32>
    %54 = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> ()>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%0 : f32) outs(%48 : tensor<2x8x8xf32>) {
    ^bb0(%arg123: f32, %arg124: f32):
      linalg.yield %arg123 : f32
    } -> tensor<2x8x8xf32>
    %55 = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d0, d3, d2)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>], iterator_types = ["parallel", "parallel", "parallel", "reduction"]} ins(%51, %53 : tensor<2x8x8xf32>, tensor<2x8x8xf32>) outs(%54 : tensor<2x8x8xf32>) {
    ^bb0(%arg120: f32, %arg121: f32, %arg122: f32):
      %56 = arith.mulf %arg120, %arg121 : f32
      %57 = arith.addf %arg122, %56 : f32
      linalg.yield %57 : f32
    } -> tensor<2x8x8xf32>
    %58 = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%55 : tensor<2x8x8xf32>) outs(%48 : tensor<2x8x8xf32>) {
    ^bb0(%arg118: f32, %arg119: f32):
      %59 = arith.mulf %arg118, %4 : f32
      linalg.yield %59 : f32
    } -> tensor<2x8x8xf32>
    %60 = tensor.collapse_shape %arg1 [[0 : i64, 1 : i64, 2 : i64], [3 : i64]] : tensor<1x1x8x8xf32> into tensor<8x8xf32>
    %61 = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%58, %60 : tensor<2x8x8xf32>, tensor<8x8xf32>) outs(%48 : tensor<2x8x8xf32>) {
    ^bb0(%arg115: f32, %arg116: f32, %arg117: f32):
      %62 = arith.addf %arg115, %arg116 : f32
      linalg.yield %62 : f32
    } -> tensor<2x8x8xf32>
    %63 = tensor.empty() : tensor<2x8xf32>
    %64 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> ()>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%1 : f32) outs(%63 : tensor<2x8xf32>) {
    ^bb0(%arg111: f32, %arg112: f32):
      linalg.yield %arg111 : f32
    } -> tensor<2x8xf32>
    %65 = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%61 : tensor<2x8x8xf32>) outs(%64 : tensor<2x8xf32>) {
    ^bb0(%arg108: f32, %arg109: f32):
      %66 = arith.maximumf %arg108, %arg109 : f32
      linalg.yield %66 : f32
    } -> tensor<2x8xf32>
    %67 = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%61, %65 : tensor<2x8x8xf32>, tensor<2x8xf32>) outs(%48 : tensor<2x8x8xf32>) {
    ^bb0(%arg105: f32, %arg106: f32, %arg107: f32):
      %68 = arith.subf %arg105, %arg106 : f32
      linalg.yield %68 : f32
    } -> tensor<2x8x8xf32>
    %69 = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%67 : tensor<2x8x8xf32>) outs(%48 : tensor<2x8x8xf32>) {
    ^bb0(%arg103: f32, %arg104: f32):
      %70 = math.exp %arg103 : f32
      linalg.yield %70 : f32
    } -> tensor<2x8x8xf32>
    %71 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> ()>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%0 : f32) outs(%63 : tensor<2x8xf32>) {
    ^bb0(%arg101: f32, %arg102: f32):
      linalg.yield %arg101 : f32
    } -> tensor<2x8xf32>
    %72 = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%69 : tensor<2x8x8xf32>) outs(%71 : tensor<2x8xf32>) {
    ^bb0(%arg99: f32, %arg100: f32):
      %73 = arith.addf %arg99, %arg100 : f32
      linalg.yield %73 : f32
    } -> tensor<2x8xf32>
    %74 = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%69, %72 : tensor<2x8x8xf32>, tensor<2x8xf32>) outs(%48 : tensor<2x8x8xf32>) {
    ^bb0(%arg96: f32, %arg97: f32, %arg98: f32):
      %75 = arith.divf %arg96, %arg97 : f32
      linalg.yield %75 : f32
    } -> tensor<2x8x8xf32>
    %76 = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d0, d3, d2)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>], iterator_types = ["parallel", "parallel", "parallel", "reduction"]} ins(%74, %49 : tensor<2x8x8xf32>, tensor<2x8x8xf32>) outs(%54 : tensor<2x8x8xf32>) {
    ^bb0(%arg93: f32, %arg94: f32, %arg95: f32):
      %77 = arith.mulf %arg93, %arg94 : f32
      %78 = arith.addf %arg95, %77 : f32
      linalg.yield %78 : f32
    } -> tensor<2x8x8xf32>
    %79 = tensor.empty() : tensor<8x2x8xf32>
    %80 = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d1, d0, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%76 : tensor<2x8x8xf32>) outs(%79 : tensor<8x2x8xf32>) {
    ^bb0(%arg91: f32, %arg92: f32):
      linalg.yield %arg91 : f32
    } -> tensor<8x2x8xf32>
    %81 = tensor.collapse_shape %80 [[0 : i64], [1 : i64, 2 : i64]] : tensor<8x2x8xf32> into tensor<8x16xf32>
    %82 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> ()>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%0 : f32) outs(%17 : tensor<8x16xf32>) {
    ^bb0(%arg89: f32, %arg90: f32):
      linalg.yield %arg89 : f32
    } -> tensor<8x16xf32>
    %83 = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%81, %arg7 : tensor<8x16xf32>, tensor<16x16xf32>) outs(%82 : tensor<8x16xf32>) {
    ^bb0(%arg86: f32, %arg87: f32, %arg88: f32):
      %84 = arith.mulf %arg86, %arg87 : f32
      %85 = arith.addf %arg88, %84 : f32
      linalg.yield %85 : f32
    } -> tensor<8x16xf32>
    %86 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%83, %arg6 : tensor<8x16xf32>, tensor<16xf32>) outs(%17 : tensor<8x16xf32>) {
    ^bb0(%arg83: f32, %arg84: f32, %arg85: f32):
      %87 = arith.addf %arg83, %arg84 : f32
      linalg.yield %87 : f32
    } -> tensor<8x16xf32>
    %88 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%86, %12 : tensor<8x16xf32>, tensor<8x16xf32>) outs(%17 : tensor<8x16xf32>) {
    ^bb0(%arg80: f32, %arg81: f32, %arg82: f32):
      %89 = arith.addf %arg80, %arg81 : f32
      linalg.yield %89 : f32
    } -> tensor<8x16xf32>
    %90 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0)>], iterator_types = ["parallel", "reduction"]} ins(%88 : tensor<8x16xf32>) outs(%11 : tensor<8xf32>) {
    ^bb0(%arg78: f32, %arg79: f32):
      %91 = arith.addf %arg78, %arg79 : f32
      linalg.yield %91 : f32
    } -> tensor<8xf32>
    %92 = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} ins(%90 : tensor<8xf32>) outs(%10 : tensor<8xf32>) {
    ^bb0(%arg76: f32, %arg77: f32):
      %93 = arith.divf %arg76, %7 : f32
      linalg.yield %93 : f32
    } -> tensor<8xf32>
    %94 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%88, %92 : tensor<8x16xf32>, tensor<8xf32>) outs(%17 : tensor<8x16xf32>) {
    ^bb0(%arg73: f32, %arg74: f32, %arg75: f32):
      %95 = arith.subf %arg73, %arg74 : f32
      linalg.yield %95 : f32
    } -> tensor<8x16xf32>
    %96 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%94, %94 : tensor<8x16xf32>, tensor<8x16xf32>) outs(%17 : tensor<8x16xf32>) {
    ^bb0(%arg70: f32, %arg71: f32, %arg72: f32):
      %97 = arith.mulf %arg70, %arg71 : f32
      linalg.yield %97 : f32
    } -> tensor<8x16xf32>
    %98 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0)>], iterator_types = ["parallel", "reduction"]} ins(%96 : tensor<8x16xf32>) outs(%11 : tensor<8xf32>) {
    ^bb0(%arg68: f32, %arg69: f32):
      %99 = arith.addf %arg68, %arg69 : f32
      linalg.yield %99 : f32
    } -> tensor<8xf32>
    %100 = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} ins(%98 : tensor<8xf32>) outs(%10 : tensor<8xf32>) {
    ^bb0(%arg66: f32, %arg67: f32):
      %101 = arith.divf %arg66, %7 : f32
      linalg.yield %101 : f32
    } -> tensor<8xf32>
    %102 = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} ins(%100 : tensor<8xf32>) outs(%10 : tensor<8xf32>) {
    ^bb0(%arg64: f32, %arg65: f32):
      %103 = arith.addf %arg64, %5 : f32
      linalg.yield %103 : f32
    } -> tensor<8xf32>
    %104 = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} ins(%102 : tensor<8xf32>) outs(%10 : tensor<8xf32>) {
    ^bb0(%arg62: f32, %arg63: f32):
      %105 = math.rsqrt %arg62 : f32
      linalg.yield %105 : f32
    } -> tensor<8xf32>
    %106 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%94, %104 : tensor<8x16xf32>, tensor<8xf32>) outs(%17 : tensor<8x16xf32>) {
    ^bb0(%arg59: f32, %arg60: f32, %arg61: f32):
      %107 = arith.mulf %arg59, %arg60 : f32
      linalg.yield %107 : f32
    } -> tensor<8x16xf32>
    %108 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%106, %arg8 : tensor<8x16xf32>, tensor<16xf32>) outs(%17 : tensor<8x16xf32>) {
    ^bb0(%arg56: f32, %arg57: f32, %arg58: f32):
      %109 = arith.mulf %arg56, %arg57 : f32
      linalg.yield %109 : f32
    } -> tensor<8x16xf32>
    %110 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%108, %arg9 : tensor<8x16xf32>, tensor<16xf32>) outs(%17 : tensor<8x16xf32>) {
    ^bb0(%arg53: f32, %arg54: f32, %arg55: f32):
      %111 = arith.addf %arg53, %arg54 : f32
      linalg.yield %111 : f32
    } -> tensor<8x16xf32>
    %112 = tensor.empty() : tensor<8x64xf32>
    %113 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> ()>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%0 : f32) outs(%112 : tensor<8x64xf32>) {
    ^bb0(%arg51: f32, %arg52: f32):
      linalg.yield %arg51 : f32
    } -> tensor<8x64xf32>
    %114 = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%110, %arg11 : tensor<8x16xf32>, tensor<16x64xf32>) outs(%113 : tensor<8x64xf32>) {
    ^bb0(%arg48: f32, %arg49: f32, %arg50: f32):
      %115 = arith.mulf %arg48, %arg49 : f32
      %116 = arith.addf %arg50, %115 : f32
      linalg.yield %116 : f32
    } -> tensor<8x64xf32>
    %117 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%114, %arg10 : tensor<8x64xf32>, tensor<64xf32>) outs(%112 : tensor<8x64xf32>) {
    ^bb0(%arg45: f32, %arg46: f32, %arg47: f32):
      %118 = arith.addf %arg45, %arg46 : f32
      linalg.yield %118 : f32
    } -> tensor<8x64xf32>
    %119 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%117 : tensor<8x64xf32>) outs(%112 : tensor<8x64xf32>) {
    ^bb0(%arg43: f32, %arg44: f32):
      %120 = arith.mulf %arg43, %8 : f32
      linalg.yield %120 : f32
    } -> tensor<8x64xf32>
    %121 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%117, %117 : tensor<8x64xf32>, tensor<8x64xf32>) outs(%112 : tensor<8x64xf32>) {
    ^bb0(%arg40: f32, %arg41: f32, %arg42: f32):
      %122 = arith.mulf %arg40, %arg41 : f32
      linalg.yield %122 : f32
    } -> tensor<8x64xf32>
    %123 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%117, %121 : tensor<8x64xf32>, tensor<8x64xf32>) outs(%112 : tensor<8x64xf32>) {
    ^bb0(%arg37: f32, %arg38: f32, %arg39: f32):
      %124 = arith.mulf %arg37, %arg38 : f32
      linalg.yield %124 : f32
    } -> tensor<8x64xf32>
    %125 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%123 : tensor<8x64xf32>) outs(%112 : tensor<8x64xf32>) {
    ^bb0(%arg35: f32, %arg36: f32):
      %126 = arith.mulf %arg35, %3 : f32
      linalg.yield %126 : f32
    } -> tensor<8x64xf32>
    %127 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%117, %125 : tensor<8x64xf32>, tensor<8x64xf32>) outs(%112 : tensor<8x64xf32>) {
    ^bb0(%arg32: f32, %arg33: f32, %arg34: f32):
      %128 = arith.addf %arg32, %arg33 : f32
      linalg.yield %128 : f32
    } -> tensor<8x64xf32>
    %129 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%127 : tensor<8x64xf32>) outs(%112 : tensor<8x64xf32>) {
    ^bb0(%arg30: f32, %arg31: f32):
      %130 = arith.mulf %arg30, %2 : f32
      linalg.yield %130 : f32
    } -> tensor<8x64xf32>
    %131 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%129 : tensor<8x64xf32>) outs(%112 : tensor<8x64xf32>) {
    ^bb0(%arg28: f32, %arg29: f32):
      %132 = math.tanh %arg28 : f32
      linalg.yield %132 : f32
    } -> tensor<8x64xf32>
    %133 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%131 : tensor<8x64xf32>) outs(%112 : tensor<8x64xf32>) {
    ^bb0(%arg26: f32, %arg27: f32):
      %134 = arith.addf %arg26, %9 : f32
      linalg.yield %134 : f32
    } -> tensor<8x64xf32>
    %135 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%119, %133 : tensor<8x64xf32>, tensor<8x64xf32>) outs(%112 : tensor<8x64xf32>) {
    ^bb0(%arg23: f32, %arg24: f32, %arg25: f32):
      %136 = arith.mulf %arg23, %arg24 : f32
      linalg.yield %136 : f32
    } -> tensor<8x64xf32>
    %137 = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%135, %arg13 : tensor<8x64xf32>, tensor<64x16xf32>) outs(%82 : tensor<8x16xf32>) {
    ^bb0(%arg20: f32, %arg21: f32, %arg22: f32):
      %138 = arith.mulf %arg20, %arg21 : f32
      %139 = arith.addf %arg22, %138 : f32
      linalg.yield %139 : f32
    } -> tensor<8x16xf32>
    %140 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%137, %arg12 : tensor<8x16xf32>, tensor<16xf32>) outs(%17 : tensor<8x16xf32>) {
    ^bb0(%arg17: f32, %arg18: f32, %arg19: f32):
      %141 = arith.addf %arg17, %arg18 : f32
      linalg.yield %141 : f32
    } -> tensor<8x16xf32>
    %142 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%88, %140 : tensor<8x16xf32>, tensor<8x16xf32>) outs(%17 : tensor<8x16xf32>) {
    ^bb0(%arg14: f32, %arg15: f32, %arg16: f32):
      %143 = arith.addf %arg14, %arg15 : f32
      linalg.yield %143 : f32
    } -> tensor<8x16xf32>
    %144 = tensor.expand_shape %142 [[0 : i64, 1 : i64], [2 : i64]] output_shape [1, 8, 16] : tensor<8x16xf32> into tensor<1x8x16xf32>
    func.return %144 : tensor<1x8x16xf32>
  }
}

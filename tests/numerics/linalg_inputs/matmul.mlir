builtin.module {
  func.func private @main_0(%arg0: tensor<8x12xf32>, %arg1: tensor<12x16xf32>) -> tensor<8x16xf32> attributes {dataflow.place = "device"} {
    %0 = arith.constant 0.000000e+00 : f32
    %1 = tensor.empty() : tensor<8x16xf32>
    %2 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> ()>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%0 : f32) outs(%1 : tensor<8x16xf32>) {
    ^bb0(%arg5: f32, %arg6: f32):
      linalg.yield %arg5 : f32
    } -> tensor<8x16xf32>
    %3 = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%arg0, %arg1 : tensor<8x12xf32>, tensor<12x16xf32>) outs(%2 : tensor<8x16xf32>) {
    ^bb0(%arg2: f32, %arg3: f32, %arg4: f32):
      %4 = arith.mulf %arg2, %arg3 : f32
      %5 = arith.addf %arg4, %4 : f32
      linalg.yield %5 : f32
    } -> tensor<8x16xf32>
    func.return %3 : tensor<8x16xf32>
  }
}

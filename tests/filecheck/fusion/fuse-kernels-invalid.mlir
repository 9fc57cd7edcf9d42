// RUN: streamtensor-opt %s -p 'apply-tiling,convert-linalg-to-kernel,fuse-kernels{limit_bits=255}' --split-input-file --verify-diagnostics

#in = affine_map<(d0, d1) -> (d0, d1)>
#out = affine_map<(d0, d1) -> (d0)>
// A tile of 2x3 that is read and one of 2 that is made: 8 values of 32 bits are one bit too much.
// expected-error@unknown {{ST0305: kernel sum does not fit on chip: 256 bits needed, 255 bits available}}
func.func private @f(%x: tensor<4x6xf32>) -> tensor<4xf32> attributes {dataflow.place = "device"} {
  %e = tensor.empty() : tensor<4xf32>
  %r = linalg.generic {indexing_maps = [#in, #out], iterator_types = ["parallel", "reduction"]} ins(%x : tensor<4x6xf32>) outs(%e : tensor<4xf32>) attrs = {dataflow.tile = array<i64: 2, 3>, dataflow.order = array<i64: 0, 1>} {
  ^bb0(%u: f32, %out: f32):
    %s = arith.addf %out, %u : f32
    linalg.yield %s : f32
  } -> tensor<4xf32>
  func.return %r : tensor<4xf32>
}


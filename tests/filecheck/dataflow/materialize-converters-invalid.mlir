// RUN: streamtensor-opt %s -p materialize-converters --split-input-file --verify-diagnostics

// Windows that overlap, from tokens that do not, need a line buffer.
!rows = !dataflow.itensor<2x16xf32, iter_space: [32] * [2], iter_map: (d0) -> (d0, 0)>
!windows = !dataflow.itensor<3x16xf32, iter_space: [62] * [1], iter_map: (d0) -> (d0, 0)>

// expected-error@unknown {{ST0304: overlapping tokens need a line buffer}}
func.func private @f(%x: tensor<64x16xf32>) attributes {dataflow.place = "device"} {
  dataflow.kernel "k" ins(%x : tensor<64x16xf32>) {
  ^bb0(%i: !rows):
    %c = dataflow.itensor_converter %i buffer [4, 16] shared 0 : !rows -> !windows
    dataflow.yield
  }
  func.return
}

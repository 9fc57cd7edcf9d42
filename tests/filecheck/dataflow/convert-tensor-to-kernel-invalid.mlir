// RUN: streamtensor-opt %s -p convert-tensor-to-kernel --split-input-file --verify-diagnostics

// expected-error@unknown {{ST0104: tensor.pad with a value or a size that is computed can't become a kernel}}
func.func private @value(%x: tensor<4xf32>, %c: f32) -> tensor<6xf32> attributes {dataflow.place = "device"} {
  %y = tensor.pad %x low[1] high[1] {
  ^bb0(%i: index):
    tensor.yield %c : f32
  } {dataflow.tile = array<i64: 1>, dataflow.order = array<i64: 0>} : tensor<4xf32> to tensor<6xf32>
  func.return %y : tensor<6xf32>
}

// -----

// expected-error@unknown {{ST0306: tensor.pad: dimension 0: tile 2 does not divide the padding of 1 and 1}}
func.func private @row(%x: tensor<4xf32>) -> tensor<6xf32> attributes {dataflow.place = "device"} {
  %c = arith.constant 0.0 : f32
  %y = tensor.pad %x low[1] high[1] {
  ^bb0(%i: index):
    tensor.yield %c : f32
  } {dataflow.tile = array<i64: 2>, dataflow.order = array<i64: 0>} : tensor<4xf32> to tensor<6xf32>
  func.return %y : tensor<6xf32>
}

// -----

// expected-error@unknown {{ST0306: tensor.pad: dimension 1: a padded dimension has to be one tile, except the outermost one}}
func.func private @within(%x: tensor<4x4xf32>) -> tensor<6x6xf32> attributes {dataflow.place = "device"} {
  %c = arith.constant 0.0 : f32
  %y = tensor.pad %x low[1, 1] high[1, 1] {
  ^bb0(%i: index, %j: index):
    tensor.yield %c : f32
  } {dataflow.tile = array<i64: 1, 2>, dataflow.order = array<i64: 0, 1>} : tensor<4x4xf32> to tensor<6x6xf32>
  func.return %y : tensor<6x6xf32>
}

// -----

// expected-error@unknown {{ST0306: tensor.concat: dataflow.tile is missing}}
func.func private @untiled(%x: tensor<4xf32>) -> tensor<8xf32> attributes {dataflow.place = "device"} {
  %y = tensor.concat dim(0) %x, %x : (tensor<4xf32>, tensor<4xf32>) -> tensor<8xf32>
  func.return %y : tensor<8xf32>
}

// -----

// expected-error@unknown {{ST0306: tensor.concat: dataflow.order [0, 0] and dataflow.tile [2] do not name its 1 dimensions}}
func.func private @names(%x: tensor<4xf32>) -> tensor<8xf32> attributes {dataflow.place = "device"} {
  %y = tensor.concat dim(0) %x, %x {dataflow.tile = array<i64: 2>, dataflow.order = array<i64: 0, 0>} : (tensor<4xf32>, tensor<4xf32>) -> tensor<8xf32>
  func.return %y : tensor<8xf32>
}

// -----

// expected-error@unknown {{ST0306: tensor.concat: tile 3 does not divide dimension 0 of 8}}
func.func private @tile(%x: tensor<4xf32>) -> tensor<8xf32> attributes {dataflow.place = "device"} {
  %y = tensor.concat dim(0) %x, %x {dataflow.tile = array<i64: 3>, dataflow.order = array<i64: 0>} : (tensor<4xf32>, tensor<4xf32>) -> tensor<8xf32>
  func.return %y : tensor<8xf32>
}

// -----

// expected-error@unknown {{ST0306: tensor.concat: tile 4 does not divide a piece of 2}}
func.func private @piece(%x: tensor<2xf32>, %y: tensor<6xf32>) -> tensor<8xf32> attributes {dataflow.place = "device"} {
  %z = tensor.concat dim(0) %x, %y {dataflow.tile = array<i64: 4>, dataflow.order = array<i64: 0>} : (tensor<2xf32>, tensor<6xf32>) -> tensor<8xf32>
  func.return %z : tensor<8xf32>
}

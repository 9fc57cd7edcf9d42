// RUN: streamtensor-opt %s -p bufferize --split-input-file --verify-diagnostics

// A change of layout that moves data would be a copy on the device: it belongs on the host.
func.func private @left(%x: tensor<4x8xf32>) -> tensor<2x2x2x4xf32> attributes {dataflow.place = "device"} {
  // expected-error@unknown {{tensor_ext.pack is left in a function of the device, where it would be a copy}}
  %p = tensor_ext.pack %x : tensor<4x8xf32> -> tensor<2x2x2x4xf32>
  func.return %p : tensor<2x2x2x4xf32>
}

// -----

// The lanes of these words are no run of addresses.
func.func private @block(%x: tensor<4x8xf32>) -> tensor<2x2xvector<2x4xf32>> attributes {dataflow.place = "device"} {
  // expected-error@unknown {{tensor_ext.widen is left in a function of the device, where it would be a copy}}
  %w = tensor_ext.widen %x : tensor<4x8xf32> -> tensor<2x2xvector<2x4xf32>>
  func.return %w : tensor<2x2xvector<2x4xf32>>
}

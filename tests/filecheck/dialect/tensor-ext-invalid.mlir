// RUN: streamtensor-opt %s --split-input-file --verify-diagnostics

func.func @tile(%x: tensor<64x64xi8>) {
  // expected-error@+1 {{tensor<4x4x16x8xi8> is not tensor<64x64xi8> in tiles}}
  %p = tensor_ext.pack %x : tensor<64x64xi8> -> tensor<4x4x16x8xi8>
  func.return
}

// -----

func.func @rank(%x: tensor<64x64xi8>) {
  // expected-error@+1 {{tensor<4x16x64xi8> is neither a tensor of 2 dimensions nor a packed one}}
  %p = tensor_ext.pack %x : tensor<64x64xi8> -> tensor<4x16x64xi8>
  func.return
}

// -----

func.func @division(%x: tensor<64x60xi8>) {
  // expected-error@+1 {{tile size 16 does not divide 60}}
  %p = tensor_ext.pack %x : tensor<64x60xi8> -> tensor<4x4x16x16xi8>
  func.return
}

// -----

func.func @words_first(%x: tensor<64x8xvector<1x8xi8>>) {
  // expected-error@+1 {{a tensor is packed before it is widened}}
  %p = tensor_ext.pack %x : tensor<64x8xvector<1x8xi8>> -> tensor<4x4x16x2xvector<1x8xi8>>
  func.return
}

// -----

func.func @unpacked(%x: tensor<4x4x16x16xi8>) {
  // expected-error@+1 {{tensor<4x4x16x16xi8> is not tensor<32x64xi8> in tiles}}
  %p = tensor_ext.unpack %x : tensor<4x4x16x16xi8> -> tensor<32x64xi8>
  func.return
}

// -----

func.func @vector(%x: tensor<16x16xi8>) {
  // expected-error@+1 {{tensor<2x4xvector<8x8xi8>> is not tensor<16x16xi8> in words}}
  %p = tensor_ext.widen %x : tensor<16x16xi8> -> tensor<2x4xvector<8x8xi8>>
  func.return
}

// -----

func.func @no_words(%x: tensor<16x16xi8>) {
  // expected-error@+1 {{the elements of tensor<16x16xi8> are not vectors of its last dimensions}}
  %p = tensor_ext.unwiden %x : tensor<16x16xi8> -> tensor<16x16xi8>
  func.return
}

// -----

func.func @narrow(%x: tensor<2x2xvector<8x8xi8>>) {
  // expected-error@+1 {{tensor<2x2xvector<8x8xi8>> is not tensor<16x8xi8> in words}}
  %p = tensor_ext.unwiden %x : tensor<2x2xvector<8x8xi8>> -> tensor<16x8xi8>
  func.return
}

// -----

func.func @numbers(%x: memref<2x2xvector<8x8xi8>>) {
  // expected-error@+1 {{the numbers of memref<2x2xvector<8x8xi8>> have the shape 2x2x8x8, not 16x16}}
  %p = tensor_ext.lanes %x : memref<2x2xvector<8x8xi8>> -> memref<16x16xi8>
  func.return
}

// -----

func.func @no_lanes(%x: memref<2x2xi8>) {
  // expected-error@+1 {{one of memref<2x2xi8> and memref<2x2xi8> has words, the other one their numbers}}
  %p = tensor_ext.lanes %x : memref<2x2xi8> -> memref<2x2xi8>
  func.return
}

// -----

// Tokens that lie in two tiles.
!t = !dataflow.itensor<6xf32, iter_space: [4] * [6], iter_map: (d0) -> (d0)>
func.func @straddles(%x: tensor<3x8xf32>) {
  // expected-error@+1 {{operand 0 is tensor<3x8xf32>, but inside it is !dataflow.itensor<6xf32, iter_space: [4] * [6], iter_map: (d0) -> (d0)>: neither of the element size 6 and the tile size 8 in dim 0 divides the other}}
  dataflow.kernel "k" ins(%x : tensor<3x8xf32>) {
  ^bb0(%i: !t):
    dataflow.yield
  }
  func.return
}

// -----

// Tokens that start inside a word.
!t = !dataflow.itensor<2xf32, iter_space: [4] * [2], iter_map: (d0) -> (d0)>
func.func @inside(%x: tensor<2xvector<4xf32>>) {
  // expected-error@+1 {{vector size 4 in dim 0 does not divide 2, an element size or an offset there}}
  dataflow.kernel "k" ins(%x : tensor<2xvector<4xf32>>) {
  ^bb0(%i: !t):
    dataflow.yield
  }
  func.return
}

// -----

!t = !dataflow.itensor<2xf32, iter_space: [4] * [2], iter_map: (d0) -> (d0)>
func.func @packed_shape(%x: tensor<3x2xf32>) {
  // expected-error@+1 {{operand 0 is tensor<3x2xf32>, but the itensor inside covers 8 of f32}}
  dataflow.kernel "k" ins(%x : tensor<3x2xf32>) {
  ^bb0(%i: !t):
    dataflow.yield
  }
  func.return
}

// -----

!t = !dataflow.itensor<2xi8, iter_space: [4] * [2], iter_map: (d0) -> (d0)>
func.func @vector_of_another_rank(%x: tensor<2xvector<8x8xi8>>) {
  // expected-error@+1 {{operand 0 is tensor<2xvector<8x8xi8>>, but the itensor inside covers 8 of i8}}
  dataflow.kernel "k" ins(%x : tensor<2xvector<8x8xi8>>) {
  ^bb0(%i: !t):
    dataflow.yield
  }
  func.return
}

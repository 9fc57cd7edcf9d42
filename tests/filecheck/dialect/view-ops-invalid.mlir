// RUN: streamtensor-opt %s --split-input-file --verify-diagnostics

!a = !dataflow.itensor<2xf32, iter_space: [4] * [2], iter_map: (d0) -> (d0)>
!b = !dataflow.itensor<2xi32, iter_space: [4] * [2], iter_map: (d0) -> (d0)>
func.func @cast_scalar(%x: !a) {
  // expected-error@+1 {{casts tokens of tensor<2xf32> to tokens of tensor<2xi32>}}
  %y = dataflow.itensor_cast %x : !a -> !b
  func.return
}

// -----

!a = !dataflow.itensor<2xf32, iter_space: [4] * [2], iter_map: (d0) -> (d0)>
!b = !dataflow.itensor<4xf32, iter_space: [2] * [4], iter_map: (d0) -> (d0)>
func.func @cast_token(%x: !a) {
  // expected-error@+1 {{casts tokens of tensor<2xf32> to tokens of tensor<4xf32>}}
  %y = dataflow.itensor_cast %x : !a -> !b
  func.return
}

// -----

!a = !dataflow.itensor<2xf32, iter_space: [4] * [2], iter_map: (d0) -> (d0)>
!b = !dataflow.itensor<2xf32, iter_space: [5] * [2], iter_map: (d0) -> (d0)>
func.func @cast_shape(%x: !a) {
  // expected-error@+1 {{casts data of 8 to data of 10}}
  %y = dataflow.itensor_cast %x : !a -> !b
  func.return
}

// -----

!a = !dataflow.itensor<2x2xf32, iter_space: [2, 2] * [2, 2], iter_map: (d0, d1) -> (d0, d1)>
!b = !dataflow.itensor<2x2xf32, iter_space: [2, 2] * [2, 2], iter_map: (d0, d1) -> (d1, d0)>
func.func @cast_order(%x: !a) {
  // expected-error@+1 {{the stream orders differ: '2x2, [2, 2] * [2, 2], (d0, d1) -> (d0, d1)' and '2x2, [2, 2] * [2, 2], (d0, d1) -> (d1, d0)'; an itensor_converter changes them}}
  %y = dataflow.itensor_cast %x : !a -> !b
  func.return
}

// -----

// A stream that comes twice is another one.
!a = !dataflow.itensor<2xf32, iter_space: [4] * [2], iter_map: (d0) -> (d0)>
!b = !dataflow.itensor<2xf32, iter_space: [2, 4] * [1, 2], iter_map: (d0, d1) -> (d1)>
func.func @cast_repeat(%x: !a) {
  // expected-error@+1 {{the stream orders differ}}
  %y = dataflow.itensor_cast %x : !a -> !b
  func.return
}

// -----

!a = !dataflow.itensor<1x4xf32, iter_space: [3, 2] * [1, 4], iter_map: (d0, d1) -> (d0, d1)>
!b = !dataflow.itensor<4xi32, iter_space: [6] * [4], iter_map: (d0) -> (d0)>
func.func @scalar(%x: !a) {
  // expected-error@+1 {{turns f32 into i32}}
  %y = dataflow.itensor_reassociate %x [[0, 1]] : !a -> !b
  func.return
}

// -----

!a = !dataflow.itensor<vector<1x4xf32>, iter_space: [3, 2] * [1, 4], iter_map: (d0, d1) -> (d0, d1)>
!b = !dataflow.itensor<4xf32, iter_space: [6] * [4], iter_map: (d0) -> (d0)>
func.func @vector(%x: !a) {
  // expected-error@+1 {{turns tokens of vector<1x4xf32> into tokens of tensor<4xf32>}}
  %y = dataflow.itensor_reassociate %x [[0, 1]] : !a -> !b
  func.return
}

// -----

!a = !dataflow.itensor<1x4xf32, iter_space: [3, 2] * [1, 4], iter_map: (d0, d1) -> (d0, d1)>
!b = !dataflow.itensor<4xf32, iter_space: [6] * [4], iter_map: (d0) -> (d0)>
func.func @groups(%x: !a) {
  // expected-error@+1 {{2 groups but the collapsed data has rank 1}}
  %y = dataflow.itensor_reassociate %x [[0], [1]] : !a -> !b
  func.return
}

// -----

!a = !dataflow.itensor<1x4xf32, iter_space: [3, 2] * [1, 4], iter_map: (d0, d1) -> (d0, d1)>
!b = !dataflow.itensor<4xf32, iter_space: [6] * [4], iter_map: (d0) -> (d0)>
func.func @dimensions(%x: !a) {
  // expected-error@+1 {{the groups [[0]] are not the 2 dimensions in order}}
  %y = dataflow.itensor_reassociate %x [[0]] : !a -> !b
  func.return
}

// -----

!a = !dataflow.itensor<2x2xf32, iter_space: [2, 2] * [2, 2], iter_map: (d0, d1) -> (d0, d1)>
!b = !dataflow.itensor<4xf32, iter_space: [4] * [4], iter_map: (d0) -> (d0)>
func.func @run(%x: !a) {
  // expected-error@+1 {{a token has 2 of 4 in dim 1 and 2 in dim 0: it is not one contiguous run of the collapsed dimension}}
  %y = dataflow.itensor_reassociate %x [[0, 1]] : !a -> !b
  func.return
}

// -----

!a = !dataflow.itensor<1x4xf32, iter_space: [3, 2] * [1, 4], iter_map: (d0, d1) -> (d0, d1)>
!b = !dataflow.itensor<4xf32, iter_space: [7] * [4], iter_map: (d0) -> (d0)>
func.func @size(%x: !a) {
  // expected-error@+1 {{group 0: the product of the sizes is 24, but the collapsed size is 28}}
  %y = dataflow.itensor_reassociate %x [[0, 1]] : !a -> !b
  func.return
}

// -----

!a = !dataflow.itensor<1x4xf32, iter_space: [2, 3] * [4, 1], iter_map: (d0, d1) -> (d1, d0)>
!b = !dataflow.itensor<4xf32, iter_space: [6] * [4], iter_map: (d0) -> (d0)>
func.func @order(%x: !b) {
  // expected-error@+1 {{the stream orders differ: collapsing gives '4, [2, 3] * [4, 1], (d0, d1) -> (d0 + d1 * 8)', but the other side is '4, [6] * [4], (d0) -> (d0)'}}
  %y = dataflow.itensor_reassociate %x [[0, 1]] : !b -> !a
  func.return
}

// -----

func.func @stream_lanes() {
  %s = dataflow.stream "s" depth 2 : !dataflow.stream<vector<1x4xf32>>
  // expected-error@+1 {{tokens of 4 x f32 are not tokens of 2 x f32}}
  %t = dataflow.stream_cast %s : !dataflow.stream<vector<1x4xf32>> -> !dataflow.stream<vector<2xf32>>
  func.return
}

// -----

func.func @stream_scalar() {
  %s = dataflow.stream "s" depth 2 : !dataflow.stream<vector<4xf32>>
  // expected-error@+1 {{tokens of 4 x f32 are not tokens of 4 x i32}}
  %t = dataflow.stream_cast %s : !dataflow.stream<vector<4xf32>> -> !dataflow.stream<vector<4xi32>>
  func.return
}

// -----

// A cast is the same FIFO: it still has one reader.
func.func @stream_readers() {
  // expected-error@+1 {{FIFO s is read in 2 tasks; it has one producer and one consumer}}
  %s = dataflow.stream "s" depth 2 : !dataflow.stream<vector<1x4xf32>>
  %t = dataflow.stream_cast %s : !dataflow.stream<vector<1x4xf32>> -> !dataflow.stream<vector<4xf32>>
  dataflow.task "a" {
    %v = dataflow.stream_read %s : !dataflow.stream<vector<1x4xf32>> -> vector<1x4xf32>
    dataflow.yield
  }
  dataflow.task "b" {
    %v = dataflow.stream_read %t : !dataflow.stream<vector<4xf32>> -> vector<4xf32>
    dataflow.yield
  }
  func.return
}

// RUN: streamtensor-opt %s --split-input-file --verify-diagnostics

!a = !dataflow.itensor<2xf32, iter_space: [4] * [2], iter_map: (d0) -> (d0)>
!b = !dataflow.itensor<2xf32, iter_space: [2] * [2], iter_map: (d0) -> (d0)>
func.func @fork_type(%x: !a) {
  %d = dataflow.itensor_empty : !a
  %e = dataflow.itensor_empty : !b
  // expected-error@+1 {{copy 1 is !dataflow.itensor<2xf32, iter_space: [2] * [2], iter_map: (d0) -> (d0)>, but the source is !dataflow.itensor<2xf32, iter_space: [4] * [2], iter_map: (d0) -> (d0)>}}
  %f, %g = dataflow.itensor_fork %x into %d, %e : !a -> !a, !b
  func.return
}

// -----

!a = !dataflow.itensor<2xf32, iter_space: [4] * [2], iter_map: (d0) -> (d0)>
func.func @fork_uses(%x: !a) {
  %d = dataflow.itensor_empty : !a
  // expected-error@+1 {{copy 0 has 2 uses; each use has its own copy}}
  %f = dataflow.itensor_fork %x into %d : !a -> !a
  %g = dataflow.itensor_cast %f : !a -> !a
  %h = dataflow.itensor_cast %f : !a -> !a
  func.return
}

// -----

!a = !dataflow.itensor<2xf32, iter_space: [4] * [2], iter_map: (d0) -> (d0)>
func.func @destination_twice(%x: !a) {
  %d = dataflow.itensor_empty : !a
  // expected-error@+1 {{something else writes into the destination, or reads it}}
  %f, %g = dataflow.itensor_fork %x into %d, %d : !a -> !a, !a
  func.return
}

// -----

!a = !dataflow.itensor<2xf32, iter_space: [4] * [2], iter_map: (d0) -> (d0)>
func.func @destination_made(%x: !a) {
  %d = dataflow.itensor_cast %x : !a -> !a
  // expected-error@+1 {{something else writes into the destination, or reads it}}
  %f = dataflow.itensor_fork %x into %d : !a -> !a
  func.return
}

// -----

!a = !dataflow.itensor<2xf32, iter_space: [4] * [2], iter_map: (d0) -> (d0)>
func.func @in_task(%x: !a) {
  dataflow.task "t" {
    %d = dataflow.itensor_empty : !a
    // expected-error@+1 {{stands in task t; whole itensors are routed between tasks}}
    %f = dataflow.itensor_fork %x into %d : !a -> !a
    dataflow.yield
  }
  func.return
}

// -----

!a = !dataflow.itensor<2xf32, iter_space: [4] * [2], iter_map: (d0) -> (d0)>
func.func @no_destination(%x: !a) {
  // expected-error@+1 {{has no destination}}
  "dataflow.itensor_fork"(%x) : (!a) -> ()
  func.return
}

// -----

!a = !dataflow.itensor<2xf32, iter_space: [4] * [2], iter_map: (d0) -> (d0)>
!b = !dataflow.itensor<2xf32, iter_space: [2] * [2], iter_map: (d0) -> (d0)>
func.func @destination_type(%x: !b) {
  %d = dataflow.itensor_empty : !a
  // expected-error@+1 {{the destination is !dataflow.itensor<2xf32, iter_space: [4] * [2], iter_map: (d0) -> (d0)>, but the result is !dataflow.itensor<2xf32, iter_space: [2] * [2], iter_map: (d0) -> (d0)>}}
  %f = "dataflow.itensor_concat"(%x, %d) {dim = 0 : i64} : (!b, !a) -> !b
  func.return
}

// -----

!a = !dataflow.itensor<2xf32, iter_space: [4] * [2], iter_map: (d0) -> (d0)>
func.func @no_parts() {
  %d = dataflow.itensor_empty : !a
  // expected-error@+1 {{has no parts}}
  %f = "dataflow.itensor_concat"(%d) {dim = 0 : i64} : (!a) -> !a
  func.return
}

// -----

!a = !dataflow.itensor<2xf32, iter_space: [4] * [2], iter_map: (d0) -> (d0)>
!b = !dataflow.itensor<4xf32, iter_space: [2] * [4], iter_map: (d0) -> (d0)>
!c = !dataflow.itensor<2xf32, iter_space: [8] * [2], iter_map: (d0) -> (d0)>
func.func @concat_token(%x: !a, %y: !b) {
  %d = dataflow.itensor_empty : !c
  // expected-error@+1 {{part 1 has tokens of tensor<4xf32>, the whole has tokens of tensor<2xf32>}}
  %r = dataflow.itensor_concat %x, %y dim 0 into %d : !a, !b -> !c
  func.return
}

// -----

!a = !dataflow.itensor<2xf32, iter_space: [4] * [2], iter_map: (d0) -> (d0)>
!c = !dataflow.itensor<2xf32, iter_space: [9] * [2], iter_map: (d0) -> (d0)>
func.func @concat_size(%x: !a) {
  %d = dataflow.itensor_empty : !c
  // expected-error@+1 {{the parts have 8 + 8 = 16 in dim 0, the whole has 18}}
  %r = dataflow.itensor_concat %x, %x dim 0 into %d : !a, !a -> !c
  func.return
}

// -----

!a = !dataflow.itensor<2xf32, iter_space: [4] * [2], iter_map: (d0) -> (d0)>
func.func @concat_dim(%x: !a) {
  %d = dataflow.itensor_empty : !a
  // expected-error@+1 {{there is no dim 1 in data of rank 1}}
  %r = dataflow.itensor_concat %x dim 1 into %d : !a -> !a
  func.return
}

// -----

// The parts come in another order than the whole.
!a = !dataflow.itensor<2x2xf32, iter_space: [2, 2] * [2, 2], iter_map: (d0, d1) -> (d1, d0)>
!c = !dataflow.itensor<2x2xf32, iter_space: [4, 2] * [2, 2], iter_map: (d0, d1) -> (d0, d1)>
func.func @concat_order(%x: !a) {
  %d = dataflow.itensor_empty : !c
  // expected-error@+1 {{part 0 is '2x2, [2, 2] * [2, 2], (d0, d1) -> (d1, d0)' but that range of the whole is '2x2, [2, 2] * [2, 2], (d0, d1) -> (d0, d1)'}}
  %r = dataflow.itensor_concat %x, %x dim 0 into %d : !a, !a -> !c
  func.return
}

// -----

// Two loops move along the dimension: its first half is no range of one of them.
!a = !dataflow.itensor<2xf32, iter_space: [2, 4] * [2, 4], iter_map: (d0, d1) -> (d0 + d1)>
!b = !dataflow.itensor<2xf32, iter_space: [2, 2] * [2, 4], iter_map: (d0, d1) -> (d0 + d1)>
func.func @chunk_loops(%x: !a) {
  %d = dataflow.itensor_empty : !b
  %e = dataflow.itensor_empty : !b
  // expected-error@+1 {{2 loops move along dim 0, so it has no consecutive ranges in the stream}}
  %p, %q = dataflow.itensor_chunk %x dim 0 into %d, %e : !a -> !b, !b
  func.return
}

// -----

// Tokens that overlap: the parts would share elements.
!a = !dataflow.itensor<4xf32, iter_space: [3] * [2], iter_map: (d0) -> (d0)>
!b = !dataflow.itensor<4xf32, iter_space: [] * [], iter_map: () -> (0)>
func.func @chunk_overlap(%x: !a) {
  %d = dataflow.itensor_empty : !b
  %e = dataflow.itensor_empty : !b
  // expected-error@+1 {{loop 0 moves by [2], but for ranges of dim 0 it has to move by 4 there and nowhere else}}
  %p, %q = dataflow.itensor_chunk %x dim 0 into %d, %e : !a -> !b, !b
  func.return
}

// -----

!a = !dataflow.itensor<2x2xf32, iter_space: [4] * [2], iter_map: (d0) -> (d0, 0)>
!b = !dataflow.itensor<2xf32, iter_space: [4] * [2], iter_map: (d0) -> (d0)>
func.func @concat_rank(%x: !a) {
  %d = dataflow.itensor_empty : !b
  // expected-error@+1 {{part 0 has tokens of tensor<2x2xf32>, the whole has tokens of tensor<2xf32>}}
  %r = dataflow.itensor_concat %x dim 0 into %d : !a -> !b
  func.return
}

// -----

!a = !dataflow.itensor<2xf32, iter_space: [4] * [2], iter_map: (d0) -> (d0)>
!h = !dataflow.itensor<2xf32, iter_space: [2] * [2], iter_map: (d0) -> (d0)>
func.func @join_step(%x: !h) {
  %d = dataflow.itensor_empty : !a
  // expected-error@+1 {{stream 0 is '2, [2] * [2], (d0) -> (d0)' but each of 2 streams that take turns is '2, [2] * [4], (d0) -> (d0)'}}
  %r = dataflow.itensor_join %x, %x loop 0 into %d : !h, !h -> !a
  func.return
}

// -----

!a = !dataflow.itensor<2xf32, iter_space: [4] * [2], iter_map: (d0) -> (d0)>
!h = !dataflow.itensor<2xf32, iter_space: [2] * [4], iter_map: (d0) -> (d0)>
func.func @join_number(%x: !h) {
  %d = dataflow.itensor_empty : !a
  // expected-error@+1 {{3 streams can't take turns in the 4 iterations of loop 0}}
  %r = dataflow.itensor_join %x, %x, %x loop 0 into %d : !h, !h, !h -> !a
  func.return
}

// -----

!a = !dataflow.itensor<2xf32, iter_space: [4] * [2], iter_map: (d0) -> (d0)>
!h = !dataflow.itensor<2xf32, iter_space: [2] * [4], iter_map: (d0) -> (d0)>
func.func @join_loop(%x: !h) {
  %d = dataflow.itensor_empty : !a
  // expected-error@+1 {{there is no loop 1 in a stream of 1 loops}}
  %r = dataflow.itensor_join %x, %x loop 1 into %d : !h, !h -> !a
  func.return
}

// -----

!a = !dataflow.itensor<2xf32, iter_space: [4] * [2], iter_map: (d0) -> (d0)>
func.func @instance_depth() {
  // expected-error@+1 {{FIFO s has depth 0; the least is 1}}
  %d = dataflow.itensor_instance "s" depth 0 : !a
  func.return
}

// -----

!a = !dataflow.itensor<2xf32, iter_space: [] * [], iter_map: () -> (0)>
func.func @instance_producers(%x: tensor<2xf32>) {
  // expected-error@+1 {{FIFO s has 2 producers; one task writes a FIFO}}
  %d = dataflow.itensor_instance "s" : !a
  %r = dataflow.task "a" inits(%d : !a) {
  ^bb0(%o: !a):
    %w = dataflow.itensor_write %x into %o : tensor<2xf32> -> !a
    dataflow.yield %w : !a
  } -> !a
  %s = dataflow.task "b" inits(%d : !a) {
  ^bb0(%o: !a):
    %w = dataflow.itensor_write %x into %o : tensor<2xf32> -> !a
    dataflow.yield %w : !a
  } -> !a
  func.return
}

// -----

!a = !dataflow.itensor<2xf32, iter_space: [] * [], iter_map: () -> (0)>
func.func @instance_consumers(%x: tensor<2xf32>) {
  // expected-error@+1 {{FIFO s has 2 consumers; one task reads a FIFO}}
  %d = dataflow.itensor_instance "s" : !a
  %r = dataflow.task "a" inits(%d : !a) {
  ^bb0(%o: !a):
    %w = dataflow.itensor_write %x into %o : tensor<2xf32> -> !a
    dataflow.yield %w : !a
  } -> !a
  %v = dataflow.itensor_cast %r : !a -> !a
  dataflow.task "b" {
    %t = dataflow.itensor_read %r : !a -> tensor<2xf32>
    dataflow.yield
  }
  dataflow.task "c" {
    %t = dataflow.itensor_read %v : !a -> tensor<2xf32>
    dataflow.yield
  }
  func.return
}

// -----

!a = !dataflow.itensor<2xf32, iter_space: [] * [], iter_map: () -> (0)>
func.func @instance_use() {
  // expected-error@+1 {{FIFO s is used by dataflow.itensor_read, which does not write it}}
  %d = dataflow.itensor_instance "s" : !a
  dataflow.task "b" {
    %t = dataflow.itensor_read %d : !a -> tensor<2xf32>
    dataflow.yield
  }
  func.return
}

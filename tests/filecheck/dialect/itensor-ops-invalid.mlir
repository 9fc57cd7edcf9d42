// RUN: streamtensor-opt %s --split-input-file --verify-diagnostics

!t = !dataflow.itensor<2xf32, iter_space: [4] * [2], iter_map: (d0) -> (d0)>
func.func @token(%x: !t) {
  dataflow.task "read" {
    %c0 = arith.constant 0 : index
    %c2 = arith.constant 2 : index
    %c8 = arith.constant 8 : index
    scf.for %i = %c0 to %c8 step %c2 {
      // expected-error@+1 {{the token is tensor<4xf32> but the itensor has elements of tensor<2xf32>}}
      %v = dataflow.itensor_read %x : !t -> tensor<4xf32>
    }
    dataflow.yield
  }
  func.return
}

// -----

!t = !dataflow.itensor<2xf32, iter_space: [4] * [2], iter_map: (d0) -> (d0)>
func.func @loops(%x: !t) {
  dataflow.task "read" {
    %c0 = arith.constant 0 : index
    %c2 = arith.constant 2 : index
    %c6 = arith.constant 6 : index
    scf.for %i = %c0 to %c6 step %c2 {
      // expected-error@+1 {{the loops around it are [3] * [2] but the itensor has iter_space [4] * [2]}}
      %v = dataflow.itensor_read %x : !t -> tensor<2xf32>
    }
    dataflow.yield
  }
  func.return
}

// -----

!t = !dataflow.itensor<2xf32, iter_space: [4] * [2], iter_map: (d0) -> (d0)>
func.func @no_loops(%x: !t) {
  dataflow.task "read" {
    // expected-error@+1 {{the loops around it are [] * [] but the itensor has iter_space [4] * [2]}}
    %v = dataflow.itensor_read %x : !t -> tensor<2xf32>
    dataflow.yield
  }
  func.return
}

// -----

!t = !dataflow.itensor<2xf32, iter_space: [4] * [2], iter_map: (d0) -> (d0)>
func.func @start(%x: !t) {
  dataflow.task "read" {
    %c2 = arith.constant 2 : index
    %c10 = arith.constant 10 : index
    scf.for %i = %c2 to %c10 step %c2 {
      // expected-error@+1 {{a loop around a token runs from 0 in whole steps, not from 2 to 10 by 2}}
      %v = dataflow.itensor_read %x : !t -> tensor<2xf32>
    }
    dataflow.yield
  }
  func.return
}

// -----

!t = !dataflow.itensor<2xf32, iter_space: [4] * [2], iter_map: (d0) -> (d0)>
func.func @bounds(%x: !t, %n: index) {
  dataflow.task "read" {
    %c0 = arith.constant 0 : index
    %c2 = arith.constant 2 : index
    scf.for %i = %c0 to %n step %c2 {
      // expected-error@+1 {{a loop around a token has constant bounds and a constant step}}
      %v = dataflow.itensor_read %x : !t -> tensor<2xf32>
    }
    dataflow.yield
  }
  func.return
}

// -----

!t = !dataflow.itensor<2xf32, iter_space: [1] * [2], iter_map: (d0) -> (d0)>
func.func @twice(%x: !t) {
  dataflow.task "read" {
    // expected-error@+1 {{the loops around the 2 reads of this itensor in its task, [] * [], then [] * [], are not consecutive ranges of one loop of its iter_space [] * []}}
    %v = dataflow.itensor_read %x : !t -> tensor<2xf32>
    %w = dataflow.itensor_read %x : !t -> tensor<2xf32>
    dataflow.yield
  }
  func.return
}

// -----

!t = !dataflow.itensor<2xf32, iter_space: [6] * [2], iter_map: (d0) -> (d0)>
func.func @short_range(%x: !t) {
  dataflow.task "read" {
    %c0 = arith.constant 0 : index
    %c2 = arith.constant 2 : index
    %c8 = arith.constant 8 : index
    scf.for %i = %c0 to %c8 step %c2 {
      // expected-error@+1 {{the 2 reads of this itensor in its task, [4] * [2], then [] * [], are not consecutive ranges of one loop of its iter_space [6] * [2]}}
      %v = dataflow.itensor_read %x : !t -> tensor<2xf32>
    }
    %w = dataflow.itensor_read %x : !t -> tensor<2xf32>
    dataflow.yield
  }
  func.return
}

// -----

!t = !dataflow.itensor<2xf32, iter_space: [6] * [2], iter_map: (d0) -> (d0)>
func.func @long_range(%x: !t) {
  dataflow.task "read" {
    %c0 = arith.constant 0 : index
    %c2 = arith.constant 2 : index
    %c8 = arith.constant 8 : index
    scf.for %i = %c0 to %c8 step %c2 {
      // expected-error@+1 {{[4] * [2], then [4] * [2], are not consecutive ranges of one loop of its iter_space [6] * [2]}}
      %v = dataflow.itensor_read %x : !t -> tensor<2xf32>
    }
    scf.for %i = %c0 to %c8 step %c2 {
      %v = dataflow.itensor_read %x : !t -> tensor<2xf32>
    }
    dataflow.yield
  }
  func.return
}

// -----

!t = !dataflow.itensor<2xf32, iter_space: [6] * [2], iter_map: (d0) -> (d0)>
func.func @range_step(%x: !t) {
  dataflow.task "read" {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c2 = arith.constant 2 : index
    %c8 = arith.constant 8 : index
    scf.for %i = %c0 to %c8 step %c2 {
      // expected-error@+1 {{[4] * [2], then [2] * [1], are not consecutive ranges of one loop of its iter_space [6] * [2]}}
      %v = dataflow.itensor_read %x : !t -> tensor<2xf32>
    }
    scf.for %i = %c0 to %c2 step %c1 {
      %v = dataflow.itensor_read %x : !t -> tensor<2xf32>
    }
    dataflow.yield
  }
  func.return
}

// -----

// The loops inside of the ranges are those of the type.
!t = !dataflow.itensor<2xf32, iter_space: [3, 4] * [8, 2], iter_map: (d0, d1) -> (d0 + d1)>
func.func @inside_range(%x: !t) {
  dataflow.task "read" {
    %c0 = arith.constant 0 : index
    %c2 = arith.constant 2 : index
    %c8 = arith.constant 8 : index
    %c16 = arith.constant 16 : index
    scf.for %i = %c0 to %c16 step %c8 {
      scf.for %j = %c0 to %c8 step %c2 {
        // expected-error@+1 {{[2, 4] * [8, 2], then [8] * [2], are not consecutive ranges of one loop of its iter_space [3, 4] * [8, 2]}}
        %v = dataflow.itensor_read %x : !t -> tensor<2xf32>
      }
    }
    scf.for %j = %c0 to %c16 step %c2 {
      %v = dataflow.itensor_read %x : !t -> tensor<2xf32>
    }
    dataflow.yield
  }
  func.return
}

// -----

!t = !dataflow.itensor<2xf32, iter_space: [] * [], iter_map: () -> (0)>
func.func @condition(%x: !t, %b: i1) {
  dataflow.task "read" {
    scf.if %b {
      // expected-error@+1 {{stands in scf.if; only loops and tasks stand around a read}}
      %v = dataflow.itensor_read %x : !t -> tensor<2xf32>
    }
    dataflow.yield
  }
  func.return
}

// -----

!t = !dataflow.itensor<2xf32, iter_space: [4] * [2], iter_map: (d0) -> (d0)>
func.func @write(%x: tensor<2xf32>) {
  %e = dataflow.itensor_empty : !t
  %r = dataflow.task "write" inits(%e : !t) {
  ^bb0(%o: !t):
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c4 = arith.constant 4 : index
    %l = scf.for %i = %c0 to %c4 step %c1 iter_args(%a = %o) -> (!t) {
      // expected-error@+1 {{the loops around it are [4] * [1] but the itensor has iter_space [4] * [2]}}
      %n = dataflow.itensor_write %x into %a : tensor<2xf32> -> !t
      scf.yield %n : !t
    }
    dataflow.yield %l : !t
  } -> !t
  func.return
}

// -----

!t = !dataflow.itensor<2xf32, iter_space: [] * [], iter_map: () -> (0)>
func.func @write_token(%x: tensor<2xi32>) {
  %e = dataflow.itensor_empty : !t
  %r = dataflow.task "write" inits(%e : !t) {
  ^bb0(%o: !t):
    // expected-error@+1 {{the token is tensor<2xi32> but the itensor has elements of tensor<2xf32>}}
    %n = dataflow.itensor_write %x into %o : tensor<2xi32> -> !t
    dataflow.yield %n : !t
  } -> !t
  func.return
}

// -----

!t = !dataflow.itensor<2xf32, iter_space: [] * [], iter_map: () -> (0)>
func.func @write_twice(%x: tensor<2xf32>) {
  %e = dataflow.itensor_empty : !t
  %r = dataflow.task "write" inits(%e : !t) {
  ^bb0(%o: !t):
    // expected-error@+1 {{the loops around the 2 writes of this itensor in its task, [] * [], then [] * [], are not consecutive ranges of one loop of its iter_space [] * []}}
    %n = dataflow.itensor_write %x into %o : tensor<2xf32> -> !t
    %m = dataflow.itensor_write %x into %n : tensor<2xf32> -> !t
    dataflow.yield %m : !t
  } -> !t
  func.return
}

// -----

!t = !dataflow.itensor<2xf32, iter_space: [5] * [2], iter_map: (d0) -> (d0)>
func.func @write_ranges(%x: tensor<2xf32>) {
  %e = dataflow.itensor_empty : !t
  %r = dataflow.task "write" inits(%e : !t) {
  ^bb0(%o: !t):
    %c0 = arith.constant 0 : index
    %c2 = arith.constant 2 : index
    %c8 = arith.constant 8 : index
    %c4 = arith.constant 4 : index
    %l = scf.for %i = %c0 to %c8 step %c2 iter_args(%a = %o) -> (!t) {
      // expected-error@+1 {{the loops around the 2 writes of this itensor in its task, [4] * [2], then [2] * [2], are not consecutive ranges of one loop of its iter_space [5] * [2]}}
      %n = dataflow.itensor_write %x into %a : tensor<2xf32> -> !t
      scf.yield %n : !t
    }
    %m = scf.for %i = %c0 to %c4 step %c2 iter_args(%a = %l) -> (!t) {
      %n = dataflow.itensor_write %x into %a : tensor<2xf32> -> !t
      scf.yield %n : !t
    }
    dataflow.yield %m : !t
  } -> !t
  func.return
}

// -----

!t = !dataflow.itensor<2xf32, iter_space: [2] * [2], iter_map: (d0) -> (d0)>
func.func @branch(%x: tensor<2xf32>) {
  %e = dataflow.itensor_empty : !t
  %r = dataflow.task "write" inits(%e : !t) {
  ^bb0(%o: !t):
    // expected-error@+1 {{the chain of writes branches: an itensor with writes is used in several places}}
    %n = dataflow.itensor_write %x into %o : tensor<2xf32> -> !t
    %m = dataflow.itensor_write %x into %o : tensor<2xf32> -> !t
    dataflow.yield %m : !t
  } -> !t
  func.return
}

// -----

!t = !dataflow.itensor<2xf32, iter_space: [2] * [2], iter_map: (d0) -> (d0)>
func.func @crossed(%x: tensor<2xf32>) {
  %e = dataflow.itensor_empty : !t
  %f = dataflow.itensor_empty : !t
  %r, %s = dataflow.task "write" inits(%e, %f : !t, !t) {
  ^bb0(%o: !t, %p: !t):
    %c0 = arith.constant 0 : index
    %c2 = arith.constant 2 : index
    %c4 = arith.constant 4 : index
    %l, %m = scf.for %i = %c0 to %c4 step %c2 iter_args(%a = %o, %b = %p) -> (!t, !t) {
      // expected-error@+1 {{the chain of writes does not leave a loop or task where it entered}}
      %n = dataflow.itensor_write %x into %a : tensor<2xf32> -> !t
      %k = dataflow.itensor_write %x into %b : tensor<2xf32> -> !t
      scf.yield %k, %n : !t, !t
    }
    dataflow.yield %l, %m : !t, !t
  } -> !t, !t
  func.return
}

// -----

!a = !dataflow.itensor<4x2xf32, iter_space: [4, 2] * [2, 4], iter_map: (d0, d1) -> (d1, d0)>
!b = !dataflow.itensor<4x2xf32, iter_space: [4, 2, 2] * [2, 1, 4], iter_map: (d0, d1, d2) -> (d2, d0)>
func.func @buffer(%x: !a) {
  // expected-error@+1 {{says buffer [8, 8] with 1 shared loops, but the types give [8, 2] with 1}}
  %c = dataflow.itensor_converter %x buffer [8, 8] shared 1 : !a -> !b
  func.return
}

// -----

!a = !dataflow.itensor<4x2xf32, iter_space: [4, 2] * [2, 4], iter_map: (d0, d1) -> (d1, d0)>
!b = !dataflow.itensor<4x2xf32, iter_space: [4, 2, 2] * [2, 1, 4], iter_map: (d0, d1, d2) -> (d2, d0)>
func.func @shared(%x: !a) {
  // expected-error@+1 {{says buffer [8, 2] with 0 shared loops, but the types give [8, 2] with 1}}
  %c = dataflow.itensor_converter %x buffer [8, 2] shared 0 : !a -> !b
  func.return
}

// -----

!a = !dataflow.itensor<2xf32, iter_space: [2] * [2], iter_map: (d0) -> (d0)>
!b = !dataflow.itensor<4xi32, iter_space: [1] * [4], iter_map: (d0) -> (d0)>
func.func @scalar(%x: !a) {
  // expected-error@+1 {{converts f32 into i32}}
  %c = dataflow.itensor_converter %x buffer [4] shared 0 : !a -> !b
  func.return
}

// -----

!a = !dataflow.itensor<2xf32, iter_space: [2] * [2], iter_map: (d0) -> (d0)>
!b = !dataflow.itensor<2xf32, iter_space: [4] * [2], iter_map: (d0) -> (d0)>
func.func @shape(%x: !a) {
  // expected-error@+1 {{can't be converted}}
  %c = dataflow.itensor_converter %x buffer [4] shared 0 : !a -> !b
  func.return
}

// -----

!a = !dataflow.itensor<2xf32, iter_space: [2] * [4], iter_map: (d0) -> (d0)>
!b = !dataflow.itensor<6xf32, iter_space: [] * [], iter_map: () -> (0)>
func.func @gaps(%x: !a) {
  // expected-error@+1 {{the source tokens do not cover every element exactly once}}
  %c = dataflow.itensor_converter %x buffer [6] shared 0 : !a -> !b
  func.return
}

// -----

!a = !dataflow.itensor<2xf32, iter_space: [4] * [2], iter_map: (d0) -> (d0)>
!b = !dataflow.itensor<2xf32, iter_space: [3] * [2], iter_map: (d0) -> (d0)>
func.func @other_data(%x: !a) {
  // expected-error@+1 {{can't be converted to}}
  %c = dataflow.itensor_converter %x buffer [8] shared 0 : !a -> !b
  func.return
}

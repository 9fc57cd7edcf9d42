// RUN: streamtensor-opt %s -p fold-itensor-views | filecheck %s

!a = !dataflow.itensor<2xf32, iter_space: [4] * [2], iter_map: (d0) -> (d0)>
!split = !dataflow.itensor<2xf32, iter_space: [2, 2] * [4, 2], iter_map: (d0, d1) -> (d0 + d1)>
!row = !dataflow.itensor<1x2xf32, iter_space: [4] * [2], iter_map: (d0) -> (0, d0)>
!deep = !dataflow.itensor<1x1x2xf32, iter_space: [4] * [2], iter_map: (d0) -> (0, 0, d0)>
!twice = !dataflow.itensor<2xf32, iter_space: [2, 4] * [1, 2], iter_map: (d0, d1) -> (d1)>
!half = !dataflow.itensor<2xf32, iter_space: [2] * [2], iter_map: (d0) -> (d0)>

// A chain of casts is one, and none when it comes back.
// CHECK-LABEL: func.func @casts
// CHECK:         ^bb0(%a: !itensor_[[A:[0-9]+]]):
// CHECK-NEXT:      dataflow.task "read"
// CHECK:             dataflow.itensor_read %a : !itensor_[[A]]
func.func @casts(%x: tensor<8xf32>) {
  dataflow.kernel "k" ins(%x : tensor<8xf32>) {
  ^bb0(%a: !a):
    %s = dataflow.itensor_cast %a : !a -> !split
    %b = dataflow.itensor_cast %s : !split -> !a
    dataflow.task "read" {
      %c0 = arith.constant 0 : index
      %c2 = arith.constant 2 : index
      %c8 = arith.constant 8 : index
      scf.for %i = %c0 to %c8 step %c2 {
        %v = dataflow.itensor_read %b : !a -> tensor<2xf32>
      }
      dataflow.yield
    }
    dataflow.yield
  }
  func.return
}

// Two expansions are one, with the groups of both; the casts between and behind them are part of it.
// CHECK-LABEL: func.func @expansions
// CHECK:         ^bb0(%a: !itensor_[[A]], %b: !itensor_[[DEEP:[0-9]+]],
// CHECK-NEXT:      %[[D:.*]] = dataflow.itensor_reassociate %a {{\[\[}}0, 1, 2]] : !itensor_[[A]] -> !itensor_[[DEEP]]
// CHECK-NEXT:      %[[F:.*]] = dataflow.itensor_reassociate %b {{\[\[}}0, 1, 2]] : !itensor_[[DEEP]] -> !itensor_[[A]]
// CHECK-NEXT:      dataflow.yield
func.func @expansions(%x: tensor<8xf32>, %y: tensor<1x1x8xf32>, %e: tensor<1x1x8xf32>, %f: tensor<8xf32>) -> (tensor<1x1x8xf32>, tensor<8xf32>) {
  %r, %s = dataflow.kernel "k" ins(%x, %y : tensor<8xf32>, tensor<1x1x8xf32>) outs(%e, %f : tensor<1x1x8xf32>, tensor<8xf32>) {
  ^bb0(%a: !a, %b: !deep, %o: !deep, %p: !a):
    %c = dataflow.itensor_cast %a : !a -> !split
    %d = dataflow.itensor_reassociate %c [[0, 1]] : !split -> !row
    %g = dataflow.itensor_reassociate %d [[0], [1, 2]] : !row -> !deep
    %h = dataflow.itensor_reassociate %b [[0, 1], [2]] : !deep -> !row
    %i = dataflow.itensor_reassociate %h [[0, 1]] : !row -> !split
    %j = dataflow.itensor_cast %i : !split -> !a
    dataflow.yield %g, %j : !deep, !a
  } -> tensor<1x1x8xf32>, tensor<8xf32>
  func.return %r, %s : tensor<1x1x8xf32>, tensor<8xf32>
}

// There and back is nothing, and so are what has one part, a converter that changes nothing, and what is cut
// and put together again. What has no use goes.
// CHECK-LABEL: func.func @nothing
// CHECK:         ^bb0(%a: !itensor_[[A]],
// CHECK-NEXT:      dataflow.yield %a, %a, %a, %a, %a :
func.func @nothing(%x: tensor<8xf32>, %e: tensor<8xf32>) -> (tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>) {
  %r, %s, %t, %u, %v = dataflow.kernel "k" ins(%x : tensor<8xf32>) outs(%e, %e, %e, %e, %e : tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>) {
  ^bb0(%a: !a, %o: !a, %p: !a, %q: !a, %w: !a, %y: !a):
    %b = dataflow.itensor_reassociate %a [[0, 1]] : !a -> !row
    %c = dataflow.itensor_reassociate %b [[0, 1]] : !row -> !a
    %d = dataflow.itensor_fork %a into %p : !a -> !a
    %f = dataflow.itensor_join %a loop 0 into %q : !a -> !a
    %g = dataflow.itensor_concat %f dim 0 into %w : !a -> !a
    %h = dataflow.itensor_converter %a buffer [] shared 1 : !a -> !a
    %none0 = dataflow.itensor_empty : !half
    %none1 = dataflow.itensor_empty : !half
    %i, %j = dataflow.itensor_chunk %a dim 0 into %none0, %none1 : !a -> !half, !half
    %k = dataflow.itensor_concat %i, %j dim 0 into %y : !half, !half -> !a
    %unused = dataflow.itensor_cast %a : !a -> !split
    dataflow.yield %c, %d, %g, %h, %k : !a, !a, !a, !a, !a
  } -> tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>
  func.return %r, %s, %t, %u, %v : tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>
}

// Cut where it was put together: the parts.
// CHECK-LABEL: func.func @parts
// CHECK:         ^bb0(%a: !itensor_[[H:[0-9]+]], %b: !itensor_[[H]],
// CHECK-NEXT:      dataflow.yield %a, %b :
func.func @parts(%x: tensor<4xf32>, %e: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %r, %s = dataflow.kernel "k" ins(%x, %x : tensor<4xf32>, tensor<4xf32>) outs(%e, %e : tensor<4xf32>, tensor<4xf32>) {
  ^bb0(%a: !half, %b: !half, %o: !half, %p: !half):
    %none = dataflow.itensor_empty : !a
    %c = dataflow.itensor_concat %a, %b dim 0 into %none : !half, !half -> !a
    %d, %f = dataflow.itensor_chunk %c dim 0 into %o, %p : !a -> !half, !half
    dataflow.yield %d, %f : !half, !half
  } -> tensor<4xf32>, tensor<4xf32>
  func.return %r, %s : tensor<4xf32>, tensor<4xf32>
}

// A converter between two types of one order is a cast; one behind a cast takes the original, when that costs no more.
// CHECK-LABEL: func.func @converters
// CHECK:           %[[C:.*]] = dataflow.itensor_cast %a : !itensor_[[A]] -> !itensor_[[S:[0-9]+]]
// CHECK-NEXT:      %[[D:.*]] = dataflow.itensor_converter %a buffer [8] shared 0 : !itensor_[[A]] -> !itensor_[[T:[0-9]+]]
// CHECK-NEXT:      dataflow.yield %[[C]], %[[D]]
func.func @converters(%x: tensor<8xf32>, %e: tensor<8xf32>) -> (tensor<8xf32>, tensor<8xf32>) {
  %r, %s = dataflow.kernel "k" ins(%x : tensor<8xf32>) outs(%e, %e : tensor<8xf32>, tensor<8xf32>) {
  ^bb0(%a: !a, %o: !split, %p: !twice):
    %c = dataflow.itensor_converter %a buffer [] shared 1 : !a -> !split
    %d = dataflow.itensor_converter %c buffer [8] shared 0 : !split -> !twice
    dataflow.yield %c, %d : !split, !twice
  } -> tensor<8xf32>, tensor<8xf32>
  func.return %r, %s : tensor<8xf32>, tensor<8xf32>
}

// Cut in other places than it was put together, or a copy of streams that take turns: these stay.
!three = !dataflow.itensor<2xf32, iter_space: [3] * [2], iter_map: (d0) -> (d0)>
!one = !dataflow.itensor<2xf32, iter_space: [] * [], iter_map: () -> (0)>
// CHECK-LABEL: func.func @stays
// CHECK:           %[[C:.*]] = dataflow.itensor_concat %a, %a dim 0
// CHECK:           dataflow.itensor_chunk %[[C]] dim 0
func.func @stays(%x: tensor<4xf32>, %e: tensor<6xf32>, %f: tensor<2xf32>) -> (tensor<6xf32>, tensor<2xf32>) {
  %r, %s = dataflow.kernel "k" ins(%x : tensor<4xf32>) outs(%e, %f : tensor<6xf32>, tensor<2xf32>) {
  ^bb0(%a: !half, %o: !three, %p: !one):
    %none = dataflow.itensor_empty : !a
    %c = dataflow.itensor_concat %a, %a dim 0 into %none : !half, !half -> !a
    %d, %g = dataflow.itensor_chunk %c dim 0 into %o, %p : !a -> !three, !one
    dataflow.yield %d, %g : !three, !one
  } -> tensor<6xf32>, tensor<2xf32>
  func.return %r, %s : tensor<6xf32>, tensor<2xf32>
}

// A task that reads a stream and what is the same stream keeps both.
// CHECK-LABEL: func.func @together
// CHECK:         %[[C:.*]] = dataflow.itensor_cast %a : !itensor_[[O:[0-9]+]] -> !itensor_[[O]]
// CHECK-NEXT:    dataflow.task "both" {
// CHECK-NEXT:      dataflow.itensor_read %a
// CHECK-NEXT:      dataflow.itensor_read %[[C]]
func.func @together(%x: tensor<2xf32>) {
  dataflow.kernel "k" ins(%x : tensor<2xf32>) {
  ^bb0(%a: !one):
    %d = dataflow.itensor_empty : !one
    %c = dataflow.itensor_concat %a dim 0 into %d : !one -> !one
    dataflow.task "both" {
      %v = dataflow.itensor_read %a : !one -> tensor<2xf32>
      %w = dataflow.itensor_read %c : !one -> tensor<2xf32>
      dataflow.yield
    }
    dataflow.yield
  }
  func.return
}

// RUN: streamtensor-opt %s -p simplify-task-structure | filecheck %s

!a = !dataflow.itensor<2xf32, iter_space: [4] * [2], iter_map: (d0) -> (d0)>
!split = !dataflow.itensor<2xf32, iter_space: [2, 2] * [4, 2], iter_map: (d0, d1) -> (d0 + d1)>

// A task inside of another, in a loop of it: one task. Constants go to its start.
// CHECK-LABEL: func.func @nested
// CHECK:           %[[T:.*]] = dataflow.task "outer" inits(%o :
// CHECK-NOT:         dataflow.task
// CHECK:             arith.constant 2.0
// CHECK:             scf.for %{{.*}} iter_args(%[[P:.*]] = %{{.*}})
// CHECK-NEXT:          %[[V:.*]] = dataflow.itensor_read %a
// CHECK:               %[[W:.*]] = dataflow.itensor_write %{{.*}} into %[[P]]
// CHECK-NEXT:          scf.yield %[[W]]
func.func @nested(%x: tensor<8xf32>, %e: tensor<8xf32>) -> tensor<8xf32> {
  %r = dataflow.kernel "k" ins(%x : tensor<8xf32>) outs(%e : tensor<8xf32>) {
  ^bb0(%a: !a, %o: !a):
    %t = dataflow.task "outer" inits(%o : !a) {
    ^bb0(%p: !a):
      %c0 = arith.constant 0 : index
      %c2 = arith.constant 2 : index
      %c8 = arith.constant 8 : index
      %l = scf.for %i = %c0 to %c8 step %c2 iter_args(%q = %p) -> (!a) {
        %n = dataflow.task "inner" inits(%q : !a) {
        ^bb0(%s: !a):
          %two = arith.constant 2.0 : f32
          %v = dataflow.itensor_read %a : !a -> tensor<2xf32>
          %f = tensor.insert %two into %v[%c0] : tensor<2xf32>
          %w = dataflow.itensor_write %f into %s : tensor<2xf32> -> !a
          dataflow.yield %w : !a
        } -> !a
        scf.yield %n : !a
      }
      dataflow.yield %l : !a
    } -> !a
    dataflow.yield %t : !a
  } -> tensor<8xf32>
  func.return %r : tensor<8xf32>
}

// Tasks with a FIFO between them inside of a task: a graph, which becomes part of the one around it.
!one = !dataflow.itensor<8xf32, iter_space: [] * [], iter_map: () -> (0)>
// CHECK-LABEL: func.func @graph
// CHECK:         ^bb0(%a: !{{.*}}, %o: !{{.*}}):
// CHECK-NEXT:      %[[E:.*]] = dataflow.itensor_empty
// CHECK-NEXT:      %[[F:.*]] = dataflow.task "first" inits(%[[E]] :
// CHECK:             dataflow.itensor_read %a
// CHECK:           %[[S:.*]] = dataflow.task "second" inits(%o :
// CHECK:             dataflow.itensor_read %[[F]]
// CHECK:           dataflow.yield %[[S]]
func.func @graph(%x: tensor<8xf32>, %e: tensor<8xf32>) -> tensor<8xf32> {
  %r = dataflow.kernel "k" ins(%x : tensor<8xf32>) outs(%e : tensor<8xf32>) {
  ^bb0(%a: !one, %o: !one):
    %t = dataflow.task "outer" inits(%o : !one) {
    ^bb0(%p: !one):
      %c0 = arith.constant 0 : index
      %two = arith.constant 2.0 : f32
      %none = dataflow.itensor_empty : !one
      %m = dataflow.task "first" inits(%none : !one) {
      ^bb0(%s: !one):
        %v = dataflow.itensor_read %a : !one -> tensor<8xf32>
        %f = tensor.insert %two into %v[%c0] : tensor<8xf32>
        %w = dataflow.itensor_write %f into %s : tensor<8xf32> -> !one
        dataflow.yield %w : !one
      } -> !one
      %n = dataflow.task "second" inits(%p : !one) {
      ^bb0(%s: !one):
        %v = dataflow.itensor_read %m : !one -> tensor<8xf32>
        %f = tensor.insert %two into %v[%c0] : tensor<8xf32>
        %w = dataflow.itensor_write %f into %s : tensor<8xf32> -> !one
        dataflow.yield %w : !one
      } -> !one
      dataflow.yield %n : !one
    } -> !one
    dataflow.yield %t : !one
  } -> tensor<8xf32>
  func.return %r : tensor<8xf32>
}

// What passes tokens on is what it reads, under another type if need be; what nobody uses goes, and what only
// that read from it too.
// CHECK-LABEL: func.func @pass_on
// CHECK:         ^bb0(%a: !itensor_[[A:[0-9]+]], %o: !{{.*}}, %p: !{{.*}}):
// CHECK-NEXT:      %[[C:.*]] = dataflow.itensor_cast %a : !itensor_[[A]] -> !itensor_[[S:[0-9]+]]
// CHECK-NEXT:      dataflow.yield %a, %[[C]] :
func.func @pass_on(%x: tensor<8xf32>, %e: tensor<8xf32>) -> (tensor<8xf32>, tensor<8xf32>) {
  %r, %s = dataflow.kernel "k" ins(%x : tensor<8xf32>) outs(%e, %e : tensor<8xf32>, tensor<8xf32>) {
  ^bb0(%a: !a, %o: !a, %p: !split):
    %t = dataflow.task "same" inits(%o : !a) {
    ^bb0(%q: !a):
      %c0 = arith.constant 0 : index
      %c2 = arith.constant 2 : index
      %c8 = arith.constant 8 : index
      %l = scf.for %i = %c0 to %c8 step %c2 iter_args(%c = %q) -> (!a) {
        %v = dataflow.itensor_read %a : !a -> tensor<2xf32>
        %w = dataflow.itensor_write %v into %c : tensor<2xf32> -> !a
        scf.yield %w : !a
      }
      dataflow.yield %l : !a
    } -> !a
    %u = dataflow.task "split" inits(%p : !split) {
    ^bb0(%q: !split):
      %c0 = arith.constant 0 : index
      %c2 = arith.constant 2 : index
      %c4 = arith.constant 4 : index
      %c8 = arith.constant 8 : index
      %l = scf.for %i = %c0 to %c8 step %c4 iter_args(%c = %q) -> (!split) {
        %m = scf.for %j = %c0 to %c4 step %c2 iter_args(%d = %c) -> (!split) {
          %v = dataflow.itensor_read %a : !a -> tensor<2xf32>
          %w = dataflow.itensor_write %v into %d : tensor<2xf32> -> !split
          scf.yield %w : !split
        }
        scf.yield %m : !split
      }
      dataflow.yield %l : !split
    } -> !split
    %none = dataflow.itensor_empty : !split
    %unused = dataflow.task "unused" inits(%none : !split) {
    ^bb0(%q: !split):
      %c0 = arith.constant 0 : index
      %c2 = arith.constant 2 : index
      %c4 = arith.constant 4 : index
      %c8 = arith.constant 8 : index
      %two = arith.constant 2.0 : f32
      %l = scf.for %i = %c0 to %c8 step %c4 iter_args(%c = %q) -> (!split) {
        %m = scf.for %j = %c0 to %c4 step %c2 iter_args(%d = %c) -> (!split) {
          %v = dataflow.itensor_read %a : !a -> tensor<2xf32>
          %f = tensor.insert %two into %v[%c0] : tensor<2xf32>
          %w = dataflow.itensor_write %f into %d : tensor<2xf32> -> !split
          scf.yield %w : !split
        }
        scf.yield %m : !split
      }
      dataflow.yield %l : !split
    } -> !split
    dataflow.task "nothing" {
      %c0 = arith.constant 0 : index
      %c2 = arith.constant 2 : index
      %c4 = arith.constant 4 : index
      %c8 = arith.constant 8 : index
      scf.for %i = %c0 to %c8 step %c4 {
        scf.for %j = %c0 to %c4 step %c2 {
          %v = dataflow.itensor_read %unused : !split -> tensor<2xf32>
        }
      }
      dataflow.yield
    }
    dataflow.yield %t, %u : !a, !split
  } -> tensor<8xf32>, tensor<8xf32>
  func.return %r, %s : tensor<8xf32>, tensor<8xf32>
}

// Tokens that are swapped are not passed on.
!pairs = !dataflow.itensor<2xf32, iter_space: [2, 2] * [4, 2], iter_map: (d0, d1) -> (d0 + d1)>
// CHECK-LABEL: func.func @swap
// CHECK:         dataflow.task "swap"
func.func @swap(%x: tensor<8xf32>, %e: tensor<8xf32>) -> tensor<8xf32> {
  %r = dataflow.kernel "k" ins(%x : tensor<8xf32>) outs(%e : tensor<8xf32>) {
  ^bb0(%a: !pairs, %o: !pairs):
    %t = dataflow.task "swap" inits(%o : !pairs) {
    ^bb0(%q: !pairs):
      %c0 = arith.constant 0 : index
      %c4 = arith.constant 4 : index
      %c8 = arith.constant 8 : index
      %l = scf.for %i = %c0 to %c8 step %c4 iter_args(%c = %q) -> (!pairs) {
        %v = dataflow.itensor_read %a : !pairs -> tensor<2xf32>
        %u = dataflow.itensor_read %a : !pairs -> tensor<2xf32>
        %w = dataflow.itensor_write %u into %c : tensor<2xf32> -> !pairs
        %z = dataflow.itensor_write %v into %w : tensor<2xf32> -> !pairs
        scf.yield %z : !pairs
      }
      dataflow.yield %l : !pairs
    } -> !pairs
    dataflow.yield %t : !pairs
  } -> tensor<8xf32>
  func.return %r : tensor<8xf32>
}

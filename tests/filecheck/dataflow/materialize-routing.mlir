// RUN: streamtensor-opt %s -p materialize-routing | filecheck %s

!a = !dataflow.itensor<1x8xf32, iter_space: [4, 2] * [1, 8], iter_map: (d0, d1) -> (d0, d1)>
!b = !dataflow.itensor<1x8xf32, iter_space: [2] * [8], iter_map: (d0) -> (0, d0)>
!c = !dataflow.itensor<1x8xf32, iter_space: [5, 2] * [1, 8], iter_map: (d0, d1) -> (d0, d1)>

// One range after the other; the range of one row has no loop of its own.
// CHECK-LABEL: func.func private @concat
// CHECK:         ^bb0(%[[A:.*]]: !{{.*}}, %[[B:.*]]: !{{.*}}, %[[O:.*]]: !{{.*}}):
// CHECK-NEXT:      %[[T:.*]] = dataflow.task "concat_1" inits(%[[O]] :
// CHECK:             %[[R:.*]] = scf.for %{{.*}} = %c0{{.*}} to %c4{{.*}} step %c1{{.*}} iter_args(%[[P:.*]] = %{{.*}})
// CHECK-NEXT:          %[[S:.*]] = scf.for %{{.*}} = %c0{{.*}} to %c16{{.*}} step %c8{{.*}} iter_args(%[[Q:.*]] = %[[P]])
// CHECK-NEXT:            %[[V:.*]] = dataflow.itensor_read %[[A]]
// CHECK-NEXT:            %[[W:.*]] = dataflow.itensor_write %[[V]] into %[[Q]]
// CHECK-NEXT:            scf.yield %[[W]]
// CHECK:             %[[X:.*]] = scf.for %{{.*}} = %c0{{.*}} to %c16{{.*}} step %c8{{.*}} iter_args(%[[Y:.*]] = %[[R]])
// CHECK-NEXT:          %[[V:.*]] = dataflow.itensor_read %[[B]]
// CHECK-NEXT:          %[[W:.*]] = dataflow.itensor_write %[[V]] into %[[Y]]
// CHECK:             dataflow.yield %[[X]]
// CHECK:           dataflow.task "concat" {
// CHECK:           dataflow.yield %[[T]]
func.func private @concat(%x: tensor<4x16xf32>, %y: tensor<1x16xf32>) -> tensor<5x16xf32> {
  %e = tensor.empty() : tensor<5x16xf32>
  %r = dataflow.kernel "k" ins(%x, %y : tensor<4x16xf32>, tensor<1x16xf32>) outs(%e : tensor<5x16xf32>) {
  ^bb0(%a: !a, %b: !b, %o: !c):
    %c = dataflow.itensor_concat %a, %b dim 0 into %o : !a, !b -> !c
    dataflow.task "concat" {
      dataflow.yield
    }
    dataflow.yield %c : !c
  } -> tensor<5x16xf32>
  func.return %r : tensor<5x16xf32>
}

// The ranges lie in the inner loop: in each row, the first half goes to one place and the second to another.
!l = !dataflow.itensor<1x8xf32, iter_space: [5] * [1], iter_map: (d0) -> (d0, 0)>
// CHECK-LABEL: func.func private @chunk
// CHECK:         ^bb0(%[[A:.*]]: !{{.*}}, %[[O:.*]]: !{{.*}}, %[[P:.*]]: !{{.*}}):
// CHECK-NEXT:      %[[T:.*]], %[[U:.*]] = dataflow.task "chunk" inits(%[[O]], %[[P]] :
// CHECK:             scf.for %{{.*}} = %c0{{.*}} to %c5{{.*}} step %c1{{.*}} iter_args(%[[Q:.*]] = %{{.*}}, %[[R:.*]] = %{{.*}})
// CHECK-NEXT:          %[[V:.*]] = dataflow.itensor_read %[[A]]
// CHECK-NEXT:          %[[X:.*]] = dataflow.itensor_write %[[V]] into %[[Q]]
// CHECK-NEXT:          %[[W:.*]] = dataflow.itensor_read %[[A]]
// CHECK-NEXT:          %[[Y:.*]] = dataflow.itensor_write %[[W]] into %[[R]]
// CHECK-NEXT:          scf.yield %[[X]], %[[Y]]
func.func private @chunk(%x: tensor<5x16xf32>) -> (tensor<5x8xf32>, tensor<5x8xf32>) {
  %e = tensor.empty() : tensor<5x8xf32>
  %f = tensor.empty() : tensor<5x8xf32>
  %r, %s = dataflow.kernel "k" ins(%x : tensor<5x16xf32>) outs(%e, %f : tensor<5x8xf32>, tensor<5x8xf32>) {
  ^bb0(%a: !c, %o: !l, %p: !l):
    %u, %v = dataflow.itensor_chunk %a dim 1 into %o, %p : !c -> !l, !l
    dataflow.yield %u, %v : !l, !l
  } -> tensor<5x8xf32>, tensor<5x8xf32>
  func.return %r, %s : tensor<5x8xf32>, tensor<5x8xf32>
}

// The streams take turns; what is inside of the loop comes from one of them before the other's turn.
!h = !dataflow.itensor<1x8xf32, iter_space: [2, 2] * [2, 8], iter_map: (d0, d1) -> (d0, d1)>
// CHECK-LABEL: func.func @join
// CHECK:         %[[T:.*]] = dataflow.task "join" inits
// CHECK:           scf.for %{{.*}} = %c0{{.*}} to %c4{{.*}} step %c2{{.*}} iter_args(%[[Q:.*]] = %{{.*}})
// CHECK-NEXT:        %[[S:.*]] = scf.for %{{.*}} = %c0{{.*}} to %c16{{.*}} step %c8{{.*}} iter_args(%[[R:.*]] = %[[Q]])
// CHECK-NEXT:          dataflow.itensor_read %a
// CHECK:             scf.for %{{.*}} = %c0{{.*}} to %c16{{.*}} step %c8{{.*}} iter_args(%[[R:.*]] = %[[S]])
// CHECK-NEXT:          dataflow.itensor_read %b
func.func @join(%x: tensor<3x16xf32>, %y: tensor<3x16xf32>) -> tensor<4x16xf32> {
  %e = tensor.empty() : tensor<4x16xf32>
  %r = dataflow.kernel "k" ins(%x, %y : tensor<3x16xf32>, tensor<3x16xf32>) outs(%e : tensor<4x16xf32>) {
  ^bb0(%a: !h, %b: !h, %o: !a):
    %c = dataflow.itensor_join %a, %b loop 0 into %o : !h, !h -> !a
    dataflow.yield %c : !a
  } -> tensor<4x16xf32>
  func.return %r : tensor<4x16xf32>
}

// A fork is several readers of one itensor; its placeholders go.
// CHECK-LABEL: func.func @fork
// CHECK-NOT:     itensor_empty
// CHECK-NOT:     itensor_fork
// CHECK:         dataflow.task "one" {
// CHECK-NEXT:      dataflow.itensor_read %a
// CHECK:         dataflow.task "two" {
// CHECK-NEXT:      dataflow.itensor_read %a
!whole = !dataflow.itensor<4x16xf32, iter_space: [] * [], iter_map: () -> (0, 0)>
func.func @fork(%x: tensor<4x16xf32>) {
  dataflow.kernel "k" ins(%x : tensor<4x16xf32>) {
  ^bb0(%a: !whole):
    %d = dataflow.itensor_empty : !whole
    %e = dataflow.itensor_empty : !whole
    %f, %g = dataflow.itensor_fork %a into %d, %e : !whole -> !whole, !whole
    dataflow.task "one" {
      %v = dataflow.itensor_read %f : !whole -> tensor<4x16xf32>
      dataflow.yield
    }
    dataflow.task "two" {
      %v = dataflow.itensor_read %g : !whole -> tensor<4x16xf32>
      dataflow.yield
    }
    dataflow.yield
  }
  func.return
}

// A task that reads two copies reads each once: the second is a cast, which becomes a FIFO of its own.
// CHECK-LABEL: func.func @fork_to_one
// CHECK:         %[[C:.*]] = dataflow.itensor_cast %a
// CHECK-NEXT:    dataflow.task "both" {
// CHECK-NEXT:      dataflow.itensor_read %a
// CHECK-NEXT:      dataflow.itensor_read %[[C]]
func.func @fork_to_one(%x: tensor<4x16xf32>) {
  dataflow.kernel "k" ins(%x : tensor<4x16xf32>) {
  ^bb0(%a: !whole):
    %d = dataflow.itensor_empty : !whole
    %e = dataflow.itensor_empty : !whole
    %f, %g = dataflow.itensor_fork %a into %d, %e : !whole -> !whole, !whole
    dataflow.task "both" {
      %v = dataflow.itensor_read %f : !whole -> tensor<4x16xf32>
      %w = dataflow.itensor_read %g : !whole -> tensor<4x16xf32>
      dataflow.yield
    }
    dataflow.yield
  }
  func.return
}

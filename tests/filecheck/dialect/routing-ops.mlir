// RUN: streamtensor-opt %s | filecheck %s

// Ranges of a dimension, of whichever loop moves along it: in `middle` the one in the middle.
!a = !dataflow.itensor<2xf32, iter_space: [4] * [2], iter_map: (d0) -> (d0)>
!b = !dataflow.itensor<2xf32, iter_space: [2] * [2], iter_map: (d0) -> (d0)>
!c = !dataflow.itensor<2xf32, iter_space: [6] * [2], iter_map: (d0) -> (d0)>
!one = !dataflow.itensor<2xf32, iter_space: [] * [], iter_map: () -> (0)>
!turn = !dataflow.itensor<2xf32, iter_space: [2] * [4], iter_map: (d0) -> (d0)>
!middle = !dataflow.itensor<4x2xf32, iter_space: [3, 5, 2] * [1, 2, 4], iter_map: (d0, d1, d2) -> (d2, d1)>
!middle2 = !dataflow.itensor<4x2xf32, iter_space: [3, 4, 2] * [1, 2, 4], iter_map: (d0, d1, d2) -> (d2, d1)>
!middle1 = !dataflow.itensor<4x2xf32, iter_space: [3, 2] * [1, 4], iter_map: (d0, d1) -> (d1, 0)>

// CHECK-LABEL: func.func @routing
// CHECK:         %f, %g = dataflow.itensor_fork %a into %d0, %d1 {kept} : !itensor_[[A:[0-9]+]] -> !itensor_[[A]], !itensor_[[A]]
// CHECK:         %p, %q = dataflow.itensor_chunk %c dim 0 into %d2, %d3 : !itensor_[[C:[0-9]+]] -> !itensor_[[A]], !itensor_[[B:[0-9]+]]
// CHECK:         %r = dataflow.itensor_concat %p, %b, %q dim 0 into %d4 : !itensor_[[A]], !itensor_[[B]], !itensor_[[B]] -> !itensor_{{[0-9]+}}
// CHECK:         %j = dataflow.itensor_join %t, %u loop 0 into %d5 {kept} : !itensor_[[T:[0-9]+]], !itensor_[[T]] -> !itensor_[[A]]
// CHECK:         %k = dataflow.itensor_concat %o dim 0 into %d6 : !itensor_[[O:[0-9]+]] -> !itensor_[[O]]
// CHECK:         %m = dataflow.itensor_concat %x, %y dim 1 into %d7
func.func @routing(%a: !a, %b: !b, %c: !c, %t: !turn, %u: !turn, %o: !one, %x: !middle2, %y: !middle1) {
  %d0 = dataflow.itensor_empty : !a
  %d1 = dataflow.itensor_empty : !a
  %f, %g = dataflow.itensor_fork %a into %d0, %d1 {kept} : !a -> !a, !a
  %d2 = dataflow.itensor_instance "d2" : !a
  %d3 = dataflow.itensor_instance "d3" depth 4 {kept} : !b
  %p, %q = dataflow.itensor_chunk %c dim 0 into %d2, %d3 : !c -> !a, !b
  %d4 = dataflow.itensor_empty : !dataflow.itensor<2xf32, iter_space: [8] * [2], iter_map: (d0) -> (d0)>
  %r = dataflow.itensor_concat %p, %b, %q dim 0 into %d4 : !a, !b, !b -> !dataflow.itensor<2xf32, iter_space: [8] * [2], iter_map: (d0) -> (d0)>
  %d5 = dataflow.itensor_empty : !a
  %j = dataflow.itensor_join %t, %u loop 0 into %d5 {kept} : !turn, !turn -> !a
  %d6 = dataflow.itensor_empty : !one
  %k = dataflow.itensor_concat %o dim 0 into %d6 : !one -> !one
  %d7 = dataflow.itensor_empty : !middle
  %m = dataflow.itensor_concat %x, %y dim 1 into %d7 : !middle2, !middle1 -> !middle
  func.return
}

// An instance has a name, and a depth when it is known.
// CHECK-LABEL: func.func @instances
// CHECK-NEXT:    %d = dataflow.itensor_instance "a_to_b" : !itensor_[[A]]
// CHECK-NEXT:    %e = dataflow.itensor_instance "a_to_c" depth 4 {kept} : !itensor_[[A]]
func.func @instances() {
  %d = dataflow.itensor_instance "a_to_b" : !a
  %e = dataflow.itensor_instance "a_to_c" depth 4 {kept} : !a
  func.return
}

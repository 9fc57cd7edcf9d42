// RUN: streamtensor-opt %s -p convert-empty-to-instance | filecheck %s

!a = !dataflow.itensor<2xf32, iter_space: [] * [], iter_map: () -> (0)>

// An itensor is named after its two tasks; names are unique, also beside instances that are there already.
// What nobody reads stays empty.
// CHECK-LABEL: func.func @names
// CHECK-NEXT:    dataflow.kernel "k" {
// CHECK-NEXT:      %[[OLD:.*]] = dataflow.itensor_instance "a_to_b" depth 4 :
// CHECK-NEXT:      %[[E:.*]] = dataflow.itensor_instance "a_to_b_1" :
// CHECK-NEXT:      %[[F:.*]] = dataflow.itensor_empty
// CHECK-NEXT:      %[[R:.*]], %[[S:.*]], %[[T:.*]] = dataflow.task "a" inits(%[[OLD]], %[[E]], %[[F]] :
// CHECK:           %[[V:.*]] = dataflow.itensor_cast %[[S]]
// CHECK:           dataflow.task "b" {
// CHECK-NEXT:        dataflow.itensor_read %[[R]]
// CHECK-NEXT:        dataflow.itensor_read %[[V]]
func.func @names() {
  dataflow.kernel "k" {
    %old = dataflow.itensor_instance "a_to_b" depth 4 : !a
    %e = dataflow.itensor_empty : !a
    %f = dataflow.itensor_empty : !a
    %r, %s, %t = dataflow.task "a" inits(%old, %e, %f : !a, !a, !a) {
    ^bb0(%o: !a, %p: !a, %q: !a):
      %x = tensor.empty() : tensor<2xf32>
      %w = dataflow.itensor_write %x into %o : tensor<2xf32> -> !a
      %y = dataflow.itensor_write %x into %p : tensor<2xf32> -> !a
      %z = dataflow.itensor_write %x into %q : tensor<2xf32> -> !a
      dataflow.yield %w, %y, %z : !a, !a, !a
    } -> !a, !a, !a
    %v = dataflow.itensor_cast %s : !a -> !a
    dataflow.task "b" {
      %x = dataflow.itensor_read %r : !a -> tensor<2xf32>
      %y = dataflow.itensor_read %v : !a -> tensor<2xf32>
      dataflow.yield
    }
    dataflow.yield
  }
  func.return
}

// RUN: streamtensor-opt %s -p 'size-bounded-streams' | filecheck %s

// Task a writes all of x before y, and task c asks for y first. With a bound of 1 one place in x is enough; with 2 the
// tasks wait for each other, so x gets what it holds then. The largest bound, 3, is not looked at: what the depths came
// from is not this pass's matter.
// CHECK: dataflow.stream "x" depth 2
// CHECK: dataflow.stream "y" depth 2
func.func private @f(%n: index) attributes {dataflow.place = "device"} {
  dataflow.kernel "k" ins(%n : index) {
  ^bb0(%m: index):
    %x = dataflow.stream "x" depth 1 : !dataflow.stream<f32>
    %y = dataflow.stream "y" depth 2 : !dataflow.stream<f32>
    dataflow.task "a" {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %c3 = arith.constant 3 : index
      %t = arith.constant 0.0 : f32
      scf.for %i = %c0 to %m step %c1 {
        dataflow.stream_write %t into %x : f32 -> !dataflow.stream<f32>
      } {dataflow.most = 3 : i64}
      dataflow.stream_write %t into %y : f32 -> !dataflow.stream<f32>
      dataflow.yield
    }
    dataflow.task "c" {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %s = dataflow.stream_read %y : !dataflow.stream<f32> -> f32
      scf.for %i = %c0 to %m step %c1 {
        %v = dataflow.stream_read %x : !dataflow.stream<f32> -> f32
      } {dataflow.most = 3 : i64}
      dataflow.yield
    }
    dataflow.yield
  }
  func.return
}

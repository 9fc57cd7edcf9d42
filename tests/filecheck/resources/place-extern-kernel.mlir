// RUN: streamtensor-opt %s -p 'place-tasks{dies=2}' | filecheck %s

// A hand-written kernel gets a die like a task, and weighs the memory that the user gave: the two with a block each do not
// share a die, and the tasks that move their tokens stand beside them.
!t = !dataflow.itensor<16xf32, iter_space: [4] * [16], iter_map: (d0) -> (d0)>
!s = !dataflow.stream<vector<16xf32>>

// CHECK: dataflow.extern_kernel "first" {{.*}}dataflow.die = [[A:[01]]] : i64
// CHECK: dataflow.task "between"
// CHECK: dataflow.extern_kernel "second"
// CHECK-NOT: dataflow.die = [[A]] : i64
// CHECK-SAME: dataflow.die = {{[01]}} : i64
func.func private @f() attributes {dataflow.place = "device"} {
  dataflow.kernel "k" {
    %i = dataflow.stream "i" depth 2 : !s
    %a = dataflow.stream "a" depth 2 : !s
    %b = dataflow.stream "b" depth 2 : !s
    %o = dataflow.stream "o" depth 2 : !s
    dataflow.extern_kernel "first" ins(%i : !s) outs(%a : !s) {source = "k.cpp", function = "k", ports = [!t, !t], ii = 1 : i64, delay = 0 : i64, width_bits = 512 : i64, resources = {bram = 64 : i64}}
    dataflow.task "between" {
      %x = dataflow.stream_read %a : !s -> vector<16xf32>
      dataflow.stream_write %x into %b : vector<16xf32> -> !s
      dataflow.yield
    }
    dataflow.extern_kernel "second" ins(%b : !s) outs(%o : !s) {source = "k.cpp", function = "k", ports = [!t, !t], ii = 1 : i64, delay = 0 : i64, width_bits = 512 : i64, resources = {bram = 64 : i64}}
    dataflow.yield
  }
  func.return
}

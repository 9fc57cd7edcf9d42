// RUN: streamtensor-opt %s -p 'place-tasks{dies=2}' | filecheck %s
// RUN: streamtensor-opt %s -p 'place-tasks' | filecheck %s --check-prefix ONE

// Two tasks with a wide FIFO between them stay together; the narrow one crosses; the load lies beside the memory.
// CHECK-LABEL: dataflow.kernel "chain"
// CHECK:         dataflow.task "load"
// CHECK:         {dataflow.die = 0 : i64}
// CHECK:         dataflow.task "near"
// CHECK:         {dataflow.die = 0 : i64}
// CHECK:         dataflow.task "far"
// CHECK:         {dataflow.die = 1 : i64}
// ONE-NOT:     dataflow.die
func.func private @chain(%x: memref<4xvector<16xf32>>) attributes {dataflow.place = "device"} {
  dataflow.kernel "chain" ins(%x : memref<4xvector<16xf32>>) {
  ^bb0(%m: memref<4xvector<16xf32>>):
    %a = dataflow.stream "load_to_near" depth 2 : !dataflow.stream<vector<16xf32>>
    %b = dataflow.stream "near_to_far" depth 2 : !dataflow.stream<f32>
    dataflow.task "load" {
      %c0 = arith.constant 0 : index
      %v = memref.load %m[%c0] : memref<4xvector<16xf32>>
      dataflow.stream_write %v into %a : vector<16xf32> -> !dataflow.stream<vector<16xf32>>
      dataflow.yield
    }
    dataflow.task "near" {
      %c0 = arith.constant 0 : index
      %v = dataflow.stream_read %a : !dataflow.stream<vector<16xf32>> -> vector<16xf32>
      %s = arith.constant 1.0 : f32
      dataflow.stream_write %s into %b : f32 -> !dataflow.stream<f32>
      dataflow.yield
    }
    dataflow.task "far" {
      %buffer = memref.alloc() : memref<1024xf32>
      %s = dataflow.stream_read %b : !dataflow.stream<f32> -> f32
      dataflow.yield
    }
    dataflow.yield
  }
  func.return
}

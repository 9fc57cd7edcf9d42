// RUN: streamtensor-opt %s -p 'bound-context-loops' --split-input-file | filecheck %s

// A sum over the rows of a packed cache that count: the load, the converter behind it and the sum end together, and the
// bound reaches the kernel as a number. The converter's own loop over lanes, and the load of x, stay as they are.
// CHECK-LABEL: func.func private @f
// CHECK-SAME:    %position_tiles: index)
// CHECK:         dataflow.kernel "f" ins(%cache, %x, %position_tiles : memref<4x2xvector<4xf32>>, memref<2xf32>, index)
// CHECK:         ^bb0(%{{.*}}: memref<4x2xvector<4xf32>>, %{{.*}}: memref<2xf32>, %[[N:.*]]: index, %{{.*}}: memref<2xf32>):
// CHECK:         dataflow.task "load"
// CHECK:           %[[END:.*]] = arith.muli %[[N]], %c2 : index
// CHECK-NEXT:      scf.for %{{.*}} = %c0 to %[[END]] step %c1
// CHECK:           } {dataflow.most = 4 : i64}
// CHECK:         dataflow.task "converter"
// CHECK:           %[[BOTH:.*]] = arith.muli %[[N]], %{{.*}} : index
// CHECK:           scf.for %{{.*}} = %{{.*}} to %[[BOTH]] step
// CHECK:           } {dataflow.most = 4 : i64}
// CHECK-NEXT:      scf.for %{{.*}} = %{{.*}} to %c2{{.*}} step
// CHECK-NEXT:        scf.for %{{.*}} = %{{.*}} to %[[BOTH]] step
// CHECK:             } {dataflow.most = 4 : i64}
// CHECK-NEXT:      }
// CHECK-NEXT:      dataflow.yield
// CHECK:         dataflow.task "sum"
// CHECK:           scf.for %{{.*}} = %{{.*}} to %c2{{.*}} step
// CHECK:             } {dataflow.most = 2 : i64}
// CHECK-NOT:     dataflow.unbounded
// CHECK:       func.func @main
// CHECK-NEXT:    %[[T:.*]] = dataflow.bound %position tile 4 most 2 : memref<1xi64>
// CHECK:         func.call @f(%{{.*}}, %x, %r, %[[T]])
builtin.module {
  func.func private @f(%cache: memref<4x2xvector<4xf32>>, %x: memref<2xf32>, %r: memref<2xf32> {dataflow.result = "r"})
      attributes {dataflow.place = "device"} {
    dataflow.kernel "f" ins(%cache, %x : memref<4x2xvector<4xf32>>, memref<2xf32>) outs(%r : memref<2xf32>) {
    ^bb0(%c: memref<4x2xvector<4xf32>>, %y: memref<2xf32>, %out: memref<2xf32>):
      %a = dataflow.stream "load_to_converter" depth 2 : !dataflow.stream<vector<4xf32>>
      dataflow.task "load" {
        %c0 = arith.constant 0 : index
        %c1 = arith.constant 1 : index
        %c2 = arith.constant 2 : index
        %c4 = arith.constant 4 : index
        scf.for %i = %c0 to %c4 step %c1 {
          scf.for %j = %c0 to %c2 step %c1 {
            %v = memref.load %c[%i, %j] : memref<4x2xvector<4xf32>>
            dataflow.stream_write %v into %a : vector<4xf32> -> !dataflow.stream<vector<4xf32>>
          }
        }
        dataflow.yield
      }
      %b = dataflow.stream "converter_to_sum" depth 2 : !dataflow.stream<vector<4xf32>>
      dataflow.task "converter" {
        %c0 = arith.constant 0 : index
        %c1 = arith.constant 1 : index
        %c2 = arith.constant 2 : index
        %c4 = arith.constant 4 : index
        %zero = arith.constant 0.0 : f32
        %buffer = memref.alloc() : memref<4x8xf32>
        scf.for %i = %c0 to %c4 step %c1 {
          scf.for %j = %c0 to %c2 step %c1 {
            %v = dataflow.stream_read %a : !dataflow.stream<vector<4xf32>> -> vector<4xf32>
            %place = arith.muli %j, %c4 : index
            %k = arith.constant 0 : index
            %lane = arith.addi %place, %k : index
            memref.store %zero, %buffer[%i, %lane] : memref<4x8xf32>
          }
        }
        scf.for %j = %c0 to %c2 step %c1 {
          scf.for %i = %c0 to %c4 step %c1 {
            %place = arith.muli %j, %c4 : index
            %n = memref.load %buffer[%i, %place] : memref<4x8xf32>
            %v = arith.constant dense<0.0> : vector<4xf32>
            dataflow.stream_write %v into %b : vector<4xf32> -> !dataflow.stream<vector<4xf32>>
          }
        }
        dataflow.yield
      }
      dataflow.task "sum" {
        %c0 = arith.constant 0 : index
        %c1 = arith.constant 1 : index
        %c2 = arith.constant 2 : index
        %c4 = arith.constant 4 : index
        %sum = memref.alloc() : memref<1xf32>
        scf.for %j = %c0 to %c2 step %c1 {
          scf.for %i = %c0 to %c4 step %c2 {
            scf.for %k = %c0 to %c2 step %c1 {
              %v = dataflow.stream_read %b : !dataflow.stream<vector<4xf32>> -> vector<4xf32>
              %old = memref.load %sum[%c0] : memref<1xf32>
              %first = arith.cmpi eq, %i, %c0 : index
              memref.store %old, %sum[%c0] : memref<1xf32>
            }
          }
          %s = memref.load %sum[%c0] : memref<1xf32>
          memref.store %s, %out[%j] : memref<2xf32>
        }
        dataflow.yield
      }
      dataflow.yield
    }
    func.return
  }
  func.func private @pack(%data: memref<8x4xf32>, %0: memref<4x2xvector<4xf32>> {dataflow.result = "output_0"})
      attributes {dataflow.place = "host", dataflow.layout = "pack"} {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c2 = arith.constant 2 : index
    %c4 = arith.constant 4 : index
    %1 = memref.reinterpret_cast %data to offset: [0], sizes: [4, 2, 4], strides: [8, 4, 1] : memref<8x4xf32> to memref<4x2x4xf32, strided<[8, 4, 1]>>
    %2 = tensor_ext.lanes %0 : memref<4x2xvector<4xf32>> -> memref<4x2x4xf32>
    scf.for %i = %c0 to %c4 step %c1 {
      scf.for %j = %c0 to %c2 step %c1 {
        scf.for %k = %c0 to %c4 step %c1 {
          %v = memref.load %1[%i, %j, %k] : memref<4x2x4xf32, strided<[8, 4, 1]>>
          memref.store %v, %2[%i, %j, %k] : memref<4x2x4xf32>
        }
      }
    }
    func.return
  }
  func.func @main(%position: memref<1xi64> {dataflow.name = "position"},
                  %cache: memref<8x4xf32> {dataflow.name = "cache", dataflow.bound = {of = "position", dim = 0 : i64}},
                  %x: memref<2xf32> {dataflow.name = "x"}, %r: memref<2xf32> {dataflow.result = "r"}) {
    %packed = memref.alloc() : memref<4x2xvector<4xf32>>
    func.call @pack(%cache, %packed) : (memref<8x4xf32>, memref<4x2xvector<4xf32>>) -> ()
    func.call @f(%packed, %x, %r) : (memref<4x2xvector<4xf32>>, memref<2xf32>, memref<2xf32>) -> ()
    func.return
  }
}

// -----

// The task behind the load has one loop over all tokens and no loop over the rows: nothing is bounded, and main says why.
// CHECK-LABEL: func.func private @flat
// CHECK-NOT:     dataflow.most
// CHECK:       func.func @main
// CHECK-SAME:    dataflow.unbounded = {position = "task load has a loop over 4 tokens, the task next to it has none"}
// CHECK-NOT:     dataflow.bound %
builtin.module {
  func.func private @flat(%cache: memref<4x2xf32>) attributes {dataflow.place = "device"} {
    dataflow.kernel "flat" ins(%cache : memref<4x2xf32>) {
    ^bb0(%c: memref<4x2xf32>):
      %a = dataflow.stream "load_to_use" depth 2 : !dataflow.stream<f32>
      dataflow.task "load" {
        %c0 = arith.constant 0 : index
        %c1 = arith.constant 1 : index
        %c2 = arith.constant 2 : index
        %c4 = arith.constant 4 : index
        scf.for %j = %c0 to %c2 step %c1 {
          scf.for %i = %c0 to %c4 step %c1 {
            %v = memref.load %c[%i, %j] : memref<4x2xf32>
            dataflow.stream_write %v into %a : f32 -> !dataflow.stream<f32>
          }
        }
        dataflow.yield
      }
      dataflow.task "use" {
        %c0 = arith.constant 0 : index
        %c1 = arith.constant 1 : index
        %c8 = arith.constant 8 : index
        scf.for %i = %c0 to %c8 step %c1 {
          %v = dataflow.stream_read %a : !dataflow.stream<f32> -> f32
        }
        dataflow.yield
      }
      dataflow.yield
    }
    func.return
  }
  func.func @main(%position: memref<1xi64> {dataflow.name = "position"},
                  %cache: memref<4x2xf32> {dataflow.name = "cache", dataflow.bound = {of = "position", dim = 0 : i64}}) {
    func.call @flat(%cache) : (memref<4x2xf32>) -> ()
    func.return
  }
}

// -----

// A copy of rows: the result is not marked, so the caller wants all of them.
// CHECK-LABEL: func.func private @copy
// CHECK-NOT:     dataflow.most
// CHECK:       func.func @main
// CHECK-SAME:    dataflow.unbounded = {position = "the caller reads all that task store writes"}
builtin.module {
  func.func private @copy(%x: memref<4xf32>, %r: memref<4xf32> {dataflow.result = "r"}) attributes {dataflow.place = "device"} {
    dataflow.kernel "copy" ins(%x : memref<4xf32>) outs(%r : memref<4xf32>) {
    ^bb0(%in: memref<4xf32>, %out: memref<4xf32>):
      %a = dataflow.stream "load_to_store" depth 2 : !dataflow.stream<f32>
      dataflow.task "load" {
        %c0 = arith.constant 0 : index
        %c1 = arith.constant 1 : index
        %c4 = arith.constant 4 : index
        scf.for %i = %c0 to %c4 step %c1 {
          %v = memref.load %in[%i] : memref<4xf32>
          dataflow.stream_write %v into %a : f32 -> !dataflow.stream<f32>
        }
        dataflow.yield
      }
      dataflow.task "store" {
        %c0 = arith.constant 0 : index
        %c1 = arith.constant 1 : index
        %c4 = arith.constant 4 : index
        scf.for %i = %c0 to %c4 step %c1 {
          %v = dataflow.stream_read %a : !dataflow.stream<f32> -> f32
          memref.store %v, %out[%i] : memref<4xf32>
        }
        dataflow.yield
      }
      dataflow.yield
    }
    func.return
  }
  func.func @main(%position: memref<1xi64> {dataflow.name = "position"},
                  %x: memref<4xf32> {dataflow.name = "x", dataflow.bound = {of = "position", dim = 0 : i64}},
                  %r: memref<4xf32> {dataflow.result = "r"}) {
    func.call @copy(%x, %r) : (memref<4xf32>, memref<4xf32>) -> ()
    func.return
  }
}

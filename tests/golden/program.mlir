// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A small program: a gather on the host, one block that is called twice with another slice of a weight, and a kernel
// whose converter turns rows into columns, block by block.
func.func private @embed(%ids: memref<1x4xi64>, %table: memref<10x16xf32>, %out: memref<4x16xf32>) attributes {dataflow.place = "host"} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  %c16 = arith.constant 16 : index
  %c10 = arith.constant 10 : i64
  %z = arith.constant 0 : i64
  scf.for %i = %c0 to %c4 step %c1 {
    scf.for %j = %c0 to %c16 step %c1 {
      %id = memref.load %ids[%c0, %i] : memref<1x4xi64>
      %neg = arith.cmpi slt, %id, %z : i64
      %wrapped = arith.addi %id, %c10 : i64
      %ok = arith.select %neg, %wrapped, %id : i64
      %row = arith.index_cast %ok : i64 to index
      %v = memref.load %table[%row, %j] : memref<10x16xf32>
      memref.store %v, %out[%i, %j] : memref<4x16xf32>
    }
  }
  func.return
}
func.func private @block(%x: memref<4x16xf32>, %w: memref<16x48xf32>, %y: memref<4x16xf32>) attributes {dataflow.place = "device"} {
  %w1 = memref.reinterpret_cast %w to offset: [16], sizes: [16, 16], strides: [48, 1] : memref<16x48xf32> to memref<16x16xf32, strided<[48, 1], offset: 16>>
  dataflow.kernel "block_0" ins(%x, %w1 : memref<4x16xf32>, memref<16x16xf32, strided<[48, 1], offset: 16>>) outs(%y : memref<4x16xf32>) {
  ^bb0(%mx: memref<4x16xf32>, %mw: memref<16x16xf32, strided<[48, 1], offset: 16>>, %my: memref<4x16xf32>):
    %s0 = dataflow.stream "x_matmul" depth 2 : !dataflow.stream<vector<1x16xf32>>
    %s1 = dataflow.stream "w_matmul" depth 2 : !dataflow.stream<vector<1x16xf32>>
    %s2 = dataflow.stream "matmul_y" depth 2 : !dataflow.stream<vector<1x16xf32>>
    dataflow.task "load_x" {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %c4 = arith.constant 4 : index
      %pad = arith.constant 0.0 : f32
      scf.for %i = %c0 to %c4 step %c1 {
        %v = vector.transfer_read %mx[%i, %c0], %pad {in_bounds = [true, true]} : memref<4x16xf32>, vector<1x16xf32>
        dataflow.stream_write %v into %s0 : vector<1x16xf32> -> !dataflow.stream<vector<1x16xf32>>
      } {dataflow.pipeline = 1 : i64}
      dataflow.yield
    }
    dataflow.task "load_w" {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %c16 = arith.constant 16 : index
      %pad = arith.constant 0.0 : f32
      scf.for %i = %c0 to %c16 step %c1 {
        %v = vector.transfer_read %mw[%i, %c0], %pad {in_bounds = [true, true]} : memref<16x16xf32, strided<[48, 1], offset: 16>>, vector<1x16xf32>
        dataflow.stream_write %v into %s1 : vector<1x16xf32> -> !dataflow.stream<vector<1x16xf32>>
      } {dataflow.pipeline = 1 : i64}
      dataflow.yield
    }
    dataflow.task "matmul" {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %c4 = arith.constant 4 : index
      %c16 = arith.constant 16 : index
      %pad = arith.constant 0.0 : f32
      %wb = memref.alloc() {dataflow.memory = "bram", dataflow.partition = [1, 16]} : memref<16x16xf32>
      scf.for %i = %c0 to %c16 step %c1 {
        %v = dataflow.stream_read %s1 : !dataflow.stream<vector<1x16xf32>> -> vector<1x16xf32>
        vector.transfer_write %v, %wb[%i, %c0] {in_bounds = [true, true]} : vector<1x16xf32>, memref<16x16xf32>
      } {dataflow.pipeline = 1 : i64}
      %xb = memref.alloc() {dataflow.memory = "registers"} : memref<1x16xf32>
      %yb = memref.alloc() {dataflow.memory = "lutram", dataflow.partition = [1, 16]} : memref<1x16xf32>
      scf.for %i = %c0 to %c4 step %c1 {
        %v = dataflow.stream_read %s0 : !dataflow.stream<vector<1x16xf32>> -> vector<1x16xf32>
        vector.transfer_write %v, %xb[%c0, %c0] {in_bounds = [true, true]} : vector<1x16xf32>, memref<1x16xf32>
        scf.for %k = %c0 to %c16 step %c1 {
          scf.for %j = %c0 to %c16 step %c1 {
            %a = memref.load %xb[%c0, %k] : memref<1x16xf32>
            %b = memref.load %wb[%k, %j] : memref<16x16xf32>
            %first = arith.cmpi eq, %k, %c0 : index
            %old = memref.load %yb[%c0, %j] : memref<1x16xf32>
            %acc = arith.select %first, %pad, %old : f32
            %m = arith.mulf %a, %b : f32
            %s = arith.addf %acc, %m : f32
            memref.store %s, %yb[%c0, %j] : memref<1x16xf32>
          } {dataflow.unroll}
        } {dataflow.pipeline = 4 : i64}
        %r = vector.transfer_read %yb[%c0, %c0], %pad {in_bounds = [true, true]} : memref<1x16xf32>, vector<1x16xf32>
        dataflow.stream_write %r into %s2 : vector<1x16xf32> -> !dataflow.stream<vector<1x16xf32>>
      }
      dataflow.yield
    } {dataflow.loc = "model.py:12 self.c_attn(x)"}
    dataflow.task "store_y" {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %c4 = arith.constant 4 : index
      scf.for %i = %c0 to %c4 step %c1 {
        %v = dataflow.stream_read %s2 : !dataflow.stream<vector<1x16xf32>> -> vector<1x16xf32>
        vector.transfer_write %v, %my[%i, %c0] {in_bounds = [true, true]} : vector<1x16xf32>, memref<4x16xf32>
      } {dataflow.pipeline = 1 : i64}
      dataflow.yield
    }
    dataflow.yield
  }
  func.return
}
func.func private @columns(%x: memref<4x16xf32>, %y: memref<4x16xf32>) attributes {dataflow.place = "device"} {
  dataflow.kernel "columns" ins(%x : memref<4x16xf32>) outs(%y : memref<4x16xf32>) {
  ^bb0(%mx: memref<4x16xf32>, %my: memref<4x16xf32>):
    %s0 = dataflow.stream "rows" depth 2 : !dataflow.stream<vector<1x16xf32>>
    %s1 = dataflow.stream "columns" depth 2 : !dataflow.stream<vector<2x1xf32>>
    %s2 = dataflow.stream "exp" depth 2 : !dataflow.stream<vector<2x1xf32>>
    dataflow.task "load_x" {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %c4 = arith.constant 4 : index
      %pad = arith.constant 0.0 : f32
      scf.for %i = %c0 to %c4 step %c1 {
        %v = vector.transfer_read %mx[%i, %c0], %pad {in_bounds = [true, true]} : memref<4x16xf32>, vector<1x16xf32>
        dataflow.stream_write %v into %s0 : vector<1x16xf32> -> !dataflow.stream<vector<1x16xf32>>
      } {dataflow.pipeline = 1 : i64}
      dataflow.yield
    }
    dataflow.task "convert" {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %c2 = arith.constant 2 : index
      %c4 = arith.constant 4 : index
      %c16 = arith.constant 16 : index
      %pad = arith.constant 0.0 : f32
      scf.for %i = %c0 to %c4 step %c2 {
        %b = memref.alloc() {dataflow.memory = "lutram", dataflow.partition = [2, 16], dataflow.ping_pong} : memref<2x16xf32>
        scf.for %a = %c0 to %c2 step %c1 {
          %v = dataflow.stream_read %s0 : !dataflow.stream<vector<1x16xf32>> -> vector<1x16xf32>
          vector.transfer_write %v, %b[%a, %c0] {in_bounds = [true, true]} : vector<1x16xf32>, memref<2x16xf32>
        } {dataflow.pipeline = 1 : i64}
        scf.for %j = %c0 to %c16 step %c1 {
          %v = vector.transfer_read %b[%c0, %j], %pad {in_bounds = [true, true]} : memref<2x16xf32>, vector<2x1xf32>
          dataflow.stream_write %v into %s1 : vector<2x1xf32> -> !dataflow.stream<vector<2x1xf32>>
        } {dataflow.pipeline = 1 : i64}
      }
      dataflow.yield
    }
    dataflow.task "exp" {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %c2 = arith.constant 2 : index
      %c4 = arith.constant 4 : index
      %c16 = arith.constant 16 : index
      %half = arith.constant dense<0.5> : vector<2x1xf32>
      scf.for %i = %c0 to %c4 step %c2 {
        scf.for %j = %c0 to %c16 step %c1 {
          %v = dataflow.stream_read %s1 : !dataflow.stream<vector<2x1xf32>> -> vector<2x1xf32>
          %h = arith.mulf %v, %half : vector<2x1xf32>
          %e = math.exp %h : vector<2x1xf32>
          dataflow.stream_write %e into %s2 : vector<2x1xf32> -> !dataflow.stream<vector<2x1xf32>>
        } {dataflow.pipeline = 1 : i64}
      }
      dataflow.yield
    } {dataflow.loc = "model.py:20 torch.exp(x / 2)"}
    dataflow.task "store_y" {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %c2 = arith.constant 2 : index
      %c4 = arith.constant 4 : index
      %c16 = arith.constant 16 : index
      scf.for %i = %c0 to %c4 step %c2 {
        scf.for %j = %c0 to %c16 step %c1 {
          %v = dataflow.stream_read %s2 : !dataflow.stream<vector<2x1xf32>> -> vector<2x1xf32>
          vector.transfer_write %v, %my[%i, %j] {in_bounds = [true, true]} : vector<2x1xf32>, memref<4x16xf32>
        } {dataflow.pipeline = 1 : i64}
      }
      dataflow.yield
    }
    dataflow.yield
  }
  func.return
}
func.func @main(%ids: memref<1x4xi64> {dataflow.name = "ids"}, %t: memref<10x16xf32> {dataflow.param = "wte.weight"}, %w: memref<16x48xf32> {dataflow.param = "c_attn.weight"}, %y: memref<4x16xf32> {dataflow.result = "output_0"}) {
  %b0 = memref.alloc() : memref<4x16xf32>
  %b1 = memref.alloc() : memref<4x16xf32>
  %b2 = memref.alloc() : memref<4x16xf32>
  func.call @embed(%ids, %t, %b0) : (memref<1x4xi64>, memref<10x16xf32>, memref<4x16xf32>) -> ()
  func.call @block(%b0, %w, %b1) : (memref<4x16xf32>, memref<16x48xf32>, memref<4x16xf32>) -> ()
  func.call @block(%b1, %w, %b2) : (memref<4x16xf32>, memref<16x48xf32>, memref<4x16xf32>) -> ()
  func.call @columns(%b2, %y) : (memref<4x16xf32>, memref<4x16xf32>) -> ()
  func.return
}

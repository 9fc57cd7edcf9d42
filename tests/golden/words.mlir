// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A product of a slice of a parameter, in packed and widened memory.
builtin.module {
  func.func private @main_0(%x: memref<2x2x1x1xvector<4x4xf32>>, %weight: memref<2x2x1x1xvector<4x4xf32>>, %bias: memref<8xf32>, %0: memref<2x2x1x1xvector<4x4xf32>> {dataflow.result = "output_0"}) attributes {dataflow.place = "device"} {
    %1 = memref.reinterpret_cast %bias to offset: [0], sizes: [2, 4], strides: [4, 1] : memref<8xf32> to memref<2x4xf32>
    %2 = tensor_ext.lanes %1 : memref<2x4xf32> -> memref<2xvector<4xf32>>
    dataflow.kernel "main_0_0" ins(%x, %weight, %2 : memref<2x2x1x1xvector<4x4xf32>>, memref<2x2x1x1xvector<4x4xf32>>, memref<2xvector<4xf32>>) outs(%0 : memref<2x2x1x1xvector<4x4xf32>>) {
    ^bb0(%x_1: memref<2x2x1x1xvector<4x4xf32>>, %weight_1: memref<2x2x1x1xvector<4x4xf32>>, %bias_1: memref<2xvector<4xf32>>, %store_result: memref<2x2x1x1xvector<4x4xf32>>):
      %load_x_to_matmul = dataflow.stream "load_x_to_matmul" depth 2 : !dataflow.stream<vector<4x4xf32>>
      dataflow.task "load_x" {
        %c8 = arith.constant 8 : index
        %c4 = arith.constant 4 : index
        %c0 = arith.constant 0 : index
        scf.for %3 = %c0 to %c8 step %c4 {
          scf.for %4 = %c0 to %c8 step %c4 {
            scf.for %5 = %c0 to %c8 step %c4 {
              %6 = arith.divsi %3, %c4 : index
              %7 = arith.divsi %5, %c4 : index
              %8 = memref.load %x_1[%6, %7, %c0, %c0] : memref<2x2x1x1xvector<4x4xf32>>
              dataflow.stream_write %8 into %load_x_to_matmul : vector<4x4xf32> -> !dataflow.stream<vector<4x4xf32>>
            } {dataflow.pipeline = 1 : i64}
          }
        }
        dataflow.yield
      } {dataflow.die = 0 : i64}
      %load_weight_to_matmul = dataflow.stream "load_weight_to_matmul" depth 2 : !dataflow.stream<vector<4x4xf32>>
      dataflow.task "load_weight" {
        %c8_1 = arith.constant 8 : index
        %c4_1 = arith.constant 4 : index
        %c0_1 = arith.constant 0 : index
        scf.for %9 = %c0_1 to %c8_1 step %c4_1 {
          scf.for %10 = %c0_1 to %c8_1 step %c4_1 {
            scf.for %11 = %c0_1 to %c8_1 step %c4_1 {
              %12 = arith.divsi %11, %c4_1 : index
              %13 = arith.divsi %10, %c4_1 : index
              %14 = memref.load %weight_1[%12, %13, %c0_1, %c0_1] : memref<2x2x1x1xvector<4x4xf32>>
              dataflow.stream_write %14 into %load_weight_to_matmul : vector<4x4xf32> -> !dataflow.stream<vector<4x4xf32>>
            } {dataflow.pipeline = 1 : i64}
          }
        }
        dataflow.yield
      } {dataflow.die = 0 : i64}
      %load_bias_to_add = dataflow.stream "load_bias_to_add" depth 2 : !dataflow.stream<vector<4xf32>>
      dataflow.task "load_bias" {
        %c8_2 = arith.constant 8 : index
        %c4_2 = arith.constant 4 : index
        %c0_2 = arith.constant 0 : index
        scf.for %15 = %c0_2 to %c8_2 step %c4_2 {
          scf.for %16 = %c0_2 to %c8_2 step %c4_2 {
            %17 = arith.divsi %16, %c4_2 : index
            %18 = memref.load %bias_1[%17] : memref<2xvector<4xf32>>
            dataflow.stream_write %18 into %load_bias_to_add : vector<4xf32> -> !dataflow.stream<vector<4xf32>>
          } {dataflow.pipeline = 1 : i64}
        }
        dataflow.yield
      } {dataflow.die = 0 : i64}
      %add_to_store_result = dataflow.stream "add_to_store_result" depth 2 : !dataflow.stream<vector<4x4xf32>>
      %matmul_to_add = dataflow.stream "matmul_to_add" depth 2 : !dataflow.stream<vector<4x4xf32>>
      dataflow.task "matmul" {
        %c1 = arith.constant 1 : index
        %padding = arith.constant 0.000000e+00 : f32
        %c4_3 = arith.constant 4 : index
        %c8_3 = arith.constant 8 : index
        %c0_3 = arith.constant 0 : index
        %buffer = memref.alloc() {dataflow.partition = array<i64: 4, 4>, dataflow.memory = "lutram"} : memref<4x4xf32>
        %buffer_1 = memref.alloc() {dataflow.partition = array<i64: 4, 4>, dataflow.memory = "lutram"} : memref<4x4xf32>
        %buffer_2 = memref.alloc() {dataflow.partition = array<i64: 4, 4>, dataflow.memory = "lutram"} : memref<4x4xf32>
        scf.for %19 = %c0_3 to %c8_3 step %c4_3 {
          scf.for %20 = %c0_3 to %c8_3 step %c4_3 {
            scf.for %21 = %c0_3 to %c8_3 step %c4_3 {
              %22 = dataflow.stream_read %load_x_to_matmul : !dataflow.stream<vector<4x4xf32>> -> vector<4x4xf32>
              vector.transfer_write %22, %buffer_1[%c0_3, %c0_3] {in_bounds = [true, true]} : vector<4x4xf32>, memref<4x4xf32>
              %23 = dataflow.stream_read %load_weight_to_matmul : !dataflow.stream<vector<4x4xf32>> -> vector<4x4xf32>
              vector.transfer_write %23, %buffer_2[%c0_3, %c0_3] {in_bounds = [true, true]} : vector<4x4xf32>, memref<4x4xf32>
              scf.for %24 = %c0_3 to %c4_3 step %c1 {
                scf.for %25 = %c0_3 to %c4_3 step %c1 {
                  scf.for %26 = %c0_3 to %c4_3 step %c1 {
                    %27 = memref.load %buffer_1[%25, %24] : memref<4x4xf32>
                    %28 = memref.load %buffer_2[%24, %26] : memref<4x4xf32>
                    %29 = memref.load %buffer[%25, %26] : memref<4x4xf32>
                    %30 = arith.constant 0.000000e+00 : f32
                    %31 = arith.constant 0 : index
                    %32 = arith.addi %24, %21 : index
                    %33 = arith.cmpi eq, %32, %31 : index
                    %34 = arith.select %33, %30, %29 : f32
                    %35 = arith.mulf %27, %28 : f32
                    %36 = arith.addf %34, %35 : f32
                    memref.store %36, %buffer[%25, %26] : memref<4x4xf32>
                  } {dataflow.unroll}
                } {dataflow.pipeline = 1 : i64}
              }
            }
            %37 = vector.transfer_read %buffer[%c0_3, %c0_3], %padding {in_bounds = [true, true]} : memref<4x4xf32>, vector<4x4xf32>
            dataflow.stream_write %37 into %matmul_to_add : vector<4x4xf32> -> !dataflow.stream<vector<4x4xf32>>
          }
        }
        dataflow.yield
      } {dataflow.die = 1 : i64}
      dataflow.task "add" {
        %c1_1 = arith.constant 1 : index
        %padding_1 = arith.constant 0.000000e+00 : f32
        %c4_4 = arith.constant 4 : index
        %c8_4 = arith.constant 8 : index
        %c0_4 = arith.constant 0 : index
        %buffer_3 = memref.alloc() {dataflow.partition = array<i64: 4, 4>, dataflow.memory = "lutram"} : memref<4x4xf32>
        %buffer_4 = memref.alloc() {dataflow.partition = array<i64: 4, 4>, dataflow.memory = "lutram"} : memref<4x4xf32>
        %buffer_5 = memref.alloc() {dataflow.partition = array<i64: 4>, dataflow.memory = "lutram"} : memref<4xf32>
        scf.for %38 = %c0_4 to %c8_4 step %c4_4 {
          scf.for %39 = %c0_4 to %c8_4 step %c4_4 {
            %40 = dataflow.stream_read %matmul_to_add : !dataflow.stream<vector<4x4xf32>> -> vector<4x4xf32>
            vector.transfer_write %40, %buffer_4[%c0_4, %c0_4] {in_bounds = [true, true]} : vector<4x4xf32>, memref<4x4xf32>
            %41 = dataflow.stream_read %load_bias_to_add : !dataflow.stream<vector<4xf32>> -> vector<4xf32>
            vector.transfer_write %41, %buffer_5[%c0_4] {in_bounds = [true]} : vector<4xf32>, memref<4xf32>
            scf.for %42 = %c0_4 to %c4_4 step %c1_1 {
              scf.for %43 = %c0_4 to %c4_4 step %c1_1 {
                %44 = memref.load %buffer_4[%42, %43] : memref<4x4xf32>
                %45 = memref.load %buffer_5[%43] : memref<4xf32>
                %46 = arith.addf %44, %45 : f32
                memref.store %46, %buffer_3[%42, %43] : memref<4x4xf32>
              } {dataflow.unroll}
            } {dataflow.pipeline = 1 : i64}
            %47 = vector.transfer_read %buffer_3[%c0_4, %c0_4], %padding_1 {in_bounds = [true, true]} : memref<4x4xf32>, vector<4x4xf32>
            dataflow.stream_write %47 into %add_to_store_result : vector<4x4xf32> -> !dataflow.stream<vector<4x4xf32>>
          }
        }
        dataflow.yield
      } {dataflow.die = 0 : i64}
      dataflow.task "store_result" {
        %padding_2 = arith.constant 0.000000e+00 : f32
        %c8_5 = arith.constant 8 : index
        %c4_5 = arith.constant 4 : index
        %c0_5 = arith.constant 0 : index
        scf.for %48 = %c0_5 to %c8_5 step %c4_5 {
          scf.for %49 = %c0_5 to %c8_5 step %c4_5 {
            %50 = arith.divsi %48, %c4_5 : index
            %51 = arith.divsi %49, %c4_5 : index
            %52 = dataflow.stream_read %add_to_store_result : !dataflow.stream<vector<4x4xf32>> -> vector<4x4xf32>
            memref.store %52, %store_result[%50, %51, %c0_5, %c0_5] : memref<2x2x1x1xvector<4x4xf32>>
          } {dataflow.pipeline = 1 : i64}
        }
        dataflow.yield
      } {dataflow.die = 0 : i64}
      dataflow.yield
    }
    func.return
  }
  func.func private @unpack_0(%0: memref<2x2x1x1xvector<4x4xf32>>, %1: memref<8x8xf32> {dataflow.result = "output_0"}) attributes {dataflow.place = "host", dataflow.layout = "unpack"} {
    %c2 = arith.constant 2 : index
    %c1 = arith.constant 1 : index
    %c4 = arith.constant 4 : index
    %c0 = arith.constant 0 : index
    %2 = tensor_ext.lanes %0 : memref<2x2x1x1xvector<4x4xf32>> -> memref<2x2x1x1x4x4xf32>
    %3 = memref.reinterpret_cast %1 to offset: [0], sizes: [2, 2, 4, 4], strides: [32, 4, 8, 1] : memref<8x8xf32> to memref<2x2x4x4xf32, strided<[32, 4, 8, 1]>>
    %4 = memref.reinterpret_cast %3 to offset: [0], sizes: [2, 2, 1, 1, 4, 4], strides: [32, 4, 32, 4, 8, 1] : memref<2x2x4x4xf32, strided<[32, 4, 8, 1]>> to memref<2x2x1x1x4x4xf32, strided<[32, 4, 32, 4, 8, 1]>>
    scf.for %5 = %c0 to %c2 step %c1 {
      scf.for %6 = %c0 to %c2 step %c1 {
        scf.for %7 = %c0 to %c4 step %c1 {
          scf.for %8 = %c0 to %c4 step %c1 {
            %9 = memref.load %2[%5, %6, %c0, %c0, %7, %8] : memref<2x2x1x1x4x4xf32>
            memref.store %9, %4[%5, %6, %c0, %c0, %7, %8] : memref<2x2x1x1x4x4xf32, strided<[32, 4, 32, 4, 8, 1]>>
          }
        }
      }
    }
    func.return
  }
  func.func private @pack_1(%data: memref<8x8xf32>, %0: memref<2x2x1x1xvector<4x4xf32>> {dataflow.result = "output_0"}) attributes {dataflow.place = "host", dataflow.layout = "pack"} {
    %c2 = arith.constant 2 : index
    %c1 = arith.constant 1 : index
    %c4 = arith.constant 4 : index
    %c0 = arith.constant 0 : index
    %1 = memref.reinterpret_cast %data to offset: [0], sizes: [2, 2, 4, 4], strides: [32, 4, 8, 1] : memref<8x8xf32> to memref<2x2x4x4xf32, strided<[32, 4, 8, 1]>>
    %2 = memref.reinterpret_cast %1 to offset: [0], sizes: [2, 2, 1, 1, 4, 4], strides: [32, 4, 32, 4, 8, 1] : memref<2x2x4x4xf32, strided<[32, 4, 8, 1]>> to memref<2x2x1x1x4x4xf32, strided<[32, 4, 32, 4, 8, 1]>>
    %3 = tensor_ext.lanes %0 : memref<2x2x1x1xvector<4x4xf32>> -> memref<2x2x1x1x4x4xf32>
    scf.for %4 = %c0 to %c2 step %c1 {
      scf.for %5 = %c0 to %c2 step %c1 {
        scf.for %6 = %c0 to %c4 step %c1 {
          scf.for %7 = %c0 to %c4 step %c1 {
            %8 = memref.load %2[%4, %5, %c0, %c0, %6, %7] : memref<2x2x1x1x4x4xf32, strided<[32, 4, 32, 4, 8, 1]>>
            memref.store %8, %3[%4, %5, %c0, %c0, %6, %7] : memref<2x2x1x1x4x4xf32>
          }
        }
      }
    }
    func.return
  }
  func.func private @pack_2(%data: memref<8x24xf32>, %0: memref<2x2x1x1xvector<4x4xf32>> {dataflow.result = "output_0"}) attributes {dataflow.place = "host", dataflow.layout = "pack"} {
    %c2 = arith.constant 2 : index
    %c1 = arith.constant 1 : index
    %c4 = arith.constant 4 : index
    %c0 = arith.constant 0 : index
    %1 = memref.reinterpret_cast %data to offset: [8], sizes: [8, 8], strides: [24, 1] : memref<8x24xf32> to memref<8x8xf32, strided<[24, 1], offset: 8>>
    %2 = memref.reinterpret_cast %1 to offset: [8], sizes: [2, 2, 4, 4], strides: [96, 4, 24, 1] : memref<8x8xf32, strided<[24, 1], offset: 8>> to memref<2x2x4x4xf32, strided<[96, 4, 24, 1], offset: 8>>
    %3 = memref.reinterpret_cast %2 to offset: [8], sizes: [2, 2, 1, 1, 4, 4], strides: [96, 4, 96, 4, 24, 1] : memref<2x2x4x4xf32, strided<[96, 4, 24, 1], offset: 8>> to memref<2x2x1x1x4x4xf32, strided<[96, 4, 96, 4, 24, 1], offset: 8>>
    %4 = tensor_ext.lanes %0 : memref<2x2x1x1xvector<4x4xf32>> -> memref<2x2x1x1x4x4xf32>
    scf.for %5 = %c0 to %c2 step %c1 {
      scf.for %6 = %c0 to %c2 step %c1 {
        scf.for %7 = %c0 to %c4 step %c1 {
          scf.for %8 = %c0 to %c4 step %c1 {
            %9 = memref.load %3[%5, %6, %c0, %c0, %7, %8] : memref<2x2x1x1x4x4xf32, strided<[96, 4, 96, 4, 24, 1], offset: 8>>
            memref.store %9, %4[%5, %6, %c0, %c0, %7, %8] : memref<2x2x1x1x4x4xf32>
          }
        }
      }
    }
    func.return
  }
  func.func @main(%x: memref<8x8xf32> {dataflow.name = "x"}, %weight: memref<8x24xf32> {dataflow.param = "weight"}, %bias: memref<8xf32> {dataflow.param = "bias"}, %0: memref<8x8xf32> {dataflow.result = "output"}) {
    %x_packed = memref.alloc() : memref<2x2x1x1xvector<4x4xf32>>
    func.call @pack_1(%x, %x_packed) : (memref<8x8xf32>, memref<2x2x1x1xvector<4x4xf32>>) -> ()
    %weight_packed = memref.alloc() : memref<2x2x1x1xvector<4x4xf32>>
    func.call @pack_2(%weight, %weight_packed) : (memref<8x24xf32>, memref<2x2x1x1xvector<4x4xf32>>) -> ()
    %1 = memref.alloc() : memref<2x2x1x1xvector<4x4xf32>>
    func.call @main_0(%x_packed, %weight_packed, %bias, %1) : (memref<2x2x1x1xvector<4x4xf32>>, memref<2x2x1x1xvector<4x4xf32>>, memref<8xf32>, memref<2x2x1x1xvector<4x4xf32>>) -> ()
    func.call @unpack_0(%1, %0) : (memref<2x2x1x1xvector<4x4xf32>>, memref<8x8xf32>) -> ()
    func.return
  }
}

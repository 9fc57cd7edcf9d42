// RUN: streamtensor-opt %s -p repeat-layers | filecheck %s

// Three layers of y = x * w + b, with w packed and n as one more result of each layer. Every task loops over the layers;
// the DMA of x is one for the first layer and reads the feedback FIFO after that, the DMA of y writes it before.
// CHECK-LABEL: func.func private @layer
// CHECK-SAME:    %x: memref<2x4xf32>, %w: memref<3x2x1x1x4xf32>, %b: memref<3x4x2xf32>, %y: memref<2x4xf32> {{.*}}, %n: memref<3x8xf32>
// CHECK:         memref.reinterpret_cast %w to offset: [0], sizes: [3, 2, 4], strides: [8, 4, 1]
// CHECK-NEXT:    tensor_ext.lanes %{{.*}} : memref<3x2x4xf32> -> memref<3x2xvector<4xf32>>
// CHECK:         ^bb0(%xi: memref<8xf32>, %wi: memref<3x2xvector<4xf32>>, %bi: memref<3x4x2xf32>, %no: memref<3x8xf32>, %yo: memref<2x4xf32>):
// CHECK-NEXT:      %[[BACK:.*]] = dataflow.stream "store_y_to_load_x" depth 8 {dataflow.feedback} : !dataflow.stream<f32>
// CHECK:         dataflow.task "load_x"
// CHECK:           scf.for
// CHECK-NEXT:        memref.load %xi
// CHECK-NEXT:        dataflow.stream_write
// CHECK-NEXT:      } {dataflow.pipeline = 1 : i64, dataflow.depth = 1 : i64}
// CHECK-NEXT:      scf.for %layer = %c0 to %c2 step %c1
// CHECK-NEXT:        scf.for
// CHECK-NEXT:          %[[V:.*]] = dataflow.stream_read %[[BACK]]
// CHECK-NEXT:          dataflow.stream_write %[[V]] into %x_to_f
// CHECK-NEXT:        } {dataflow.pipeline = 1 : i64, dataflow.depth = 1 : i64}
// CHECK-NEXT:      }
// CHECK:         dataflow.task "load_w"
// CHECK:           scf.for %[[L:.*]] = %{{.*}} to %c3{{.*}} step
// CHECK-NEXT:        scf.for %[[I:.*]] =
// CHECK-NEXT:          memref.load %wi[%[[L]], %[[I]]] : memref<3x2xvector<4xf32>>
// CHECK:         dataflow.task "f"
// CHECK:           memref.alloc() : memref<4xf32>
// CHECK-NEXT:      scf.for %[[L:.*]] = %{{.*}} to %c3{{.*}} step
// CHECK:             memref.load %bi[%[[L]], %{{.*}}, %{{.*}}] : memref<3x4x2xf32>
// CHECK:         dataflow.task "store_n"
// CHECK:           vector.transfer_write %{{.*}}, %no[%layer{{.*}}, %{{.*}}] {in_bounds = [true]}
// CHECK:         dataflow.task "store_y"
// CHECK:           scf.for %layer{{.*}} = %{{.*}} to %c2{{.*}} step
// CHECK-NEXT:        scf.for
// CHECK-NEXT:          scf.for
// CHECK-NEXT:            %[[Y:.*]] = dataflow.stream_read
// CHECK-NEXT:            dataflow.stream_write %[[Y]] into %[[BACK]]
// CHECK:           scf.for
// CHECK:             memref.store %{{.*}}, %yo
// CHECK-LABEL: func.func @main
// CHECK:         %[[W:.*]] = memref.alloc() : memref<3x2x1x1x4xf32>
// CHECK-NEXT:    %[[W0:.*]] = dataflow.part %[[W]][0] : memref<3x2x1x1x4xf32>
// CHECK-NEXT:    %[[W1:.*]] = dataflow.part %[[W]][1] : memref<3x2x1x1x4xf32>
// CHECK-NEXT:    %[[W2:.*]] = dataflow.part %[[W]][2] : memref<3x2x1x1x4xf32>
// CHECK:         %[[B:.*]] = memref.alloc() : memref<3x4x2xf32>
// CHECK:         %[[N:.*]] = memref.alloc() : memref<3x8xf32>
// CHECK:         func.call @pack_0(%w0, %[[W0]])
// CHECK:         func.call @pack_0(%w1, %[[W1]])
// CHECK:         func.call @pack_0(%w2, %[[W2]])
// CHECK:         "memref.copy"(%b0, %{{.*}})
// CHECK:         func.call @layer(%x0, %[[W]], %[[B]], %y, %[[N]])
// CHECK-NEXT:    "memref.copy"(%{{.*}}, %n0)
// CHECK-NEXT:    "memref.copy"(%{{.*}}, %n1)
// CHECK-NEXT:    "memref.copy"(%{{.*}}, %n2)
// CHECK-NEXT:    func.return
builtin.module {
  func.func private @layer(%x: memref<2x4xf32>, %w: memref<2x1x1x4xf32>, %b: memref<4x2xf32>, %y: memref<2x4xf32> {dataflow.result = "y"}, %n: memref<8xf32> {dataflow.result = "n"})
      attributes {dataflow.place = "device"} {
    %xv = memref.reinterpret_cast %x to offset: [0], sizes: [8], strides: [1] : memref<2x4xf32> to memref<8xf32>
    %ww = memref.reinterpret_cast %w to offset: [0], sizes: [2, 4], strides: [4, 1] : memref<2x1x1x4xf32> to memref<2x4xf32>
    %wl = tensor_ext.lanes %ww : memref<2x4xf32> -> memref<2xvector<4xf32>>
    dataflow.kernel "layer_0" ins(%xv, %wl, %b : memref<8xf32>, memref<2xvector<4xf32>>, memref<4x2xf32>) outs(%n, %y : memref<8xf32>, memref<2x4xf32>) {
    ^bb0(%xi: memref<8xf32>, %wi: memref<2xvector<4xf32>>, %bi: memref<4x2xf32>, %no: memref<8xf32>, %yo: memref<2x4xf32>):
      %x_to_f = dataflow.stream "x_to_f" depth 2 : !dataflow.stream<f32>
      dataflow.task "load_x" {
        %c0 = arith.constant 0 : index
        %c1 = arith.constant 1 : index
        %c8 = arith.constant 8 : index
        scf.for %i = %c0 to %c8 step %c1 {
          %v = memref.load %xi[%i] : memref<8xf32>
          dataflow.stream_write %v into %x_to_f : f32 -> !dataflow.stream<f32>
        } {dataflow.pipeline = 1 : i64, dataflow.depth = 1 : i64}
        dataflow.yield
      }
      %w_to_f = dataflow.stream "w_to_f" depth 2 : !dataflow.stream<vector<4xf32>>
      dataflow.task "load_w" {
        %c0 = arith.constant 0 : index
        %c1 = arith.constant 1 : index
        %c2 = arith.constant 2 : index
        scf.for %i = %c0 to %c2 step %c1 {
          %v = memref.load %wi[%i] : memref<2xvector<4xf32>>
          dataflow.stream_write %v into %w_to_f : vector<4xf32> -> !dataflow.stream<vector<4xf32>>
        } {dataflow.pipeline = 1 : i64, dataflow.depth = 1 : i64}
        dataflow.yield
      }
      %f_to_y = dataflow.stream "f_to_y" depth 2 : !dataflow.stream<f32>
      %f_to_n = dataflow.stream "f_to_n" depth 2 : !dataflow.stream<vector<4xf32>>
      dataflow.task "f" {
        %c0 = arith.constant 0 : index
        %c1 = arith.constant 1 : index
        %c2 = arith.constant 2 : index
        %c4 = arith.constant 4 : index
        %zero = arith.constant 0.0 : f32
        %buffer = memref.alloc() : memref<4xf32>
        scf.for %i = %c0 to %c2 step %c1 {
          %v = dataflow.stream_read %w_to_f : !dataflow.stream<vector<4xf32>> -> vector<4xf32>
          vector.transfer_write %v, %buffer[%c0] {in_bounds = [true]} : vector<4xf32>, memref<4xf32>
          dataflow.stream_write %v into %f_to_n : vector<4xf32> -> !dataflow.stream<vector<4xf32>>
          scf.for %j = %c0 to %c4 step %c1 {
            %a = dataflow.stream_read %x_to_f : !dataflow.stream<f32> -> f32
            %bv = memref.load %bi[%j, %i] : memref<4x2xf32>
            %wj = memref.load %buffer[%j] : memref<4xf32>
            %p = arith.mulf %a, %wj : f32
            %s = arith.addf %p, %bv : f32
            dataflow.stream_write %s into %f_to_y : f32 -> !dataflow.stream<f32>
          }
        }
        dataflow.yield
      }
      dataflow.task "store_n" {
        %c0 = arith.constant 0 : index
        %c1 = arith.constant 1 : index
        %c4 = arith.constant 4 : index
        %c8 = arith.constant 8 : index
        scf.for %i = %c0 to %c8 step %c4 {
          %v = dataflow.stream_read %f_to_n : !dataflow.stream<vector<4xf32>> -> vector<4xf32>
          vector.transfer_write %v, %no[%i] {in_bounds = [true]} : vector<4xf32>, memref<8xf32>
        } {dataflow.pipeline = 1 : i64, dataflow.depth = 1 : i64}
        dataflow.yield
      }
      dataflow.task "store_y" {
        %c0 = arith.constant 0 : index
        %c1 = arith.constant 1 : index
        %c2 = arith.constant 2 : index
        %c4 = arith.constant 4 : index
        scf.for %i = %c0 to %c2 step %c1 {
          scf.for %j = %c0 to %c4 step %c1 {
            %v = dataflow.stream_read %f_to_y : !dataflow.stream<f32> -> f32
            memref.store %v, %yo[%i, %j] : memref<2x4xf32>
          } {dataflow.pipeline = 1 : i64, dataflow.depth = 1 : i64}
        }
        dataflow.yield
      }
      dataflow.yield
    }
    func.return
  }
  func.func private @pack_0(%data: memref<2x4xf32>, %packed: memref<2x1x1x4xf32> {dataflow.result = "packed"}) attributes {dataflow.place = "host", dataflow.layout = "pack"} {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c2 = arith.constant 2 : index
    %c4 = arith.constant 4 : index
    %tiles = memref.reinterpret_cast %data to offset: [0], sizes: [2, 1, 1, 4], strides: [4, 4, 4, 1] : memref<2x4xf32> to memref<2x1x1x4xf32>
    scf.for %i = %c0 to %c2 step %c1 {
      scf.for %j = %c0 to %c4 step %c1 {
        %v = memref.load %tiles[%i, %c0, %c0, %j] : memref<2x1x1x4xf32>
        memref.store %v, %packed[%i, %c0, %c0, %j] : memref<2x1x1x4xf32>
      }
    }
    func.return
  }
  func.func @main(%x0: memref<2x4xf32> {dataflow.name = "x"}, %w0: memref<2x4xf32> {dataflow.param = "0.w"}, %b0: memref<4x2xf32> {dataflow.param = "0.b"}, %w1: memref<2x4xf32> {dataflow.param = "1.w"}, %b1: memref<4x2xf32> {dataflow.param = "1.b"}, %w2: memref<2x4xf32> {dataflow.param = "2.w"}, %b2: memref<4x2xf32> {dataflow.param = "2.b"}, %y: memref<2x4xf32> {dataflow.result = "y"}, %n0: memref<8xf32> {dataflow.result = "n_0"}, %n1: memref<8xf32> {dataflow.result = "n_1"}, %n2: memref<8xf32> {dataflow.result = "n_2"}) {
    %p0 = memref.alloc() : memref<2x1x1x4xf32>
    func.call @pack_0(%w0, %p0) : (memref<2x4xf32>, memref<2x1x1x4xf32>) -> ()
    %x1 = memref.alloc() : memref<2x4xf32>
    func.call @layer(%x0, %p0, %b0, %x1, %n0) : (memref<2x4xf32>, memref<2x1x1x4xf32>, memref<4x2xf32>, memref<2x4xf32>, memref<8xf32>) -> ()
    %p1 = memref.alloc() : memref<2x1x1x4xf32>
    func.call @pack_0(%w1, %p1) : (memref<2x4xf32>, memref<2x1x1x4xf32>) -> ()
    %x2 = memref.alloc() : memref<2x4xf32>
    func.call @layer(%x1, %p1, %b1, %x2, %n1) : (memref<2x4xf32>, memref<2x1x1x4xf32>, memref<4x2xf32>, memref<2x4xf32>, memref<8xf32>) -> ()
    %p2 = memref.alloc() : memref<2x1x1x4xf32>
    func.call @pack_0(%w2, %p2) : (memref<2x4xf32>, memref<2x1x1x4xf32>) -> ()
    func.call @layer(%x2, %p2, %b2, %y, %n2) : (memref<2x4xf32>, memref<2x1x1x4xf32>, memref<4x2xf32>, memref<2x4xf32>, memref<8xf32>) -> ()
    func.return
  }
}

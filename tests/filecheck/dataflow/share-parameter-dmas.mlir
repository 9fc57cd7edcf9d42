// RUN: streamtensor-opt %s -p 'fuse-linalg-fill,apply-tiling,convert-linalg-to-kernel,fuse-kernels,materialize-converters,materialize-kernels,ensure-itensor-single-use,convert-empty-to-instance,share-parameter-dmas{bytes=65}' | filecheck %s
// RUN: streamtensor-opt %s -p 'fuse-linalg-fill,apply-tiling,convert-linalg-to-kernel,fuse-kernels,materialize-converters,materialize-kernels,ensure-itensor-single-use,convert-empty-to-instance,share-parameter-dmas{bytes=32}' | filecheck %s --check-prefix OFF
// RUN: streamtensor-opt %s -p 'fuse-linalg-fill,apply-tiling,convert-linalg-to-kernel,fuse-kernels,materialize-converters,materialize-kernels,ensure-itensor-single-use,convert-empty-to-instance,share-parameter-dmas' | filecheck %s --check-prefix OFF

#id = affine_map<(d0, d1) -> (d0, d1)>
#row = affine_map<(d0, d1) -> (d1)>
#none = affine_map<(d0, d1) -> ()>
#scalar = affine_map<(d0) -> ()>
#one = affine_map<(d0) -> (d0)>

// %v and %w are loaded again for each row, and take turns with a row of %m, in the order of their readers. They belong to
// the first phase, and so do not share a task with %p and %q, which the last kernel wants: it has to wait for all of the
// sum. %x is no parameter.
// CHECK-LABEL: func.func private @main_0
// CHECK:         ^bb0(%[[X:.*]]: tensor<2x8xf32>, %[[V:.*]]: tensor<8xf32>, %[[M:.*]]: tensor<2x8xf32>, %[[W:.*]]: tensor<8xf32>, %[[P:.*]]: tensor<8xf32>, %[[Q:.*]]: tensor<8xf32>, %{{.*}}: tensor<8xf32>):
// CHECK:           dataflow.task "load_x"
// CHECK:           %[[FV:.*]] = dataflow.itensor_instance "load_v_to_mul"
// CHECK-NEXT:      %[[FM:.*]] = dataflow.itensor_instance "load_m_to_add"
// CHECK-NEXT:      %[[FW:.*]] = dataflow.itensor_instance "load_w_to_sub"
// CHECK-NEXT:      %[[LV:.*]], %[[LM:.*]], %[[LW:.*]] = dataflow.task "load_parameters_1" inits(%[[FV]], %[[FM]], %[[FW]] :
// CHECK:             scf.for %[[ROW:.*]] = %{{.*}} to %c2{{.*}} step %c1
// CHECK-NEXT:          scf.for %[[I:.*]] = %{{.*}} to %c8{{.*}} step %c4
// CHECK-NEXT:            tensor.extract_slice %[[V]][%[[I]]]
// CHECK:               scf.for %[[I:.*]] = %{{.*}} to %c8{{.*}} step %c4
// CHECK-NEXT:            tensor.extract_slice %[[M]][%[[ROW]], %[[I]]]
// CHECK:               scf.for %[[I:.*]] = %{{.*}} to %c8{{.*}} step %c4
// CHECK-NEXT:            tensor.extract_slice %[[W]][%[[I]]]
// CHECK:             dataflow.yield
// CHECK:           %[[FP:.*]] = dataflow.itensor_instance "load_p_to_mul_add"
// CHECK-NEXT:      %[[FQ:.*]] = dataflow.itensor_instance "load_q_to_mul_add"
// CHECK-NEXT:      %[[LP:.*]], %[[LQ:.*]] = dataflow.task "load_parameters" inits(%[[FP]], %[[FQ]] :
// CHECK:             %[[ONE:.*]] = scf.for %[[I:.*]] = %{{.*}} to %c8{{.*}} step %c4
// CHECK-NEXT:          tensor.extract_slice %[[P]][%[[I]]]
// CHECK:             %[[TWO:.*]] = scf.for %[[I:.*]] = %{{.*}} to %c8{{.*}} step %c4
// CHECK-NEXT:          tensor.extract_slice %[[Q]][%[[I]]]
// CHECK:             dataflow.yield %[[ONE]], %[[TWO]]
// CHECK-NOT:       dataflow.task "load
// CHECK:           dataflow.itensor_read %[[LV]]
// CHECK:           dataflow.itensor_read %[[LM]]
// CHECK:           dataflow.itensor_read %[[LW]]
// CHECK:           dataflow.itensor_read %[[LP]]
// CHECK-NEXT:      dataflow.itensor_read %[[LQ]]
// OFF-LABEL:   func.func private @main_0
// OFF:           dataflow.task "load_v"
// OFF:           dataflow.task "load_m"
// OFF:           dataflow.task "load_w"
// OFF:           dataflow.task "load_p"
// OFF:           dataflow.task "load_q"
func.func private @main_0(%x: tensor<2x8xf32>, %p: tensor<8xf32>, %q: tensor<8xf32>, %v: tensor<8xf32>, %m: tensor<2x8xf32>, %w: tensor<8xf32>) -> tensor<8xf32> attributes {dataflow.place = "device"} {
  %e = tensor.empty() : tensor<2x8xf32>
  %a = linalg.generic {indexing_maps = [#id, #row, #id], iterator_types = ["parallel", "parallel"]} ins(%x, %v : tensor<2x8xf32>, tensor<8xf32>) outs(%e : tensor<2x8xf32>) attrs = {dataflow.tile = array<i64: 1, 4>, dataflow.order = array<i64: 0, 1>} {
  ^bb0(%u: f32, %s: f32, %out: f32):
    %t = arith.mulf %u, %s : f32
    linalg.yield %t : f32
  } -> tensor<2x8xf32>
  %b = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel", "parallel"]} ins(%a, %m : tensor<2x8xf32>, tensor<2x8xf32>) outs(%e : tensor<2x8xf32>) attrs = {dataflow.tile = array<i64: 1, 4>, dataflow.order = array<i64: 0, 1>} {
  ^bb0(%u: f32, %s: f32, %out: f32):
    %t = arith.addf %u, %s : f32
    linalg.yield %t : f32
  } -> tensor<2x8xf32>
  %c = linalg.generic {indexing_maps = [#id, #row, #id], iterator_types = ["parallel", "parallel"]} ins(%b, %w : tensor<2x8xf32>, tensor<8xf32>) outs(%e : tensor<2x8xf32>) attrs = {dataflow.tile = array<i64: 1, 4>, dataflow.order = array<i64: 0, 1>} {
  ^bb0(%u: f32, %s: f32, %out: f32):
    %t = arith.subf %u, %s : f32
    linalg.yield %t : f32
  } -> tensor<2x8xf32>
  %f = tensor.empty() : tensor<f32>
  %z = arith.constant 0.0 : f32
  %n = linalg.fill ins(%z : f32) outs(%f : tensor<f32>) -> tensor<f32>
  %d = linalg.generic {indexing_maps = [#id, #none], iterator_types = ["reduction", "reduction"]} ins(%c : tensor<2x8xf32>) outs(%n : tensor<f32>) attrs = {dataflow.tile = array<i64: 1, 4>, dataflow.order = array<i64: 0, 1>} {
  ^bb0(%u: f32, %out: f32):
    %t = arith.addf %u, %out : f32
    linalg.yield %t : f32
  } -> tensor<f32>
  %h = tensor.empty() : tensor<8xf32>
  %g = linalg.generic {indexing_maps = [#scalar, #one, #one, #one], iterator_types = ["parallel"]} ins(%d, %p, %q : tensor<f32>, tensor<8xf32>, tensor<8xf32>) outs(%h : tensor<8xf32>) attrs = {dataflow.tile = array<i64: 4>, dataflow.order = array<i64: 0>} {
  ^bb0(%u: f32, %s: f32, %o: f32, %out: f32):
    %t = arith.mulf %u, %s : f32
    %l = arith.addf %t, %o : f32
    linalg.yield %l : f32
  } -> tensor<8xf32>
  func.return %g : tensor<8xf32>
}

func.func @main(%x: tensor<2x8xf32> {dataflow.name = "x"}, %p: tensor<8xf32> {dataflow.param = "p"}, %q: tensor<8xf32> {dataflow.param = "q"}, %v: tensor<8xf32> {dataflow.param = "v"}, %m: tensor<2x8xf32> {dataflow.param = "m"}, %w: tensor<8xf32> {dataflow.param = "w"}) -> tensor<8xf32> {
  %r = func.call @main_0(%x, %p, %q, %v, %m, %w) : (tensor<2x8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<2x8xf32>, tensor<8xf32>) -> tensor<8xf32>
  func.return %r : tensor<8xf32>
}

// RUN: streamtensor-opt %s -p default-tiling{tile=2},apply-tiling,convert-linalg-to-kernel,fuse-kernels,fold-itensors{share=100} | filecheck %s --check-prefix EQUAL
// RUN: streamtensor-opt %s -p default-tiling{tile=2},apply-tiling,convert-linalg-to-kernel,fuse-kernels,fold-itensors{share=130} | filecheck %s
// RUN: streamtensor-opt %s -p 'default-tiling{tile=2},apply-tiling,convert-linalg-to-kernel,fuse-kernels,fold-itensors{share=130 products_apart=true}' | filecheck %s --check-prefix APART

#a = affine_map<(d0, d1, d2) -> (d0, d2)>
#b = affine_map<(d0, d1, d2) -> (d2, d1)>
#c = affine_map<(d0, d1, d2) -> (d0, d1)>
#id = affine_map<(d0, d1) -> (d0, d1)>
#col = affine_map<(d0, d1) -> (d1)>
#row = affine_map<(d0, d1) -> (d0)>

// A bias behind a product: added where the product would be written. The product's reduction stays a loop inside.
// Without room for a larger task than the product, the addition stays a task.
// With products apart it stays one even where there is room.
// APART-LABEL: func.func private @bias
// APART:         dataflow.task "matmul"
// APART:         dataflow.task "add"
// EQUAL-LABEL: func.func private @bias
// EQUAL:         dataflow.task "matmul"
// EQUAL:         dataflow.task "add"
// CHECK-LABEL: func.func private @bias
// CHECK:         %[[T:.*]] = dataflow.task "matmul" inits(%[[OUT:.*]] : !itensor_{{.*}}) {
// CHECK:           scf.for
// CHECK:             scf.for
// CHECK:               %[[SUM:.*]] = scf.for
// CHECK:               }
// CHECK-NOT:           dataflow.itensor_write
// CHECK:               %[[BIAS:.*]] = dataflow.itensor_read %bias
// CHECK:               %[[ADD:.*]] = linalg.generic {{.*}} ins(%[[SUM]], %[[BIAS]] :
// CHECK:               dataflow.itensor_write %[[ADD]]
// CHECK-NOT:     dataflow.task
func.func private @bias(%x: tensor<4x4xf32>, %w: tensor<4x4xf32>, %bias: tensor<4xf32>) -> tensor<4x4xf32> attributes {dataflow.place = "device"} {
  %e = tensor.empty() : tensor<4x4xf32>
  %p = linalg.generic {indexing_maps = [#a, #b, #c], iterator_types = ["parallel", "parallel", "reduction"]} ins(%x, %w : tensor<4x4xf32>, tensor<4x4xf32>) outs(%e : tensor<4x4xf32>) {
  ^bb0(%u: f32, %v: f32, %out: f32):
    %m = arith.mulf %u, %v : f32
    %s = arith.addf %out, %m : f32
    linalg.yield %s : f32
  } -> tensor<4x4xf32>
  %r = linalg.generic {indexing_maps = [#id, #col, #id], iterator_types = ["parallel", "parallel"]} ins(%p, %bias : tensor<4x4xf32>, tensor<4xf32>) outs(%e : tensor<4x4xf32>) {
  ^bb0(%u: f32, %v: f32, %out: f32):
    %s = arith.addf %u, %v : f32
    linalg.yield %s : f32
  } -> tensor<4x4xf32>
  func.return %r : tensor<4x4xf32>
}

// A row sum that takes what an elementwise operation makes: the elementwise one stands where the sum would read.
// The product stays alone: with one of them it would be the largest task, larger than before.
// CHECK-LABEL: func.func private @before_a_sum
// EQUAL-LABEL: func.func private @before_a_sum
// EQUAL:         %[[P:.*]] = dataflow.task "matmul"
// EQUAL:         dataflow.task "sum"
// EQUAL:           scf.for
// EQUAL:             scf.for
// EQUAL:               %[[U:.*]] = dataflow.itensor_read %[[P]]
// EQUAL:               %[[E:.*]] = linalg.generic {{.*}} ins(%[[U]] :
// EQUAL:               linalg.generic {{.*}} ins(%[[E]] :
// EQUAL-NOT:     dataflow.task "exp"
func.func private @before_a_sum(%x: tensor<4x4xf32>, %w: tensor<4x4xf32>) -> (tensor<4xf32>, tensor<4x4xf32>) attributes {dataflow.place = "device"} {
  %e = tensor.empty() : tensor<4x4xf32>
  %f = tensor.empty() : tensor<4xf32>
  %p = linalg.generic {indexing_maps = [#a, #b, #c], iterator_types = ["parallel", "parallel", "reduction"]} ins(%x, %w : tensor<4x4xf32>, tensor<4x4xf32>) outs(%e : tensor<4x4xf32>) {
  ^bb0(%u: f32, %v: f32, %out: f32):
    %m = arith.mulf %u, %v : f32
    %s = arith.addf %out, %m : f32
    linalg.yield %s : f32
  } -> tensor<4x4xf32>
  %t = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%p : tensor<4x4xf32>) outs(%e : tensor<4x4xf32>) {
  ^bb0(%u: f32, %out: f32):
    %s = math.exp %u : f32
    linalg.yield %s : f32
  } -> tensor<4x4xf32>
  %r = linalg.generic {indexing_maps = [#id, #row], iterator_types = ["parallel", "reduction"]} ins(%t : tensor<4x4xf32>) outs(%f : tensor<4xf32>) {
  ^bb0(%u: f32, %out: f32):
    %s = arith.addf %u, %out : f32
    linalg.yield %s : f32
  } -> tensor<4xf32>
  func.return %r, %p : tensor<4xf32>, tensor<4x4xf32>
}

// Tokens reach the last task directly and through the sum: merged with the first it would wait for itself.
// CHECK-LABEL: func.func private @two_ways
// CHECK:         dataflow.task "matmul"
// CHECK:         dataflow.task "sum"
// CHECK:         dataflow.task "div"
func.func private @two_ways(%x: tensor<4x4xf32>, %w: tensor<4x4xf32>) -> tensor<4x4xf32> attributes {dataflow.place = "device"} {
  %e = tensor.empty() : tensor<4x4xf32>
  %f = tensor.empty() : tensor<4xf32>
  %p = linalg.generic {indexing_maps = [#a, #b, #c], iterator_types = ["parallel", "parallel", "reduction"]} ins(%x, %w : tensor<4x4xf32>, tensor<4x4xf32>) outs(%e : tensor<4x4xf32>) {
  ^bb0(%u: f32, %v: f32, %out: f32):
    %m = arith.mulf %u, %v : f32
    %s = arith.addf %out, %m : f32
    linalg.yield %s : f32
  } -> tensor<4x4xf32>
  %r = linalg.generic {indexing_maps = [#id, #row], iterator_types = ["parallel", "reduction"]} ins(%p : tensor<4x4xf32>) outs(%f : tensor<4xf32>) {
  ^bb0(%u: f32, %out: f32):
    %s = arith.addf %u, %out : f32
    linalg.yield %s : f32
  } -> tensor<4xf32>
  %d = linalg.generic {indexing_maps = [#id, #row, #id], iterator_types = ["parallel", "parallel"]} ins(%p, %r : tensor<4x4xf32>, tensor<4xf32>) outs(%e : tensor<4x4xf32>) {
  ^bb0(%u: f32, %v: f32, %out: f32):
    %s = arith.divf %u, %v : f32
    linalg.yield %s : f32
  } -> tensor<4x4xf32>
  func.return %d : tensor<4x4xf32>
}

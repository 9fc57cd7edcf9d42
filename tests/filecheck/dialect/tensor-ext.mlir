// RUN: streamtensor-opt %s | filecheck %s

// CHECK-LABEL: func.func @layouts
// CHECK-NEXT:    %{{.*}} = tensor_ext.pack %x : tensor<64x64xi8> -> tensor<4x4x16x16xi8>
// CHECK-NEXT:    %{{.*}} = tensor_ext.widen %{{.*}} : tensor<4x4x16x16xi8> -> tensor<4x4x2x2xvector<8x8xi8>>
// CHECK-NEXT:    %{{.*}} = tensor_ext.unwiden %{{.*}} : tensor<4x4x2x2xvector<8x8xi8>> -> tensor<4x4x16x16xi8>
// CHECK-NEXT:    %{{.*}} = tensor_ext.unpack %{{.*}} : tensor<4x4x16x16xi8> -> tensor<64x64xi8>
// CHECK-NEXT:    %{{.*}} = tensor_ext.lanes %m : memref<4x2xvector<8x8xi8>> -> memref<4x2x8x8xi8>
// CHECK-NEXT:    %{{.*}} = tensor_ext.lanes %{{.*}} : memref<4x2x8x8xi8> -> memref<4x2xvector<8x8xi8>>
func.func @layouts(%x: tensor<64x64xi8>, %m: memref<4x2xvector<8x8xi8>>) -> tensor<64x64xi8> {
  %p = tensor_ext.pack %x : tensor<64x64xi8> -> tensor<4x4x16x16xi8>
  %w = tensor_ext.widen %p : tensor<4x4x16x16xi8> -> tensor<4x4x2x2xvector<8x8xi8>>
  %u = tensor_ext.unwiden %w : tensor<4x4x2x2xvector<8x8xi8>> -> tensor<4x4x16x16xi8>
  %y = tensor_ext.unpack %u : tensor<4x4x16x16xi8> -> tensor<64x64xi8>
  %n = tensor_ext.lanes %m : memref<4x2xvector<8x8xi8>> -> memref<4x2x8x8xi8>
  %v = tensor_ext.lanes %n : memref<4x2x8x8xi8> -> memref<4x2xvector<8x8xi8>>
  func.return %y : tensor<64x64xi8>
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the host computes; the rest is in the kernels.
#include "host_functions.h"

#include <cmath>
#include <limits>
#include <memory>

#include "streamtensor_ops.h"

void unpack_0(const float *arg0, float *arg1) {
  for (int i0 = 0; i0 < 2; ++i0) {
    for (int i1 = 0; i1 < 2; ++i1) {
      for (int i2 = 0; i2 < 4; ++i2) {
        for (int i3 = 0; i3 < 4; ++i3) {
          arg1[i0 * 32 + i1 * 4 + i2 * 8 + i3] = arg0[i0 * 32 + i1 * 16 + i2 * 4 + i3];
        }
      }
    }
  }
}

void pack_1(const float *data, float *arg1) {
  for (int i0 = 0; i0 < 2; ++i0) {
    for (int i1 = 0; i1 < 2; ++i1) {
      for (int i2 = 0; i2 < 4; ++i2) {
        for (int i3 = 0; i3 < 4; ++i3) {
          arg1[i0 * 32 + i1 * 16 + i2 * 4 + i3] = data[i0 * 32 + i1 * 4 + i2 * 8 + i3];
        }
      }
    }
  }
}

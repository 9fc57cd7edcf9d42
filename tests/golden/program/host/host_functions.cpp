// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the host computes; the rest is in the kernels.
#include "host_functions.h"

#include <cmath>
#include <limits>
#include <memory>

#include "streamtensor_ops.h"

void embed(const int64_t *ids, const float *table, float *out) {
  for (int i = 0; i < 4; ++i) {
    for (int j = 0; j < 16; ++j) {
      const int64_t id = ids[i];
      out[i * 16 + j] = table[int(id < 0 ? int64_t(uint64_t(id) + uint64_t(10)) : id) * 16 + j];
    }
  }
}

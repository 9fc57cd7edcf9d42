// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Entry points of the C simulation, called with the buffers of a launch in order.
#include "host_functions.h"
#include "block_0.h"
#include "columns.h"

extern "C" void st_call_block_0(void **args) {
  block_0(static_cast<const float *>(args[0]),
          static_cast<const float *>(args[1]),
          static_cast<float *>(args[2]));
}

extern "C" void st_call_columns(void **args) {
  columns(static_cast<const float *>(args[0]),
          static_cast<float *>(args[1]));
}

extern "C" void st_call_embed(void **args) {
  embed(static_cast<const int64_t *>(args[0]),
        static_cast<const float *>(args[1]),
        static_cast<float *>(args[2]));
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Entry points of the C simulation, called with the buffers of a launch in order.
#include "host_functions.h"
#include "main_0_0.h"

extern "C" void st_call_main_0_0(void **args) {
  main_0_0(static_cast<const hls::vector<float, 16> *>(args[0]),
           static_cast<const hls::vector<float, 16> *>(args[1]),
           static_cast<const hls::vector<float, 4> *>(args[2]),
           static_cast<hls::vector<float, 16> *>(args[3]));
}

extern "C" void st_call_unpack_0(void **args) {
  unpack_0(static_cast<const float *>(args[0]),
           static_cast<float *>(args[1]));
}

extern "C" void st_call_pack_1(void **args) {
  pack_1(static_cast<const float *>(args[0]),
         static_cast<float *>(args[1]));
}

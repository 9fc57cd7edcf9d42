// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef ST_MAIN_0_0_H
#define ST_MAIN_0_0_H

#include <ap_int.h>
#include <cstdint>
#include <hls_vector.h>

extern "C" void main_0_0(
    const hls::vector<float, 16> *x,
    const hls::vector<float, 16> *weight,
    const hls::vector<float, 4> *bias,
    hls::vector<float, 16> *store_result_1);

#endif

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef ST_BLOCK_0_H
#define ST_BLOCK_0_H

#include <ap_int.h>
#include <cstdint>

extern "C" void block_0(const float *mx, const float *mw, float *my);

#endif

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef ST_COLUMNS_H
#define ST_COLUMNS_H

#include <ap_int.h>
#include <cstdint>

extern "C" void columns(const float *mx, float *my);

#endif

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef ST_HOST_FUNCTIONS_H
#define ST_HOST_FUNCTIONS_H

#include <cstdint>

void embed(const int64_t *ids, const float *table, float *out);

#endif

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The softmax of 64 rows of 16 numbers, a row a token: what extern_softmax.py and extern_softmax.toml put into a
// transformer block.
#include <hls_math.h>
#include <hls_stream.h>
#include <hls_vector.h>

namespace {

constexpr int kRows = 64;
constexpr int kWidth = 16;
using Row = hls::vector<float, kWidth>;

// The largest number of a row, pair by pair, so that a cycle holds one comparison of each level.
float largest(Row row) {
  for (int step = kWidth / 2; step > 0; step /= 2) {
#pragma HLS unroll
    for (int i = 0; i < step; ++i) {
#pragma HLS unroll
      row[i] = hls::max(row[i], row[i + step]);
    }
  }
  return row[0];
}

float total(Row row) {
  for (int step = kWidth / 2; step > 0; step /= 2) {
#pragma HLS unroll
    for (int i = 0; i < step; ++i) {
#pragma HLS unroll
      row[i] += row[i + step];
    }
  }
  return row[0];
}

}  // namespace

void softmax_rows(hls::stream<Row> &scores, hls::stream<Row> &weights) {
  for (int n = 0; n < kRows; ++n) {
#pragma HLS pipeline II=1
    Row row = scores.read();
    const float top = largest(row);
    for (int i = 0; i < kWidth; ++i) {
#pragma HLS unroll
      row[i] = hls::expf(row[i] - top);
    }
    weights.write(row * (1.0f / total(row)));
  }
}

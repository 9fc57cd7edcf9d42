// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A quantised matrix-vector product as the compiler emits it: operands are converted to the width of the result before an
// operation, so that native and exact integers agree. 4-bit weights come packed, two in a byte.
#include <ap_int.h>
#include <hls_stream.h>
#include <hls_vector.h>

#include "streamtensor_dataflow.h"

typedef hls::vector<ap_int<8>, 8> bytes;
typedef hls::vector<ap_int<4>, 8> nibbles;

static const int kRows = 16;
static const int kColumns = 8;

static void load(const ap_int<8> *x, hls::stream<bytes> &out) {
  for (int r = 0; r < kRows; ++r) {
    bytes v;
    for (int k = 0; k < 8; ++k) v[k] = x[k];
    out.write(v);
  }
}

static void unpack(const ap_uint<8> *w, hls::stream<nibbles> &out) {
  for (int r = 0; r < kRows; ++r) {
    nibbles v;
    for (int k = 0; k < 4; ++k) {
      const ap_uint<8> pair = w[4 * r + k];
      v[2 * k] = pair.range(3, 0);
      v[2 * k + 1] = pair.range(7, 4);
    }
    out.write(v);
  }
}

static void dot(hls::stream<bytes> &x, hls::stream<nibbles> &w, hls::stream<ap_int<32>> &out) {
  for (int r = 0; r < kRows; ++r) {
    const bytes a = x.read();
    const nibbles b = w.read();
    ap_int<32> sum = 0;
    for (int k = 0; k < kColumns; ++k) {
      const ap_int<32> wide_a = a[k];
      const ap_int<32> wide_b = b[k];
      const ap_int<32> product = wide_a * wide_b;
      sum = sum + product;
    }
    out.write(sum);
  }
}

static void requantise(hls::stream<ap_int<32>> &in, ap_int<8> *y) {
  for (int r = 0; r < kRows; ++r) {
    const ap_int<64> wide = in.read();
    const ap_int<64> scaled = wide * ap_int<64>(1518500250);
    const ap_int<64> rounded = (scaled + ap_int<64>(1LL << 33)) >> 34;
    const ap_int<64> low = -128, high = 127;
    const ap_int<64> clamped = rounded < low ? low : rounded > high ? high : rounded;
    y[r] = clamped;
  }
}

void quantised(const ap_int<8> *x, const ap_uint<8> *w, ap_int<8> *y) {
#pragma HLS dataflow
  hls::stream<bytes, 2> xs("xs");
  hls::stream<nibbles, 2> ws("ws");
  hls::stream<ap_int<32>, 2> sums("sums");
  ST_REGION(256)
  ST_TASK(load, x, xs)
  ST_TASK(unpack, w, ws)
  ST_TASK(dot, xs, ws, sums)
  ST_TASK(requantise, sums, y)
  ST_REGION_END
}

extern "C" void st_call_quantised(void **a) {
  quantised((const ap_int<8> *)a[0], (const ap_uint<8> *)a[1], (ap_int<8> *)a[2]);
}

extern "C" void st_call_divide(void **a) {
  const ap_int<8> *x = (const ap_int<8> *)a[0];
  *(ap_int<8> *)a[1] = ap_int<16>(x[0]) / ap_uint<16>(x[1]);
}

extern "C" void st_call_bits(void **a) {
  const ap_int<8> *x = (const ap_int<8> *)a[0];
  *(ap_int<8> *)a[1] = x[0].range(8, 1);
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Kernel block_0: 4 tasks, 3 FIFOs.
#include "block_0.h"

#include <hls_math.h>
#include <hls_stream.h>
#include <hls_vector.h>
#include <limits>

#include "streamtensor_dataflow.h"
#include "streamtensor_ops.h"

static void load_x(const float *mx, hls::stream<hls::vector<float, 16>> &x_matmul) {
  loop_i:
  for (int i = 0; i < 4; ++i) {
#pragma HLS pipeline II=1 style=flp
    hls::vector<float, 16> v;
    for (int lane = 0; lane < 16; ++lane) {
#pragma HLS unroll
      v[lane] = mx[i * 16 + lane];
    }
    x_matmul.write(v);
  }
}

static void load_w(const float *mw, hls::stream<hls::vector<float, 16>> &w_matmul) {
  loop_i:
  for (int i = 0; i < 16; ++i) {
#pragma HLS pipeline II=1 style=flp
    hls::vector<float, 16> v;
    for (int lane = 0; lane < 16; ++lane) {
#pragma HLS unroll
      v[lane] = mw[i * 48 + lane + 16];
    }
    w_matmul.write(v);
  }
}

// model.py:12 self.c_attn(x)
static void matmul(
    hls::stream<hls::vector<float, 16>> &w_matmul,
    hls::stream<hls::vector<float, 16>> &x_matmul,
    hls::stream<hls::vector<float, 16>> &matmul_y) {
  float wb[16][16];
#pragma HLS bind_storage variable=wb type=ram_2p impl=bram
#pragma HLS array_partition variable=wb complete dim=2
  loop_i:
  for (int i = 0; i < 16; ++i) {
#pragma HLS pipeline II=1 style=flp
    const hls::vector<float, 16> v = w_matmul.read();
    for (int lane = 0; lane < 16; ++lane) {
#pragma HLS unroll
      wb[i][lane] = v[lane];
    }
  }
  float xb[16];
#pragma HLS array_partition variable=xb complete dim=0
  float yb[16];
#pragma HLS bind_storage variable=yb type=ram_2p impl=lutram
#pragma HLS array_partition variable=yb complete dim=1
  loop_i_1:
  for (int i = 0; i < 4; ++i) {
    const hls::vector<float, 16> v = x_matmul.read();
    for (int lane = 0; lane < 16; ++lane) {
#pragma HLS unroll
      xb[lane] = v[lane];
    }
    loop_k:
    for (int k = 0; k < 16; ++k) {
#pragma HLS pipeline II=4 style=flp
      loop_j:
      for (int j = 0; j < 16; ++j) {
#pragma HLS unroll
        yb[j] = (k == 0 ? 0.0f : yb[j]) + xb[k] * wb[k][j];
      }
    }
    hls::vector<float, 16> r;
    for (int lane = 0; lane < 16; ++lane) {
#pragma HLS unroll
      r[lane] = yb[lane];
    }
    matmul_y.write(r);
  }
}

static void store_y(float *my, hls::stream<hls::vector<float, 16>> &matmul_y) {
  loop_i:
  for (int i = 0; i < 4; ++i) {
#pragma HLS pipeline II=1 style=flp
    const hls::vector<float, 16> v = matmul_y.read();
    for (int lane = 0; lane < 16; ++lane) {
#pragma HLS unroll
      my[i * 16 + lane] = v[lane];
    }
  }
}

extern "C" void block_0(const float *mx, const float *mw, float *my) {
#pragma HLS interface m_axi port=mx bundle=gmem0 offset=slave depth=64 max_widen_bitwidth=512 num_read_outstanding=32 max_read_burst_length=64 latency=32
#pragma HLS interface m_axi port=mw bundle=gmem1 offset=slave depth=752 max_widen_bitwidth=512 num_read_outstanding=32 max_read_burst_length=64 latency=32
#pragma HLS interface m_axi port=my bundle=gmem2 offset=slave depth=64 max_widen_bitwidth=512 num_write_outstanding=32 max_write_burst_length=64 latency=32
#pragma HLS interface s_axilite port=return bundle=control
#pragma HLS dataflow
  hls::stream<hls::vector<float, 16>, 2> x_matmul("x_matmul");
#pragma HLS stream variable=x_matmul depth=2
  hls::stream<hls::vector<float, 16>, 2> w_matmul("w_matmul");
#pragma HLS stream variable=w_matmul depth=2
  hls::stream<hls::vector<float, 16>, 2> matmul_y("matmul_y");
#pragma HLS stream variable=matmul_y depth=2
  ST_REGION(17728)
  ST_TASK(load_x, mx, x_matmul)
  ST_TASK(load_w, mw, w_matmul)
  ST_TASK(matmul, w_matmul, x_matmul, matmul_y)
  ST_TASK(store_y, my, matmul_y)
  ST_REGION_END
}

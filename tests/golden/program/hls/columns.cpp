// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Kernel columns: 4 tasks, 3 FIFOs.
#include "columns.h"

#include <hls_math.h>
#include <hls_stream.h>
#include <hls_vector.h>
#include <limits>

#include "streamtensor_dataflow.h"
#include "streamtensor_ops.h"

static void load_x(const float *mx, hls::stream<hls::vector<float, 16>> &rows) {
  loop_i:
  for (int i = 0; i < 4; ++i) {
#pragma HLS pipeline II=1 style=flp
    hls::vector<float, 16> v;
    for (int lane = 0; lane < 16; ++lane) {
#pragma HLS unroll
      v[lane] = mx[i * 16 + lane];
    }
    rows.write(v);
  }
}

static void convert_fill(hls::stream<hls::vector<float, 16>> &rows, float b[2][16]) {
  loop_a:
  for (int a = 0; a < 2; ++a) {
#pragma HLS pipeline II=1 style=flp
    const hls::vector<float, 16> v = rows.read();
    for (int lane = 0; lane < 16; ++lane) {
#pragma HLS unroll
      b[a][lane] = v[lane];
    }
  }
}

static void convert_drain(float b[2][16], hls::stream<hls::vector<float, 2>> &columns_1) {
  loop_j:
  for (int j = 0; j < 16; ++j) {
#pragma HLS pipeline II=1 style=flp
    hls::vector<float, 2> v;
    for (int lane = 0; lane < 2; ++lane) {
#pragma HLS unroll
      v[lane] = b[lane][j];
    }
    columns_1.write(v);
  }
}

static void convert(hls::stream<hls::vector<float, 16>> &rows, hls::stream<hls::vector<float, 2>> &columns_1) {
  loop_i:
  for (int i = 0; i < 2; ++i) {
#pragma HLS dataflow
    float b[2][16];
#pragma HLS bind_storage variable=b type=ram_2p impl=lutram
#pragma HLS array_partition variable=b complete dim=1
#pragma HLS array_partition variable=b complete dim=2
    convert_fill(rows, b);
    convert_drain(b, columns_1);
  }
}

// model.py:20 torch.exp(x / 2)
static void exp_1(hls::stream<hls::vector<float, 2>> &columns_1, hls::stream<hls::vector<float, 2>> &exp_2) {
  loop_i:
  for (int i = 0; i < 4; i += 2) {
    loop_j:
    for (int j = 0; j < 16; ++j) {
#pragma HLS pipeline II=1 style=flp
      const hls::vector<float, 2> v = columns_1.read();
      hls::vector<float, 2> h;
      for (int lane = 0; lane < 2; ++lane) {
#pragma HLS unroll
        h[lane] = v[lane] * 0.5f;
      }
      hls::vector<float, 2> e;
      for (int lane = 0; lane < 2; ++lane) {
#pragma HLS unroll
        e[lane] = hls::exp(h[lane]);
      }
      exp_2.write(e);
    }
  }
}

static void store_y(float *my, hls::stream<hls::vector<float, 2>> &exp_2) {
  loop_i:
  for (int i = 0; i < 4; i += 2) {
    loop_j:
    for (int j = 0; j < 16; ++j) {
#pragma HLS pipeline II=1 style=flp
      const hls::vector<float, 2> v = exp_2.read();
      for (int lane = 0; lane < 2; ++lane) {
#pragma HLS unroll
        my[(i + lane) * 16 + j] = v[lane];
      }
    }
  }
}

extern "C" void columns(const float *mx, float *my) {
#pragma HLS interface m_axi port=mx bundle=gmem0 offset=slave depth=64 max_widen_bitwidth=512 num_read_outstanding=32 max_read_burst_length=64 latency=32
#pragma HLS interface m_axi port=my bundle=gmem1 offset=slave depth=64 max_widen_bitwidth=512 num_write_outstanding=32 max_write_burst_length=64 latency=32
#pragma HLS interface s_axilite port=return bundle=control
#pragma HLS dataflow
  hls::stream<hls::vector<float, 16>, 2> rows("rows");
#pragma HLS stream variable=rows depth=2
  hls::stream<hls::vector<float, 2>, 2> columns_1("columns");
#pragma HLS stream variable=columns_1 depth=2
  hls::stream<hls::vector<float, 2>, 2> exp_2("exp");
#pragma HLS stream variable=exp_2 depth=2
  ST_REGION(16584)
  ST_TASK(load_x, mx, rows)
  ST_TASK(convert, rows, columns_1)
  ST_TASK(exp_1, columns_1, exp_2)
  ST_TASK(store_y, my, exp_2)
  ST_REGION_END
}

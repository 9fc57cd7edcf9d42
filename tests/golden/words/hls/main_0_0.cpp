// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Kernel main_0_0: 6 tasks, 5 FIFOs.
#include "main_0_0.h"

#include <hls_math.h>
#include <hls_stream.h>
#include <hls_vector.h>
#include <limits>

#include "streamtensor_dataflow.h"
#include "streamtensor_ops.h"

static void load_x(const hls::vector<float, 16> *x, hls::stream<hls::vector<float, 16>> &load_x_to_matmul) {
  loop_i0:
  for (int i0 = 0; i0 < 8; i0 += 4) {
    loop_i1:
    for (int i1 = 0; i1 < 8; i1 += 4) {
      loop_i2:
      for (int i2 = 0; i2 < 8; i2 += 4) {
#pragma HLS pipeline II=1 style=flp
        load_x_to_matmul.write(x[i0 / 4 * 2 + i2 / 4]);
      }
    }
  }
}

static void load_weight(
    const hls::vector<float, 16> *weight,
    hls::stream<hls::vector<float, 16>> &load_weight_to_matmul) {
  loop_i0:
  for (int i0 = 0; i0 < 8; i0 += 4) {
    loop_i1:
    for (int i1 = 0; i1 < 8; i1 += 4) {
      loop_i2:
      for (int i2 = 0; i2 < 8; i2 += 4) {
#pragma HLS pipeline II=1 style=flp
        load_weight_to_matmul.write(weight[i2 / 4 * 2 + i1 / 4]);
      }
    }
  }
}

static void load_bias(const hls::vector<float, 4> *bias, hls::stream<hls::vector<float, 4>> &load_bias_to_add) {
  loop_i0:
  for (int i0 = 0; i0 < 8; i0 += 4) {
    loop_i1:
    for (int i1 = 0; i1 < 8; i1 += 4) {
#pragma HLS pipeline II=1 style=flp
      load_bias_to_add.write(bias[i1 / 4]);
    }
  }
}

static void matmul(
    hls::stream<hls::vector<float, 16>> &load_x_to_matmul,
    hls::stream<hls::vector<float, 16>> &load_weight_to_matmul,
    hls::stream<hls::vector<float, 16>> &matmul_to_add) {
  float result[4][4];
#pragma HLS bind_storage variable=result type=ram_2p impl=lutram
#pragma HLS array_partition variable=result complete dim=1
#pragma HLS array_partition variable=result complete dim=2
  float tile[4][4];
#pragma HLS bind_storage variable=tile type=ram_2p impl=lutram
#pragma HLS array_partition variable=tile complete dim=1
#pragma HLS array_partition variable=tile complete dim=2
  float tile_1[4][4];
#pragma HLS bind_storage variable=tile_1 type=ram_2p impl=lutram
#pragma HLS array_partition variable=tile_1 complete dim=1
#pragma HLS array_partition variable=tile_1 complete dim=2
  loop_i0:
  for (int i0 = 0; i0 < 8; i0 += 4) {
    loop_i1:
    for (int i1 = 0; i1 < 8; i1 += 4) {
      loop_i2:
      for (int i2 = 0; i2 < 8; i2 += 4) {
        const hls::vector<float, 16> token = load_x_to_matmul.read();
        for (int lane = 0; lane < 4; ++lane) {
#pragma HLS unroll
          for (int lane_1 = 0; lane_1 < 4; ++lane_1) {
#pragma HLS unroll
            tile[lane][lane_1] = token[lane * 4 + lane_1];
          }
        }
        const hls::vector<float, 16> token_1 = load_weight_to_matmul.read();
        for (int lane = 0; lane < 4; ++lane) {
#pragma HLS unroll
          for (int lane_1 = 0; lane_1 < 4; ++lane_1) {
#pragma HLS unroll
            tile_1[lane][lane_1] = token_1[lane * 4 + lane_1];
          }
        }
        loop_i3:
        for (int i3 = 0; i3 < 4; ++i3) {
          loop_i4:
          for (int i4 = 0; i4 < 4; ++i4) {
#pragma HLS pipeline II=1 style=flp
            loop_i5:
            for (int i5 = 0; i5 < 4; ++i5) {
#pragma HLS unroll
              result[i4][i5] = (i3 + i2 == 0 ? 0.0f : result[i4][i5]) + tile[i4][i3] * tile_1[i3][i5];
            }
          }
        }
      }
      hls::vector<float, 16> lanes;
      for (int lane = 0; lane < 4; ++lane) {
#pragma HLS unroll
        for (int lane_1 = 0; lane_1 < 4; ++lane_1) {
#pragma HLS unroll
          lanes[lane * 4 + lane_1] = result[lane][lane_1];
        }
      }
      matmul_to_add.write(lanes);
    }
  }
}

static void add(
    hls::stream<hls::vector<float, 16>> &matmul_to_add,
    hls::stream<hls::vector<float, 4>> &load_bias_to_add,
    hls::stream<hls::vector<float, 16>> &add_to_store_result) {
  float result[4][4];
#pragma HLS bind_storage variable=result type=ram_2p impl=lutram
#pragma HLS array_partition variable=result complete dim=1
#pragma HLS array_partition variable=result complete dim=2
  float tile[4][4];
#pragma HLS bind_storage variable=tile type=ram_2p impl=lutram
#pragma HLS array_partition variable=tile complete dim=1
#pragma HLS array_partition variable=tile complete dim=2
  float tile_1[4];
#pragma HLS bind_storage variable=tile_1 type=ram_2p impl=lutram
#pragma HLS array_partition variable=tile_1 complete dim=1
  loop_i0:
  for (int i0 = 0; i0 < 8; i0 += 4) {
    loop_i1:
    for (int i1 = 0; i1 < 8; i1 += 4) {
      const hls::vector<float, 16> token = matmul_to_add.read();
      for (int lane = 0; lane < 4; ++lane) {
#pragma HLS unroll
        for (int lane_1 = 0; lane_1 < 4; ++lane_1) {
#pragma HLS unroll
          tile[lane][lane_1] = token[lane * 4 + lane_1];
        }
      }
      const hls::vector<float, 4> token_1 = load_bias_to_add.read();
      for (int lane = 0; lane < 4; ++lane) {
#pragma HLS unroll
        tile_1[lane] = token_1[lane];
      }
      loop_i2:
      for (int i2 = 0; i2 < 4; ++i2) {
#pragma HLS pipeline II=1 style=flp
        loop_i3:
        for (int i3 = 0; i3 < 4; ++i3) {
#pragma HLS unroll
          result[i2][i3] = tile[i2][i3] + tile_1[i3];
        }
      }
      hls::vector<float, 16> lanes;
      for (int lane = 0; lane < 4; ++lane) {
#pragma HLS unroll
        for (int lane_1 = 0; lane_1 < 4; ++lane_1) {
#pragma HLS unroll
          lanes[lane * 4 + lane_1] = result[lane][lane_1];
        }
      }
      add_to_store_result.write(lanes);
    }
  }
}

static void store_result(
    hls::vector<float, 16> *store_result_1,
    hls::stream<hls::vector<float, 16>> &add_to_store_result) {
  loop_i0:
  for (int i0 = 0; i0 < 8; i0 += 4) {
    loop_i1:
    for (int i1 = 0; i1 < 8; i1 += 4) {
#pragma HLS pipeline II=1 style=flp
      const hls::vector<float, 16> token = add_to_store_result.read();
      store_result_1[i0 / 4 * 2 + i1 / 4] = token;
    }
  }
}

extern "C" void main_0_0(
    const hls::vector<float, 16> *x,
    const hls::vector<float, 16> *weight,
    const hls::vector<float, 4> *bias,
    hls::vector<float, 16> *store_result_1) {
#pragma HLS interface m_axi port=x bundle=gmem0 offset=slave depth=4 max_widen_bitwidth=512 num_read_outstanding=32 max_read_burst_length=64 latency=32
#pragma HLS interface m_axi port=weight bundle=gmem1 offset=slave depth=4 max_widen_bitwidth=512 num_read_outstanding=32 max_read_burst_length=64 latency=32
#pragma HLS interface m_axi port=bias bundle=gmem2 offset=slave depth=2 max_widen_bitwidth=512 num_read_outstanding=32 max_read_burst_length=64 latency=32
#pragma HLS interface m_axi port=store_result_1 bundle=gmem3 offset=slave depth=4 max_widen_bitwidth=512 num_write_outstanding=32 max_write_burst_length=64 latency=32
#pragma HLS interface s_axilite port=return bundle=control
#pragma HLS dataflow
  hls::stream<hls::vector<float, 16>, 2> load_x_to_matmul("load_x_to_matmul");
#pragma HLS stream variable=load_x_to_matmul depth=2
  hls::stream<hls::vector<float, 16>, 2> load_weight_to_matmul("load_weight_to_matmul");
#pragma HLS stream variable=load_weight_to_matmul depth=2
  hls::stream<hls::vector<float, 4>, 2> load_bias_to_add("load_bias_to_add");
#pragma HLS stream variable=load_bias_to_add depth=2
  hls::stream<hls::vector<float, 16>, 2> add_to_store_result("add_to_store_result");
#pragma HLS stream variable=add_to_store_result depth=2
  hls::stream<hls::vector<float, 16>, 2> matmul_to_add("matmul_to_add");
#pragma HLS stream variable=matmul_to_add depth=2
  ST_REGION(16768)
  ST_TASK(load_x, x, load_x_to_matmul)
  ST_TASK(load_weight, weight, load_weight_to_matmul)
  ST_TASK(load_bias, bias, load_bias_to_add)
  ST_TASK(matmul, load_x_to_matmul, load_weight_to_matmul, matmul_to_add)
  ST_TASK(add, matmul_to_add, load_bias_to_add, add_to_store_result)
  ST_TASK(store_result, store_result_1, add_to_store_result)
  ST_REGION_END
}

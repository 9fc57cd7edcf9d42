# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Hand-written kernels for the tests: C++ texts, and modules with parts that they replace."""

from pathlib import Path
from typing import Any

import torch

from streamtensor.importers.extern_kernel import ExternKernel

HEAD = """\
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <hls_math.h>
#include <hls_stream.h>
#include <hls_vector.h>
template <int N> using V = hls::vector<float, N>;
"""

TILES = "itensor<16x16xf32, iter_space: [2, 2] * [16, 16], iter_map: (d0, d1) -> (d0, d1)>"
TILES_BY_COLUMNS = "itensor<16x16xf32, iter_space: [2, 2] * [16, 16], iter_map: (d0, d1) -> (d1, d0)>"

SILU = """
void silu(hls::stream<V<16>> &x, hls::stream<V<16>> &y) {
  for (int n = 0; n < 64; ++n) {
    V<16> v = x.read();
    for (int i = 0; i < 16; ++i) v[i] = v[i] / (1.0f + hls::expf(-v[i]));
    y.write(v);
  }
}
"""

# out[32x32] = x[32x32] w[32x32]^T + b, tile by tile: for each 16x16 tile of the result the tiles of x and w, then b.
LINEAR = """
static void tile_of(hls::stream<V<16>> &from, float into[16][16]) {
  for (int r = 0; r < 16; ++r) {
    V<16> v = from.read();
    for (int c = 0; c < 16; ++c) into[r][c] = v[c];
  }
}
void linear(hls::stream<V<16>> &x, hls::stream<V<16>> &w, hls::stream<V<16>> &b, hls::stream<V<16>> &y) {
  for (int n = 0; n < 4; ++n) {
    float sum[16][16] = {};
    for (int k = 0; k < 2; ++k) {
      float a[16][16], c[16][16];
      tile_of(x, a);
      tile_of(w, c);
      for (int i = 0; i < 16; ++i)
        for (int j = 0; j < 16; ++j)
          for (int l = 0; l < 16; ++l) sum[i][j] += a[i][l] * c[j][l];
    }
    V<16> bias = b.read();
    for (int i = 0; i < 16; ++i) {
      V<16> row;
      for (int j = 0; j < 16; ++j) row[j] = sum[i][j] + bias[j];
      y.write(row);
    }
  }
}
"""
LINEAR_X = "itensor<16x16xf32, iter_space: [2, 2, 2] * [16, 1, 16], iter_map: (d0, d1, d2) -> (d0, d2)>"
LINEAR_W = "itensor<16x16xf32, iter_space: [2, 2, 2] * [1, 16, 16], iter_map: (d0, d1, d2) -> (d1, d2)>"
LINEAR_B = "itensor<16xf32, iter_space: [2, 2] * [1, 16], iter_map: (d0, d1) -> (d1)>"


class Gated(torch.nn.Module):
    """y = x + down(silu(up(x))): the activation stands in a cycle of the task graph."""

    def __init__(self) -> None:
        super().__init__()
        self.up = torch.nn.Linear(32, 32)
        self.act = torch.nn.SiLU()
        self.down = torch.nn.Linear(32, 32)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.down(self.act(self.up(x)))


class ReadTwice(torch.nn.Module):
    """The result of the activation goes two ways, and so does its input."""

    def __init__(self) -> None:
        super().__init__()
        self.act = torch.nn.SiLU()
        self.mix = torch.nn.Linear(32, 32)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = torch.tanh(x)
        z = self.act(y)
        return self.mix(z) * z + y


def gated() -> tuple[torch.nn.Module, tuple[torch.Tensor, ...]]:
    torch.manual_seed(1)
    return Gated().eval(), (torch.randn(32, 32),)


def read_twice() -> tuple[torch.nn.Module, tuple[torch.Tensor, ...]]:
    torch.manual_seed(2)
    return ReadTwice().eval(), (torch.randn(32, 32),)


def kernel(folder: Path, text: str, function: str, **fields: Any) -> ExternKernel:
    """The kernel `function` of a C++ text, which is written into `folder`."""
    source = folder / f"{function}.cpp"
    source.write_text(HEAD + text, encoding="utf-8")
    return ExternKernel(name=function, source=source, function=function, **fields)


def silu(folder: Path, **fields: Any) -> ExternKernel:
    """An activation of 32x32 numbers that takes and gives tiles of 16x16."""
    return kernel(folder, SILU, "silu", **{"ins": [TILES], "outs": [TILES], "replaces": "act", **fields})


def linear(folder: Path, **fields: Any) -> ExternKernel:
    """A layer with its weight and bias as ports."""
    fields = {"ins": [LINEAR_X, LINEAR_W, LINEAR_B], "outs": [TILES], "replaces": "down:aten.linear", **fields}
    return kernel(folder, LINEAR, "linear", **fields)

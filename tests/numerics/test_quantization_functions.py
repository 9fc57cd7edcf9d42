# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Each fixed-point function keeps the error against float64 that its docstring states, over its whole range."""

from __future__ import annotations

import math

import pytest
import torch

from streamtensor.models.quantization import fixed_point as fixed

ALL_16_BIT = torch.arange(-32767, 32768, dtype=torch.int32)


def test_powers_of_two() -> None:
    z = torch.arange(0, 32 << 15, dtype=torch.int32)
    found = fixed.exp2_negative(z)
    wanted = torch.pow(2.0, -z.double() / 2**15)
    assert (found.double() / 2**15 - wanted).abs().max() <= 2.0**-14
    assert found.max() == 1 << 15
    assert not found[17 << 15 :].any()
    assert fixed.exp2_negative(torch.tensor([(1 << 31) - 1], dtype=torch.int32)).item() == 0


def test_reciprocals() -> None:
    m = torch.arange(1 << 14, (1 << 15) + 1, dtype=torch.int32)
    found = fixed.reciprocal(m)
    assert (found.double() / 2**14 - 2**15 / m.double()).abs().max() <= 1.5 * 2.0**-14
    assert found.min() >= 1 << 14
    assert found.max() <= 1 << 15


def test_reciprocal_roots() -> None:
    m = torch.arange(1 << 14, 1 << 16, dtype=torch.int32)
    found = fixed.reciprocal_root(m)
    assert (found.double() / 2**14 - (m.double() / 2**16) ** -0.5).abs().max() <= 2 * 2.0**-14
    assert found.min() >= 1 << 14
    assert found.max() <= 1 << 15


@pytest.mark.parametrize("bits", range(1, 15))
def test_sigmoid_and_silu(bits: int) -> None:
    x = ALL_16_BIT.double() / 2**bits
    sigmoid = fixed.sigmoid(ALL_16_BIT, bits).double() / 2**15
    assert (sigmoid - torch.sigmoid(x)).abs().max() <= 2.0**-13
    error = (fixed.silu(ALL_16_BIT, bits).double() / 2**bits - x * torch.sigmoid(x)).abs()
    assert (error - x.abs() * 2.0**-13 - 2.0 ** -(bits + 1)).max() <= 0


@pytest.mark.parametrize("bits", range(1, 13))
def test_gelu(bits: int) -> None:
    x = ALL_16_BIT.double() / 2**bits
    found = fixed.gelu_tanh(ALL_16_BIT, bits).double() / 2**bits
    error = (found - torch.nn.functional.gelu(x, approximate="tanh")).abs()
    assert (error - x.abs() * 2.0**-13 - 2.0 ** -(bits + 1)).max() <= 0


@pytest.mark.parametrize("columns", [1, 2, 7, 64, 1000, 8191])
@pytest.mark.parametrize("size", [1.0, 10.0, 1e4, 3e7])
def test_norms(columns: int, size: float) -> None:
    generator = torch.Generator().manual_seed(columns)
    limit = (1 << 25) - 1
    x = (torch.randn(20, columns, generator=generator) * size).clamp(-limit, limit).to(torch.int32)
    epsilon = 1 << 14
    found = fixed.normalized(x, epsilon).double() / 2**20
    wanted = x.double() / torch.sqrt(x.double().square().sum(-1, keepdim=True) + epsilon)
    assert ((found - wanted).abs() - wanted.abs() * 2.0**-13 - 2.0**-20).max() <= 0
    mean = x.double().mean(-1, keepdim=True)
    error = (fixed.centred(x).double() - (x.double() - mean)).abs()
    assert (error - mean.abs() * columns * 2.0**-31).max() <= 0.5


def test_a_norm_of_the_largest_numbers_does_not_overflow() -> None:
    x = torch.full((1, 8191), (1 << 31) - 1, dtype=torch.int32)
    found = fixed.normalized(x, 1 << 14).double() / 2**20
    assert (found - 8191**-0.5).abs().max() < 2.0**-19
    wide = torch.full((1, 4096), 1 - (1 << 30), dtype=torch.int32)
    assert not fixed.centred(wide).any()


@pytest.mark.parametrize("columns", [1, 16, 300, 4096])
@pytest.mark.parametrize("spread", [0.01, 1.0, 30.0])
def test_softmax(columns: int, spread: float) -> None:
    generator = torch.Generator().manual_seed(columns)
    scores = (torch.randn(8, columns, generator=generator) * 1e5).to(torch.int32)
    visible = torch.rand(8, columns, generator=generator) < 0.7
    visible[:, 0] = True
    ratio = torch.tensor([spread * 1e-5 * math.log2(math.e) * 2**15], dtype=torch.float64)
    shift = fixed.common_shift([float(ratio)])
    multiplier = fixed.multiplier_of(ratio, shift)
    found = fixed.softmax(scores, visible, multiplier, shift)
    exact = scores.double() * multiplier.double() * 2.0 ** -(shift + 15) * math.log(2)
    wanted = torch.softmax(torch.where(visible, exact, -math.inf), -1)
    assert found.dtype == torch.int16
    assert (found.double() / 2**14 - wanted).abs().max() <= 2.0**-13
    assert not found[~visible].any()
    total = found.double().sum(-1) / 2**14
    assert (total - 1).abs().max() <= columns * 2.0**-15 + 2.0**-12


def test_rotation() -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randint(-32767, 32768, (5, 16), generator=generator).to(torch.int16)
    angle = torch.rand(5, 8, generator=generator, dtype=torch.float64) * 6.3
    angle = torch.cat([angle, angle], -1)
    cos, sin = (torch.round(table * 2**14).to(torch.int16) for table in (angle.cos(), angle.sin()))
    found = fixed.rotate(x, cos, sin, 9).double()
    half = torch.cat([-x[:, 8:], x[:, :8]], -1).double()
    exact = (x.double() * cos + half * sin) / 2**23
    assert (found - exact.clamp(-127, 127)).abs().max() <= 0.5 + 2.0**-9

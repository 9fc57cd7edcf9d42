# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Quantised layers through the whole compiler: every output integer of the C simulation equals PyTorch's."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import streamtensor
from streamtensor.models.quantization.layers import IntegerLinear, LinearForm

pytestmark = pytest.mark.needs("g++")


@pytest.mark.parametrize("transposed", [False, True])
def test_a_last_group_that_is_shorter(transposed: bool) -> None:
    """Groups of 16 over 40 inputs; the interpreter agrees after every pass, and the sum is the one of whole numbers."""
    form = LinearForm(40, 8, transposed, True, 16, 32, 4, input_shift=6, input_multipliers=40)
    layer = IntegerLinear(form, torch.device("cpu")).eval()
    generator = torch.Generator().manual_seed(0)

    def draw(like: torch.Tensor, low: int, high: int) -> torch.Tensor:
        return torch.randint(low, high, like.shape, generator=generator).to(like.dtype)

    assert layer.bias is not None
    layer.weight.copy_(draw(layer.weight, -8, 8))
    layer.bias.copy_(draw(layer.bias, -1000, 1000))
    layer.multiplier.copy_(draw(layer.multiplier, 1, 100))
    layer.input_multiplier.copy_(draw(layer.input_multiplier, 1, 100))
    layer.group_scale.copy_(draw(layer.group_scale, 1, 200))
    x = torch.randint(-200, 200, (1, 16, 40), generator=generator).to(torch.int32)
    accelerator = streamtensor.compile(layer, (x,), tile=8, verify_numerics=True)
    found = accelerator.predict(x)
    assert torch.equal(found, layer(x))

    narrow = np.clip((x[0].numpy().astype(np.int64) * layer.input_multiplier.numpy() + 32) >> 6, -127, 127)
    scales, weight = layer.group_scale.numpy().astype(np.int64), layer.weight.numpy().astype(np.int64)
    scales, weight = (scales, weight) if transposed else (scales.T, weight.T)
    total = narrow @ (weight * np.repeat(scales, 16, 0)[:40]) + layer.bias.numpy()
    assert np.array_equal(found[0].numpy(), (total * layer.multiplier.numpy() + 8) >> 4)

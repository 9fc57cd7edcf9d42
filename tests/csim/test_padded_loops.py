# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Loops that no tile divides, through C simulation: odd prompts, odd widths."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import streamtensor
from quantized_models import quantized_model
from streamtensor.models.blocks import block_inputs, block_of

pytestmark = pytest.mark.needs("g++")


class Odd(nn.Module):
    """Softmax over 53 columns of 37 columns of 31, for 19 rows."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(31, 37)
        self.second = nn.Linear(37, 53)

    def forward(self, x: Tensor) -> Tensor:
        return torch.softmax(self.second(torch.relu(self.first(x))), -1)


def test_a_float_module_and_its_weights(tmp_path: Path) -> None:
    torch.manual_seed(0)
    module, x = Odd().eval(), torch.randn(1, 19, 31)
    accelerator = streamtensor.compile(module, (x,), out=tmp_path / "odd")
    padded = {packed.parameter: packed.padded for packed in accelerator.program.packed}
    assert padded["first.weight"] is not None
    assert padded["first.weight"].shape == (48, 32)
    torch.testing.assert_close(accelerator.predict(x), module(x), rtol=1e-5, atol=1e-6)
    for name, value in module.state_dict().items():
        np.testing.assert_array_equal(accelerator.weights[name], value.numpy())


def test_an_integer_block() -> None:
    """The softmax runs over padded rows, and divides by sums of nothing there."""
    model = quantized_model("gpt2", "w4a8")
    module = block_of(model, "prefill", 17).module
    inputs = tuple(block_inputs(model.config, "prefill", 17, integer=True).values())
    accelerator = streamtensor.compile(module, inputs, tile=8)
    assert accelerator.program.buffer("hidden_packed").size_bytes == 4 * 24 * 32
    for ours, theirs in zip(accelerator.predict(*inputs), module(*inputs), strict=True):
        assert torch.equal(torch.as_tensor(ours), theirs)

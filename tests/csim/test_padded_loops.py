# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Loops that no tile divides, through C simulation: odd prompts, odd widths, an odd vocabulary."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import streamtensor
from quantized_models import quantized_model
from streamtensor import flow
from streamtensor.models.blocks import BlockKind, block_inputs, block_of

MODEL = Path(__file__).resolve().parents[2] / "examples" / "char_gpt2"

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


@pytest.mark.parametrize(("family", "kind", "rows"), [("gpt2", "prefill", 17), ("qwen2", "decode", 37)])
def test_integer_blocks(family: str, kind: BlockKind, rows: int) -> None:
    """The softmax runs over padded rows, and divides by sums of nothing there."""
    model = quantized_model(family, "w4a8")
    module = block_of(model, kind, rows).module
    inputs = tuple(block_inputs(model.config, kind, rows, integer=True).values())
    found = streamtensor.compile(module, inputs, tile=8).predict(*inputs)
    for ours, theirs in zip(found, module(*inputs), strict=True):
        assert torch.equal(torch.as_tensor(ours), theirs)


@pytest.mark.parametrize("scheme", ["float32", "w4a8"])
def test_a_language_model_with_an_odd_prompt(scheme: str, tmp_path: Path) -> None:
    """The cache that prefill hands to decode has as many rows as the prompt; the context is not padded."""
    calibration = MODEL / "corpus.txt" if scheme != "float32" else None
    flow.compile_model(str(MODEL), tmp_path / "odd", prompt_len=37, context=61, scheme=scheme, calibration=calibration)
    text = (tmp_path / "odd" / "prefill" / "20-dataflow.mlir").read_text()
    assert "tensor_ext.extend" in text
    result = flow.generate(tmp_path / "odd", "The old fisherman", 20, check=True, ignore_end=True)
    assert result.check is not None
    assert (len(result.tokens), result.check.equal) == (20, True)

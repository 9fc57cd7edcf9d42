# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A quantised block of each family, and the head behind it, give exactly the numbers of PyTorch in C simulation."""

import pytest
import torch

import streamtensor
from quantized_models import quantized_model
from streamtensor.models.blocks import BlockKind, Head, block_inputs, block_of

ROWS = 24


@pytest.mark.parametrize(
    ("family", "kind"), [("gpt2", "prefill"), ("gpt2", "decode"), ("qwen2", "decode"), ("gemma3_text", "prefill")]
)
def test_the_design_computes_what_the_integer_block_does(family: str, kind: BlockKind) -> None:
    model = quantized_model(family, "w4a8")
    module = block_of(model, kind, ROWS).module
    inputs = tuple(block_inputs(model.config, kind, ROWS, integer=True).values())
    wanted = module(*inputs)
    found = streamtensor.compile(module, inputs, tile=8).predict(*inputs)
    for ours, theirs in zip(found, wanted, strict=True):
        assert torch.equal(torch.as_tensor(ours), theirs)


def test_the_head() -> None:
    head = Head(quantized_model("gpt2", "w4a8")).eval()
    hidden = torch.randint(-(1 << 20), 1 << 20, (1, 32), dtype=torch.int32)
    (found,) = streamtensor.compile(head, (hidden,)).predict(hidden)
    assert torch.equal(torch.as_tensor(found).reshape(1, -1), head(hidden))  # the numbers; the row may come flat

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A small block of each family gives the same numbers in C simulation as in PyTorch."""

import pytest
import torch

import streamtensor
from small_blocks import CASES, small_block
from streamtensor.models.blocks import BlockKind


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_the_design_computes_what_the_block_does(name: str, kind: BlockKind) -> None:
    module, inputs = small_block(name, kind)
    with torch.no_grad():
        wanted = module(*inputs)
    found = streamtensor.compile(module, inputs, tile=4 if kind == "prefill" else 16).predict(*inputs)
    for ours, theirs in zip(found, wanted, strict=True):
        torch.testing.assert_close(torch.as_tensor(ours), theirs, rtol=1e-4, atol=1e-5)

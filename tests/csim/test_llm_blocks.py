# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A small block of each family gives the same numbers in C simulation as in PyTorch, and as many tokens as its step
programs say.
"""

import pytest
import torch

import streamtensor
from small_blocks import CASES, small_block
from step_program_checks import assert_same_tokens
from streamtensor.models.blocks import BlockKind


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_the_design_computes_what_the_block_does(name: str, kind: BlockKind) -> None:
    module, inputs = small_block(name, kind)
    with torch.no_grad():
        wanted = module(*inputs)
    accelerator = streamtensor.compile(module, inputs, tile=4 if kind == "prefill" else 16)
    launches = accelerator.run([value.numpy() for value in inputs])
    for ours, theirs in zip(launches.outputs, wanted, strict=True):
        torch.testing.assert_close(torch.as_tensor(ours), theirs, rtol=1e-4, atol=1e-5)
    assert_same_tokens(accelerator, launches)

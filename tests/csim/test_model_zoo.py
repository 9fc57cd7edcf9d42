# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Every module of the zoo as C++: the numbers of PyTorch, and as many tokens as its step programs say."""

import pytest
import torch

import streamtensor
from model_zoo import ZOO, make
from step_program_checks import assert_same_tokens

pytestmark = pytest.mark.needs("g++")

FLOAT_TOLERANCE = 1e-5


@pytest.mark.parametrize("name", ZOO)
def test_a_module_computes_what_pytorch_computes(name: str) -> None:
    module, inputs = make(name)
    accelerator = streamtensor.compile(module, inputs, tile=4)
    launches = accelerator.run([x.numpy() for x in inputs])
    assert_same_tokens(accelerator, launches)
    with torch.no_grad():
        wanted = module(*inputs)
    found = [torch.from_numpy(y) for y in launches.outputs]
    wanted = [wanted] if isinstance(wanted, torch.Tensor) else list(wanted)
    assert len(found) == len(wanted)
    for a, b in zip(found, wanted, strict=True):
        assert a.shape == b.shape
        torch.testing.assert_close(a, b, rtol=FLOAT_TOLERANCE, atol=FLOAT_TOLERANCE)

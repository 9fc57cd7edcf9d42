# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Every module of the zoo as C++: C simulation gives what PyTorch gives."""

import pytest
import torch

import streamtensor
from model_zoo import ZOO, make

pytestmark = pytest.mark.needs("g++")

FLOAT_TOLERANCE = 1e-5


@pytest.mark.parametrize("name", ZOO)
def test_a_module_computes_what_pytorch_computes(name: str) -> None:
    module, inputs = make(name)
    found = streamtensor.compile(module, inputs, tile=4).predict(*inputs)
    with torch.no_grad():
        wanted = module(*inputs)
    found, wanted = ([y] if isinstance(y, torch.Tensor) else list(y) for y in (found, wanted))
    assert len(found) == len(wanted)
    for a, b in zip(found, wanted, strict=True):
        assert a.shape == b.shape
        torch.testing.assert_close(a, b, rtol=FLOAT_TOLERANCE, atol=FLOAT_TOLERANCE)

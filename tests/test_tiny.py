# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The whole stack on one page: run this first."""

from pathlib import Path

import numpy as np
import pytest
import torch

import streamtensor
from streamtensor.dialects import context
from streamtensor.ir.spec import LEVELS as SPECS
from streamtensor.ir.text import parse_module, print_module, verify_module
from streamtensor.pipelines import LEVEL_FILES
from streamtensor.simulate import interpreter


class Tiny(torch.nn.Module):
    """A row-wise softmax of a product, and a residual: contraction, reductions in two passes, reconvergence."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.linspace(-1, 1, 64).reshape(8, 8))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + torch.softmax(x @ self.weight, dim=-1)


@pytest.mark.needs("g++")
def test_every_level_computes_what_pytorch_computes(tmp_path: Path) -> None:
    module, x = Tiny().eval(), torch.linspace(-2, 2, 128).reshape(16, 8)
    accelerator = streamtensor.compile(module, (x,), device="u55c", out=tmp_path / "tiny", tile=4)
    wanted = module(x).detach().numpy()

    # Every level is text that parses back to itself, verifies, holds only its operations, and computes the same.
    weights = {"weight": module.weight.detach().numpy(), "x": x.numpy()}
    for level, name in LEVEL_FILES.items():
        text = (accelerator.path / name).read_text()
        ir = parse_module(context(), text, name)
        assert print_module(ir) == text
        verify_module(ir, text, name)
        SPECS[level].check(ir, name)
        (found,) = interpreter.run(ir, weights)
        assert interpreter.compare(found, wanted) < 1e-6, level

    # So does the C simulation of the emitted C++, with bounded FIFOs, for numpy arrays and torch tensors.
    assert interpreter.compare(accelerator.predict(x.numpy()), wanted) < 1e-6
    assert torch.allclose(accelerator.predict(x), module(x), atol=1e-6)
    # It computes: another input gives another result.
    assert not np.allclose(accelerator.predict(-x.numpy()), wanted)

    # A folder is loaded again without the model.
    again = streamtensor.load(tmp_path / "tiny")
    assert np.array_equal(again.predict(x.numpy()), accelerator.predict(x.numpy()))
    assert again.summary["kernels"] == 1
    assert again.summary["bits"]["fused"] < again.summary["bits"]["unfused"] * 3

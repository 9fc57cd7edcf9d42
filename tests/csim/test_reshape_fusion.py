# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Kernels with a reshape between them that no operation can absorb stream into each other."""

import re
from pathlib import Path

import pytest
import torch

import streamtensor
from streamtensor.simulate import interpreter

pytestmark = pytest.mark.needs("g++")


class Rows(torch.nn.Module):
    """Softmax over rows of 12, then over rows of 32: the two ways to cut 192 numbers have no common refinement."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.softmax(torch.softmax(x, -1).reshape(6, 32), -1)


def test_a_reshape_is_no_way_through_memory(tmp_path: Path) -> None:
    torch.manual_seed(0)
    x = torch.randn(16, 12)
    accelerator = streamtensor.compile(Rows().eval(), (x,), out=tmp_path / "m", tile=4)
    fused = (tmp_path / "m" / "main" / "30-fused.mlir").read_text()
    assert len(re.findall(r"dataflow\.kernel (?!=)", fused)) == 1  # the attribute of that name is no kernel
    assert "dataflow.itensor_reassociate" in fused
    (found,) = accelerator.run([x.numpy()]).outputs
    with torch.no_grad():
        assert interpreter.compare(found, Rows()(x).numpy()) < 1e-6

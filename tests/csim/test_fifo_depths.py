# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Reconvergent paths deadlock with shallow FIFOs and complete with the depths of the safe rule."""

from pathlib import Path

import pytest
import torch

import streamtensor
from streamtensor.diagnostics import UserError
from streamtensor.simulate import interpreter

pytestmark = pytest.mark.needs("g++")


class Softmax(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.softmax(x, dim=-1)


@pytest.mark.parametrize("module", [torch.nn.LayerNorm(64), Softmax()], ids=["layer norm", "softmax"])
def test_depth_two_deadlocks_and_the_rule_completes(module: torch.nn.Module, tmp_path: Path) -> None:
    torch.manual_seed(0)
    x = torch.randn(16, 64)
    accelerator = streamtensor.compile(module.eval(), (x,), out=tmp_path / "m", tile=8)
    with pytest.raises(UserError) as caught:
        accelerator.run([x.numpy()], depths=2)
    assert caught.value.code == "ST0604"
    assert any("full, depth 2" in note for note in caught.value.notes)
    assert any("empty" in note for note in caught.value.notes)

    launches = accelerator.run([x.numpy()])
    with torch.no_grad():
        assert interpreter.compare(launches.outputs[0], module(x).numpy()) < 1e-6
    # Two is not the rule's answer for everything, nor is "as many as there are tokens".
    fifos = launches.fifos().values()
    assert {fifo.depth for fifo in fifos} >= {2}
    assert any(fifo.depth is not None and 2 < fifo.depth < fifo.tokens for fifo in fifos)
    assert all(fifo.depth is not None and fifo.high_water <= fifo.depth for fifo in fifos)
    # Endless FIFOs give the same numbers, and show the marks that a run in order reaches.
    endless = accelerator.run([x.numpy()], mode="unbounded")
    assert (endless.outputs[0] == launches.outputs[0]).all()

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A feed-forward block with a residual: `streamtensor compile examples/mlp.py:mlp -o build/mlp`."""

import torch


class ResidualMlp(torch.nn.Module):
    """y = x + down(gelu(up(x)))."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.up = torch.nn.Linear(width, hidden)
        self.activation = torch.nn.GELU(approximate="tanh")
        self.down = torch.nn.Linear(hidden, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.down(self.activation(self.up(x)))


def mlp() -> tuple[torch.nn.Module, tuple[torch.Tensor, ...]]:
    """32 rows of 64, hidden width 256."""
    torch.manual_seed(0)
    return ResidualMlp(64, 256).eval(), (torch.randn(32, 64),)

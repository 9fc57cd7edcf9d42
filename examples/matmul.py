# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""One matrix product: `streamtensor compile examples/matmul.py:matmul -o build/matmul`."""

import torch


class Matmul(torch.nn.Module):
    """y = x @ w with a parameter w."""

    def __init__(self, rows: int, columns: int) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.randn(rows, columns) / rows**0.5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x @ self.weight


def matmul() -> tuple[torch.nn.Module, tuple[torch.Tensor, ...]]:
    """A product of 32x64 by 64x48."""
    torch.manual_seed(0)
    return Matmul(64, 48).eval(), (torch.randn(32, 64),)

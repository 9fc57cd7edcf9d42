# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""One transformer block of GPT-2 medium's shape, random weights, prompt length 32.

`streamtensor compile examples/gpt2_block.py:block -o build/block`, or `:small_block` for a narrow one.
"""

from typing import Any

import torch
from transformers import GPT2Config
from transformers.models.gpt2.modeling_gpt2 import GPT2Block


class Block(torch.nn.Module):
    """A decoder block with a causal mask as a buffer: hidden states [1, rows, width] in and out."""

    def __init__(self, width: int, heads: int, rows: int) -> None:
        super().__init__()
        sizes: dict[str, Any] = {"n_embd": width, "n_head": heads, "n_layer": 1, "attn_implementation": "eager"}
        self.block = GPT2Block(GPT2Config(**sizes), layer_idx=0)
        mask = torch.triu(torch.full((rows, rows), torch.finfo(torch.float32).min), 1)
        self.register_buffer("mask", mask[None, None])

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        result = self.block(hidden, attention_mask=self.mask)
        return result[0] if isinstance(result, tuple) else result


def _make(width: int, heads: int, rows: int) -> tuple[torch.nn.Module, tuple[torch.Tensor, ...]]:
    torch.manual_seed(0)
    return Block(width, heads, rows).eval(), (torch.randn(1, rows, width),)


def block() -> tuple[torch.nn.Module, tuple[torch.Tensor, ...]]:
    """GPT-2 medium: width 1024, 16 heads, 32 rows."""
    return _make(1024, 16, 32)


def small_block() -> tuple[torch.nn.Module, tuple[torch.Tensor, ...]]:
    """Width 64, 4 heads, 16 rows: for trying things out."""
    return _make(64, 4, 16)

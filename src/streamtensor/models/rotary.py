# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Rotary embeddings as tables: both programs of a model look up the same numbers."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


class RotaryTables(torch.nn.Module):
    """Cosines and sines of all positions, float32 [positions, head_dim], for each kind of layer of the model.

    The numbers are those of the module that it replaces, once and for all: a host looks a row up, where the module
    would compute powers, cosines and sines for each token.
    """

    def __init__(self, rotary: Any, kinds: tuple[str, ...], positions: int) -> None:
        super().__init__()
        device = next(rotary.buffers()).device
        rows = torch.arange(positions, device=device)[None]
        like = torch.zeros(1, device=device)
        for kind in kinds:
            tables = rotary(like, rows, kind) if kind else rotary(like, rows)
            for name, table in zip(("cos", "sin"), tables, strict=True):
                self.register_buffer(_table(name, kind), table[0].clone(), persistent=False)

    def forward(self, _x: Tensor, position_ids: Tensor, layer_type: str = "") -> tuple[Tensor, Tensor]:
        """cos and sin [..., head_dim] for positions [...]."""
        cos, sin = (self.get_buffer(_table(name, layer_type)) for name in ("cos", "sin"))
        return torch.nn.functional.embedding(position_ids, cos), torch.nn.functional.embedding(position_ids, sin)


def _table(name: str, kind: str) -> str:
    return f"{kind}_{name}" if kind else name


def use_rotary_tables(model: Any, positions: int) -> None:
    """Puts tables for `positions` in the place of a float model's rotary embedding, where it has one."""
    base = model.get_decoder() if hasattr(model, "get_decoder") else model.base_model
    rotary = getattr(base, "rotary_emb", None)
    if rotary is None or isinstance(rotary, RotaryTables):
        return
    by_kind = hasattr(rotary, "layer_types")
    kinds = tuple(sorted(set(model.config.layer_types))) if by_kind else ("",)
    base.rotary_emb = RotaryTables(rotary, kinds, positions)

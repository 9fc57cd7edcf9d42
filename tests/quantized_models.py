# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Tiny models of every family, float and quantised, for tests."""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from torch import Tensor

from streamtensor.models.huggingface import build, config_of
from streamtensor.models.quantization.quantize import quantize

VOCABULARY = 64
_ROTARY: dict[str, Any] = {
    "num_hidden_layers": 2,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "vocab_size": VOCABULARY,
    "max_position_embeddings": 64,
}
TINY: dict[str, dict[str, Any]] = {
    "gpt2": {"n_layer": 2, "n_embd": 32, "n_head": 2, "n_inner": 48, "n_positions": 64, "vocab_size": VOCABULARY},
    "llama": _ROTARY,
    "qwen2": _ROTARY,
    "gemma3_text": {
        **_ROTARY,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "head_dim": 16,
        "sliding_window": 8,
        "layer_types": ["sliding_attention", "full_attention"],
    },
}


@cache
def float_model(family: str) -> Any:
    """A float model with random weights, larger than fresh ones so that its logits say something."""
    model = build(config_of(family, TINY[family]), seed=1)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.mul_(8)
            else:
                parameter.add_(0.2 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(3)))
    return model


def sample_ids(count: int, rows: int = 32) -> list[Tensor]:
    """Random ids."""
    generator = torch.Generator().manual_seed(count)
    return [torch.randint(0, VOCABULARY, (rows,), generator=generator) for _ in range(count)]


@cache
def quantized_model(family: str, scheme: str) -> Any:
    """The integer form of `float_model`."""
    return quantize(float_model(family), scheme, sample_ids(8))

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""One decoder block of each family, narrow, over a prompt and as a decode step."""

from typing import Any

import torch

from streamtensor.models.blocks import BlockKind, block_inputs, block_program
from streamtensor.models.shapes import shape_config

SIZES: dict[str, dict[str, Any]] = {
    "gpt2": {"n_embd": 32, "n_head": 2, "n_positions": 64, "vocab_size": 64},
    "qwen2.5-0.5b": {
        "hidden_size": 28,
        "num_attention_heads": 7,
        "num_key_value_heads": 1,
        "head_dim": 4,
        "intermediate_size": 76,
    },
    "tinyllama-1.1b": {
        "hidden_size": 32,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "intermediate_size": 88,
    },
    "gemma-3-1b": {
        "hidden_size": 36,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "head_dim": 16,
        "intermediate_size": 108,
        "query_pre_attn_scalar": 16,
    },
}
"""Shape -> the sizes that are changed."""

CASES: list[tuple[str, BlockKind]] = [(name, kind) for name in SIZES for kind in ("prefill", "decode")]
ROWS = 24  # of the prompt, and of the decode step's context


def small_block(name: str, kind: BlockKind) -> tuple[torch.nn.Module, tuple[torch.Tensor, ...]]:
    """The block with seeded weights, and inputs."""
    config = shape_config(name, **SIZES[name])
    return block_program(config, kind, ROWS).weights(), tuple(block_inputs(config, kind, ROWS).values())

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""One decoder block of each published model shape, random weights: over a prompt of 128 tokens, or one decode step.

`streamtensor compile examples/llm_blocks.py:qwen_decode -o build/qwen`; the decode step reads a KV cache of 384 rows.
"""

import torch

from streamtensor.models.blocks import BlockKind, block_inputs, block_program
from streamtensor.models.shapes import shape_config

Made = tuple[torch.nn.Module, tuple[torch.Tensor, ...]]


def _make(shape: str, kind: BlockKind) -> Made:
    config, rows = shape_config(shape), 128 if kind == "prefill" else 384
    return block_program(config, kind, rows).weights(), tuple(block_inputs(config, kind, rows).values())


def gpt2_medium_prefill() -> Made:
    """LayerNorm, GELU, 16 heads of 64."""
    return _make("gpt2-medium", "prefill")


def gpt2_medium_decode() -> Made:
    """The same for one token."""
    return _make("gpt2-medium", "decode")


def qwen_prefill() -> Made:
    """Qwen2.5 0.5B: RMSNorm, SwiGLU, rotary embedding, 14 heads that share 2 heads of keys and values."""
    return _make("qwen2.5-0.5b", "prefill")


def qwen_decode() -> Made:
    """The same for one token."""
    return _make("qwen2.5-0.5b", "decode")


def tinyllama_prefill() -> Made:
    """TinyLlama 1.1B: 32 heads, 4 of keys and values."""
    return _make("tinyllama-1.1b", "prefill")


def tinyllama_decode() -> Made:
    """The same for one token."""
    return _make("tinyllama-1.1b", "decode")


def gemma_prefill() -> Made:
    """Gemma 3 1B: four norms, GeGLU, norms of queries and keys, head_dim 256."""
    return _make("gemma-3-1b", "prefill")


def gemma_decode() -> Made:
    """The same for one token."""
    return _make("gemma-3-1b", "decode")

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What no schedule can beat: tokens per second at the memory's rate, TTFT at the rate of all DSPs.

The formulas and the conditions are those of design document results.md: 4-bit weights of the blocks and of the LM head,
an 8-bit KV cache of 384 tokens, two 8-bit multiplications in a DSP and cycle.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from streamtensor.targets import Device

CONTEXT = 384
MACS_PER_DSP = 2


@dataclass(frozen=True)
class Work:
    """What a model reads and multiplies: weights of all blocks and of the LM head, keys and values of a token of the
    context (all in elements), and the multiplications of the scores between two tokens; mixed values take as many.
    """

    block_weights: int
    head_weights: int
    cache_per_token: int
    attention_width: int

    def decode_bytes(self, *, head: bool, weight_bits: int = 4, head_bits: int = 4, context: int = CONTEXT) -> float:
        """Bytes that one decode step reads: weights and an 8-bit cache of `context` tokens."""
        weights = self.block_weights * weight_bits + (self.head_weights * head_bits if head else 0)
        return weights / 8 + self.cache_per_token * context

    def prefill_macs(self, rows: int) -> int:
        """Multiplications of the blocks for a prompt of `rows` tokens; each sees itself and those before it."""
        return self.block_weights * rows + self.attention_width * rows * (rows + 1)


def work_of(config: Any) -> Work:
    """The work of the decoder that a transformers configuration describes: gpt2, or one with a gated MLP."""
    layers, width = int(config.num_hidden_layers), int(config.hidden_size)
    heads = int(config.num_attention_heads)
    kv_heads = int(getattr(config, "num_key_value_heads", None) or heads)
    head_dim = int(getattr(config, "head_dim", None) or width // heads)
    gated = config.model_type != "gpt2"
    inner = int(config.intermediate_size) if gated else int(getattr(config, "n_inner", None) or 4 * width)
    attention = width * head_dim * (2 * heads + 2 * kv_heads)
    mlp = width * inner * (3 if gated else 2)
    return Work(
        layers * (attention + mlp),
        width * int(config.vocab_size),
        layers * 2 * kv_heads * head_dim,
        layers * heads * head_dim,
    )


def memory_roof(work: Work, bytes_per_second: float, *, head: bool) -> float:
    """Tokens per second at most: bandwidth / bytes of a decode step."""
    return bytes_per_second / work.decode_bytes(head=head)


def dsp_roof_ms(work: Work, rows: int, device: Device) -> float:
    """TTFT of a prompt of `rows` tokens at least: multiplications / (DSPs x 2 x clock), in ms."""
    return work.prefill_macs(rows) / (device.dsp * MACS_PER_DSP * device.clock_mhz * 1e6) * 1e3

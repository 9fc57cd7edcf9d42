# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The named shapes of language models: what each one's configuration is, as data."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from streamtensor.diagnostics import UserError, did_you_mean


@dataclass(frozen=True)
class Shape:
    """A published model's configuration: the family as transformers names it, and the fields it needs."""

    name: str
    family: str
    fields: Mapping[str, Any]


_GPT2_VOCABULARY = 50257

SHAPES: Mapping[str, Shape] = MappingProxyType(
    {
        shape.name: shape
        for shape in (
            Shape(
                "gpt2",
                "gpt2",
                {"n_layer": 12, "n_embd": 768, "n_head": 12, "n_positions": 1024, "vocab_size": _GPT2_VOCABULARY},
            ),
            Shape(
                "gpt2-medium",
                "gpt2",
                {"n_layer": 24, "n_embd": 1024, "n_head": 16, "n_positions": 1024, "vocab_size": _GPT2_VOCABULARY},
            ),
            Shape(
                "qwen2.5-0.5b",
                "qwen2",
                {
                    "num_hidden_layers": 24,
                    "hidden_size": 896,
                    "intermediate_size": 4864,
                    "num_attention_heads": 14,
                    "num_key_value_heads": 2,
                    "vocab_size": 151936,
                    "max_position_embeddings": 32768,
                    "rms_norm_eps": 1e-6,
                    "rope_parameters": {"rope_type": "default", "rope_theta": 1000000.0},
                    "tie_word_embeddings": True,
                },
            ),
            Shape(
                "tinyllama-1.1b",
                "llama",
                {
                    "num_hidden_layers": 22,
                    "hidden_size": 2048,
                    "intermediate_size": 5632,
                    "num_attention_heads": 32,
                    "num_key_value_heads": 4,
                    "vocab_size": 32000,
                    "max_position_embeddings": 2048,
                    "rms_norm_eps": 1e-5,
                    "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0},
                    "tie_word_embeddings": False,
                },
            ),
            Shape(
                "llama-3.2-1b",
                "llama",
                {
                    "num_hidden_layers": 16,
                    "hidden_size": 2048,
                    "intermediate_size": 8192,
                    "num_attention_heads": 32,
                    "num_key_value_heads": 8,
                    "head_dim": 64,
                    "vocab_size": 128256,
                    "max_position_embeddings": 131072,
                    "rms_norm_eps": 1e-5,
                    "rope_parameters": {
                        "rope_type": "llama3",
                        "rope_theta": 500000.0,
                        "factor": 32.0,
                        "low_freq_factor": 1.0,
                        "high_freq_factor": 4.0,
                        "original_max_position_embeddings": 8192,
                    },
                    "bos_token_id": 128000,
                    "eos_token_id": 128001,
                    "tie_word_embeddings": True,
                },
            ),
            Shape(
                "gemma-3-1b",
                "gemma3_text",
                {
                    "num_hidden_layers": 26,
                    "hidden_size": 1152,
                    "intermediate_size": 6912,
                    "num_attention_heads": 4,
                    "num_key_value_heads": 1,
                    "head_dim": 256,
                    "vocab_size": 262144,
                    "max_position_embeddings": 32768,
                    "rms_norm_eps": 1e-6,
                    "query_pre_attn_scalar": 256,
                    "sliding_window": 512,  # on five of six layers, which is the family's default pattern
                    "tie_word_embeddings": True,
                },
            ),
        )
    }
)
"""Name -> shape, for every model that the project speaks about."""


def shape(name: str) -> Shape:
    """The shape called `name`. Raises UserError ST0102 with the nearest name when there is none."""
    found = SHAPES.get(name)
    if found is None:
        raise UserError("ST0102", f"there is no model or shape called '{name}'", hint=did_you_mean(name, SHAPES))
    return found


def shape_config(name: str, **overrides: Any) -> Any:
    """The transformers configuration of the shape `name`, with some fields changed (fewer layers, for example)."""
    from streamtensor.models.huggingface import config_of

    wanted = shape(name)
    return config_of(wanted.family, {**wanted.fields, **overrides})

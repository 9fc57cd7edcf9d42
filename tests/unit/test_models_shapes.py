# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Named shapes against the table of the design and the parameter counts that it implies."""

import pytest

from streamtensor.diagnostics import UserError
from streamtensor.models.huggingface import build, config_of
from streamtensor.models.shapes import SHAPES, shape, shape_config

# name: layers, hidden, FFN, heads, KV heads, head dim, vocabulary
TABLE = {
    "gpt2": (12, 768, 3072, 12, 12, 64, 50257),
    "gpt2-medium": (24, 1024, 4096, 16, 16, 64, 50257),
    "qwen2.5-0.5b": (24, 896, 4864, 14, 2, 64, 151936),
    "tinyllama-1.1b": (22, 2048, 5632, 32, 4, 64, 32000),
    "llama-3.2-1b": (16, 2048, 8192, 32, 8, 64, 128256),
    "gemma-3-1b": (26, 1152, 6912, 4, 1, 256, 262144),
}
# parameters, tied ones once, as the models are published
PARAMETERS = {
    "gpt2": 124_439_808,
    "gpt2-medium": 354_823_168,
    "qwen2.5-0.5b": 494_032_768,
    "tinyllama-1.1b": 1_100_048_384,
    "llama-3.2-1b": 1_235_814_400,
    "gemma-3-1b": 999_885_952,
}


def test_every_shape_of_the_table_exists() -> None:
    assert set(SHAPES) == set(TABLE)


@pytest.mark.parametrize("name", TABLE)
def test_configuration(name: str) -> None:
    config = shape_config(name)
    heads = config.num_attention_heads
    head_dim = getattr(config, "head_dim", None) or config.hidden_size // heads
    inner = 4 * config.hidden_size if config.model_type == "gpt2" else config.intermediate_size
    kv_heads = getattr(config, "num_key_value_heads", heads)
    row = (config.num_hidden_layers, config.hidden_size, inner, heads, kv_heads, head_dim, config.vocab_size)
    assert row == TABLE[name]


@pytest.mark.parametrize("name", TABLE)
def test_parameter_count(name: str) -> None:
    model = build(shape_config(name), seed=None)
    assert sum(parameter.numel() for parameter in model.parameters()) == PARAMETERS[name]
    assert all(parameter.device.type == "meta" for parameter in model.parameters())


def test_rope_of_llama_is_scaled() -> None:
    assert shape_config("llama-3.2-1b").rope_parameters["rope_type"] == "llama3"


def test_gemma_layers_slide_five_of_six() -> None:
    kinds = shape_config("gemma-3-1b").layer_types
    assert [kinds.index("full_attention"), kinds.count("full_attention")] == [5, 4]


def test_overrides() -> None:
    assert shape_config("gpt2", n_layer=2).num_hidden_layers == 2


def test_unknown_shape_names_the_nearest() -> None:
    with pytest.raises(UserError) as caught:
        shape("gpt-2-medium")
    assert caught.value.code == "ST0102"
    assert "gpt2-medium" in caught.value.hint


def test_unknown_family() -> None:
    with pytest.raises(UserError) as caught:
        config_of("no_such_family", {})
    assert caught.value.code == "ST0102"


def test_same_seed_same_weights() -> None:
    config = shape_config("gpt2", n_layer=1, n_embd=16, n_head=2, n_positions=16, vocab_size=32)
    first, second, other = (build(config, seed=seed).state_dict() for seed in (1, 1, 2))
    assert all(first[name].equal(second[name]) for name in first)
    assert not first["transformer.wte.weight"].equal(other["transformer.wte.weight"])

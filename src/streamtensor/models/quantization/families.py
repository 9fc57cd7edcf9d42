# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Where the parts of a decoder are in transformers' modules, by family."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from streamtensor.diagnostics import UserError

Format = Literal["int8", "residual"]


@dataclass(frozen=True)
class Family:
    """Paths of modules: of the whole model, and within a block.

    `norms` say what each norm of a block writes: 8-bit numbers for the products that read it, or the residual stream's
    format. `unit_weight` is what a norm's weight is added to.
    """

    embeddings: tuple[str, ...]
    layers: str
    final_norm: str
    attention: str
    inputs: tuple[str, ...]
    output: str
    norms: tuple[tuple[str, Format], ...]
    gate: str
    up: str
    down: str
    activation: str
    rotary: str = ""
    head_norms: tuple[str, ...] = ()
    unit_weight: float = 0.0


_LLAMA = Family(
    embeddings=("model.embed_tokens",),
    layers="model.layers",
    final_norm="model.norm",
    attention="self_attn",
    inputs=("q_proj", "k_proj", "v_proj"),
    output="o_proj",
    norms=(("input_layernorm", "int8"), ("post_attention_layernorm", "int8")),
    gate="mlp.gate_proj",
    up="mlp.up_proj",
    down="mlp.down_proj",
    activation="mlp.act_fn",
    rotary="model.rotary_emb",
)

FAMILIES: dict[str, Family] = {
    "gpt2": Family(
        embeddings=("transformer.wte", "transformer.wpe"),
        layers="transformer.h",
        final_norm="transformer.ln_f",
        attention="attn",
        inputs=("c_attn",),
        output="c_proj",
        norms=(("ln_1", "int8"), ("ln_2", "int8")),
        gate="mlp.c_fc",
        up="",
        down="mlp.c_proj",
        activation="mlp.act",
    ),
    "llama": _LLAMA,
    "qwen2": _LLAMA,
    "gemma3_text": Family(
        embeddings=_LLAMA.embeddings,
        layers=_LLAMA.layers,
        final_norm=_LLAMA.final_norm,
        attention=_LLAMA.attention,
        inputs=_LLAMA.inputs,
        output=_LLAMA.output,
        norms=(
            ("input_layernorm", "int8"),
            ("post_attention_layernorm", "residual"),
            ("pre_feedforward_layernorm", "int8"),
            ("post_feedforward_layernorm", "residual"),
        ),
        gate=_LLAMA.gate,
        up=_LLAMA.up,
        down=_LLAMA.down,
        activation=_LLAMA.activation,
        rotary=_LLAMA.rotary,
        head_norms=("q_norm", "k_norm"),
        unit_weight=1.0,
    ),
}

HEAD = "lm_head"

_ACTIVATIONS = {"gelu_new": "gelu", "gelu_pytorch_tanh": "gelu", "silu": "silu", "swish": "silu"}


def family_of(config: Any) -> Family:
    """The family of a configuration.

    Raises UserError ST0121, with the feature, for a model that integer arithmetic is not defined for.
    """
    family = FAMILIES.get(config.model_type)
    if family is None:
        raise UserError(
            "ST0121",
            f"models of the family '{config.model_type}' cannot be quantised",
            hint=f"the families are {', '.join(FAMILIES)}; float32 works for others",
        )
    soft_caps = ("attn_logit_softcapping", "final_logit_softcapping")
    refused = [name for name in (*soft_caps, "add_cross_attention") if getattr(config, name, None)]
    if refused:
        raise UserError("ST0121", f"a model with {refused[0]} cannot be quantised")
    activation_of(config)
    return family


def activation_of(config: Any) -> str:
    """The function, "gelu" or "silu". Raises UserError ST0121 for another activation."""
    name = next(
        value
        for field in ("hidden_activation", "activation_function", "hidden_act")
        if (value := getattr(config, field, None))
    )
    if name not in _ACTIVATIONS:
        raise UserError(
            "ST0121", f"the activation '{name}' has no fixed-point form", hint=f"one of {', '.join(_ACTIVATIONS)}"
        )
    return _ACTIVATIONS[name]


def block_names(model: Any, family: Family) -> list[str]:
    """The paths of the blocks."""
    return [f"{family.layers}.{index}" for index in range(len(model.get_submodule(family.layers)))]

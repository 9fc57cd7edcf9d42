# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""One decoder block of a language model as a program of its own: over a prompt, or for one token with a KV cache."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from streamtensor.diagnostics import UserError
from streamtensor.models.huggingface import build
from streamtensor.models.prefill import causal_mask
from streamtensor.models.sources import Program

BlockKind = Literal["prefill", "decode"]


class KeptRows:
    """The cache of a prefill: attention reads the rows that it made, and they are handed out."""

    def __init__(self) -> None:
        self.rows: list[Tensor] = []

    def update(self, keys: Tensor, values: Tensor, *_: Any) -> tuple[Tensor, Tensor]:
        """What attention reads: keys and values [1, KV heads, rows, head_dim] as they are."""
        self.rows += [keys, values]
        return keys, values


class CachedRows:
    """The cache of a decode step: attention reads the cache with the new row in the place of the position.

    `keys`, `values`: [1, KV heads, context, head_dim]. `here`: bool [context], true at the position.
    """

    def __init__(self, keys: Tensor, values: Tensor, here: Tensor) -> None:
        self.keys = keys
        self.values = values
        self.here = here[None, None, :, None]
        self.rows: list[Tensor] = []

    def update(self, keys: Tensor, values: Tensor, *_: Any) -> tuple[Tensor, Tensor]:
        """What attention reads; the new rows [1, KV heads, 1, head_dim] are handed out."""
        self.rows += [keys, values]
        return torch.where(self.here, keys, self.keys), torch.where(self.here, values, self.values)


class _Block(torch.nn.Module):
    """The first decoder block of a model, with what it shares with its neighbours as inputs."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        base = model.get_decoder() if hasattr(model, "get_decoder") else model.base_model
        layers = getattr(base, "layers", None) or base.h
        self.block = layers[0]
        self.rotary = hasattr(base, "rotary_emb")

    def run(self, hidden: Tensor, cache: Any, mask: Tensor, tables: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """The block's result, and the new rows of keys and values."""
        rotary: dict[str, Any] = {"position_embeddings": tables} if self.rotary else {}
        result = self.block(hidden, attention_mask=mask, past_key_values=cache, **rotary)
        return (result[0] if isinstance(result, tuple) else result, *cache.rows)


class PrefillBlock(_Block):
    """hidden [1, rows, width], mask [1, 1, rows, rows], cos and sin [1, rows, head_dim] for rotary models
    -->  hidden, keys and values [1, KV heads, rows, head_dim].
    """

    def forward(self, hidden: Tensor, mask: Tensor, *tables: Tensor) -> tuple[Tensor, ...]:
        """One block over a prompt."""
        return self.run(hidden, KeptRows(), mask, tables)


class DecodeBlock(_Block):
    """hidden [1, 1, width], keys and values [1, KV heads, context, head_dim], here [context], mask [1, 1, 1, context],
    cos and sin [1, 1, head_dim] for rotary models  -->  hidden, the new row of keys and of values.
    """

    def forward(
        self, hidden: Tensor, keys: Tensor, values: Tensor, here: Tensor, mask: Tensor, *tables: Tensor
    ) -> tuple[Tensor, ...]:
        """One block for one token."""
        return self.run(hidden, CachedRows(keys, values, here), mask, tables)


CACHE_INPUTS = ("keys", "values")
"""The inputs of a decode block that are the KV cache."""


@dataclass(frozen=True)
class _Sizes:
    """The numbers of a configuration that shapes of inputs are made of."""

    width: int
    kv_heads: int
    head_dim: int
    rotary: bool


def _sizes(config: Any) -> _Sizes:
    heads = int(config.num_attention_heads)
    return _Sizes(
        int(config.hidden_size),
        int(getattr(config, "num_key_value_heads", None) or heads),
        int(getattr(config, "head_dim", None) or config.hidden_size // heads),
        config.model_type != "gpt2",
    )


def block_inputs(config: Any, kind: BlockKind, rows: int, *, seed: int = 0) -> dict[str, Tensor]:
    """Random inputs of a block by name; `rows` are those of the prompt, or of the context of a decode step.

    A decode step is at the last position of its context.
    """
    sizes = _sizes(config)
    random = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=random)

    steps = rows if kind == "prefill" else 1
    inputs = {"hidden": normal(1, steps, sizes.width)}
    if kind == "decode":
        inputs |= {name: normal(1, sizes.kv_heads, rows, sizes.head_dim) for name in CACHE_INPUTS}
        inputs["here"] = torch.arange(rows) == rows - 1
        inputs["mask"] = torch.zeros(1, 1, 1, rows)
    else:
        inputs["mask"] = causal_mask(rows)
    if sizes.rotary:
        inputs |= {"cos": normal(1, steps, sizes.head_dim), "sin": normal(1, steps, sizes.head_dim)}
    return inputs


def block_program(config: Any, kind: BlockKind, rows: int, *, seed: int = 0) -> Program:
    """One block of the model that `config` describes, with random weights that are made when they are asked for.

    Raises UserError ST0105 for fewer rows than 1.
    """
    if rows < 1:
        raise UserError("ST0105", f"{rows} rows make no program", hint="give at least 1")
    single = _one_layer(config)
    wrapper = PrefillBlock if kind == "prefill" else DecodeBlock
    inputs = block_inputs(config, kind, rows)
    names = tuple(inputs)
    module = wrapper(build(single, seed=None)).eval()
    return Program(
        kind,
        module,
        tuple(value.to("meta") for value in inputs.values()),
        names,
        ("hidden", *(f"new_{name}" for name in CACHE_INPUTS)),
        "block.",
        lambda: wrapper(build(single, seed=seed)).eval(),
    )


def _one_layer(config: Any) -> Any:
    """The configuration with one layer (of full attention, where a family has several kinds)."""
    single = copy.deepcopy(config)
    if getattr(config, "layer_types", None):
        single.layer_types = ["full_attention"]
    single.num_hidden_layers = 1
    return single

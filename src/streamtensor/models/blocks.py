# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""One decoder block of a language model as a program of its own: over a prompt, or for one token with a KV cache."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from torch import Tensor

from streamtensor.diagnostics import UserError
from streamtensor.models.cache import CachedRows, KeptRows
from streamtensor.models.huggingface import build
from streamtensor.models.prefill import causal_mask, visible_rows
from streamtensor.models.program import Program
from streamtensor.models.quantization.convert import arithmetic_of, head_sizes
from streamtensor.models.quantization.families import family_of
from streamtensor.models.quantization.folder import empty_model
from streamtensor.models.quantization.scheme import Arithmetic

BlockKind = Literal["prefill", "decode"]


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
        return self.run(hidden, CachedRows([(keys, values)], here), mask, tables)


class Head(torch.nn.Module):
    """hidden [1, width]  -->  logits [1, vocabulary]: what stands behind the last block."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.norm = model.get_submodule(family_of(model.config).final_norm)
        self.head = model.get_output_embeddings()

    def forward(self, hidden: Tensor) -> Tensor:
        """The final norm and the LM head for one row."""
        return self.head(self.norm(hidden))


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
    _, kv_heads, head_dim = head_sizes(config)
    return _Sizes(int(config.hidden_size), kv_heads, head_dim, config.model_type != "gpt2")


def block_inputs(config: Any, kind: BlockKind, rows: int, *, seed: int = 0, integer: bool = False) -> dict[str, Tensor]:
    """Random inputs of a block by name; `rows` are those of the prompt, or of the context of a decode step.

    A decode step is at the last position of its context. Those of an `integer` block are in the formats of
    models.quantization: an int32 residual stream, an int8 cache, int16 tables, a bool mask.
    """
    sizes = _sizes(config)
    random = torch.Generator().manual_seed(seed)

    def numbers(dtype: torch.dtype, limit: int, *shape: int) -> Tensor:
        if not integer:
            return torch.randn(*shape, generator=random)
        return torch.randint(-limit, limit, shape, dtype=dtype, generator=random)

    steps = rows if kind == "prefill" else 1
    inputs = {"hidden": numbers(torch.int32, 1 << 20, 1, steps, sizes.width)}
    if kind == "decode":
        cache = (1, sizes.kv_heads, rows, sizes.head_dim)
        inputs |= {name: numbers(torch.int8, 128, *cache) for name in CACHE_INPUTS}
        inputs["here"] = torch.arange(rows) == rows - 1
        inputs["mask"] = torch.ones(1, 1, 1, rows, dtype=torch.bool) if integer else torch.zeros(1, 1, 1, rows)
    else:
        inputs["mask"] = visible_rows(rows) if integer else causal_mask(rows)
    if sizes.rotary:
        tables = (1, steps, sizes.head_dim)
        inputs |= {name: numbers(torch.int16, 1 << 14, *tables) for name in ("cos", "sin")}
    return inputs


def block_program(
    config: Any, kind: BlockKind, rows: int, *, seed: int = 0, arithmetic: Arithmetic | None = None
) -> Program:
    """One block of the model that `config` describes, with random weights that are made when they are asked for.

    With an `arithmetic` it is an integer block, and has no weights: `block_of` makes one of a quantised model.

    Raises UserError ST0105 for fewer rows than 1.
    """
    single = one_layer(config)
    if arithmetic is not None:
        return block_of(empty_model(single, arithmetic), kind, rows)
    made = block_of(build(single, seed=None), kind, rows)
    return replace(made, weights=lambda: _wrapper(kind)(build(single, seed=seed)).eval())


def block_of(model: Any, kind: BlockKind, rows: int) -> Program:
    """The first block of a model as it is: float or quantised, with values or on the meta device.

    Raises UserError ST0105 for fewer rows than 1.
    """
    if rows < 1:
        raise UserError("ST0105", f"{rows} rows make no program", hint="give at least 1")
    module = _wrapper(kind)(model).eval()
    device = next(model.parameters()).device
    inputs = block_inputs(model.config, kind, rows, integer=arithmetic_of(model) is not None)
    return Program(
        kind,
        module,
        tuple(value.to(device) for value in inputs.values()),
        tuple(inputs),
        ("hidden", *(f"new_{name}" for name in CACHE_INPUTS)),
        "block.",
        lambda: module,
    )


def head_program(config: Any, *, seed: int = 0, arithmetic: Arithmetic | None = None) -> Program:
    """The final norm and the LM head of the model for one row; weights as in `block_program`.

    Raises UserError ST0121 for a family whose parts are not known.
    """
    single = one_layer(config)
    empty = build(single, seed=None) if arithmetic is None else empty_model(single, arithmetic)
    module = Head(empty).eval()
    hidden = torch.empty(
        1, int(config.hidden_size), dtype=torch.float32 if arithmetic is None else torch.int32, device="meta"
    )

    def weights() -> torch.nn.Module:
        return module if arithmetic is not None else Head(build(single, seed=seed)).eval()

    return Program("head", module, (hidden,), ("hidden",), ("logits",), "", weights)


def _wrapper(kind: BlockKind) -> type[_Block]:
    return PrefillBlock if kind == "prefill" else DecodeBlock


def one_layer(config: Any) -> Any:
    """The configuration with one layer (of full attention, where a family has several kinds)."""
    single = copy.deepcopy(config)
    if getattr(config, "layer_types", None):
        single.layer_types = ["full_attention"]
    single.num_hidden_layers = 1
    return single

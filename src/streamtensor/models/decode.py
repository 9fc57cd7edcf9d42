# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The decode program of a causal language model: one token and the KV cache in, logits and a new row out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from streamtensor.diagnostics import UserError
from streamtensor.models.cache import CachedRows, cache_names
from streamtensor.models.prefill import ROWS, layer_kinds, masks_by_kind, window_of
from streamtensor.models.quantization.convert import arithmetic_of
from streamtensor.models.run_time_bound import RunTimeBound


class Decode(torch.nn.Module):
    """Forward of a Hugging Face causal language model for one token at a position of a `context`.

    Inputs: `ids`, int64 [1, 1], `position`, int64 [1], and for each layer keys and values of the tokens before,
    [1, KV heads, context, head_dim]; what lies in the cache from the position on is not looked at. Outputs: the logits,
    float32 [1, vocabulary], or int32 of a quantised model, and for each layer the new row of keys and of values,
    [1, KV heads, 1, head_dim].
    """

    cache_positions: Tensor

    def __init__(self, model: Any, context: int) -> None:
        super().__init__()
        self.model = model
        device = next(model.parameters()).device
        self.register_buffer("cache_positions", torch.arange(context).to(device), persistent=False)
        self.is_integer = arithmetic_of(model) is not None
        self.layer_kinds = layer_kinds(model.config)
        self.window = window_of(model.config, context)
        tensors = len(cache_names(int(model.config.num_hidden_layers)))
        self.run_time_bounds = (RunTimeBound(of=1, dim=2, inputs=tuple(range(2, 2 + tensors))),)

    def forward(self, ids: Tensor, position: Tensor, *cache: Tensor) -> tuple[Tensor, ...]:
        """Logits after the token, and the new rows."""
        visible = self.cache_positions <= position
        sliding = visible if self.window is None else visible & (self.cache_positions > position - self.window)
        full = self._mask(visible)
        mask = masks_by_kind(self.layer_kinds, full, full if self.window is None else self._mask(sliding))
        layers = list(zip(cache[::2], cache[1::2], strict=True))
        rows: Any = CachedRows(layers, torch.eq(self.cache_positions, position))
        result = self.model(
            input_ids=ids, position_ids=position[None], attention_mask=mask, past_key_values=rows, use_cache=False
        )
        return result.logits[:, 0], *rows.rows

    def _mask(self, visible: Tensor) -> Tensor:
        """[1, 1, 1, context]: what attention adds to scores, or bool for integer attention."""
        visible = visible[None, None, None]
        return visible if self.is_integer else torch.where(visible, 0.0, torch.finfo(torch.float32).min)


def cache_shape(config: Any, rows: int) -> tuple[int, ...]:
    """The shape of one layer's keys or values: [1, KV heads, rows, head_dim]."""
    heads = int(config.num_attention_heads)
    kv_heads = int(getattr(config, "num_key_value_heads", None) or heads)
    return 1, kv_heads, rows, int(getattr(config, "head_dim", None) or config.hidden_size // heads)


def decode_inputs(token: int, position: int, cache: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """The inputs of a decode program: ids [1, 1] and position [1], int64, and the cache as it is."""
    return torch.tensor([[token]]), torch.tensor([position]), *cache


def context_rows(asked: int | None, prompt_rows: int, config: Any) -> int:
    """The compiled context for `asked` tokens: the next multiple of 16; by default twice the prompt, at least 128.

    Raises UserError ST0105 when the model has fewer positions than that, or the prompt does not fit into it.
    """
    limit = int(getattr(config, "max_position_embeddings", None) or 1 << 20)
    if asked is None:
        return min(max(DEFAULT_CONTEXT, 2 * prompt_rows), limit // ROWS * ROWS)
    rows = -(-asked // ROWS) * ROWS
    if rows > limit:
        raise UserError(
            "ST0105",
            f"a context of {asked} needs {rows} positions, the model has {limit}",
            hint=f"give at most {limit // ROWS * ROWS}",
        )
    if rows < prompt_rows:
        raise UserError(
            "ST0105",
            f"a context of {asked} tokens is shorter than a prompt of {prompt_rows}",
            hint=f"give --context {prompt_rows} or more, or a smaller --prompt-len",
        )
    return rows


DEFAULT_CONTEXT = 128
"""The compiled context when nothing is asked for, unless the prompt needs more."""

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The prefill program of a causal language model: the prompt in, the last logits and the cache out."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from streamtensor.diagnostics import UserError
from streamtensor.models.cache import KeptRows, cache_names
from streamtensor.models.quantization.convert import arithmetic_of
from streamtensor.models.quantization.fixed_point import matmul
from streamtensor.models.run_time_bound import RunTimeBound

ROWS = 16
"""A compiled prompt length is a multiple of this many rows, so that row tiles come out even."""

MODEL = "model"
"""The attribute under which the program holds the model; the names of its parameters come without it."""


class Prefill(torch.nn.Module):
    """Forward of a Hugging Face causal language model over a prompt of at most `rows` tokens.

    Inputs: `ids`, int64 [1, rows], padded on the right with anything, and `last`, int64 [1], the position of the
    prompt's last token. Outputs: the logits at that position, float32 [1, vocabulary], or int32 of a quantised model,
    and for each layer the rows of the KV cache, keys and values [1, KV heads, rows, head_dim]; those behind the prompt
    mean nothing.

    The mask, positions and eager attention are given to the model ready-made: what its own code would build from them
    is index arithmetic that has no place on the device. Padding on the right needs no mask of its own, because no
    row reads a later one.
    """

    prompt_positions: Tensor
    prompt_mask: Tensor
    prompt_sliding_mask: Tensor

    def __init__(self, model: Any, rows: int) -> None:
        super().__init__()
        self.model = model
        device = next(model.parameters()).device
        self.register_buffer("prompt_positions", torch.arange(rows)[None].to(device), persistent=False)
        make_mask = causal_mask if arithmetic_of(model) is None else visible_rows
        self.register_buffer("prompt_mask", make_mask(rows).to(device), persistent=False)
        self.layer_kinds = layer_kinds(model.config)
        window = window_of(model.config, rows)
        self.has_window = window is not None
        if window is not None:
            self.register_buffer("prompt_sliding_mask", make_mask(rows, window).to(device), persistent=False)
        tensors = len(cache_names(int(model.config.num_hidden_layers)))
        self.run_time_bounds = (RunTimeBound(of=1, dim=2, outputs=tuple(range(1, 1 + tensors))),)

    def forward(self, ids: Tensor, last: Tensor) -> tuple[Tensor, ...]:
        """Logits of the row `last` (picked by a product with a one-hot vector, not by an index), and the rows."""
        picked = torch.eq(self.prompt_positions, last)

        def pick(_module: torch.nn.Module, arguments: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
            hidden = arguments[0]
            row = picked.to(hidden.dtype) @ hidden if hidden.is_floating_point() else matmul(picked, hidden)
            return (row.to(hidden.dtype), *arguments[1:])

        sliding = self.prompt_sliding_mask if self.has_window else self.prompt_mask
        mask = masks_by_kind(self.layer_kinds, self.prompt_mask, sliding)
        cache: Any = KeptRows()
        hook = self.model.get_output_embeddings().register_forward_pre_hook(pick)
        try:
            result = self.model(
                input_ids=ids,
                position_ids=self.prompt_positions,
                attention_mask=mask,
                past_key_values=cache,
                use_cache=False,
            )
        finally:
            hook.remove()
        return result.logits[:, 0], *cache.rows


def masks_by_kind(kinds: tuple[str, ...], full: Tensor, sliding: Tensor) -> Tensor | dict[str, Tensor]:
    """What a model takes: one mask, or one for each kind of layer where the family asks for them by kind."""
    return {kind: sliding if kind == "sliding_attention" else full for kind in kinds} if kinds else full


def window_of(config: Any, rows: int) -> int | None:
    """The sliding window of a model's local layers, None when it has none or `rows` do not reach beyond it."""
    window = getattr(config, "sliding_window", None)
    return int(window) if window is not None and rows > window and "sliding_attention" in layer_kinds(config) else None


def causal_mask(rows: int, window: int | None = None) -> Tensor:
    """Float32 [1, 1, rows, rows]: 0 where row i may read row j, else a very small number."""
    return torch.where(visible_rows(rows, window), 0.0, torch.finfo(torch.float32).min)


def visible_rows(rows: int, window: int | None = None) -> Tensor:
    """Bool [1, 1, rows, rows]: whether row i may read row j (j <= i, i - j < window)."""
    row, column = torch.arange(rows)[:, None], torch.arange(rows)[None, :]
    visible = column <= row
    if window is not None:
        visible = visible & (row - column < window)
    return visible[None, None]


def layer_kinds(config: Any) -> tuple[str, ...]:
    """The kinds of attention layers for families whose masks are given by kind; empty for the others."""
    kinds: set[str] = set(getattr(config, "layer_types", None) or ())
    return tuple(sorted(kinds)) if "sliding_attention" in kinds else ()


def prompt_rows(asked: int, config: Any) -> int:
    """The compiled prompt length for `asked` tokens: the next multiple of `ROWS`.

    Raises UserError ST0105 when the model has fewer positions than that.
    """
    if asked < 1:
        raise UserError("ST0105", f"a prompt length of {asked} makes no program", hint="give at least 1")
    rows = -(-asked // ROWS) * ROWS
    limit = int(getattr(config, "max_position_embeddings", rows))
    if rows > limit:
        raise UserError(
            "ST0105",
            f"a prompt length of {asked} needs {rows} positions, the model has {limit}",
            hint=f"give at most {limit // ROWS * ROWS}",
        )
    return rows


def prompt_inputs(ids: Sequence[int], rows: int) -> tuple[Tensor, Tensor]:
    """The inputs of a prefill program of `rows` rows for the prompt `ids`: ids [1, rows] int64 and last [1] int64.

    Raises UserError ST0105 for a prompt that is longer than the program, ST0108 for an empty one.
    """
    if not ids:
        raise UserError("ST0108", "the prompt is empty", hint="give at least one token")
    if len(ids) > rows:
        raise UserError(
            "ST0105",
            f"the prompt has {len(ids)} tokens, the program was compiled for {rows}",
            hint="shorten the prompt, or compile again with a larger --prompt-len",
        )
    padded = torch.zeros(1, rows, dtype=torch.int64)
    padded[0, : len(ids)] = torch.tensor(list(ids))
    return padded, torch.tensor([len(ids) - 1])

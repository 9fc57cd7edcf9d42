# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""How well a model, float or quantised, predicts a text."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from streamtensor.diagnostics import UserError
from streamtensor.models.prefill import layer_kinds, visible_rows
from streamtensor.models.quantization.convert import arithmetic_of

WINDOW = 512
"""The longest window of text, for models that have more positions than that."""
_BATCH_ROWS = 4096


@dataclass(frozen=True)
class Evaluation:
    """`perplexity` per token, `loss` in nats per token, over `tokens` predicted tokens in windows of `window`."""

    perplexity: float
    loss: float
    tokens: int
    window: int


def logits(model: Any, ids: Tensor) -> Tensor:
    """The logits float [batch, rows, vocabulary] of ids [batch, rows]; a quantised model's are scaled back."""
    arithmetic = arithmetic_of(model)
    if arithmetic is None:
        return model(input_ids=ids, use_cache=False).logits
    rows = ids.shape[1]
    mask: Any = visible_rows(rows)
    if layer_kinds(model.config):
        window = visible_rows(rows, int(model.config.sliding_window))
        mask = {kind: window if kind == "sliding_attention" else mask for kind in layer_kinds(model.config)}
    result = model(input_ids=ids, attention_mask=mask, position_ids=torch.arange(rows)[None], use_cache=False)
    return result.logits.to(torch.float32) * 2.0**-arithmetic.logit_bits


def evaluate(model: Any, ids: Sequence[int], *, window: int | None = None) -> Evaluation:
    """Perplexity of the tokens `ids`, cut into windows that do not overlap and know nothing of each other.

    A window predicts each of its next tokens; what is left after the last whole window is not counted, unless there is
    no whole one. `window` is at most the model's positions and at most 512 when None. Raises UserError ST0123 for
    fewer than two tokens.
    """
    arithmetic = arithmetic_of(model)
    positions = int(model.config.max_position_embeddings)
    size = min(window or WINDOW, positions, arithmetic.positions if arithmetic else positions, len(ids) - 1)
    if size < 1:
        raise UserError("ST0123", f"a text of {len(ids)} tokens has nothing to predict", hint="give a longer text")
    count = (len(ids) - 1) // size
    rows = torch.tensor(list(ids[: count * size + 1]))
    total, step = 0.0, max(1, _BATCH_ROWS // size)
    with torch.no_grad():
        for first in range(0, count, step):
            starts = range(first, min(first + step, count))
            batch = torch.stack([rows[i * size : (i + 1) * size + 1] for i in starts])
            predicted = logits(model, batch[:, :-1]).flatten(0, 1)
            wanted = batch[:, 1:].flatten()
            total += float(torch.nn.functional.cross_entropy(predicted, wanted, reduction="sum"))
    loss = total / (count * size)
    return Evaluation(math.exp(loss), loss, count * size, size)


def perplexity(model: Any, tokenizer: Any, text: str) -> float:
    """Perplexity per token of `text`, which `tokenizer` (of the tokenizers library) takes apart; see `evaluate`."""
    return evaluate(model, tokenizer.encode(text).ids).perplexity

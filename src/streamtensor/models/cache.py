# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What attention sees of the KV cache: the rows that a prompt makes, or a cache with one new row in it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


class KeptRows:
    """The cache of a prefill: attention reads the rows that it made, and they are handed out.

    `rows` has the keys and the values of each layer, layer by layer.
    """

    def __init__(self) -> None:
        self.rows: list[Tensor] = []

    def update(self, keys: Tensor, values: Tensor, *_: Any) -> tuple[Tensor, Tensor]:
        """What attention reads: keys and values [1, KV heads, rows, head_dim] as they are."""
        self.rows += [keys, values]
        return keys, values

    def get_seq_length(self, *_: Any) -> int:
        """Nothing is in the cache before the prompt."""
        return 0


class CachedRows:
    """The cache of a decode step: attention reads the cache with the new row in the place of the position.

    `layers`: for each layer keys and values, [1, KV heads, context, head_dim]. `here`: bool [context], true at the
    position. `rows` has the new rows [1, KV heads, 1, head_dim], keys and values, layer by layer.
    """

    def __init__(self, layers: list[tuple[Tensor, Tensor]], here: Tensor) -> None:
        self.layers = layers
        self.here = here[None, None, :, None]
        self.rows: list[Tensor] = []

    def update(self, keys: Tensor, values: Tensor, *_: Any) -> tuple[Tensor, Tensor]:
        """What attention of the next layer reads; the new rows are handed out."""
        old_keys, old_values = self.layers[len(self.rows) // 2]
        self.rows += [keys, values]
        return torch.where(self.here, keys, old_keys), torch.where(self.here, values, old_values)

    def get_seq_length(self, *_: Any) -> int:
        """Positions are given to the model; it need not count."""
        return 0


def cache_names(layers: int) -> tuple[str, ...]:
    """The names of the cache's tensors, and of the new rows: keys_0, values_0, keys_1, ..."""
    return tuple(f"{name}_{layer}" for layer in range(layers) for name in ("keys", "values"))

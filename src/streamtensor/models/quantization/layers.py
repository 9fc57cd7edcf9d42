# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The integer layers that take the places of a transformers model's own; each holds its weights under the same name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from streamtensor.models.quantization import fixed_point as fixed

TAIL_BITS = 7
"""Queries and keys before their rotation have this many bits more than the 8 that they are rounded to after it."""


def empty(*shape: int, dtype: torch.dtype, device: torch.device) -> torch.nn.Parameter:
    """A parameter that waits for its values."""
    return torch.nn.Parameter(torch.empty(*shape, dtype=dtype, device=device), requires_grad=False)


class IntegerEmbedding(torch.nn.Module):
    """Rows of an int32 table in the residual stream's format; the scale of scaled embeddings is in the table."""

    def __init__(self, rows: int, width: int, device: torch.device) -> None:
        super().__init__()
        self.weight = empty(rows, width, dtype=torch.int32, device=device)

    def forward(self, ids: Tensor) -> Tensor:
        """int32 [..., width] for ids [...]."""
        return torch.nn.functional.embedding(ids, self.weight)


@dataclass(frozen=True)
class LinearForm:
    """`inputs` and `outputs` of a product, whether its weight is stored as [inputs, outputs], whether it has a bias,
    columns in a group (0: none), bits of the result and the two shifts; without `input_shift` it reads 8-bit numbers.
    Each weight fits into `weight_bits`.
    """

    inputs: int
    outputs: int
    transposed: bool
    bias: bool
    group: int
    bits: int
    shift: int
    input_shift: int | None = None
    input_multipliers: int = 1
    weight_bits: int = 8


class IntegerLinear(torch.nn.Module):
    """requantize(x @ weight + bias): int8 weights (4-bit ones between -8 and 7), 32-bit sums.

    A product that reads wider numbers first requantises them to 8 bits (`input_multiplier`). With groups, the weight of
    an input is scaled by the 16-bit `group_scale` [groups, outputs] of its group before the product.
    """

    def __init__(self, form: LinearForm, device: torch.device) -> None:
        super().__init__()
        self.form = form
        shape = (form.inputs, form.outputs) if form.transposed else (form.outputs, form.inputs)
        self.weight = empty(*shape, dtype=torch.int8, device=device)
        self.bias = empty(form.outputs, dtype=torch.int32, device=device) if form.bias else None
        self.multiplier = empty(form.outputs, dtype=torch.int32, device=device)
        if form.input_shift is not None:
            self.input_multiplier = empty(form.input_multipliers, dtype=torch.int32, device=device)
        if form.group:
            groups = -(-form.inputs // form.group)
            scales = (groups, form.outputs) if form.transposed else (form.outputs, groups)
            self.group_scale = empty(*scales, dtype=torch.int16, device=device)

    @property
    def parameter_bits(self) -> dict[str, int]:
        """The bits of parameters that need fewer than their type has, by name; what compiles the layer asks for it."""
        return {"weight": self.form.weight_bits} if self.form.weight_bits < 8 else {}

    def forward(self, x: Tensor) -> Tensor:
        """[..., outputs] of the form's bits for x [..., inputs]."""
        form = self.form
        if form.input_shift is not None:
            x = fixed.requantize(x, self.input_multiplier, form.input_shift, 8)
        total = self._product(x)
        if self.bias is not None:
            total = total + self.bias
        return fixed.requantize(total, self.multiplier, form.shift, form.bits)

    def _product(self, x: Tensor) -> Tensor:
        group, inputs = self.form.group, self.form.inputs
        if not group:
            return fixed.matmul(x, self.weight if self.form.transposed else self.weight.T)
        whole = inputs // group * group
        parts = [(0, whole)] if whole else []
        if whole < inputs:  # the last group is shorter
            parts.append((whole, inputs))
        totals = [fixed.matmul(x[..., start:end], self._scaled(start, end)) for start, end in parts]
        return totals[0] if len(totals) == 1 else totals[0] + totals[1]

    def _scaled(self, start: int, end: int) -> Tensor:
        """The weights [end - start, outputs] of whole groups, or of one, times their scales."""
        first, count = start // self.form.group, -(-(end - start) // self.form.group)
        if self.form.transposed:
            weight = self.weight[start:end].reshape(count, -1, self.form.outputs).to(torch.int16)
            return (weight * self.group_scale[first : first + count, None]).reshape(end - start, -1)
        weight = self.weight[:, start:end].reshape(self.form.outputs, count, -1).to(torch.int16)
        return (weight * self.group_scale[:, first : first + count, None]).reshape(-1, end - start).T


class IntegerNorm(torch.nn.Module):
    """Layer norm (`centre`) or RMS norm over the last dimension, from int32 to `bits` bits.

    `weight` is the multiplier of each channel; `bias` (64 bits) is added at the multiplier's scale.
    """

    def __init__(
        self, shape: tuple[int, ...], epsilon: int, bits: int, shift: int, centre: bool, device: torch.device
    ) -> None:
        super().__init__()
        self.epsilon, self.bits, self.shift, self.centre = epsilon, bits, shift, centre
        self.weight = empty(*shape, dtype=torch.int32, device=device)
        self.bias = empty(*shape, dtype=torch.int64, device=device) if centre else None

    def forward(self, x: Tensor) -> Tensor:
        """The shape of `x`."""
        if self.centre:
            x = fixed.centred(x)
        return fixed.requantize(fixed.normalized(x, self.epsilon), self.weight, self.shift, self.bits, self.bias)


class IntegerActivation(torch.nn.Module):
    """GELU (tanh) or SiLU of 16-bit numbers with `bits` fraction bits; int32, so that products with it fit."""

    def __init__(self, kind: str, bits: int) -> None:
        super().__init__()
        self.kind, self.bits = kind, bits

    def forward(self, x: Tensor) -> Tensor:
        """The shape of `x`."""
        function = fixed.silu if self.kind == "silu" else fixed.gelu_tanh
        return function(x, self.bits).to(torch.int32)


class IntegerRotary(torch.nn.Module):
    """Cosines and sines of the positions in Q14, int16, for each kind of layer of the model."""

    def __init__(self, kinds: tuple[str, ...], positions: int, head_dim: int, device: torch.device) -> None:
        super().__init__()
        for kind in kinds:
            for name in ("cos", "sin"):
                table = empty(positions, head_dim, dtype=torch.int16, device=device)
                self.register_parameter(table_name(name, kind), table)

    def forward(self, _x: Tensor, position_ids: Tensor, layer_type: str = "") -> tuple[Tensor, Tensor]:
        """cos and sin [..., head_dim] for positions [...]."""
        cos, sin = (getattr(self, table_name(name, layer_type)) for name in ("cos", "sin"))
        lookup = torch.nn.functional.embedding
        return lookup(position_ids, cos), lookup(position_ids, sin)


def table_name(name: str, kind: str) -> str:
    """The parameter that holds a table of a kind of layer."""
    return f"{kind}_{name}" if kind else name


@dataclass(frozen=True)
class AttentionForm:
    """Heads and their size; `score_shift` belongs to the multipliers of the scores."""

    heads: int
    kv_heads: int
    head_dim: int
    score_shift: int


class IntegerAttention(torch.nn.Module):
    """Causal attention over 8-bit queries, keys and values; weights of 14 bits; sums of 32 bits.

    Holds its projections (and norms of the heads) under the names of the original; a single name makes queries, keys
    and values at once. Keys and values enter the cache as 8-bit numbers with a static scale for each head.
    """

    def __init__(self, form: AttentionForm, names: tuple[str, ...], output: str, device: torch.device) -> None:
        super().__init__()
        self.form, self.names, self.output = form, names, output
        self.score_multiplier = empty(form.heads, 1, 1, dtype=torch.int32, device=device)

    def forward(
        self,
        hidden_states: Tensor,
        position_embeddings: tuple[Tensor, Tensor] | None = None,
        attention_mask: Tensor | None = None,
        past_key_values: Any = None,
        **_: Any,
    ) -> tuple[Tensor, None]:
        """int32 [batch, rows, width] in the residual stream's format; `attention_mask` is true where a row may look."""
        query, key, value = self._heads(hidden_states)
        if position_embeddings is not None:
            cos, sin = (table.unsqueeze(1) for table in position_embeddings)
            query, key = (fixed.rotate(x, cos, sin, TAIL_BITS) for x in (query, key))
        if past_key_values is not None:
            key, value = past_key_values.update(key, value, 0)
        key, value = (self._repeated(x) for x in (key, value))
        scores = fixed.matmul(query, key.transpose(-2, -1))
        weights = fixed.softmax(scores, attention_mask, self.score_multiplier, self.form.score_shift)
        mixed = fixed.matmul(weights, value).transpose(1, 2)
        return self.get_submodule(self.output)(mixed.reshape(*hidden_states.shape[:-1], -1)), None

    def _heads(self, hidden: Tensor) -> list[Tensor]:
        """Queries, keys and values [batch, heads, rows, head_dim] with their norms."""
        if len(self.names) == 1:
            flat = torch.split(self.get_submodule(self.names[0])(hidden), self.form.heads * self.form.head_dim, dim=-1)
        else:
            flat = [self.get_submodule(name)(hidden) for name in self.names]
        heads = [x.view(*hidden.shape[:-1], -1, self.form.head_dim).transpose(1, 2) for x in flat]
        for index, name in enumerate(("q_norm", "k_norm")):
            if hasattr(self, name):
                heads[index] = self.get_submodule(name)(heads[index])
        return heads

    def _repeated(self, x: Tensor) -> Tensor:
        """Each head of keys or values as often as queries read it."""
        times = self.form.heads // self.form.kv_heads
        if times == 1:
            return x
        batch, heads, rows, width = x.shape
        return x[:, :, None].expand(batch, heads, times, rows, width).reshape(batch, heads * times, rows, width)

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Puts integer layers in the places of a transformers model's own, still without values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from streamtensor.diagnostics import UserError
from streamtensor.models.quantization.families import HEAD, Family, activation_of, block_names, family_of
from streamtensor.models.quantization.layers import (
    AttentionForm,
    IntegerActivation,
    IntegerAttention,
    IntegerEmbedding,
    IntegerLinear,
    IntegerNorm,
    IntegerRotary,
    LinearForm,
)
from streamtensor.models.quantization.scheme import Arithmetic

ARITHMETIC = "arithmetic"
"""The attribute of a quantised model that holds its `Arithmetic`."""


def arithmetic_of(model: Any) -> Arithmetic | None:
    """The arithmetic of a quantised model, None for another one."""
    return getattr(model, ARITHMETIC, None)


def convert(model: Any, arithmetic: Arithmetic) -> Any:
    """The same model object with integer layers whose values are not set yet, on the device of the old ones.

    Raises UserError ST0121 for a model that integer arithmetic is not defined for.
    """
    family = family_of(model.config)
    converter = _Converter(model, family, arithmetic)
    for name in family.embeddings:
        converter.embedding(name)
    for block in block_names(model, family):
        converter.block(block)
    converter.norm("", family.final_norm, 8)
    converter.linear("", HEAD, bits=32)
    if family.rotary:
        converter.rotary()
    setattr(model, ARITHMETIC, arithmetic)
    return model.eval()


def fill(model: Any, values: Mapping[str, torch.Tensor]) -> Any:
    """The converted model with `values` by name, not copied.

    Raises UserError ST0103 for a value that is missing, or has another shape or type.
    """
    for name, old in list(model.named_parameters()):
        value = values.get(name)
        if value is None:
            raise UserError("ST0103", f"the quantised weights lack the tensor {name}")
        if value.shape != old.shape or value.dtype != old.dtype:
            found, wanted = f"{list(value.shape)} of {value.dtype}", f"{list(old.shape)} of {old.dtype}"
            raise UserError("ST0103", f"the quantised tensor {name} is {found}, not {wanted}")
        owner, _, last = name.rpartition(".")
        setattr(model.get_submodule(owner), last, torch.nn.Parameter(value, requires_grad=False))
    return model


def normal_epsilon(epsilon: float, width: int, arithmetic: Arithmetic) -> int:
    """A norm's epsilon in units of a sum of squares; its floor keeps the reciprocal root in range."""
    return max(1 << 14, round(epsilon * width * 4.0**arithmetic.residual_bits))


def rotary_kinds(config: Any) -> tuple[str, ...]:
    """The kinds of layers with tables of their own; one nameless kind where all layers share them."""
    return tuple(sorted(set(config.layer_types))) if config.model_type == "gemma3_text" else ("",)


class _Converter:
    """One conversion: the places of a block share their shifts with the same places of the others."""

    def __init__(self, model: Any, family: Family, arithmetic: Arithmetic) -> None:
        self.model, self.family, self.arithmetic = model, family, arithmetic
        self.config = model.config
        self.device = next(model.parameters()).device

    def put(self, name: str, module: torch.nn.Module) -> None:
        owner, _, last = name.rpartition(".")
        setattr(self.model.get_submodule(owner), last, module)

    def embedding(self, name: str) -> None:
        rows, width = self.model.get_submodule(name).weight.shape
        self.put(name, IntegerEmbedding(rows, width, self.device))

    def block(self, block: str) -> None:
        family = self.family
        for name, kind in family.norms:
            self.norm(block, name, 8 if kind == "int8" else 32)
        self.attention(block)
        for name in filter(None, (family.gate, family.up)):
            self.linear(block, name, bits=16)
        self.linear(block, family.down, bits=32, input_multipliers=1)
        activation = IntegerActivation(activation_of(self.config), self.arithmetic.activation_bits)
        self.put(f"{block}.{family.activation}", activation)

    def attention(self, block: str) -> None:
        family, name = self.family, f"{block}.{self.family.attention}"
        old = self.model.get_submodule(name)
        sizes = head_sizes(self.config)
        bits = 32 if family.head_norms else 16 if family.rotary else 8
        for part in family.inputs:
            self.linear(block, f"{family.attention}.{part}", bits=8 if part == "v_proj" else bits)
        for part, heads in zip(family.head_norms, sizes[:2], strict=False):
            self.norm(block, f"{family.attention}.{part}", 16, (heads, 1, sizes[2]))
        self.linear(block, f"{family.attention}.{family.output}", bits=32, input_multipliers=sizes[0] * sizes[2])
        shift = self.arithmetic.shifts[f"{family.attention}.scores"]
        new = IntegerAttention(AttentionForm(*sizes, shift), family.inputs, family.output, self.device)
        for part in (*family.inputs, *family.head_norms, family.output):
            new.add_module(part, old.get_submodule(part))
        self.put(name, new)

    def linear(self, block: str, name: str, *, bits: int, input_multipliers: int = 0) -> None:
        path = f"{block}.{name}".lstrip(".")
        old = self.model.get_submodule(path)
        transposed = not isinstance(old, torch.nn.Linear)  # transformers' Conv1D
        inputs, outputs = old.weight.shape if transposed else reversed(old.weight.shape)
        scheme, shifts = self.arithmetic.scheme, self.arithmetic.shifts
        form = LinearForm(
            inputs,
            outputs,
            transposed,
            old.bias is not None,
            scheme.group if block else 0,
            bits,
            shifts[name],
            shifts[f"{name}.input"] if input_multipliers else None,
            input_multipliers,
            scheme.weight_bits if block else 8,
        )
        self.put(path, IntegerLinear(form, self.device))

    def norm(self, block: str, name: str, bits: int, shape: tuple[int, ...] = ()) -> None:
        path = f"{block}.{name}".lstrip(".")
        old = self.model.get_submodule(path)
        width = old.weight.shape[-1]
        centre = isinstance(old, torch.nn.LayerNorm)
        epsilon = normal_epsilon(norm_epsilon(old), width, self.arithmetic)
        shift = self.arithmetic.shifts[name]
        self.put(path, IntegerNorm(shape or (width,), epsilon, bits, shift, centre, self.device))

    def rotary(self) -> None:
        kinds, head_dim = rotary_kinds(self.config), head_sizes(self.config)[2]
        self.put(self.family.rotary, IntegerRotary(kinds, self.arithmetic.positions, head_dim, self.device))


def norm_epsilon(norm: Any) -> float:
    """The epsilon of a layer norm or an RMS norm, under the name that its class gives it."""
    return float(getattr(norm, "eps", None) or norm.variance_epsilon)


def head_sizes(config: Any) -> tuple[int, int, int]:
    """Heads, heads of keys and values, and their size."""
    heads = int(config.num_attention_heads)
    kv_heads = int(getattr(config, "num_key_value_heads", None) or heads)
    return heads, kv_heads, int(getattr(config, "head_dim", None) or config.hidden_size // heads)

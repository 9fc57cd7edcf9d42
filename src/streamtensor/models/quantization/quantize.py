# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A float model and its ranges to integer values: scales, multipliers, tables."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from streamtensor.models.huggingface import build
from streamtensor.models.quantization import fixed_point as fixed
from streamtensor.models.quantization.calibration import Ranges, is_matrix, observe
from streamtensor.models.quantization.convert import convert, fill, head_sizes, rotary_kinds
from streamtensor.models.quantization.families import HEAD, Family, block_names, family_of
from streamtensor.models.quantization.layers import TAIL_BITS, table_name
from streamtensor.models.quantization.rounding import GivenWeight, IntegerWeight, given_weight, round_weight
from streamtensor.models.quantization.scheme import Arithmetic, Scheme, scheme

RESIDUAL_RANGE_BITS = 22
"""The largest number of the residual stream seen in calibration is below 2**22; norms saturate at eight times that."""
MARGIN = 2.0
"""How far 16-bit numbers may go beyond what calibration saw."""
MOMENT_BYTES = 1 << 30
"""Memory for the moments of inputs: models whose moments take more are rounded to 4 bits without them."""
POSITIONS = 4096
"""Rows of position tables, unless the model has fewer."""


def quantize(
    model: Any,
    scheme_name: str,
    calibration: Iterable[Tensor],
    *,
    given: Mapping[str, GivenWeight] | None = None,
    positions: int = POSITIONS,
    compensate: bool = True,
    search: bool = True,
) -> Any:
    """The integer form of a transformers causal language model; `model` itself is not changed.

    `scheme_name` is one of float32 (gives `model` back), w8a8, w4a8, w4a8-g128. `calibration` are ids, int64 [rows]
    each, from which static scales are taken. `given` holds integer weights that a checkpoint brings, by module.
    Without `search` each weight's scale is its range, which is quick. With `compensate` rounding to 4 bits makes up for
    its errors on the calibration text, where memory allows it.

    Raises UserError ST0120 (scheme), ST0121 (a family or a feature without integer form), ST0122 (calibration).
    """
    chosen = scheme(scheme_name)
    if not chosen.weight_bits:
        return model
    family = family_of(model.config)
    moments = compensate and chosen.weight_bits < 8 and _moment_bytes(model, family) <= MOMENT_BYTES
    ranges = observe(model, calibration, moments=moments)
    rows = min(positions, int(model.config.max_position_embeddings))
    arithmetic = _arithmetic(model, family, ranges, chosen, rows)
    work = _Quantizer(model, family, ranges, arithmetic, given or {}, search)
    values, arithmetic = work.run()
    config = copy.deepcopy(model.config)
    if family.rotary:
        config.max_position_embeddings = rows  # what the tables have
    return fill(convert(build(config, seed=None), arithmetic), values)


def _moment_bytes(model: Any, family: Family) -> int:
    """Memory that the moments of all products of the blocks take."""
    layers = model.get_submodule(family.layers)
    products = [module for module in layers.modules() if is_matrix(module)]
    widths = [module.weight.shape[1 if isinstance(module, torch.nn.Linear) else 0] for module in products]
    return sum(8 * width * width for width in widths)


def _bits_below(limit: int, largest: float) -> int:
    """Fraction bits with which `largest` stays below 2**limit."""
    return limit - 1 - math.floor(math.log2(largest))


def _arithmetic(model: Any, family: Family, ranges: Ranges, chosen: Scheme, positions: int) -> Arithmetic:
    norms = [name for name, _ in family.norms] + [f"{family.attention}.{name}" for name in family.head_norms]
    streams = [f"{block}.{name}" for block in block_names(model, family) for name in norms] + [family.final_norm]
    inner = [f"{block}.{family.activation}" for block in block_names(model, family)]
    residual = _bits_below(RESIDUAL_RANGE_BITS, max(ranges.inputs[name] for name in streams))
    activation = _bits_below(15, MARGIN * max(ranges.inputs[name] for name in inner))
    logits = _bits_below(24, ranges.outputs[HEAD])
    return Arithmetic(
        chosen, max(0, min(22, residual)), max(4, min(12, activation)), max(0, min(20, logits)), positions
    )


@dataclass
class _Quantizer:
    """Collects values by name; multipliers wait as ratios until the shift of their place is known."""

    model: Any
    family: Family
    ranges: Ranges
    arithmetic: Arithmetic
    given: Mapping[str, GivenWeight]
    search: bool
    values: dict[str, Tensor] = field(default_factory=dict[str, Tensor])
    ratios: dict[str, dict[str, Tensor]] = field(default_factory=dict[str, dict[str, Tensor]])
    offsets: dict[str, Tensor] = field(default_factory=dict[str, Tensor])

    def run(self) -> tuple[dict[str, Tensor], Arithmetic]:
        """All values, and the arithmetic with its shifts."""
        for name in self.family.embeddings:
            self._embedding(name)
        for block in block_names(self.model, self.family):
            self._block(block)
        final = self._norm("", self.family.final_norm, self._range(self.family.final_norm))
        self._linear("", HEAD, final, torch.tensor(2.0**-self.arithmetic.logit_bits))
        if self.family.rotary:
            self._rotary()
        shifts: dict[str, int] = {}
        for place, found in self.ratios.items():
            shifts[place] = fixed.common_shift([float(ratio.abs().max().clamp(min=1e-12)) for ratio in found.values()])
            for name, ratio in found.items():
                self.values[name] = _signed_multiplier(ratio, shifts[place])
                if name in self.offsets:
                    self.values[f"{name.rpartition('.')[0]}.bias"] = _offset(self.offsets[name], shifts[place])
        return self.values, replace(self.arithmetic, shifts=shifts)

    @property
    def _residual(self) -> float:
        return 2.0**-self.arithmetic.residual_bits

    def _range(self, name: str) -> float:
        """The scale of 8-bit numbers that a module makes."""
        return self.ranges.outputs[name] / 127

    def _ratio(self, place: str, name: str, ratio: Tensor) -> None:
        self.ratios.setdefault(place, {})[name] = ratio.double()

    def _embedding(self, name: str) -> None:
        module = self.model.get_submodule(name)
        table = module.weight.double() * float(getattr(module, "embed_scale", 1.0)) / self._residual
        self.values[f"{name}.weight"] = torch.round(table).to(torch.int32)

    def _block(self, block: str) -> None:
        family, residual = self.family, torch.tensor(self._residual)
        norms = {
            name: self._norm(block, name, self._range(f"{block}.{name}") if kind == "int8" else self._residual)
            for name, kind in family.norms
        }
        into_attention, into_mlp = (norms[name] for name, kind in family.norms if kind == "int8")
        self._attention(block, into_attention)
        inner = 2.0**-self.arithmetic.activation_bits
        self._linear(block, family.gate, into_mlp, torch.tensor(inner))
        if family.up:
            step = torch.tensor(MARGIN * self.ranges.outputs[f"{block}.{family.up}"] / 32767)
            self._linear(block, family.up, into_mlp, step)
            inner *= float(step)
        step = self.ranges.inputs[f"{block}.{family.down}"] / 127
        self._ratio(f"{family.down}.input", f"{block}.{family.down}.input_multiplier", torch.tensor([inner / step]))
        self._linear(block, family.down, step, residual)

    def _attention(self, block: str, scale: float) -> None:
        family = self.family
        path = f"{block}.{family.attention}"
        heads, kv_heads, head_dim = head_sizes(self.model.config)
        query, key, value = (self.ranges.heads[f"{path}.{name}"] / 127 for name in ("query", "key", "value"))
        before = [step * 2.0**-TAIL_BITS for step in (query, key)] if family.rotary else [query, key]
        if family.head_norms:
            for name, step in zip(family.head_norms, before, strict=True):
                self._norm(block, f"{family.attention}.{name}", step[:, None, None])
            before = [torch.full_like(step, self._residual) for step in before]
        steps = [step.repeat_interleave(head_dim) for step in (*before, value)]
        for name, step in zip(family.inputs, steps if len(family.inputs) > 1 else [torch.cat(steps)], strict=True):
            self._linear(block, f"{family.attention}.{name}", scale, step)
        times = heads // kv_heads
        scaling = float(self.model.get_submodule(path).scaling) * math.log2(math.e) * (1 << fixed.EXPONENT_BITS)
        scores = query * key.repeat_interleave(times) * scaling
        self._ratio(f"{family.attention}.scores", f"{path}.score_multiplier", scores[:, None, None])
        output = f"{family.attention}.{family.output}"
        step = self.ranges.inputs[f"{block}.{output}"] / 127
        mixed = value.repeat_interleave(times * head_dim) * 2.0**-fixed.PROBABILITY_BITS
        self._ratio(f"{output}.input", f"{block}.{output}.input_multiplier", mixed / step)
        self._linear(block, output, step, torch.tensor(self._residual))

    def _norm(self, block: str, name: str, step: float | Tensor) -> float:
        """A norm whose result has the scale `step`, which is returned where it is a number."""
        path = f"{block}.{name}".lstrip(".")
        module = self.model.get_submodule(path)
        weight = module.weight.double() + self.family.unit_weight
        self._ratio(name, f"{path}.weight", weight * math.sqrt(len(weight)) / step / (1 << fixed.NORM_BITS))
        if getattr(module, "bias", None) is not None:
            self.offsets[f"{path}.weight"] = module.bias.double() / step
        return step if isinstance(step, float) else 0.0

    def _linear(self, block: str, name: str, scale: float, step: Tensor) -> None:
        """A product that reads 8-bit numbers of `scale` and writes numbers of `step` (one, or one for each output)."""
        path = f"{block}.{name}".lstrip(".")
        module = self.model.get_submodule(path)
        transposed = not isinstance(module, torch.nn.Linear)
        chosen = self.arithmetic.scheme
        if path in self.given:
            weight = given_weight(self.given[path], chosen.group)
        else:
            numbers = module.weight.T if transposed else module.weight
            weight = self._rounded(path, numbers) if block else round_weight(numbers, 8, 0, search=self.search)
        self.values[f"{path}.weight"] = (weight.numbers.T if transposed else weight.numbers).contiguous()
        if weight.group_scale is not None:
            scales = weight.group_scale.T if transposed else weight.group_scale
            self.values[f"{path}.group_scale"] = scales.contiguous()
        sums = weight.scale * scale
        if module.bias is not None:
            limit = float(1 << 30)
            bias = torch.round(module.bias.double() / sums).clamp(-limit, limit)
            self.values[f"{path}.bias"] = bias.to(torch.int32)
        self._ratio(name, f"{path}.multiplier", sums / step.double())

    def _rounded(self, path: str, numbers: Tensor) -> IntegerWeight:
        chosen = self.arithmetic.scheme
        moments = self.ranges.moments.pop(path, None)
        return round_weight(numbers, chosen.weight_bits, chosen.group, moments, search=self.search)

    def _rotary(self) -> None:
        module = self.model.get_submodule(self.family.rotary)
        positions = torch.arange(self.arithmetic.positions)[None]
        like = torch.zeros(1, dtype=torch.float64)
        for kind in rotary_kinds(self.model.config):
            tables = module(like, positions, kind) if kind else module(like, positions)
            for name, table in zip(("cos", "sin"), tables, strict=True):
                rounded = torch.round(table[0].double() * (1 << fixed.ROTARY_BITS)).to(torch.int16)
                self.values[f"{self.family.rotary}.{table_name(name, kind)}"] = rounded


def _signed_multiplier(ratio: Tensor, shift: int) -> Tensor:
    """Multipliers for ratios of either sign (a norm's weight may be negative); never 0 but for a ratio of 0."""
    return torch.where(ratio == 0, 0, fixed.multiplier_of(ratio.abs(), shift) * torch.sign(ratio)).to(torch.int32)


def _offset(offset: Tensor, shift: int) -> Tensor:
    limit = 2.0**60
    return torch.round(offset * 2.0**shift).clamp(-limit, limit).to(torch.int64)

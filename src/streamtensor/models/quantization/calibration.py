# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The ranges that the numbers of a float model have on sample text."""

from __future__ import annotations

import importlib
import math
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from streamtensor.diagnostics import UserError
from streamtensor.models.huggingface import library
from streamtensor.models.quantization.families import HEAD, block_names, family_of

_OBSERVED = "streamtensor_observed"
_SMALL = 1e-6


@dataclass
class Ranges:
    """The largest sizes seen: `inputs` and `outputs` of modules by path, and `heads` [heads] of queries, keys and
    values ("PATH.query") as they enter the scores and the sum. `moments` are sums of x^T x, float64 [inputs, inputs],
    of what the products of the blocks read.
    """

    inputs: dict[str, float] = field(default_factory=dict[str, float])
    outputs: dict[str, float] = field(default_factory=dict[str, float])
    heads: dict[str, Tensor] = field(default_factory=dict[str, Tensor])
    moments: dict[str, Tensor] = field(default_factory=dict[str, Tensor])

    def see(self, where: dict[str, float], name: str, value: Tensor) -> None:
        """Takes the values of a tensor into account."""
        largest = float(value.abs().max())
        where[name] = max(where.get(name, _SMALL), largest if math.isfinite(largest) else math.inf)

    def see_heads(self, name: str, value: Tensor) -> None:
        """Takes [batch, heads, rows, head_dim] into account."""
        largest = value.abs().amax((0, 2, 3)).double().clamp(min=_SMALL)
        self.heads[name] = torch.maximum(largest, self.heads.get(name, largest))

    def see_moments(self, name: str, value: Tensor) -> None:
        """Takes what a product reads, [..., inputs], into account."""
        rows = value.reshape(-1, value.shape[-1]).double()
        moments = rows.T @ rows
        self.moments[name] = self.moments[name] + moments if name in self.moments else moments


def observe(model: Any, samples: Iterable[Tensor], *, moments: bool = False) -> Ranges:
    """Runs the float model on `samples` (ids [rows] or [batch, rows]) and notes the ranges, with `moments` also those
    of the blocks' products.


    Raises UserError ST0122 when there is no sample, or values that are not finite.
    """
    ranges = Ranges()
    with _hooks(model, ranges, moments), torch.no_grad():
        count = 0
        for ids in samples:
            model(input_ids=ids if ids.dim() == 2 else ids[None], use_cache=False)
            count += 1
    if not count:
        raise UserError("ST0122", "there is no sample to calibrate with", hint="give a longer text")
    strange = [name for seen in (ranges.inputs, ranges.outputs) for name, top in seen.items() if not top < 1e30]
    if strange:
        raise UserError("ST0122", f"the values of {strange[0]} are not finite numbers on the calibration text")
    return ranges


@contextmanager
def _hooks(model: Any, ranges: Ranges, moments: bool) -> Generator[None]:
    """Watches the modules, and attention through transformers' own choice of an attention function."""
    family = family_of(model.config)
    names = {id(model.get_submodule(f"{block}.{family.attention}")): block for block in block_names(model, family)}
    watched = (torch.nn.LayerNorm, torch.nn.Embedding)
    handles: list[Any] = []
    for path, module in model.named_modules():
        norm_or_product = is_matrix(module) or isinstance(module, watched) or type(module).__name__.endswith("RMSNorm")
        if norm_or_product or path.endswith(family.activation) or path == HEAD:
            is_product = moments and path.startswith(family.layers) and is_matrix(module)
            handles.append(module.register_forward_hook(_watcher(ranges, path, is_product)))

    def attend(module: torch.nn.Module, query: Tensor, key: Tensor, value: Tensor, *args: Any, **kwargs: Any) -> Any:
        path = f"{names[id(module)]}.{family.attention}"
        for name, heads in (("query", query), ("key", key), ("value", value)):
            ranges.see_heads(f"{path}.{name}", heads)
        return eager(module, query, key, value, *args, **kwargs)

    eager: Any = importlib.import_module(type(model).__module__).eager_attention_forward
    library().AttentionInterface.register(_OBSERVED, attend)
    library().AttentionMaskInterface.register(_OBSERVED, library().masking_utils.eager_mask)
    before = model.config._attn_implementation
    model.config._attn_implementation = _OBSERVED
    try:
        yield
    finally:
        model.config._attn_implementation = before
        for handle in handles:
            handle.remove()


def is_matrix(module: torch.nn.Module) -> bool:
    """Whether a module is a product with a matrix: PyTorch's Linear or transformers' Conv1D."""
    return isinstance(module, torch.nn.Linear) or type(module).__name__ == "Conv1D"


def _watcher(ranges: Ranges, path: str, is_product: bool) -> Any:
    def hook(_module: torch.nn.Module, arguments: tuple[Any, ...], result: Tensor) -> None:
        if arguments and isinstance(arguments[0], Tensor) and arguments[0].is_floating_point():
            ranges.see(ranges.inputs, path, arguments[0])
            if is_product:
                ranges.see_moments(path, arguments[0])
        ranges.see(ranges.outputs, path, result)

    return hook

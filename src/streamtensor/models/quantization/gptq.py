# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Reads GPTQ checkpoints: 4-bit symmetric groups, eight numbers in an int32."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from streamtensor.diagnostics import UserError
from streamtensor.models.huggingface import build, weight_files
from streamtensor.models.quantization.rounding import GivenWeight

_PACKED = 8
_MIDDLE = 8
"""The stored number that stands for zero in a symmetric checkpoint."""


def gptq_settings(config: Any) -> Mapping[str, Any] | None:
    """The settings of a GPTQ checkpoint, None for another model.

    Raises UserError ST0124 for what has no integer form here: other widths, zero points, reordered columns.
    """
    settings: Any = getattr(config, "quantization_config", None)
    if settings is None:
        return None
    settings = settings if isinstance(settings, dict) else settings.to_dict()
    method = settings.get("quant_method")
    if method != "gptq":
        raise UserError("ST0124", f"checkpoints of the method '{method}' cannot be read", hint="GPTQ and float can")
    if settings.get("bits") != 4:
        raise UserError("ST0124", f"a GPTQ checkpoint with {settings.get('bits')} bits cannot be read, only 4")
    if not settings.get("sym", True):
        raise UserError("ST0124", "a GPTQ checkpoint with zero points (sym: false) cannot be read, only symmetric ones")
    if settings.get("desc_act"):
        raise UserError("ST0124", "a GPTQ checkpoint with reordered columns (desc_act) cannot be read")
    return settings


def read_gptq(folder: Path, config: Any) -> tuple[Any, dict[str, GivenWeight]]:
    """The float model that a GPTQ folder stands for, and the integers of its layers by module.

    Raises UserError ST0103 for a tensor that is missing, ST0124 (see `gptq_settings`), also for single zero points.
    """
    from safetensors.torch import load_file

    settings = gptq_settings(config)
    assert settings is not None
    tensors: dict[str, Tensor] = {}
    for file in weight_files(folder):
        tensors |= load_file(file)
    # the first version of the format stores zero points less one
    zero = _MIDDLE - (0 if settings.get("checkpoint_format") == "gptq_v2" else 1)
    given: dict[str, GivenWeight] = {}
    for name in [name for name in tensors if name.endswith(".qweight")]:
        path = name.removesuffix(".qweight")
        given[path] = _layer(tensors, path, int(settings["group_size"]), zero)
        tensors[f"{path}.weight"] = _float(given[path], int(settings["group_size"]))
    plain = copy.deepcopy(config)
    del plain.quantization_config
    return _load(folder, plain, tensors), given


def _layer(tensors: dict[str, Tensor], path: str, group: int, zero: int) -> GivenWeight:
    try:
        packed, zeros, scales = (tensors.pop(f"{path}.{part}") for part in ("qweight", "qzeros", "scales"))
    except KeyError as error:
        raise UserError("ST0103", f"the checkpoint lacks the tensor {error.args[0]}") from error
    shifts = torch.arange(0, 32, 4, dtype=torch.int32)
    numbers = (packed[:, None, :] >> shifts[None, :, None]) & 15
    numbers = numbers.reshape(-1, packed.shape[1]).T - _MIDDLE
    found = (zeros[:, :, None] >> shifts) & 15
    if not bool((found == zero).all()):
        raise UserError("ST0124", f"{path} has zero points, only symmetric groups can be read")
    order = tensors.pop(f"{path}.g_idx", None)
    width = numbers.shape[1] if group < 1 else group
    if order is not None and not torch.equal(order.long(), torch.arange(numbers.shape[1]) // width):
        raise UserError("ST0124", f"{path} has reordered columns (g_idx), which cannot be read")
    return GivenWeight(numbers.to(torch.int8).contiguous(), scales.T.double().contiguous())


def _float(weight: GivenWeight, group: int) -> Tensor:
    width = weight.numbers.shape[1] if group < 1 else group
    scales = torch.repeat_interleave(weight.scales, width, 1)[:, : weight.numbers.shape[1]]
    return (weight.numbers * scales).float()


def _load(folder: Path, config: Any, tensors: dict[str, Tensor]) -> Any:
    """The float model with these weights; transformers' Conv1D stores its weights the other way round."""
    model = build(config, seed=0)
    for name, module in model.named_modules():
        weight = tensors.get(f"{name}.weight")
        if type(module).__name__ == "Conv1D" and weight is not None and weight.shape != module.weight.shape:
            tensors[f"{name}.weight"] = weight.T.contiguous()
    values = {name: value.float() for name, value in tensors.items()}
    missing, unknown = model.load_state_dict(values, strict=False)
    tied = set(getattr(model, "all_tied_weights_keys", None) or ())
    absent = sorted(set(missing) - tied)
    if absent or unknown:
        what = f"lacks the tensor {absent[0]}" if absent else f"has the unknown tensor {sorted(unknown)[0]}"
        raise UserError("ST0103", f"the checkpoint in {folder} {what}")
    return model.eval().requires_grad_(False)

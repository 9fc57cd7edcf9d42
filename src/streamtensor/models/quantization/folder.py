# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Folders of quantised models: like Hugging Face's, with integer tensors and a record of the arithmetic."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import torch

from streamtensor.diagnostics import UserError
from streamtensor.models.huggingface import WEIGHTS, build, check_safetensors
from streamtensor.models.quantization.convert import arithmetic_of, convert, fill
from streamtensor.models.quantization.scheme import Arithmetic

RECORD = "quantization.json"
_FORMAT = 1
_TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "generation_config.json")


def save_quantized(model: Any, folder: Path, source: Path | None = None) -> None:
    """Writes a quantised model into the existing `folder`, with the tokenizer's files of the folder `source`."""
    from safetensors.torch import save_file

    arithmetic = arithmetic_of(model)
    assert arithmetic is not None, "a model that `quantize` made"
    fields = model.config.to_dict()
    fields.pop("quantization_config", None)
    (folder / "config.json").write_text(json.dumps(fields, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    tensors = {name: value.detach().contiguous() for name, value in model.named_parameters()}
    save_file(tensors, folder / WEIGHTS, metadata={"format": "pt"})
    (folder / WEIGHTS).chmod(0o644)  # the library makes files that only their owner may read
    record = {"format": _FORMAT, **arithmetic.as_json()}
    (folder / RECORD).write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    for name in _TOKENIZER_FILES:
        if source is not None and (source / name).is_file():
            shutil.copyfile(source / name, folder / name)


def read_arithmetic(folder: Path) -> Arithmetic | None:
    """The record of a quantised folder, None for another one. Raises UserError ST0103 for a damaged record."""
    file = folder / RECORD
    if not file.is_file():
        return None
    try:
        record = json.loads(file.read_text(encoding="utf-8"))
        if record.pop("format") != _FORMAT:
            raise UserError("ST0103", f"{file} was written by another version", hint="quantise the model again")
        return Arithmetic.from_json(record)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError("ST0103", f"{file} is damaged: {error}", hint="quantise the model again") from error


def empty_model(config: Any, arithmetic: Arithmetic) -> Any:
    """The quantised model without values, on the meta device.

    Raises UserError ST0103 when the record does not fit the configuration.
    """
    try:
        return convert(build(config, seed=None), arithmetic)
    except KeyError as error:
        raise UserError("ST0103", f"{RECORD} has no shift for {error}", hint="quantise the model again") from error


def load_quantized(folder: Path, config: Any, arithmetic: Arithmetic) -> Any:
    """The quantised model of `folder` with its weights.

    Raises UserError ST0103 when a file or a tensor is missing, or does not fit.
    """
    from safetensors.torch import load_file

    file = folder / WEIGHTS
    check_safetensors(file)
    values: dict[str, torch.Tensor] = load_file(file)
    return fill(empty_model(config, arithmetic), values)

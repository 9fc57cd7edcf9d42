# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Causal language models built by transformers, always offline: from a configuration, or from a folder's weights."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from streamtensor.diagnostics import UserError

WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"

_SIZES = ("num_hidden_layers", "num_attention_heads", "hidden_size", "vocab_size", "max_position_embeddings")


def library() -> Any:
    """The transformers package, kept from the network and quiet."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("TRANSFORMERS_OFFLINE", "1")
    import transformers

    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    return transformers


def config_of(family: str, fields: Mapping[str, Any]) -> Any:
    """The configuration of `family` ("gpt2", "llama", ...) with `fields`.

    Raises UserError ST0102 for a family that transformers does not know.
    """
    transformers = library()
    try:
        return transformers.AutoConfig.for_model(family, **fields)
    except ValueError as error:
        raise UserError("ST0102", f"transformers has no model family called '{family}'") from error


def folder_config(folder: Path) -> Any:
    """The configuration in `folder`.

    Raises UserError ST0101 when there is no config.json, ST0103 when it is not one, ST0102 for an unknown family.
    """
    file = folder / "config.json"
    if not file.is_file():
        raise UserError(
            "ST0101",
            f"{folder} has no config.json",
            hint="give a folder that transformers' save_pretrained wrote",
        )
    try:
        fields = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError("ST0103", f"{file} is not valid JSON: {error}") from error
    family = fields.get("model_type") if isinstance(fields, dict) else None
    if not isinstance(family, str):
        raise UserError("ST0103", f"{file} has no model_type")
    transformers = library()
    if family not in transformers.CONFIG_MAPPING:
        raise UserError("ST0102", f"{file}: transformers has no model family called '{family}'")
    try:
        config = transformers.AutoConfig.from_pretrained(str(folder), local_files_only=True)
    except Exception as error:  # each family checks its own fields, with errors of its own
        raise UserError("ST0103", f"{file} is not a usable configuration: {error}") from error
    _check_sizes(config, file)
    return config


def _check_sizes(config: Any, file: Path) -> None:
    """Raises UserError ST0103 for a size that is below 1: no family looks at these itself."""
    for name in _SIZES:
        size = getattr(config, name, 1)
        if not isinstance(size, int) or size < 1:
            given = config.attribute_map.get(name, name)
            raise UserError("ST0103", f"{file}: {given} is {size!r}, a model has 1 or more")


def weight_files(folder: Path) -> tuple[Path, ...]:
    """The safetensors files of `folder`, one or several shards, each with a readable header.

    Raises UserError ST0101 when there are none, ST0103 (names the file) when one is missing or broken.
    """
    single, index = folder / WEIGHTS, folder / INDEX
    if single.is_file():
        files = (single,)
    elif index.is_file():
        try:
            names = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise UserError("ST0103", f"{index} is not a valid index of shards") from error
        files = tuple(folder / str(name) for name in names)
    else:
        other = sorted(path.name for path in folder.glob("*.bin"))
        hint = f"{', '.join(other)} is a pickle; save it again as safetensors" if other else ""
        raise UserError("ST0101", f"{folder} has no {WEIGHTS}", hint=hint)
    for file in files:
        check_safetensors(file)
    return files


def check_safetensors(file: Path) -> None:
    """Raises UserError ST0103 when `file` is missing, cut off, or has no readable header."""
    from safetensors import SafetensorError, safe_open

    if not file.is_file():
        raise UserError("ST0103", f"{file} is named in the index of shards but does not exist")
    try:
        with safe_open(str(file), framework="pt"):
            pass
    except (SafetensorError, OSError, ValueError) as error:
        raise UserError("ST0103", f"{file} is not a valid safetensors file: {error}") from error


def build(config: Any, *, seed: int | None) -> Any:
    """The causal language model of `config` in float32 for inference.

    Its weights are random, seeded by `seed`; without a seed it is on the meta device, without any values.
    Raises UserError ST0102 when the family has no causal language model.
    """
    import torch

    transformers = library()
    if type(config) not in transformers.MODEL_FOR_CAUSAL_LM_MAPPING:
        raise UserError("ST0102", f"'{config.model_type}' is not a causal language model")
    make = transformers.AutoModelForCausalLM.from_config
    if seed is None:
        with torch.device("meta"):
            model = make(config, attn_implementation="eager", dtype=torch.float32)
    else:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            model = make(config, attn_implementation="eager", dtype=torch.float32)
    return _for_inference(model)


def load(folder: Path, config: Any) -> Any:
    """The model of `folder` with its own weights in float32, for inference.

    Raises UserError ST0103 when a tensor is missing or has another shape than the configuration says.
    """
    import torch

    files = weight_files(folder)
    transformers = library()
    try:
        model, info = transformers.AutoModelForCausalLM.from_pretrained(
            str(folder),
            config=config,
            dtype=torch.float32,
            attn_implementation="eager",
            local_files_only=True,
            use_safetensors=True,
            output_loading_info=True,
        )
    except Exception as error:  # transformers and safetensors raise many kinds for a folder that does not fit
        raise UserError("ST0103", f"{files[0]} does not fit {folder / 'config.json'}: {_first_line(error)}") from error
    missing = sorted(info["missing_keys"])
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise UserError("ST0103", f"{files[0]} lacks the tensor {missing[0]}{more}")
    return _for_inference(model)


def _for_inference(model: Any) -> Any:
    return model.eval().requires_grad_(False)


def _first_line(error: BaseException) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)

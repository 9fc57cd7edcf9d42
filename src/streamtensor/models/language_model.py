# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A causal language model, float or integer, and the two programs that generate with it: prefill and decode."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from streamtensor.diagnostics import UserError
from streamtensor.models.cache import cache_names
from streamtensor.models.decode import Decode, cache_shape, decode_inputs
from streamtensor.models.huggingface import build, load
from streamtensor.models.prefill import MODEL, Prefill, prompt_inputs
from streamtensor.models.program import Program
from streamtensor.models.quantization.calibration_text import calibration_windows, random_windows, read_ids
from streamtensor.models.quantization.folder import empty_model, load_quantized, read_arithmetic
from streamtensor.models.quantization.gptq import gptq_settings, read_gptq
from streamtensor.models.quantization.quantize import quantize
from streamtensor.models.quantization.rounding import GivenWeight
from streamtensor.models.quantization.scheme import Arithmetic, scheme
from streamtensor.models.rotary import use_rotary_tables

FLOAT = "float32"
PREFILL, DECODE = "prefill", "decode"


class LanguageModel:
    """The model of `config`, with the weights of `folder`, or random ones when there is a `seed`.

    `scheme` quantises it (None: the numbers are those of the folder), with static scales from the text file
    `calibration`, or from random tokens. A known `arithmetic` spares that when only the code is wanted.

    Raises UserError ST0120 for an unknown scheme, ST0121 when the folder is quantised otherwise.
    """

    def __init__(
        self,
        config: Any,
        prompt_len: int,
        context: int,
        *,
        folder: Path | None = None,
        seed: int | None = None,
        scheme: str | None = None,
        calibration: Path | None = None,
        arithmetic: Arithmetic | None = None,
    ) -> None:
        self.config, self._stored_config = _plain(config), config
        self.prompt_len, self.context = prompt_len, context
        self.folder = folder if seed is None else None
        self.seed = seed
        self.calibration = calibration
        self._tokenizer_folder = folder
        self._stored = read_arithmetic(self.folder) if self.folder is not None else None
        self._is_gptq = False
        self.scheme = self._scheme(scheme)
        self._given = arithmetic

    def _scheme(self, wanted: str | None) -> str:
        if wanted is not None:
            scheme(wanted)  # says when there is none of this name
        if self._stored is not None:
            if wanted not in (None, self._stored.scheme.name):
                raise UserError(
                    "ST0121",
                    f"{self.folder} is quantised with {self._stored.scheme.name}, not {wanted}",
                    hint="leave --scheme out, or give the folder of the float model",
                )
            return self._stored.scheme.name
        settings = gptq_settings(self._stored_config) if self.folder is not None else None
        self._is_gptq = settings is not None
        if settings is not None and wanted is None:
            group = int(settings["group_size"])
            return "w4a8" if group < 1 else f"w4a8-g{group}"
        return wanted or FLOAT

    @property
    def is_calibrated_on_random_tokens(self) -> bool:
        """Whether ranges of activations are taken from random tokens although the weights are real."""
        return self._stored is None and self.scheme != FLOAT and self.calibration is None and self.seed is None

    @cached_property
    def real(self) -> Any:
        """The model with its values.

        Raises UserError ST0103 when the weights do not fit, ST0109 and ST0122 for the calibration text.
        """
        if self._stored is not None and self.folder is not None:
            return load_quantized(self.folder, self.config, self._stored)
        model, given = self._float()
        if self.scheme == FLOAT:
            use_rotary_tables(model, self.context)
            return model
        compensate = self.calibration is not None  # on random tokens there is nothing to make up for
        return quantize(
            model,
            self.scheme,
            self._windows(),
            given=given,
            positions=self.context,
            compensate=compensate,
            search=self.seed is None,
        )

    def _float(self) -> tuple[Any, Mapping[str, GivenWeight]]:
        if self.folder is None:
            return build(self.config, seed=self.seed), {}
        if self._is_gptq:
            return read_gptq(self.folder, self._stored_config)
        return load(self.folder, self.config), {}

    def _windows(self) -> list[torch.Tensor]:
        if self.calibration is None:
            return random_windows(self.config, self.prompt_len)
        folder = self._tokenizer_folder
        if folder is None:
            raise UserError("ST0109", "a shape has no tokenizer to read a text with", hint="leave --calibration out")
        return calibration_windows(read_ids(folder, self.calibration), self.config)

    @cached_property
    def arithmetic(self) -> Arithmetic | None:
        """What is constant in the code of the integer model; None for a float one."""
        if self.scheme == FLOAT:
            return None
        return self._given or self._stored or self.real.arithmetic

    def empty(self) -> Any:
        """The model on the meta device, so that importing needs no weights."""
        if self.arithmetic is not None:
            return empty_model(self.config, self.arithmetic)
        model = build(self.config, seed=None)
        use_rotary_tables(model, self.context)
        return model

    def programs(self) -> tuple[Program, ...]:
        """The prefill and the decode program."""
        empty = self.empty()
        names = cache_names(int(self.config.num_hidden_layers))
        like = torch.float32 if self.arithmetic is None else torch.int8
        cache = [torch.empty(cache_shape(self.config, self.context), dtype=like, device="meta") for _ in names]
        prefill, decode = Prefill(empty, self.prompt_len), Decode(empty, self.context)
        prompt = tuple(value.to("meta") for value in prompt_inputs([0], self.prompt_len))
        step = tuple(value.to("meta") for value in decode_inputs(0, 0, cache))
        outputs, prefix = ("logits", *names), f"{MODEL}."
        return (
            Program(PREFILL, prefill, prompt, ("ids", "last"), outputs, prefix, self._real_prefill, names),
            Program(DECODE, decode, step, ("ids", "position", *names), outputs, prefix, self._real_decode, names),
        )

    def _real_prefill(self) -> torch.nn.Module:
        return Prefill(self.real, self.prompt_len)

    def _real_decode(self) -> torch.nn.Module:
        return Decode(self.real, self.context)

    @property
    def logit_bits(self) -> int:
        """The fraction bits of integer logits; 0 for a float model."""
        return self.arithmetic.logit_bits if self.arithmetic is not None else 0

    def end_tokens(self) -> tuple[int, ...]:
        """The tokens that end a text, as the folder's generation_config.json says, else its config.json."""
        found = getattr(self.config, "eos_token_id", None)
        file = (self._tokenizer_folder or Path()) / "generation_config.json"
        if self._tokenizer_folder is not None and file.is_file():
            try:
                found = json.loads(file.read_text(encoding="utf-8")).get("eos_token_id", found)
            except (OSError, ValueError, AttributeError) as error:
                raise UserError("ST0103", f"{file} is not valid JSON: {error}") from error
        if found is None:
            return ()
        return tuple(int(token) for token in (found if isinstance(found, list) else [found]))


def _plain(config: Any) -> Any:
    """The configuration of the float model behind a checkpoint that was quantised elsewhere."""
    if getattr(config, "quantization_config", None) is None:
        return config
    plain = copy.deepcopy(config)
    del plain.quantization_config
    return plain

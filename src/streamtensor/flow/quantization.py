# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Quantising a model folder, and measuring how well a model predicts a text."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from streamtensor.diagnostics import UserError
from streamtensor.flow.accelerator import Accelerator
from streamtensor.flow.events import Events, SilentEvents
from streamtensor.flow.folder import RECORD as COMPILED
from streamtensor.flow.folder import Record, new_folder
from streamtensor.flow.reference import References
from streamtensor.flow.session import PREFILL

if TYPE_CHECKING:
    import torch

    from streamtensor.models.quantization.evaluate import Evaluation


@dataclass(frozen=True)
class QuantizeResult:
    """The written folder, the scheme, the tokens of the calibration text that were used, bytes of the weights, and
    the fraction bits of the residual stream, the activations and the logits.
    """

    folder: Path
    scheme: str
    calibration_tokens: int
    weight_bytes: int
    fraction_bits: dict[str, int]


def quantize(model: Any, scheme: str, calibration: Iterable[torch.Tensor]) -> Any:
    """The integer form of a transformers causal language model: a module whose forward is the hardware's arithmetic.

    `scheme` is float32 (gives `model` back), w8a8, w4a8 or w4a8-gN; `calibration` are ids, int64 [rows] each. Raises
    UserError ST0120 (scheme), ST0121 (a family or feature without integer form), ST0122 (calibration).
    """
    from streamtensor.models.quantization.quantize import quantize as make

    return make(model, scheme, calibration)


def perplexity(model: Any, tokenizer: Any, text: str) -> float:
    """Perplexity per token of `text` for a float or a quantised model; `tokenizer` is one of the tokenizers library.

    Raises UserError ST0123 for fewer than two tokens.
    """
    from streamtensor.models.quantization.evaluate import perplexity as measure

    return measure(model, tokenizer, text)


def quantize_folder(
    source: Path, scheme: str, calibration: Path, out: Path, *, force: bool = False, events: Events | None = None
) -> QuantizeResult:
    """Quantises the model of the folder `source` (float, or a GPTQ checkpoint) into the folder `out`.

    `out` appears when all is written and not at all when something fails. Raises UserError ST0101, ST0103 (folder,
    text), ST0109 (tokenizer), ST0120 to ST0124 (quantisation), ST0501 (`out`).
    """
    from streamtensor.models.huggingface import WEIGHTS, folder_config
    from streamtensor.models.quantization.calibration_text import calibration_windows, read_ids
    from streamtensor.models.quantization.convert import arithmetic_of
    from streamtensor.models.quantization.folder import read_arithmetic, save_quantized
    from streamtensor.models.quantization.quantize import quantize as make
    from streamtensor.models.quantization.scheme import scheme as find_scheme

    events = events or SilentEvents()
    if not find_scheme(scheme).weight_bits:
        raise UserError("ST0120", "float32 is what the folder has already", hint="choose w8a8, w4a8 or w4a8-g128")
    if read_arithmetic(source) is not None:
        raise UserError("ST0121", f"{source} is quantised already", hint="quantise the float model")
    config = folder_config(source)
    ids = read_ids(source, calibration)
    with new_folder(out, force=force) as folder:
        events.stage("read weights", 0, 3)
        model, given = _float_model(source, config)
        events.stage("calibrate and round", 1, 3)
        windows = calibration_windows(ids, config)
        quantized = make(model, scheme, windows, given=given)
        events.stage("write", 2, 3)
        save_quantized(quantized, folder, source)
        size = (folder / WEIGHTS).stat().st_size
    arithmetic = arithmetic_of(quantized)
    assert arithmetic is not None
    bits = {
        "residual": arithmetic.residual_bits,
        "activation": arithmetic.activation_bits,
        "logit": arithmetic.logit_bits,
    }
    return QuantizeResult(out, scheme, sum(len(window) for window in windows), size, bits)


def evaluate_folder(source: Path, text: Path, *, window: int | None = None, events: Events | None = None) -> Evaluation:
    """How well the model of a folder predicts a text: a Hugging Face folder, a quantised one, or a compiled one.

    The text is cut into windows of at most `window` tokens, and of no more than the model was compiled for.

    Raises UserError ST0101, ST0103 (folder, text), ST0109 (tokenizer), ST0123 (text too short), ST0503 (a compiled
    folder without a language model).
    """
    from streamtensor.models.quantization.calibration_text import read_ids
    from streamtensor.models.quantization.evaluate import evaluate

    events = events or SilentEvents()
    events.stage("read weights", 0, 2)
    model, most = _model_of(source)
    ids = read_ids(source, text)
    events.stage("evaluate", 1, 2)
    return evaluate(model, ids, window=min(filter(None, (window, most)), default=None))


def _float_model(source: Path, config: Any) -> tuple[Any, dict[str, Any]]:
    """The float model of a folder, and the integers that a GPTQ checkpoint brings."""
    from streamtensor.models.huggingface import load
    from streamtensor.models.quantization.gptq import gptq_settings, read_gptq

    if gptq_settings(config) is not None:
        return read_gptq(source, config)
    return load(source, config), {}


def _model_of(source: Path) -> tuple[Any, int | None]:
    """The model behind a folder, and the longest text that it was compiled for."""
    from streamtensor.models.huggingface import folder_config
    from streamtensor.models.quantization.folder import load_quantized, read_arithmetic

    if (source / COMPILED).is_file():
        generation = Record.read(source).generation
        if generation is None:
            raise UserError("ST0503", f"{source} holds no language model")
        return References(Accelerator(source)).module(PREFILL).model, generation.context
    config = folder_config(source)
    arithmetic = read_arithmetic(source)
    if arithmetic is not None:
        return load_quantized(source, config, arithmetic), None
    return _float_model(source, config)[0], None

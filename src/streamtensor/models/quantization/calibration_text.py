# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The tokens on which the ranges of activations are measured: windows of a text, or random ones."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from streamtensor.diagnostics import UserError
from streamtensor.models.quantization.evaluate import WINDOW

WINDOWS = 32
"""Windows of a text that are looked at, spread over all of it."""
RANDOM_WINDOWS = 4


def calibration_windows(ids: Sequence[int], config: Any) -> list[Tensor]:
    """Windows of at most 512 ids from all over a text, int64. Raises UserError ST0122 when there is no id."""
    if not ids:
        raise UserError("ST0122", "the calibration text has no token", hint="give a longer text")
    size = min(WINDOW, int(config.max_position_embeddings), len(ids))
    starts = range(0, len(ids) - size + 1, size)
    step = math.ceil(len(starts) / WINDOWS)
    return [torch.tensor(list(ids[start : start + size])) for start in starts[::step]]


def random_windows(config: Any, rows: int) -> list[Tensor]:
    """A few windows of random ids, int64 [rows], the same every time: for models whose weights are random."""
    random = torch.Generator().manual_seed(0)
    return [torch.randint(0, int(config.vocab_size), (rows,), generator=random) for _ in range(RANDOM_WINDOWS)]


def read_ids(folder: Path, text: Path) -> list[int]:
    """The tokens of a text file. Raises UserError ST0101 for the file, ST0109 for the tokenizer of `folder`."""
    from tokenizers import Tokenizer

    if not text.is_file():
        raise UserError("ST0101", f"there is no file {text}")
    file = folder / "tokenizer.json"
    if not file.is_file():
        raise UserError("ST0109", f"{folder} has no tokenizer.json, so it can't read text")
    try:
        tokenizer: Any = Tokenizer.from_file(str(file))
    except Exception as error:  # the library raises plain exceptions
        raise UserError("ST0109", f"{file} can't be read: {error}") from error
    try:
        return list(tokenizer.encode(text.read_text(encoding="utf-8")).ids)
    except (OSError, UnicodeDecodeError) as error:
        raise UserError("ST0101", f"{text} can't be read as UTF-8 text: {error}") from error

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Text to tokens and back, with the tokenizer of a compiled folder, and the choice of the next token."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from streamtensor.diagnostics import UserError

Array = npt.NDArray[Any]

_HALF_CHARACTER = "\ufffd"


class Tokenizer:
    """The tokenizer.json of a compiled folder.

    Raises UserError ST0109 when there is none, or it can't be read.
    """

    def __init__(self, folder: Path) -> None:
        file = folder / "tokenizer.json"
        if not file.is_file():
            raise UserError(
                "ST0109",
                f"{folder} has no tokenizer.json, so it can't read text",
                hint="compile a folder that has one, or give token ids with --ids",
            )
        import tokenizers

        try:
            self._tokenizer: Any = tokenizers.Tokenizer.from_file(str(file))
        except Exception as error:  # the library raises plain exceptions
            raise UserError("ST0109", f"{file} can't be read: {error}") from error
        self._unknown = getattr(self._tokenizer.model, "unk_token", None)

    def encode(self, text: str) -> list[int]:
        """The tokens of `text`. Raises UserError ST0109 for a character that the tokenizer does not know."""
        tokenizer = self._tokenizer
        ids = list(tokenizer.encode(text).ids)
        own = tokenizer.encode(text, add_special_tokens=False).ids  # without a token that stands before every text
        normal = tokenizer.normalizer.normalize_str(text) if tokenizer.normalizer is not None else text
        unknown_id = tokenizer.token_to_id(self._unknown) if self._unknown else None
        # A tokenizer may drop a character that it does not know, or give it the id of its unknown token.
        found = {c: tokenizer.encode(c, add_special_tokens=False).ids for c in normal}
        unknown = sorted(c for c, got in found.items() if not got or (unknown_id in got and c != self._unknown))
        if unknown or (tokenizer.decode(own) not in (text, normal) and len(own) < len(text)):
            shown = ", ".join(repr(c) for c in unknown) or "some of its characters"
            raise UserError(
                "ST0109", f"the tokenizer does not know {shown}", hint="use the characters of its vocabulary"
            )
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        """The text of `ids`."""
        return self._tokenizer.decode(list(ids), skip_special_tokens=False)


class TextStream:
    """The text of tokens as they come: a character whose bytes are not all there yet waits."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._ids: list[int] = []
        self._shown = ""

    def add(self, token: int) -> str:
        """What is new with `token`; empty while a character is incomplete."""
        self._ids.append(token)
        text = self._tokenizer.decode(self._ids)
        if text.endswith(_HALF_CHARACTER) or not text.startswith(self._shown):
            return ""
        new, self._shown = text[len(self._shown) :], text
        return new


class Sampler:
    """Chooses tokens: the most probable one at temperature 0, else by chance with probability softmax(logits / T).

    `logit_bits` are the fraction bits of integer logits. The same seed gives the same choices. Raises UserError ST0108
    for a negative temperature.
    """

    def __init__(self, temperature: float = 0.0, seed: int = 0, logit_bits: int = 0) -> None:
        if not temperature >= 0:
            raise UserError("ST0108", f"a temperature of {temperature} has no meaning", hint="give 0 or more")
        self._temperature = temperature
        self._scale = 2.0**-logit_bits
        self._random = np.random.Generator(np.random.Philox(seed))

    def choose(self, logits: Array) -> int:
        """A token, from logits [1, vocabulary]."""
        if self._temperature == 0:
            return int(logits.argmax())
        heights = logits.reshape(-1).astype(np.float64)
        with np.errstate(over="ignore"):  # at a small temperature a token that is not the best one has probability 0
            weights = np.cumsum(np.exp((heights - heights.max()) * self._scale / self._temperature))
        return int(np.searchsorted(weights, self._random.random() * weights[-1], side="right"))

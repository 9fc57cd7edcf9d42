# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Text to tokens, tokens that the model does not know, and the choice of the next one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer as Library
from tokenizers import decoders, models, normalizers, processors

from streamtensor.diagnostics import UserError
from streamtensor.flow.folder import Generation
from streamtensor.flow.session import Session, prompt_arrays
from streamtensor.flow.tokens import Sampler, Tokenizer


def tokenizer(folder: Path, *, begins: bool = False, normalizer: normalizers.Normalizer | None = None) -> Tokenizer:
    """One that knows words of a and b and é; `begins` puts a token before each text."""
    vocabulary = {token: number for number, token in enumerate(["<s>", "a", "b", "ab", "é"])}
    made = Library(models.BPE(vocab=vocabulary, merges=[("a", "b")]))
    made.decoder = decoders.Fuse()  # type: ignore[assignment]
    made.add_special_tokens(["<s>"])
    if normalizer is not None:
        made.normalizer = normalizer  # type: ignore[assignment]
    if begins:
        made.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 0)])  # type: ignore[assignment]
    made.save(str(folder / "tokenizer.json"))
    return Tokenizer(folder)


@pytest.mark.parametrize("begins", [False, True])
def test_a_dropped_character_is_named(tmp_path: Path, begins: bool) -> None:
    with pytest.raises(UserError, match="does not know 'z'") as caught:
        tokenizer(tmp_path, begins=begins).encode("abz")
    assert caught.value.code == "ST0109"


def test_the_token_before_a_text_is_kept(tmp_path: Path) -> None:
    assert tokenizer(tmp_path, begins=True).encode("aab") == [0, 1, 3]


def test_a_text_that_the_tokenizer_normalises_is_known(tmp_path: Path) -> None:
    assert tokenizer(tmp_path, normalizer=normalizers.NFC()).encode("abe\u0301") == [3, 4]


@pytest.mark.parametrize("token", [-1, 64, 10**30])
def test_a_token_outside_the_vocabulary_is_refused(token: int) -> None:
    with pytest.raises(UserError, match=f"there is no token {token}, the model knows 64") as caught:
        prompt_arrays([1, token], 16, 64)
    assert caught.value.code == "ST0108"


def test_a_step_with_such_a_token_is_refused() -> None:
    class NoRows:
        def write(self, rows: object, position: int) -> None:
            pass

        def read(self, name: str) -> np.ndarray:
            raise KeyError(name)

    def run(_inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
        return [np.zeros((1, 64), np.float32)]

    session = Session(run, run, NoRows(), (), Generation(16, 32, 0, ()), 64)
    session.start([1])
    with pytest.raises(UserError, match="there is no token 64"):
        session.step(64)
    assert session.position == 1


def test_a_tiny_temperature_takes_the_most_probable_token() -> None:
    logits = np.array([[1.0, 3.0, 2.0]], np.float32)
    assert [Sampler(1e-320, seed).choose(logits) for seed in range(4)] == [1] * 4

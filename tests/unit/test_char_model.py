# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The character model of examples/char_gpt2 loads offline, its tokenizer is exact, it writes readable text."""

import importlib.util
import math
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "examples" / "char_gpt2"
PROMPTS = [
    "The fox ",
    "Once upon a time ",
    '"Where is my key?" asked Mara. ',
    "One cold morning, the old miller opened the door and ",
]


def load_script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up by name
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def make_corpus() -> Iterator[Any]:
    yield load_script("make_corpus")
    del sys.modules["make_corpus"]


@pytest.fixture(scope="module")
def train(make_corpus: Any) -> Iterator[Any]:
    yield load_script("train")
    del sys.modules["train"]


@pytest.fixture(scope="module")
def model() -> Any:
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(FOLDER, local_files_only=True)


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    from tokenizers import Tokenizer

    return Tokenizer.from_file(str(FOLDER / "tokenizer.json"))


def words(text: str) -> list[str]:
    return re.findall(r"[A-Za-z]+", text)


def test_corpus_is_what_the_generator_writes(make_corpus: Any) -> None:
    training, heldout = make_corpus.make_corpus(*make_corpus.read_sources())
    assert (FOLDER / "corpus.txt").read_bytes() == make_corpus.as_text(training).encode("ascii")
    assert (FOLDER / "heldout.txt").read_bytes() == make_corpus.as_text(heldout).encode("ascii")
    assert not set(training) & set(heldout)


def test_generator_rejects_a_foreign_character(make_corpus: Any) -> None:
    with pytest.raises(ValueError, match="outside the alphabet"):
        make_corpus.as_text(["a price of 7 coins"])


def test_model_has_the_promised_size(model: Any) -> None:
    assert type(model).__name__ == "GPT2LMHeadModel"
    config = model.config
    assert config.tie_word_embeddings
    assert config.activation_function == "gelu_new"
    assert config.vocab_size == 64
    assert all(size % 16 == 0 for size in (config.n_embd, config.n_inner, config.n_embd // config.n_head))
    assert 600_000 <= sum(p.numel() for p in model.parameters()) <= 750_000
    assert all(str(p.dtype) == "torch.float32" for p in model.parameters())
    assert (FOLDER / "model.safetensors").stat().st_size < 3_000_000
    assert model.lm_head.weight is model.transformer.wte.weight


def test_tokenizer_is_one_token_per_character(make_corpus: Any, tokenizer: Any) -> None:
    alphabet = make_corpus.ALPHABET
    assert tokenizer.get_vocab_size() == 64
    assert tokenizer.encode(alphabet).ids == list(range(1, 64))
    assert tokenizer.decode(list(range(1, 64))) == alphabet
    text = (FOLDER / "heldout.txt").read_text(encoding="ascii")
    ids = tokenizer.encode(text).ids
    assert len(ids) == len(text)
    assert tokenizer.decode(ids) == text


def test_a_foreign_character_is_the_reserved_id(tokenizer: Any) -> None:
    assert tokenizer.encode("a7b\u00e9").ids == [38, 0, 39, 0]


def test_transformers_finds_the_tokenizer() -> None:
    from transformers import AutoTokenizer

    tokenizer: Any = AutoTokenizer.from_pretrained(FOLDER, local_files_only=True)
    text = '"Yes," said Mara ,  and went.\nThe end ! '
    ids = tokenizer(text)["input_ids"]
    assert len(ids) == len(text)
    assert tokenizer.decode(ids) == text


@pytest.mark.parametrize("prompt", PROMPTS)
def test_greedy_text_is_readable(train: Any, model: Any, tokenizer: Any, prompt: str) -> None:
    text = train.greedy(model, tokenizer, prompt, 120)
    known = set(words((FOLDER / "corpus.txt").read_text(encoding="ascii")))
    # the last word may be cut, and the first one may end a word of the prompt
    written = words(text)[:-1]
    assert len(written) >= 15
    assert sum(word in known for word in written) >= 0.9 * len(written), text
    # a loop of one or two words would leave few different ones
    assert len(set(written)) >= 0.5 * len(written), text


def test_heldout_perplexity(train: Any, model: Any, tokenizer: Any) -> None:
    ids = train.encode(tokenizer, (FOLDER / "heldout.txt").read_text(encoding="ascii"))
    assert 1.0 < math.exp(train.heldout_loss(model, ids)) < 1.6

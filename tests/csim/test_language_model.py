# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The trained character model through C simulation: the same logits and the same text as PyTorch."""

import json
from pathlib import Path

import pytest

from streamtensor import flow
from streamtensor.diagnostics import UserError

MODEL = Path(__file__).resolve().parents[2] / "examples" / "char_gpt2"
PROMPTS = ("The", "The old fisherman", "One morning the miller's daughter went to the")

pytestmark = pytest.mark.needs("g++")


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("char") / "compiled"
    flow.compile_model(str(MODEL), out, prompt_len=64, context=256)
    return out


@pytest.mark.parametrize("prompt", PROMPTS)
def test_text_equals_pytorch(compiled: Path, prompt: str) -> None:
    seen: list[str] = []
    result = flow.generate(compiled, prompt, 12, check=True, on_text=seen.append)
    assert result.check is not None
    assert result.check.equal
    assert result.check.token_check.equal, result.check.token_check.different
    assert result.check.text == result.text == "".join(seen)
    assert len(seen) == 12


def test_two_hundred_tokens_equal_pytorch(compiled: Path) -> None:
    result = flow.generate(compiled, PROMPTS[1], 200, check=True, ignore_end=True)
    assert result.check is not None
    assert (len(result.tokens), result.check.steps, result.check.equal) == (200, 200, True)


def test_two_hundred_integer_tokens_equal_pytorch(tmp_path: Path) -> None:
    out = tmp_path / "w4a8"
    flow.compile_model(str(MODEL), out, prompt_len=32, context=224, scheme="w4a8", calibration=MODEL / "corpus.txt")
    result = flow.generate(out, PROMPTS[1], 200, check=True, ignore_end=True)
    assert result.check is not None
    assert (len(result.tokens), result.check.steps, result.check.equal) == (200, 200, True)
    assert result.check.max_rel_diff == result.check.max_rel_diff_cache == 0


def test_a_foreign_character_is_refused(compiled: Path) -> None:
    """The tokenizer would give it the id of padding, and the model would answer another prompt."""
    with pytest.raises(UserError) as caught:
        flow.generate(compiled, "The 7 caf\u00e9s", 1)
    assert caught.value.code == "ST0109"
    assert "'7'" in caught.value.message
    assert "\u00e9" in caught.value.message


def test_other_weights_write_another_text(compiled: Path, tmp_path: Path) -> None:
    """The text comes from the weights in the folder."""
    out = tmp_path / "random"
    flow.compile_model(str(MODEL), out, prompt_len=64, random_weights=1)
    trained = flow.generate(compiled, PROMPTS[1], 8)
    untrained = flow.generate(out, PROMPTS[1], 8, check=True, ignore_end=True)
    assert untrained.text != trained.text
    assert untrained.check is not None
    assert untrained.check.equal


def test_equal_blocks_are_compiled_once(compiled: Path) -> None:
    summary = json.loads((compiled / "summary.json").read_text())
    layers = json.loads((MODEL / "config.json").read_text())["n_layer"]
    for program in ("prefill", "decode"):
        assert summary["programs"][program]["functions"] == {"embed": 1, "block": layers, "head": 1}
        assert summary["programs"][program]["kernels"] == 2
        assert len(list((compiled / program / "hls").glob("*.cpp"))) == 2
    for name in ("kernels", "tasks", "fifos", "converters"):
        assert summary[name] > 0
    bits = summary["bits"]
    assert 0 < bits["fused"] < bits["unfused"]
    assert bits["fused"] == bits["fifos"] + bits["converters"] + bits["local"]


def test_the_ir_holds_no_weights(compiled: Path) -> None:
    for file in compiled.glob("*/*.mlir"):
        text = file.read_text()
        assert len(text) < 1_000_000
        assert "dense<" not in text
        assert 'dataflow.param = "transformer.h.0.ln_1.weight"' in text

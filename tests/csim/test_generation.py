# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Whole models of all families: prefill and 24 decode steps in C simulation, every tensor compared with PyTorch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from quantized_models import float_model
from streamtensor import flow
from streamtensor.diagnostics import UserError
from streamtensor.flow.events import SilentEvents
from streamtensor.flow.session import Simulation
from streamtensor.models.huggingface import folder_config, load

pytestmark = pytest.mark.needs("g++")
PROMPT = [7, 3, 60, 11, 2]
STEPS = 25


class Notes(SilentEvents):
    """Keeps what the user is told."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


def compiled(folder: Path, family: str, scheme: str, *, tile: int = 16, unroll: int = 16) -> Path:
    """The tiny model of the family, prompts of 16 tokens and a context of 32."""
    source, out = folder / family, folder / f"{family}-{scheme}-{tile}-{unroll}"
    if not source.is_dir():
        float_model(family).save_pretrained(str(source))
    flow.compile_model(str(source), out, prompt_len=16, context=32, scheme=scheme, tile=tile, unroll=unroll)
    return out


@pytest.mark.parametrize(
    ("family", "scheme"),
    [
        ("gpt2", "w4a8"),
        ("llama", "w4a8-g16"),
        ("qwen2", "w8a8"),
        ("gemma3_text", "w4a8"),
        ("llama", "float32"),
        ("gemma3_text", "float32"),
    ],
)
def test_every_step_equals_pytorch(family: str, scheme: str, tmp_path: Path) -> None:
    result = flow.generate(compiled(tmp_path, family, scheme), PROMPT, STEPS, check=True, ignore_end=True)
    assert result.check is not None
    assert result.check.steps == STEPS
    assert result.check.equal
    assert result.check.token_check.equal, result.check.token_check.different
    assert result.check.token_check.fifos > 0
    assert result.check.max_rel_diff <= (1e-5 if scheme == "float32" else 0)
    if scheme == "float32":
        assert list(result.tokens) == transformers_tokens(tmp_path / family)


def transformers_tokens(folder: Path) -> list[int]:
    """What transformers' own code generates, which knows nothing of our programs and caches."""
    model = load(folder, folder_config(folder))
    text = list(PROMPT)
    with torch.no_grad():
        while len(text) < len(PROMPT) + STEPS:
            text.append(int(model(input_ids=torch.tensor([text]), use_cache=False).logits[0, -1].argmax()))
    return text[len(PROMPT) :]


def test_another_tile_and_unroll_change_nothing(tmp_path: Path) -> None:
    steps = [
        flow.generate(compiled(tmp_path, "gpt2", "w4a8", tile=tile, unroll=unroll), PROMPT, 6, check=True)
        for tile, unroll in ((16, 16), (8, 4))
    ]
    assert steps[0].check is not None
    assert steps[1].check is not None
    assert steps[0].check.equal
    assert steps[1].check.equal
    assert steps[0].tokens == steps[1].tokens


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compiled(tmp_path_factory.mktemp("small"), "gpt2", "float32")


def test_a_generation_ends_with_the_context(small: Path) -> None:
    events = Notes()
    result = flow.generate(small, PROMPT, 100, ignore_end=True, events=events)
    assert (result.stop, len(result.tokens)) == ("context", 32 - len(PROMPT) + 1)
    assert "the context of 32 tokens is full" in events.notes[-1]


def test_a_request_knows_nothing_of_the_one_before(small: Path) -> None:
    session = Simulation(small, SilentEvents()).session()

    def tokens(prompt: list[int]) -> list[np.ndarray]:
        steps = [session.start(prompt)]
        for _ in range(4):
            steps.append(session.step(int(steps[-1].logits.argmax())))
        return [step.logits for step in steps]

    first = tokens(PROMPT)
    tokens([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16])
    assert all(np.array_equal(a, b) for a, b in zip(first, tokens(PROMPT), strict=True))


def test_a_full_context_refuses_a_step(small: Path) -> None:
    session = Simulation(small, SilentEvents()).session()
    session.start(list(range(1, 17)))
    for token in range(16):
        session.step(token)
    with pytest.raises(UserError) as caught:
        session.step(1)
    assert caught.value.code == "ST0105"
    assert "context of 32" in caught.value.message


def test_a_seed_makes_the_same_choices(small: Path) -> None:
    first, again, other = (
        flow.generate(small, PROMPT, 12, temperature=2.0, seed=seed, check=True, ignore_end=True) for seed in (1, 1, 2)
    )
    assert first.tokens == again.tokens != other.tokens
    assert first.check is not None
    assert first.check.equal


def test_ctrl_c_keeps_what_there_is(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from streamtensor.flow.session import Session

    step = Session.step

    def interrupted(self: Session, token: int) -> object:
        if self.position >= len(PROMPT) + 3:
            raise KeyboardInterrupt
        return step(self, token)

    monkeypatch.setattr(Session, "step", interrupted)
    result = flow.generate(small, PROMPT, 12, ignore_end=True)
    assert (result.stop, len(result.tokens)) == ("interrupt", 4)


def test_a_short_context_reads_few_rows(small: Path) -> None:
    """One run-time bound: decode at position 5 moves fewer tokens than at position 20."""
    short, long = (flow.generate(small, PROMPT, count, ignore_end=True).fifos["decode"] for count in (2, 20))
    before, after = (sum(fifo.tokens for fifo in fifos.values()) for fifos in (short, long))
    assert before < after


def test_a_token_of_the_end_ends_the_text(small: Path, tmp_path: Path) -> None:
    import json
    import shutil

    folder = tmp_path / "ends"
    shutil.copytree(small, folder)
    wanted = flow.generate(small, PROMPT, 4, ignore_end=True).tokens
    record = json.loads((folder / "compile.json").read_text())
    record["generation"]["end_tokens"] = [wanted[0]]
    (folder / "compile.json").write_text(json.dumps(record))
    result = flow.generate(folder, PROMPT, 4)
    assert (result.stop, result.tokens) == ("end", wanted[:1])


@pytest.mark.parametrize(
    ("program", "name", "value"),
    [("prefill", "ids", 64), ("prefill", "last", 16), ("decode", "ids", -1), ("decode", "position", 32)],
)
def test_inputs_that_name_no_row_are_refused(small: Path, tmp_path: Path, program: str, name: str, value: int) -> None:
    """The host would read outside of its tables."""
    launches = flow.load(small, program).program
    arrays = {
        port.name: np.zeros(launches.buffer(port.buffer).shape, launches.buffer(port.buffer).dtype)
        for port in launches.inputs
    }
    arrays[name].flat[0] = value
    np.savez(tmp_path / "inputs.npz", allow_pickle=False, **arrays)
    with pytest.raises(UserError, match=str(value)) as caught:
        flow.run_inputs(small, tmp_path / "inputs.npz", program=program)
    assert caught.value.code == "ST0108"

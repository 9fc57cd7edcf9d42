# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Wrong input through the command line: a code, a place, exit code 1, no traceback, nothing half-written."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from streamtensor import flow
from streamtensor.cli.entry import run_for_code
from streamtensor.cli.main import command
from streamtensor.diagnostics import UserError


@dataclass
class Outcome:
    code: int
    error: dict[str, object]


Run = Callable[..., Outcome]

MODEL = """
import torch

class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = torch.nn.Linear(16, 16)

    def forward(self, x):
        return {body}

def make():
    return Model(), (torch.ones(16, 16),)
"""


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*arguments: object) -> Outcome:
        capsys.readouterr()
        code = run_for_code(command, "streamtensor", [*map(str, arguments), "--json"])
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        return Outcome(code, json.loads(out)["error"])

    return call


def write_model(folder: Path, body: str = "torch.relu(self.linear(x))") -> Path:
    file = folder / "model.py"
    file.write_text(MODEL.format(body=body))
    return file


def tiny_folder(folder: Path) -> Path:
    """A Hugging Face folder of a GPT-2 with two layers."""
    from transformers import GPT2Config, GPT2LMHeadModel

    config = GPT2Config(n_layer=2, n_embd=16, n_head=2, n_positions=32, vocab_size=16, bos_token_id=0, eos_token_id=0)
    GPT2LMHeadModel(config).save_pretrained(folder)
    return folder


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["no/such/folder"], "ST0101", "no/such/folder"),
        (["gpt2-mediun", "--random-weights", "0"], "ST0102", "gpt2-mediun"),
        (["gpt2"], "ST0102", "gpt2"),
        (["nowhere.py:make"], "ST0101", "nowhere.py"),
    ],
)
def test_a_wrong_model(run: Run, tmp_path: Path, arguments: list[str], code: str, said: str) -> None:
    outcome = run("compile", *arguments, "-o", tmp_path / "out")
    assert (outcome.code, outcome.error["code"]) == (1, code)
    assert said in str(outcome.error["message"])
    assert list(tmp_path.iterdir()) == []


def test_the_hint_knows_the_name_that_was_meant(run: Run, tmp_path: Path) -> None:
    outcome = run("compile", "gpt2-mediun", "--random-weights", "0", "-o", tmp_path / "out")
    assert "gpt2-medium" in str(outcome.error["hint"])


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [(["--device", "u55"], "ST0401", "u55"), (["--to", "streams"], "ST0502", "streams")],
)
def test_a_wrong_device_or_level(run: Run, tmp_path: Path, options: list[str], code: str, said: str) -> None:
    file = write_model(tmp_path)
    outcome = run("compile", f"{file}:make", "-o", tmp_path / "out", *options)
    assert (outcome.code, outcome.error["code"]) == (1, code)
    assert said in str(outcome.error["message"])
    assert "did you mean" in str(outcome.error["hint"])
    assert not (tmp_path / "out").exists()


def test_a_broken_safetensors_file(run: Run, tmp_path: Path) -> None:
    folder = tiny_folder(tmp_path / "model")
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    outcome = run("compile", folder, "-o", tmp_path / "out")
    assert (outcome.code, outcome.error["code"]) == (1, "ST0103")
    assert "model.safetensors" in str(outcome.error["message"])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model"]


@pytest.mark.parametrize(
    ("body", "said"),
    [("torch.linalg.svd(x).S", "svd"), ("torch.flip(self.linear(x), [-1])", "gather")],
)
def test_an_operation_that_is_not_supported(run: Run, tmp_path: Path, body: str, said: str) -> None:
    file = write_model(tmp_path, body)
    outcome = run("compile", f"{file}:make", "-o", tmp_path / "out")
    assert (outcome.code, outcome.error["code"]) == (1, "ST0104")
    assert said in str(outcome.error["message"])
    location = outcome.error["location"]
    assert isinstance(location, dict)
    assert str(location["file"]).endswith("model.py")
    assert location["line"] == MODEL.split("\n").index("        return {body}") + 1
    assert not (tmp_path / "out").exists()


def test_an_edited_file_that_does_not_verify_or_parse(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "out"
    flow.compile_model(f"{write_model(tmp_path)}:make", out, tile=4)
    fused = out / "main" / "30-fused.mlir"
    text = fused.read_text()
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}

    # A loop that no longer counts through the tokens.
    number = next(n for n, line in enumerate(text.splitlines()) if "scf.for" in line)
    lines = text.splitlines()
    lines[number] = lines[number].replace("step %c4", "step %c16")
    assert lines[number] != text.splitlines()[number]
    fused.write_text("\n".join(lines) + "\n")
    edited = fused.read_bytes()
    outcome = run("compile", out, "--from", "fused")
    assert (outcome.code, outcome.error["code"]) == (1, "ST0202")
    location = outcome.error["location"]
    assert isinstance(location, dict)
    assert str(location["file"]).endswith("30-fused.mlir")
    assert "dataflow.itensor_" in lines[location["line"] - 1]

    # A word that is none.
    lines[number] = "    scf.fro %i"
    fused.write_text("\n".join(lines) + "\n")
    outcome = run("compile", out, "--from", "fused")
    assert (outcome.code, outcome.error["code"]) == (1, "ST0201")
    location = outcome.error["location"]
    assert isinstance(location, dict)
    assert location["line"] == number + 1

    # Everything else is as it was.
    fused.write_bytes(edited)
    after = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    assert after == {**before, fused: edited}

    # An edited file is not overwritten by accident.
    outcome = run("compile", f"{tmp_path / 'model.py'}:make", "-o", out)
    assert (outcome.code, outcome.error["code"]) == (1, "ST0501")
    assert "30-fused.mlir" in str(outcome.error["message"])
    assert fused.read_bytes() == edited


def test_a_level_that_was_not_reached(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "out"
    flow.compile_model(f"{write_model(tmp_path)}:make", out, to="fused")
    assert not (out / "main" / "50-stream.mlir").exists()
    assert run("compile", out, "--from", "stream").error["code"] == "ST0503"
    assert run("compile", out, "--from", "fused", "--to", "tensor").error["code"] == "ST0502"
    assert run("run", out, "--inputs", tmp_path / "x.npz").error["code"] == "ST0503"
    flow.recompile(out, start="fused", to="stream")
    assert (out / "main" / "50-stream.mlir").exists()


def test_a_folder_that_somebody_else_wrote_is_not_replaced(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "thesis.txt").write_text("precious")
    outcome = run("compile", f"{write_model(tmp_path)}:make", "-o", out)
    assert (outcome.code, outcome.error["code"]) == (1, "ST0501")
    assert (out / "thesis.txt").read_text() == "precious"
    assert run("run", out, "--inputs", "x.npz").error["code"] == "ST0503"


@pytest.mark.needs("g++")
def test_prompts_that_do_not_fit(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "out"
    flow.compile_model(str(tiny_folder(tmp_path / "model")), out, prompt_len=16)
    # No tokenizer in the folder.
    assert run("run", out, "--prompt", "a").error["code"] == "ST0109"
    from tokenizers import Tokenizer, models, pre_tokenizers

    tokenizer = Tokenizer(models.WordLevel({c: i for i, c in enumerate("abcdefghijklmnop")}, unk_token="a"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split("", "isolated")  # pyright: ignore[reportAttributeAccessIssue]
    tokenizer.save(str(out / "tokenizer.json"))
    outcome = run("run", out, "--prompt", "abcabcabcabcabcabc")
    assert (outcome.code, outcome.error["code"]) == (1, "ST0105")
    assert "18" in str(outcome.error["message"])
    assert "16" in str(outcome.error["message"])
    assert run("run", out, "--prompt", "").error["code"] == "ST0108"


@pytest.mark.needs("g++")
def test_arrays_that_do_not_fit(run: Run, tmp_path: Path) -> None:
    import numpy as np

    out = tmp_path / "out"
    flow.compile_model(f"{write_model(tmp_path)}:make", out)
    assert run("run", out, "--inputs", tmp_path / "x.npz").error["code"] == "ST0101"
    (tmp_path / "x.npz").write_bytes(b"no zip file")
    assert run("run", out, "--inputs", tmp_path / "x.npz").error["code"] == "ST0108"
    np.savez(tmp_path / "y.npz", np.ones((4, 16), np.float32))
    outcome = run("run", out, "--inputs", tmp_path / "y.npz")
    assert outcome.error["code"] == "ST0108"
    assert "4x16" in str(outcome.error["message"])
    assert "16x16" in str(outcome.error["message"])
    assert run("run", out, "--prompt", "a").error["code"] == "ST0108"


def test_no_compiler_on_the_machine(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import numpy as np

    out = tmp_path / "out"
    flow.compile_model(f"{write_model(tmp_path)}:make", out)
    np.savez(tmp_path / "x.npz", np.ones((16, 16), np.float32))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    outcome = run("run", out, "--inputs", tmp_path / "x.npz")
    assert (outcome.code, outcome.error["code"]) == (1, "ST0601")
    assert "g++" in str(outcome.error["message"])


def test_a_damaged_weight_file_is_named_before_anything_runs(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import numpy as np

    out = tmp_path / "out"
    accelerator = flow.compile_module(torch.nn.Linear(16, 16).eval(), (torch.ones(16, 16),), out=out)
    file = out / "weights" / "weights.safetensors"
    data = bytearray(file.read_bytes())
    data[-4] ^= 0xFF
    file.unlink()
    file.write_bytes(bytes(data))
    with pytest.raises(UserError) as caught:
        flow.load(out).predict(torch.ones(16, 16))
    assert caught.value.code == "ST0103"
    assert "weights.safetensors" in caught.value.message
    assert accelerator.folder == out
    np.savez(tmp_path / "x.npz", np.ones((16, 16), np.float32))
    monkeypatch.setenv("PATH", str(tmp_path))  # without a compiler: it is not asked for
    monkeypatch.delenv("CXX", raising=False)
    outcome = run("run", out, "--inputs", tmp_path / "x.npz")
    assert (outcome.code, outcome.error["code"]) == (1, "ST0103")
    assert "parameter bias" in str(outcome.error["message"])

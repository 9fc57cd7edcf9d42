# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The same path, unchanged, for a product, an MLP, convolution-free modules and a transformer block of GPT-2 medium."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from streamtensor import flow

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"

pytestmark = pytest.mark.needs("g++")


def _compile(name: str, out: Path, **options: object) -> flow.CompileResult:
    return flow.compile_model(f"{EXAMPLES / name}", out, **options)  # pyright: ignore[reportArgumentType]


def _inputs(out: Path, shape: tuple[int, ...], seed: int = 1) -> Path:
    file = out.parent / f"{out.name}-{seed}.npz"
    np.savez(file, np.random.default_rng(seed).standard_normal(shape).astype(np.float32))
    return file


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("matmul.py:matmul", (32, 64)),
        ("mlp.py:mlp", (32, 64)),
        ("gpt2_block.py:small_block", (1, 16, 64)),
    ],
)
def test_an_example_computes_what_pytorch_computes(name: str, shape: tuple[int, ...], tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = _compile(name, out, verify_each=True)
    assert result.summary["programs"]["main"]["kernels"] == 1
    for seed in (1, 2):
        run = flow.run_inputs(out, _inputs(out, shape, seed), check=True)
        assert run.equal
        assert run.token_check is not None
        assert run.token_check.fifos == len(run.fifos) > 0
        assert run.token_check.equal, run.token_check.different
        assert run.max_rel_diff is not None
        assert run.max_rel_diff < 1e-5


@pytest.mark.slow
def test_a_block_of_gpt2_medium(tmp_path: Path) -> None:
    out = tmp_path / "block"
    result = _compile("gpt2_block.py:block", out)
    bits = result.summary["bits"]
    assert bits["fused"] < 0.35 * bits["unfused"]
    run = flow.run_inputs(out, _inputs(out, (1, 32, 1024)), check=True)
    assert run.equal
    assert run.token_check is not None
    assert run.token_check.equal, run.token_check.different
    assert run.max_rel_diff is not None
    assert run.max_rel_diff < 1e-4
    assert run.outputs[0].shape == (1, 32, 1024)


def test_the_check_notices_a_wrong_accelerator(tmp_path: Path) -> None:
    """An edit of the IR that changes the numbers is found by the check: the reference does not come from the folder."""
    out = tmp_path / "out"
    _compile("mlp.py:mlp", out)
    stream = out / "main" / "50-stream.mlir"
    text = stream.read_text()
    assert "math.tanh" in text
    stream.write_text(text.replace("math.tanh", "math.sin"))
    flow.recompile(out, start="stream")
    run = flow.run_inputs(out, _inputs(out, (32, 64)), check=True)
    assert run.equal is False
    assert run.max_rel_diff is not None
    assert run.max_rel_diff > 1e-3


@pytest.mark.parametrize("start", ["tensor", "dataflow", "fused", "materialized", "stream"])
def test_going_on_from_any_level_gives_the_same_code(start: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    _compile("gpt2_block.py:small_block", out, tile=8)  # several tiles: converters with ping-pong buffers
    before = {file.name: file.read_text() for file in (out / "main" / "hls").glob("*.cpp")}
    summary = json.loads((out / "summary.json").read_text())
    flow.recompile(out, start=start)
    after = {file.name: file.read_text() for file in (out / "main" / "hls").glob("*.cpp")}
    assert _numbers_only(after) == _numbers_only(before)
    assert json.loads((out / "summary.json").read_text()) == summary


def _numbers_only(files: dict[str, str]) -> dict[str, int]:
    """File sizes in lines: names of values may differ after a round trip through text, the structure may not."""
    return {name: text.count("\n") for name, text in files.items()}


def test_the_command_line_compiles_and_runs(tmp_path: Path) -> None:
    from streamtensor.cli.compile_command import command as compile_command
    from streamtensor.cli.run_command import command as run_command

    out = tmp_path / "out"
    made = CliRunner().invoke(compile_command, [f"{EXAMPLES / 'matmul.py'}:matmul", "-o", str(out), "--json"])
    assert made.exit_code == 0, made.output
    summary = json.loads(made.stdout)["summary"]
    assert summary["kernels"] == 1
    assert summary["bits"]["unfused"] == 0
    ran = CliRunner().invoke(
        run_command, [str(out), "--inputs", str(_inputs(out, (32, 64))), "--check", "--json"], standalone_mode=False
    )
    answer = json.loads(ran.stdout)
    assert answer["equal"] is True
    assert answer["max_rel_diff"] < 1e-5
    assert np.array(answer["outputs"][0]).shape == (32, 48)

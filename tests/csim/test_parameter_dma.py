# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Designs in which one DMA loads the small parameters: numbers, tokens, deadlocks, ports."""

from __future__ import annotations

import re
from contextlib import nullcontext
from pathlib import Path

import pytest
import torch

import streamtensor
from quantized_models import TINY, quantized_model
from step_program_checks import assert_same_tokens, scheduled_kernels
from streamtensor import flow
from streamtensor.diagnostics import UserError
from streamtensor.flow.accelerator import Accelerator
from streamtensor.models.blocks import BlockKind, block_inputs, block_of
from streamtensor.models.huggingface import build, config_of
from streamtensor.timing.simulator import Simulator

pytestmark = pytest.mark.needs("g++")

ROWS = 24
SMALL = 1025  # bytes a launch: vectors and the narrowest matrices of these models
LAYERS = 2
TASK = "load_parameters"


@pytest.mark.parametrize(("family", "kind"), [("qwen2", "decode"), ("gpt2", "prefill")])
def test_a_quantised_block_gives_the_numbers_of_pytorch(family: str, kind: BlockKind, tmp_path: Path) -> None:
    model = quantized_model(family, "w4a8")
    module = block_of(model, kind, ROWS).module
    inputs = tuple(block_inputs(model.config, kind, ROWS, integer=True).values())
    accelerator = streamtensor.compile(module, inputs, tile=8, parameter_bytes=SMALL, out=tmp_path / "m")
    launches = accelerator.run([value.numpy() for value in inputs])
    for ours, theirs in zip(launches.outputs, module(*inputs), strict=True):
        assert torch.equal(torch.as_tensor(ours), theirs)
    assert_same_tokens(accelerator, launches)
    (kernel,) = scheduled_kernels(accelerator).values()
    (function,) = [one for one in accelerator.program.functions if one.kind == "kernel"]
    text = (accelerator.path / "hls" / f"{function.name}.cpp").read_text(encoding="utf-8")
    ports = {operand.name: operand.bundle for operand in function.operands}
    tasks = re.findall(rf"static void ({TASK}\w*)\((.*?)\) \{{", text, re.DOTALL)
    shared = {task: re.findall(r"\*(\w+)", head) for task, head in tasks}
    assert len(shared[TASK]) > 4
    assert all(len({ports[name] for name in names}) == 1 < len(names) for names in shared.values())
    together = sum(len(names) - 1 for names in shared.values())
    assert len(set(ports.values())) == len(ports) - together  # nobody else has one of these ports
    ordered = Simulator(kernel.ordered_graph())
    verdicts: set[bool] = set()
    for depth in (1, 64):
        dead = ordered.run({fifo.name: depth for fifo in kernel.fifos}).deadlock is not None
        verdicts.add(dead)
        with pytest.raises(UserError, match="deadlock") if dead else nullcontext():
            accelerator.run([value.numpy() for value in inputs], depths=depth)
    assert True in verdicts


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A language model whose layers run in one launch."""
    path = tmp_path_factory.mktemp("one")
    model = build(config_of("gpt2", TINY["gpt2"] | {"n_layer": LAYERS}), seed=3)
    for parameter in model.parameters():
        if parameter.dim() > 1:
            parameter.data.mul_(8)
    model.save_pretrained(str(path / "model"))
    flow.compile_model(
        str(path / "model"),
        path / "out",
        prompt_len=16,
        context=32,
        scheme="w4a8",
        launch="one",
        parameter_bytes=SMALL,
    )
    return path / "out"


def test_all_layers_in_one_launch_give_the_tokens_of_pytorch(folder: Path) -> None:
    result = flow.generate(folder, [7, 3, 60, 11, 2], 6, check=True, ignore_end=True)
    assert result.check is not None
    assert result.check.equal
    assert result.check.token_check.different == ()  # C simulation moved the tokens that the step programs say
    for name in ("prefill", "decode"):
        assert [s.name for s in Accelerator(folder, name).program.steps if s.kind == "kernel"] == ["block_0", "head_0"]
        text = (folder / name / "hls" / "block_0.cpp").read_text(encoding="utf-8")
        body = text[text.index(f"static void {TASK}(") :]
        body = body[: body.index("\n}\n")]
        assert f"layer < {LAYERS}" in body
        assert body.count(".write(") > 4

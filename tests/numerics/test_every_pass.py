# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The interpreter gives the same numbers before and after every pass, on small versions of real models."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from streamtensor import flow
from streamtensor.diagnostics import InternalError
from streamtensor.dialects import context
from streamtensor.dialects.dataflow import TaskOp
from streamtensor.flow.passes import PassRunner
from streamtensor.importers.program import import_module
from streamtensor.ir import arith
from streamtensor.ir.builtin import ModuleOp
from streamtensor.ir.core import Context, ModulePass, Rewriter
from streamtensor.pipelines import LEVEL_FILES, Choices, passes_to

Made = tuple[torch.nn.Module, tuple[torch.Tensor, ...]]


class Attention(torch.nn.Module):
    """Multi-head attention with a fused projection and a causal mask."""

    def __init__(self, width: int, heads: int, rows: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = torch.nn.Linear(width, 3 * width)
        self.out = torch.nn.Linear(width, width)
        self.register_buffer("mask", torch.triu(torch.full((rows, rows), -1e9), 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        rows, width = x.shape
        q, k, v = (
            part.reshape(rows, self.heads, width // self.heads).transpose(0, 1)
            for part in self.qkv(x).split(width, dim=-1)
        )
        scores = q @ k.transpose(-1, -2) / (width // self.heads) ** 0.5 + self.mask
        mixed = torch.softmax(scores, -1) @ v
        return self.out(mixed.transpose(0, 1).reshape(rows, width))


class Residual(torch.nn.Module):
    """Layer norm, MLP, residual."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = torch.nn.LayerNorm(16)
        self.up = torch.nn.Linear(16, 32)
        self.down = torch.nn.Linear(32, 16)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.down(torch.nn.functional.gelu(self.up(self.norm(x)), approximate="tanh"))


class TwoOutputs(torch.nn.Module):
    """A value with several readers and two results."""

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        y = torch.exp(x)
        return y / y.sum(-1, keepdim=True), y.t() @ x


def language_model() -> Made:
    from transformers import GPT2Config, GPT2LMHeadModel

    from streamtensor.models.prefill import Prefill, prompt_inputs

    sizes: dict[str, Any] = {"n_layer": 2, "n_embd": 16, "n_head": 2, "n_positions": 32, "vocab_size": 24}
    sizes |= {"bos_token_id": 0, "eos_token_id": 0, "attn_implementation": "eager"}
    config = GPT2Config(**sizes)
    return Prefill(GPT2LMHeadModel(config).eval(), 16).eval(), prompt_inputs([1, 2, 3], 16)


CASES: dict[str, Callable[[], Made]] = {
    "softmax": lambda: (torch.nn.Softmax(-1), (torch.randn(8, 12),)),
    "residual": lambda: (Residual().eval(), (torch.randn(8, 16),)),
    "attention": lambda: (Attention(16, 2, 8).eval(), (torch.randn(8, 16),)),
    "two outputs": lambda: (TwoOutputs(), (torch.randn(8, 12),)),
    "language model": language_model,
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("tile", [4, 16])
def test_no_pass_changes_the_numbers(name: str, tile: int) -> None:
    torch.manual_seed(0)
    module, inputs = CASES[name]()
    ir = import_module(module, inputs).module
    runner = PassRunner(context(), verify_each=True, verify_numerics=True)
    for level in LEVEL_FILES:
        runner.run(ir, level, passes_to(level, Choices(tile=tile)))


@pytest.mark.parametrize("name", ["residual", "language model"])
def test_one_dma_for_parameters_changes_no_numbers(name: str) -> None:
    torch.manual_seed(0)
    module, inputs = CASES[name]()
    ir = import_module(module, inputs).module
    runner = PassRunner(context(), verify_each=True, verify_numerics=True)
    for level in LEVEL_FILES:
        runner.run(ir, level, passes_to(level, Choices(tile=4, parameter_bytes=1 << 16)))
    names = {op.task_name for op in ir.walk() if isinstance(op, TaskOp)}
    assert "load_parameters" in names
    assert not {"load_norm_weight", "load_norm_bias"} & names


class _WrongPass(ModulePass):
    name = "wrong"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        first = next(o for o in op.walk() if isinstance(o, arith.AddfOp))
        Rewriter.replace_op(first, arith.SubfOp(first.lhs, first.rhs))


def test_a_pass_that_changes_the_numbers_is_caught() -> None:
    module, inputs = CASES["residual"]()
    ir = import_module(module, inputs).module
    with pytest.raises(InternalError, match="the pass wrong changed output 0"):
        PassRunner(context(), verify_numerics=True).run(ir, "tensor", [_WrongPass()])


def test_the_option_of_the_command_line(tmp_path: Path) -> None:
    file = tmp_path / "model.py"
    file.write_text("import torch\ndef make():\n    return torch.nn.Linear(8, 8), (torch.ones(4, 8),)\n")
    result = flow.compile_model(f"{file}:make", tmp_path / "out", to="stream", tile=4, verify_numerics=True)
    assert result.summary["level"] == "stream"

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Loops that end at a run-time bound give every number that loops over the whole context give, bit by bit."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch

from quantized_models import float_model
from streamtensor.dialects import context
from streamtensor.dialects.dataflow import KernelOp
from streamtensor.importers.program import import_module
from streamtensor.ir.builtin import ModuleOp
from streamtensor.ir.text import verify_module
from streamtensor.models.decode import Decode, cache_shape
from streamtensor.models.prefill import Prefill, prompt_inputs
from streamtensor.pipelines import LEVELS, Choices, passes_to
from streamtensor.report.bounds import bound_facts
from streamtensor.simulate.interpreter import run
from streamtensor.transforms.lowering.bound_context_loops import BoundContextLoopsPass

ROWS = 24


def inputs_of(kind: str, family: str, position: int) -> tuple[torch.nn.Module, tuple[torch.Tensor, ...]]:
    """The program of a tiny model and inputs at a position."""
    model = float_model(family)
    if kind == "prefill":
        return Prefill(model, ROWS).eval(), prompt_inputs(list(range(1, position + 2)), ROWS)
    random = torch.Generator().manual_seed(2)
    shape = cache_shape(model.config, ROWS)
    cache = [torch.randn(shape, generator=random) for _ in range(2 * model.config.num_hidden_layers)]
    return Decode(model, ROWS).eval(), (torch.tensor([[5]]), torch.tensor([position]), *cache)


def both(
    module: torch.nn.Module, inputs: tuple[torch.Tensor, ...], on_chip_bits: int
) -> tuple[ModuleOp, ModuleOp, dict[str, np.ndarray]]:
    """The program before and after `bound-context-loops`, and its parameters."""
    imported = import_module(module, inputs)
    for level in LEVELS[:-1]:
        for one in passes_to(level, Choices(tile=4, on_chip_bits=on_chip_bits)):
            if isinstance(one, BoundContextLoopsPass):
                whole = imported.module.clone()
                one.apply(context(), imported.module)
                verify_module(imported.module)
                parameters = {name: value.detach().numpy() for name, value in imported.parameters.items()}
                return whole, imported.module, parameters
            one.apply(context(), imported.module)
    raise AssertionError("the pipeline has the pass")


@pytest.mark.parametrize(
    ("kind", "family", "on_chip_bits"),
    [
        ("decode", "gpt2", 0),
        ("decode", "gemma3_text", 0),
        ("prefill", "llama", 0),
        ("prefill", "gpt2", 60_000),  # several kernels for a block: rows between them are bounded as well
    ],
)
def test_nothing_changes_but_the_tokens(kind: str, family: str, on_chip_bits: int) -> None:
    module, inputs = inputs_of(kind, family, 0)
    whole, bounded, parameters = both(module, inputs, on_chip_bits)
    assert (sum(isinstance(op, KernelOp) for op in bounded.walk()) > 2) == (on_chip_bits > 0)
    name = "position" if kind == "decode" else "last"
    facts = bound_facts(bounded)[name]
    assert (facts["tile"], facts["most"]) == (4, ROWS // 4)
    assert facts["loops"] > 10
    moved: list[int] = []
    for position in (0, 6, ROWS - 1):
        _, values = inputs_of(kind, family, position)
        names = [f"cache_{n}" for n in range(len(values) - 2)] if kind == "decode" else []
        given = dict(zip(("ids", name, *names), (value.numpy() for value in values), strict=True))
        counts = Counter[str](), Counter[str]()
        wanted, found = (run(m, given | parameters, count=c) for m, c in zip((whole, bounded), counts, strict=True))
        for number, (ours, theirs) in enumerate(zip(found, wanted, strict=True)):
            rows = slice(position + 1) if kind == "prefill" and number else slice(None)
            np.testing.assert_array_equal(ours[..., rows, :], theirs[..., rows, :])
        moved.append(sum(counts[1].values()))
        assert (moved[-1] == sum(counts[0].values())) == (position == ROWS - 1)
    assert moved[0] < moved[1] < moved[2]

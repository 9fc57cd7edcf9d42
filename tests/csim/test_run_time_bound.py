# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""One run-time bound makes a short context cheap: the same numbers at every position, from fewer tokens."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch

import streamtensor
from quantized_models import float_model, quantized_model
from streamtensor.dialects import context
from streamtensor.dialects.dataflow import KernelOp
from streamtensor.flow.accelerator import Accelerator, Launches
from streamtensor.flow.timing import simulate_folder
from streamtensor.ir.text import parse_module
from streamtensor.models.decode import Decode, cache_shape
from streamtensor.models.prefill import Prefill, prompt_inputs
from streamtensor.timing.graph import Fifo, Graph, Task
from streamtensor.timing.simulator import Simulator
from streamtensor.transforms.resources.bounded_kernels import largest_bounds, programs_at

Array = npt.NDArray[Any]
CONTEXT = 32
TILE = 8


def accelerator(module: torch.nn.Module, inputs: tuple[torch.Tensor, ...], out: Path) -> Accelerator:
    """The compiled module, its loops bounded as it says."""
    return streamtensor.compile(module.eval(), inputs, tile=TILE, out=out)


def decode_inputs(model: Any, position: int, behind: float) -> tuple[torch.Tensor, ...]:
    """A token at a position, and a cache that has nothing but `behind` in the rows behind it."""
    random = torch.Generator().manual_seed(5)
    rows = torch.arange(CONTEXT)[:, None] > position
    shape = cache_shape(model.config, CONTEXT)
    whole = [torch.randn(shape, generator=random) for _ in range(2 * model.config.num_hidden_layers)]
    return torch.tensor([[7]]), torch.tensor([position]), *(torch.where(rows, behind, one) for one in whole)


def tokens(launches: Launches) -> dict[str, int]:
    """The tokens of each FIFO in all launches."""
    counts: dict[str, int] = {}
    for kernel, report in launches.reports:
        for fifo in report.fifos:
            counts[f"{kernel}.{fifo.name}"] = counts.get(f"{kernel}.{fifo.name}", 0) + fifo.tokens
    return counts


def arrays(values: tuple[torch.Tensor, ...]) -> list[Array]:
    """As C simulation takes them."""
    return [value.numpy() for value in values]


@pytest.fixture(scope="module")
def decode(tmp_path_factory: pytest.TempPathFactory) -> tuple[Decode, Accelerator]:
    """A decode step of two gpt2 layers."""
    module = Decode(float_model("gpt2"), CONTEXT)
    folder = tmp_path_factory.mktemp("bound") / "decode"
    return module, accelerator(module, decode_inputs(module.model, 0, 0.0), folder)


def test_every_position_gives_what_pytorch_does(decode: tuple[Decode, Accelerator]) -> None:
    module, made = decode
    for position in range(CONTEXT):
        inputs = decode_inputs(module.model, position, 1.0)
        with torch.no_grad():
            wanted = module(*inputs)
        for ours, theirs in zip(made.run(arrays(inputs)).outputs, wanted, strict=True):
            torch.testing.assert_close(torch.as_tensor(ours), theirs, rtol=1e-4, atol=1e-4)


def test_tokens_fall_with_the_position_in_steps_of_a_tile(decode: tuple[Decode, Accelerator]) -> None:
    module, made = decode
    runs = {p: tokens(made.run(arrays(decode_inputs(module.model, p, 0.0)))) for p in (0, 7, 8, 16, CONTEXT - 1)}
    assert runs[0] == runs[7]
    falling = [name for name, count in runs[0].items() if count < runs[CONTEXT - 1][name]]
    assert falling
    for name in falling:  # one tile of four, two, three, all
        per_tile = runs[0][name]
        assert [runs[p][name] for p in (8, 16, CONTEXT - 1)] == [2 * per_tile, 3 * per_tile, 4 * per_tile]
    cache = [name for name in runs[0] if "load_cache" in name]
    assert cache
    assert set(cache) <= set(falling)


def test_rows_behind_the_bound_are_not_read(decode: tuple[Decode, Accelerator]) -> None:
    """Not even a number that no mask can hide."""
    module, made = decode
    finite = made.run(arrays(decode_inputs(module.model, 3, 0.0))).outputs
    inputs = arrays(decode_inputs(module.model, 3, 0.0))
    for array in inputs[2:]:
        array[:, :, TILE:] = np.nan
    for ours, theirs in zip(made.run(inputs).outputs, finite, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_step_programs_have_the_tokens_of_c_simulation(decode: tuple[Decode, Accelerator]) -> None:
    module, made = decode
    file = made.path / "50-stream.mlir"
    kernels = [op for op in parse_module(context(), file.read_text(), str(file)).walk() if isinstance(op, KernelOp)]
    counted = {p: made.run(arrays(decode_inputs(module.model, p, 0.0))).reports for p in (0, 9, CONTEXT - 1)}
    bounded = 0
    for kernel in kernels:
        most = largest_bounds(kernel)
        for position, reports in counted.items():
            tiles = {value: position * number // CONTEXT + 1 for value, number in most.items()}
            bounded += len(tiles)
            programs = programs_at(kernel, tiles)
            report = next(report for name, report in reports if name == kernel.kernel_name)
            graph = Graph(
                tuple(Task(name, program) for name, program in programs.items()),
                tuple(Fifo(fifo.name, depth=fifo.depth) for fifo in report.fifos),
            )
            assert {fifo.name: fifo.tokens for fifo in report.fifos} == graph.tokens
            assert Simulator(graph).run().complete
    assert bounded


def test_a_short_context_takes_less_time(decode: tuple[Decode, Accelerator]) -> None:
    module, made = decode
    whole = simulate_folder(made.folder)
    found = {p: simulate_folder(made.folder, position=p) for p in (0, 16, CONTEXT - 1)}
    assert found[0].cycles < found[16].cycles < found[CONTEXT - 1].cycles == whole.cycles
    for position, time in found.items():
        counted = tokens(made.run(arrays(decode_inputs(module.model, position, 0.0))))
        for one in time.kernels:
            for fifo in one.kernel.graph.fifos:
                if not fifo.inner:
                    name = f"{one.kernel.kernel}.{fifo.name}"
                    assert counted[name] == one.result.fifos[fifo.name].tokens * one.kernel.launches


def test_an_integer_model_is_exact(tmp_path: Path) -> None:
    """Gemma, with a sliding window that is shorter than the context."""
    model = quantized_model("gemma3_text", "w8a8")
    module = Decode(model, CONTEXT)

    def inputs(position: int) -> tuple[torch.Tensor, ...]:
        ids, where, *cache = decode_inputs(model, position, 4.0)
        return ids, where, *((one * 30).to(torch.int8) for one in cache)

    made = accelerator(module, inputs(0), tmp_path / "design")
    for position in (0, 7, 8, 21, CONTEXT - 1):
        with torch.no_grad():
            wanted = module(*inputs(position))
        for ours, theirs in zip(made.run(arrays(inputs(position))).outputs, wanted, strict=True):
            np.testing.assert_array_equal(ours, theirs.numpy())


def test_a_short_prompt_needs_the_first_rows_only(tmp_path: Path) -> None:
    module = Prefill(float_model("gpt2"), CONTEXT)
    made = accelerator(module, prompt_inputs([0], CONTEXT), tmp_path / "design")
    counts: list[int] = []
    for length in (1, 5, 8, 9, 32):
        inputs = prompt_inputs(list(range(1, length + 1)), CONTEXT)
        with torch.no_grad():
            logits, *rows = module(*inputs)
        launches = made.run(arrays(inputs))
        torch.testing.assert_close(torch.as_tensor(launches.outputs[0]), logits, rtol=1e-4, atol=1e-4)
        for ours, theirs in zip(launches.outputs[1:], rows, strict=True):
            torch.testing.assert_close(
                torch.as_tensor(ours[:, :, :length]), theirs[:, :, :length], rtol=1e-4, atol=1e-4
            )
        counts.append(sum(tokens(launches).values()))
    assert counts[0] == counts[1] == counts[2] < counts[3] < counts[4]
    assert counts[0] * 3 < counts[4]

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""C simulation and the step programs of the cycle simulator say the same: tokens of every FIFO, and deadlocks."""

import runpy
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

import streamtensor
from step_program_checks import assert_same_tokens, scheduled_kernels
from streamtensor.diagnostics import UserError
from streamtensor.flow import Accelerator
from streamtensor.flow.timing import simulate_folder
from streamtensor.timing.simulator import Simulator

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"

pytestmark = pytest.mark.needs("g++")


class Softmax(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.softmax(x, dim=-1)


def mlp() -> tuple[torch.nn.Module, tuple[torch.Tensor, ...]]:
    return runpy.run_path(str(EXAMPLES / "mlp.py"))["mlp"]()


def norm() -> tuple[torch.nn.Module, tuple[torch.Tensor, ...]]:
    return torch.nn.LayerNorm(64).eval(), (torch.randn(16, 64),)


def softmax() -> tuple[torch.nn.Module, tuple[torch.Tensor, ...]]:
    return Softmax().eval(), (torch.randn(16, 64),)


def deadlocks(accelerator: Accelerator, inputs: tuple[torch.Tensor, ...], depth: int) -> bool:
    try:
        accelerator.run([x.numpy() for x in inputs], depths=depth)
    except UserError as error:
        if error.code != "ST0604":
            raise
        return True
    return False


@pytest.mark.parametrize(("make", "dead"), [(mlp, {}), (norm, {1, 2, 5}), (softmax, {1, 2, 5})])
def test_tokens_and_deadlocks(
    make: Callable[[], tuple[torch.nn.Module, tuple[torch.Tensor, ...]]], dead: set[int], tmp_path: Path
) -> None:
    torch.manual_seed(0)
    module, inputs = make()
    accelerator = streamtensor.compile(module, inputs, out=tmp_path / "m", tile=8)
    assert_same_tokens(accelerator, accelerator.run([x.numpy() for x in inputs]))
    found: set[int] = set()
    for depth in (1, 2, 5, 64):
        in_order, in_cycles = [], []
        for kernel in scheduled_kernels(accelerator).values():
            every = {fifo.name: depth for fifo in kernel.fifos}
            in_order.append(Simulator(kernel.ordered_graph()).run(every).deadlock is not None)
            in_cycles.append(Simulator(kernel.graph()).run(every).deadlock is not None)
        assert any(in_order) == deadlocks(accelerator, inputs, depth)
        # Overlapping iterations only hold more: what completes in program order completes in cycles.
        assert all(ordered or not timed for ordered, timed in zip(in_order, in_cycles, strict=True))
        if any(in_order):
            found.add(depth)
    assert found == set(dead)


def test_sized_fifos_lose_no_time(tmp_path: Path) -> None:
    """A norm: with the depths of the safe rule it is slower than with unbounded FIFOs, with sized ones it is not."""
    module, inputs = norm()
    cycles: dict[str, int] = {}
    for sizing in ("safe", "schedule", "certified"):
        streamtensor.compile(module, inputs, out=tmp_path / sizing, tile=8, fifo_sizing=sizing)
        simulated = simulate_folder(tmp_path / sizing)
        cycles[sizing] = simulated.cycles
        unbounded = sum(
            one.simulator.run(dict.fromkeys(f.name for f in one.kernel.graph.sized)).cycles for one in simulated.kernels
        )
        assert sizing == "safe" or cycles[sizing] == unbounded
    assert cycles["safe"] >= cycles["schedule"] == cycles["certified"]

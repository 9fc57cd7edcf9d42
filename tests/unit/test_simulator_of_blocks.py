# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The simulator on graphs of language models: what is made again against every step simulated."""

from __future__ import annotations

import random

import pytest

from small_blocks import small_block
from streamtensor.dialects import context
from streamtensor.dialects.dataflow import KernelOp
from streamtensor.flow.passes import PassRunner
from streamtensor.importers.program import import_module
from streamtensor.models.blocks import BlockKind
from streamtensor.pipelines import LEVEL_FILES, Choices, passes_to
from streamtensor.targets import load_device
from streamtensor.targets.operations import load_operations
from streamtensor.timing.backward import backward
from streamtensor.timing.graph import Graph
from streamtensor.timing.just_in_time import just_in_time
from streamtensor.timing.layer_loop import layer_loop
from streamtensor.timing.simulator import Simulator
from streamtensor.transforms.resources.kernel_graphs import schedule_kernel


def block_graphs(name: str, kind: BlockKind) -> list[Graph]:
    module, inputs = small_block(name, kind)
    ir = import_module(module, inputs).module
    runner = PassRunner(context())
    for level in LEVEL_FILES:
        runner.run(ir, level, passes_to(level, Choices(on_chip_bits=load_device("u55c").on_chip_bits)))
    kernels = [op for op in ir.walk() if isinstance(op, KernelOp)]
    return [schedule_kernel(kernel, load_operations("ultrascale_plus")).graph() for kernel in kernels]


@pytest.mark.parametrize(("name", "kind"), [("gpt2", "prefill"), ("qwen2.5-0.5b", "decode")])
def test_blocks_with_many_depths(name: str, kind: BlockKind) -> None:
    pick = random.Random(name)
    repeated = 0
    for graph in block_graphs(name, kind):
        late = just_in_time(graph, 2)
        assert late is not None
        for tried in (graph, backward(graph), layer_loop(graph, 4, [], [], 0)):
            simulator, plain = Simulator(tried), Simulator(tried)
            for number in range(8):
                depths: dict[str, int | None] = dict(late.depths)
                for fifo in pick.sample(sorted(depths), min(3, len(depths))):
                    depths[fifo] = pick.choice([None, 1, 2, late.depths[fifo] + 1, max(1, late.depths[fifo] - 1)])
                full = plain.run(depths, least_work=0)
                assert simulator.run(depths, least_work=(16, 64, 500)[number % 3]) == full
                repeated += simulator.effort.repeated
    assert repeated > 100

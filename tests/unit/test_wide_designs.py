# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Wide designs (outer products, sliced weights, groups of elements) compute what the tensor level does."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from quantized_models import TINY
from streamtensor.dialects import context
from streamtensor.dialects.dataflow import KernelOp, StreamReadOp, TaskOp
from streamtensor.flow.passes import PassRunner
from streamtensor.flow.product_stages import product_stages
from streamtensor.importers.program import import_program
from streamtensor.ir import scf
from streamtensor.ir.builtin import ModuleOp
from streamtensor.models.blocks import BlockKind, block_program
from streamtensor.models.huggingface import config_of
from streamtensor.models.quantization.nominal import nominal_arithmetic
from streamtensor.pipelines import LEVEL_FILES, Choices, passes_to
from streamtensor.simulate import interpreter
from streamtensor.transforms.lowering.generate_directives import UNROLL
from streamtensor.transforms.tiling.slice_weights import SliceWeightsPass

WIDE = Choices(
    tile=8,
    unroll=4,
    row_tile=4,
    reduction_tile=1,
    lane_bits=64,
    macs=64,
    slice_bytes=64,
    most_slices=2,
    plain_lanes=4,
    product_lanes=2,
)


def around(loop: scf.ForOp) -> scf.ForOp:
    outer = loop.parent_op()
    assert isinstance(outer, scf.ForOp)
    return outer


@pytest.mark.parametrize(
    ("family", "kind", "most"),
    [("gpt2", "prefill", 2), ("gpt2", "decode", 2), ("qwen2", "decode", 2), ("qwen2", "decode", 6)],
)
def test_numbers_stay(family: str, kind: BlockKind, most: int) -> None:
    columns = {"intermediate_size": 40} if most == 6 else {}  # five words of eight
    config = config_of(family, {**TINY[family], **columns})
    module = import_program(block_program(config, kind, 8, arithmetic=nominal_arithmetic(config, "w4a8"))).module
    inputs = interpreter.random_inputs(module, "main", 0)
    wanted = interpreter.run(module, inputs)
    runner = PassRunner(context())
    for level in LEVEL_FILES:
        passes = passes_to(level, replace(WIDE, most_slices=most))
        narrow = [replace(one, least_columns=4) if isinstance(one, SliceWeightsPass) else one for one in passes]
        runner.run(module, level, narrow)
    assert any(isinstance(op, TaskOp) and op.task_name.startswith("concat") for op in module.walk())  # sliced
    if columns:
        tasks = [op.task_name for op in module.walk() if isinstance(op, TaskOp)]
        loads = [name for name in tasks if name.startswith("load_mlp_up_proj_weight")]
        assert len(loads) == 3  # of two words, two and one
    unrolled = [op for op in module.walk() if isinstance(op, scf.ForOp) and UNROLL in op.attributes]
    assert unrolled
    assert any(isinstance(op, StreamReadOp) for loop in unrolled for op in around(loop).body.block.ops)
    for ours, theirs in zip(interpreter.run(module, inputs), wanted, strict=True):
        assert np.array_equal(ours, theirs)
    if family == "qwen2":
        check_stages(module)


def check_stages(module: ModuleOp) -> None:
    """Products that read the same values are in one stage, and stages follow each other."""
    (kernel,) = (op for op in module.walk() if isinstance(op, KernelOp))
    tasks = [op.task_name for op in kernel.walk() if isinstance(op, TaskOp)]
    loads = {name for name in tasks if name.startswith("load_") and "_proj_weight" in name}
    stages = product_stages(kernel, loads)
    assert set(stages) == loads
    wanted = {"q": 0, "k": 0, "v": 0, "o": 1, "gate": 2, "up": 2, "down": 3}
    for name, stage in wanted.items():
        assert {stages[load] for load in loads if f"_{name}_proj" in load} == {stage}

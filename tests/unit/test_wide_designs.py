# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Wide designs (outer products, sliced weights, groups of elements) compute what the tensor level does, after each pass."""

from __future__ import annotations

import pytest

from quantized_models import quantized_model
from streamtensor.dialects import context
from streamtensor.flow.passes import PassRunner
from streamtensor.importers.program import import_program
from streamtensor.ir import scf, tensor
from streamtensor.models.blocks import BlockKind, block_of
from streamtensor.pipelines import LEVEL_FILES, Choices, passes_to
from streamtensor.transforms.lowering.generate_directives import UNROLL

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


@pytest.mark.parametrize(("family", "kind"), [("gpt2", "prefill"), ("gpt2", "decode"), ("qwen2", "decode")])
def test_numbers_stay(family: str, kind: BlockKind) -> None:
    module = import_program(block_of(quantized_model(family, "w4a8"), kind, 16)).module
    runner = PassRunner(context(), verify_numerics=True)
    for level in LEVEL_FILES:
        runner.run(module, level, passes_to(level, WIDE))
        if level == "tensor":
            assert not any(isinstance(op, tensor.ConcatOp) for op in module.walk())
    tasks = {op.sym_name.data for op in module.walk() if op.name == "dataflow.task"}  # type: ignore[attr-defined]
    assert any(name.startswith("concat") for name in tasks)  # sliced
    unrolled = [op for op in module.walk() if isinstance(op, scf.ForOp) and UNROLL in op.attributes]
    nested = [op for op in unrolled if isinstance(op.parent_op(), scf.ForOp) and UNROLL in op.parent_op().attributes]
    assert bool(nested) == (kind == "prefill")  # rows and lanes

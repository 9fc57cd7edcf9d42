# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""On random functions with random tiles and orders every pass down to the streams keeps the numbers."""

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from properties.tiled_programs import programs
from streamtensor.dialects import context
from streamtensor.dialects.dataflow import KernelOp
from streamtensor.ir.builtin import ModuleOp
from streamtensor.ir.spec import LEVELS as SPECS
from streamtensor.ir.text import parse_module, print_module, verify_module
from streamtensor.pipelines import LEVEL_FILES, Choices, passes_to
from streamtensor.simulate import interpreter
from streamtensor.transforms.fusion.fuse_kernels import FuseKernelsPass
from streamtensor.transforms.fusion.on_chip import local_bits

CONTEXT = context()
TOLERANCE = 1e-4  # of the largest element: sums of floats in another order


def check(text: str, choices: Choices, room: int) -> ModuleOp:
    """Applies the passes one by one and compares after each; `room` times the largest kernel fits on chip, 0: all."""
    module = parse_module(CONTEXT, text)
    verify_module(module)
    inputs = interpreter.random_inputs(module, "main", 0)
    wanted = interpreter.run(module, inputs)
    for level in list(LEVEL_FILES)[1:]:
        for one in passes_to(level, choices):
            if isinstance(one, FuseKernelsPass) and room:
                one = FuseKernelsPass(
                    limit_bits=room * max(local_bits(k) for k in module.walk() if isinstance(k, KernelOp))
                )
            one.apply(CONTEXT, module)
            verify_module(module)
            for got, want in zip(interpreter.run(module, inputs), wanted, strict=True):
                limit = TOLERANCE if np.issubdtype(want.dtype, np.floating) else 0.0
                assert interpreter.compare(got, want) <= limit, f"{one.name}\n{print_module(module)}"
        SPECS[level].check(module, level)
        printed = print_module(module)
        module = parse_module(CONTEXT, printed)
        assert print_module(module) == printed, level
    return module


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(programs(), st.sampled_from([32, 64, 128, 512]), st.sampled_from([2, 16]), st.sampled_from([0, 0, 1, 2, 4]))
def test_every_pass_keeps_the_numbers(text: str, fifo_width_bits: int, unroll: int, room: int) -> None:
    check(text, Choices(fifo_width_bits=fifo_width_bits, unroll=unroll), room)

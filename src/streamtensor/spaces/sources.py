# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The design space of what a user names: a compiled folder, a model's shape, or a module in Python."""

from __future__ import annotations

from typing import Any

from streamtensor.dialects import context
from streamtensor.pipelines import Choices, choices_for, passes_to
from streamtensor.spaces.program_space import ProgramSpace
from streamtensor.targets import load_device


def space_of_block(
    shape: str, part: str, rows: int, *, device: str = "u55c", scheme: str | None = None, sizes: Any = None
) -> ProgramSpace:
    from streamtensor.importers.program import import_program
    from streamtensor.models.blocks import block_program
    from streamtensor.models.quantization.nominal import nominal_arithmetic
    from streamtensor.models.shapes import shape_config

    target = load_device(device)
    config = shape_config(shape, **(sizes or {}))
    arithmetic = None if scheme in (None, "float32") else nominal_arithmetic(config, scheme)
    module = import_program(block_program(config, part, rows, arithmetic=arithmetic)).module
    for one in passes_to("tensor", Choices()):
        one.apply(context(), module)
    return ProgramSpace(module, target, origin={"source": shape, "part": part, "rows": rows, "scheme": scheme})

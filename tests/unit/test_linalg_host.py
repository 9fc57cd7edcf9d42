# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The passes of the tensor IR leave the host's functions and declarations alone."""

from pathlib import Path

import pytest

from streamtensor.ir.core import ModulePass
from streamtensor.ir.text import make_context, parse_module, print_module
from streamtensor.transforms.linalg import LINALG_PASSES

INPUT = Path(__file__).parents[1] / "numerics" / "linalg_inputs" / "mlp_residual.mlir"


@pytest.mark.parametrize("one", {type(one): one for one in LINALG_PASSES}.values(), ids=lambda one: one.name)
def test_host_functions_stay(one: ModulePass) -> None:
    text = INPUT.read_text().replace('dataflow.place = "device"', 'dataflow.place = "host"')
    module = parse_module(make_context(), text)
    before = print_module(module)
    one.apply(make_context(), module)
    assert print_module(module) == before


def test_the_same_function_changes_on_the_device() -> None:
    module = parse_module(make_context(), INPUT.read_text())
    before = print_module(module)
    for one in LINALG_PASSES:
        one.apply(make_context(), module)
    assert print_module(module) != before


def test_declarations_stay() -> None:
    module = parse_module(make_context(), "func.func private @outside(tensor<4xf32>) -> tensor<4xf32>")
    before = print_module(module)
    for one in LINALG_PASSES:
        one.apply(make_context(), module)
    assert print_module(module) == before

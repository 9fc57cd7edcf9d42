# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Folds, routing and the structure of tasks: the programs of the filecheck tests compute the same before and after."""

from pathlib import Path

import numpy as np
import pytest

from streamtensor.dialects import context
from streamtensor.ir import func
from streamtensor.ir.builtin import ModuleOp
from streamtensor.ir.core import ModulePass
from streamtensor.ir.text import parse_module, print_module, verify_module
from streamtensor.simulate import interpreter
from streamtensor.transforms.dataflow.fold_itensor_views import FoldITensorViewsPass
from streamtensor.transforms.dataflow.materialize_routing import MaterializeRoutingPass
from streamtensor.transforms.dataflow.simplify_task_structure import SimplifyTaskStructurePass

FOLDER = Path(__file__).resolve().parents[1] / "filecheck" / "dataflow"
PASSES: tuple[ModulePass, ...] = (FoldITensorViewsPass(), MaterializeRoutingPass(), SimplifyTaskStructurePass())


def read(name: str) -> ModuleOp:
    text = (FOLDER / f"{name}.mlir").read_text()
    module = parse_module(context(), text)
    verify_module(module, text)
    return module


def functions(name: str) -> list[str]:
    return [op.sym_name.data for op in read(name).ops if isinstance(op, func.FuncOp)]


CASES = [(one, function) for one in PASSES for function in functions(one.name)]


@pytest.mark.parametrize(("one", "function"), CASES, ids=[f"{one.name}-{function}" for one, function in CASES])
def test_the_numbers_stay(one: ModulePass, function: str) -> None:
    module = read(one.name)
    inputs = interpreter.random_inputs(module, function, 0)
    wanted = interpreter.run(module, inputs, function=function)
    one.apply(context(), module)
    verify_module(module)
    found = interpreter.run(module, inputs, function=function)
    assert len(found) == len(wanted)
    for got, expected in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("name", ["dialect/routing-ops", "dialect/view-ops", "dataflow/fold-itensor-views"])
def test_what_is_printed_parses_back(name: str) -> None:
    module = parse_module(context(), (FOLDER.parent / f"{name}.mlir").read_text())
    text = print_module(module)
    again = parse_module(context(), text)
    verify_module(again)
    assert print_module(again) == text

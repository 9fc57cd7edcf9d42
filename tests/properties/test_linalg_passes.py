# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""On random functions the passes of the tensor IR keep the results to the bit, and never add work."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from numerics.linalg_oracle import float_operations, random_arguments, run
from properties.linalg_programs import programs
from streamtensor.ir import func, tensor
from streamtensor.ir.builtin import ModuleOp
from streamtensor.ir.core import ModulePass
from streamtensor.ir.linalg import GenericOp
from streamtensor.ir.text import make_context, parse_module, print_module, verify_module
from streamtensor.transforms.linalg import LINALG_PASSES
from streamtensor.transforms.linalg.generics import extents, shape_of

CONTEXT = make_context()


def parse(text: str) -> tuple[ModuleOp, func.FuncOp]:
    module = parse_module(CONTEXT, text)
    verify_module(module)
    function = next(iter(module.ops))
    assert isinstance(function, func.FuncOp)
    return module, function


def check(text: str, passes: tuple[ModulePass, ...]) -> func.FuncOp:
    """Applies the passes one by one and compares after each."""
    module, function = parse(text)
    arguments = random_arguments(function)
    expected = run(function, arguments)
    work = sum(float_operations(function).values())
    for one in passes:
        one.apply(CONTEXT, module)
        verify_module(module)
        for got, want in zip(run(function, arguments), expected, strict=True):
            np.testing.assert_array_equal(got, want, err_msg=one.name)
        now = sum(float_operations(function).values())
        assert now <= work, one.name
        work = now
    parse(print_module(module))
    return function


@settings(max_examples=120, deadline=None)
@given(programs())
def test_the_pipeline_keeps_results_and_adds_no_work(text: str) -> None:
    function = check(text, LINALG_PASSES)
    for op in function.body.block.ops:
        if isinstance(op, GenericOp):
            assert 1 not in extents(op)
            assert all(1 not in shape_of(value) for value in op.operands)
            assert all(isinstance(value.owner, tensor.EmptyOp) for value in op.outputs)


@settings(max_examples=60, deadline=None)
@given(programs(), st.permutations(LINALG_PASSES))
def test_every_order_of_the_passes_keeps_results(text: str, passes: list[ModulePass]) -> None:
    check(text, tuple(passes))

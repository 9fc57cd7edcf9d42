# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The tensor IR of small models before and after every pass: same bits, no more work, and the promised form."""

from collections import Counter
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from numerics.linalg_oracle import float_operations, random_arguments, run
from streamtensor.ir import func, tensor
from streamtensor.ir.builtin import ModuleOp
from streamtensor.ir.core import BlockArgument, OpResult, SSAValue
from streamtensor.ir.linalg import GenericOp
from streamtensor.ir.text import make_context, parse_module, print_module, verify_module
from streamtensor.transforms.linalg import LINALG_PASSES, FuseElementwiseOpsPass
from streamtensor.transforms.linalg.generics import extents, shape_of

FOLDER = Path(__file__).parent / "linalg_inputs"
NAMES = sorted(file.stem for file in FOLDER.glob("*.mlir"))
VIEWS = (tensor.ExpandShapeOp, tensor.CollapseShapeOp, tensor.ExtractSliceOp)
CONTEXT = make_context()


def load(name: str) -> tuple[ModuleOp, func.FuncOp]:
    module = parse_module(CONTEXT, (FOLDER / f"{name}.mlir").read_text())
    function = next(iter(module.ops))
    assert isinstance(function, func.FuncOp)
    return module, function


@cache
def optimised(name: str) -> func.FuncOp:
    """The function after all passes; not to be changed."""
    module, function = load(name)
    for one in LINALG_PASSES:
        one.apply(CONTEXT, module)
    return function


def generics(function: func.FuncOp) -> list[GenericOp]:
    return [op for op in function.body.block.ops if isinstance(op, GenericOp)]


def views_between_generics(function: func.FuncOp) -> list[SSAValue]:
    """What generics read through views of something other than an argument."""
    found: list[SSAValue] = []
    for op in generics(function):
        for value in op.operands:
            root = value
            while isinstance(root.owner, VIEWS):
                root = root.owner.operands[0]
            if root is not value and not isinstance(root, BlockArgument):
                found.append(value)
    return found


@pytest.mark.parametrize("name", NAMES)
def test_every_pass_keeps_the_results_and_adds_no_work(name: str) -> None:
    module, function = load(name)
    arguments = random_arguments(function)
    expected = run(function, arguments)
    assert all(np.isfinite(result).all() for result in expected)
    work = float_operations(function)
    for one in LINALG_PASSES:
        one.apply(CONTEXT, module)
        verify_module(module)
        for got, want in zip(run(function, arguments), expected, strict=True):
            np.testing.assert_array_equal(got, want, err_msg=one.name)
        now = float_operations(function)
        assert all(now[kind] <= work[kind] for kind in now), one.name
        work = now


@pytest.mark.parametrize("name", NAMES)
def test_the_result_is_generics_connected_by_tensors(name: str) -> None:
    function = optimised(name)
    if name != "regroup":  # 4x6 read as 6x4: the one view that has to stay
        assert not views_between_generics(function)
    for op in generics(function):
        assert 1 not in extents(op)
        assert all(1 not in shape_of(value) for value in op.operands)
        assert all(isinstance(value.owner, tensor.EmptyOp) for value in op.outputs)
        body = op.body.block
        for inner in body.ops:  # nothing from outside
            assert all(v in body.args or (isinstance(v, OpResult) and v.op.parent is body) for v in inner.operands)


@pytest.mark.parametrize("name", NAMES)
def test_the_text_parses_back(name: str) -> None:
    text = print_module(optimised(name))
    assert print_module(next(iter(parse_module(CONTEXT, text).ops))) == text


@pytest.mark.parametrize("name", NAMES)
def test_a_second_run_changes_nothing(name: str) -> None:
    function = optimised(name).clone()
    text = print_module(function)
    module = ModuleOp([function])
    for one in LINALG_PASSES:
        one.apply(CONTEXT, module)
    assert print_module(function) == text


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("matmul", 1),
        ("mlp_residual", 4),  # two products, each with one elementwise operation after it
        ("softmax", 5),  # scale, maximum, exponential, sum, quotient
        ("layer_norm", 6),  # sum, mean, centred, sum of squares, reciprocal deviation, scale and shift
        ("last_row", 7),  # a layer norm of one row and its projection
        ("conv_net", 4),  # convolution, activation, product, bias
        ("grouped_attention", 12),  # 3 projections, 3 biases, scores, softmax, product with the values
        ("gpt2_block", 31),  # 2 norms, q k v with biases, 7 of attention, output projection, 4 of the MLP
    ],
)
def test_number_of_generics(name: str, count: int) -> None:
    assert len(generics(optimised(name))) == count


def test_activations_and_quotients_stay_out_of_products() -> None:
    """tanh runs once per hidden element, exp and the quotient once per score, as in the model."""
    _, before = load("gpt2_block")
    after = optimised("gpt2_block")
    for kind in ("math.tanh", "math.exp", "arith.divf", "math.rsqrt"):
        assert float_operations(after)[kind] == float_operations(before)[kind]
    for op in generics(after):
        names = Counter(inner.name for inner in op.body.block.ops)
        if len(op.iterator_types) > 2 and names["arith.mulf"] and names["arith.addf"] and "reduction" in str(op):
            assert not names.keys() & {"math.tanh", "math.exp", "arith.divf"}


def test_the_counter_sees_a_producer_that_is_pulled_into_a_product() -> None:
    """The count grows when GELU's tanh stands in the body of the product: the check above can fail."""
    text = (FOLDER / "mlp_residual.mlir").read_text()
    module, function = load("mlp_residual")
    FuseElementwiseOpsPass().apply(CONTEXT, module)
    before = float_operations(function)["math.tanh"]
    product = [op for op in generics(function) if len(op.iterator_types) == 3][-1]
    tanh = next(inner for inner in function.walk() if inner.name == "math.tanh")
    body = product.body.block
    assert body.first_op is not None
    clone = tanh.clone({tanh.operands[0]: body.args[0]})
    body.insert_ops_before((clone,), body.first_op)
    assert float_operations(function)["math.tanh"] == before + 8 * 32 * 16
    assert "math.tanh" in text


def test_the_fused_projection_becomes_three() -> None:
    function = optimised("gpt2_block")
    slices = [op for op in function.body.block.ops if isinstance(op, tensor.ExtractSliceOp)]
    assert all(isinstance(op.source, BlockArgument) for op in slices)
    assert Counter(shape_of(op.result) for op in slices) == {(16, 16): 3, (16,): 3}


def test_grouped_heads_are_read_again_and_not_copied() -> None:
    function = optimised("grouped_attention")
    scores = next(op for op in generics(function) if len(op.iterator_types) == 5 and shape_of(op.results[0])[-1] == 8)
    maps = [str(attr.data) for attr in scores.indexing_maps]
    assert maps[1] == "(d0, d1, d2, d3, d4) -> (d3, d0, d4)"  # K: every head of the group reads the same one

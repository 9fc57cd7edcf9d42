# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
import doctest
from math import prod

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamtensor.ir.builtin import ModuleOp, TensorType, f32
from streamtensor.ir.core import Block, Region
from streamtensor.ir.text import make_context, parse_module, verify_module
from streamtensor.transforms.linalg import reshapes, slices
from streamtensor.transforms.linalg.reshapes import (
    common_factors,
    groups,
    reassociation,
    reshape,
    split_sizes,
    squeezed,
)
from streamtensor.transforms.linalg.slices import Range, box_before_reshape


@pytest.mark.parametrize("module", [reshapes, slices])
def test_doctests(module: object) -> None:
    result = doctest.testmod(module)  # type: ignore[arg-type]
    assert result.attempted > 0
    assert result.failed == 0


@st.composite
def factorisations(draw: st.DrawFn, number: int) -> tuple[int, ...]:
    shape: list[int] = []
    while number > 1 or draw(st.integers(0, 4)) == 0:
        size = draw(st.sampled_from([d for d in range(1, number + 1) if number % d == 0]))
        shape.append(size)
        number //= size
        if len(shape) > 6:
            shape.append(number)
            break
    return tuple(shape)


@st.composite
def two_shapes(draw: st.DrawFn) -> tuple[tuple[int, ...], tuple[int, ...]]:
    number = draw(st.sampled_from([1, 6, 12, 24, 36, 64, 120]))
    return draw(factorisations(number)), draw(factorisations(number))


@given(two_shapes())
def test_groups_partition_both_shapes_and_factors_refine_both(shapes: tuple[tuple[int, ...], tuple[int, ...]]) -> None:
    left, right = squeezed(shapes[0]), squeezed(shapes[1])
    found = groups(left, right)
    assert tuple(size for group in found for size in group.left) == left
    assert tuple(size for group in found for size in group.right) == right
    for group in found:
        assert prod(group.left) == prod(group.right)
        if group.factors is None:
            assert len(group.left) > 1
            assert len(group.right) > 1
        else:
            for side in (group.left, group.right):
                assert [prod(part) for part in split_sizes(side, group.factors)] == list(side)


def test_no_common_factors() -> None:
    assert common_factors((6, 4), (4, 6)) is None
    assert common_factors((2, 3), (3, 2)) is None
    assert common_factors((4, 6), (8, 3)) == (4, 2, 3)


@given(two_shapes())
def test_a_reshape_is_a_chain_of_legal_steps(shapes: tuple[tuple[int, ...], tuple[int, ...]]) -> None:
    source, target = shapes
    module = parse_module(make_context(), "func.func @main() { return }")
    block = Block(arg_types=[TensorType(f32, source)])
    end = next(iter(module.ops)).regions[0].block.first_op
    assert end is not None
    end.detach()
    block.add_op(end)
    made = reshape(block.args[0], target, end)
    made_type = made.type
    assert isinstance(made_type, TensorType)
    assert made_type.get_shape() == target
    for op in list(block.ops)[:-1]:
        op.verify()
    Region(block)


@given(two_shapes(), st.data())
def test_a_box_before_a_reshape_has_the_same_elements(
    shapes: tuple[tuple[int, ...], tuple[int, ...]], data: st.DataObject
) -> None:
    before, after = shapes
    if reassociation(before, after) is None and reassociation(after, before) is None:
        return
    box: list[Range] = []
    for size in after:
        count = data.draw(st.sampled_from([size, *range(1, size + 1)]))
        step = data.draw(st.sampled_from([1, 1, 2])) if (count - 1) * 2 < size else 1
        box.append(Range(data.draw(st.integers(0, size - 1 - (count - 1) * step)), count, step))
    found = box_before_reshape(tuple(box), before, after)
    elements = np.arange(prod(before))
    wanted = elements.reshape(after)[tuple(_slice(part) for part in box)].ravel()
    if found is not None:
        np.testing.assert_array_equal(elements.reshape(before)[tuple(_slice(part) for part in found)].ravel(), wanted)
    elif all(part.step == 1 for part in box):
        assert not _is_box(wanted, before)


def _slice(part: Range) -> slice:
    return slice(part.offset, part.offset + (part.size - 1) * part.step + 1, part.step)


def _is_box(positions: np.ndarray, shape: tuple[int, ...]) -> bool:
    """Whether these row-major positions, in this order, are a box without gaps of a tensor of `shape`."""
    places = np.array(np.unravel_index(positions, shape)) if shape else np.zeros((0, 1), int)
    distinct = [np.unique(row) for row in places]
    if prod(len(row) for row in distinct) != len(positions):
        return False
    if any((np.diff(row) != 1).any() for row in distinct):
        return False
    return bool(np.array_equal(np.array(np.meshgrid(*distinct, indexing="ij")).reshape(len(shape), -1), places))


def test_expansion_of_a_tensor_without_dimensions_verifies() -> None:
    """The framework refuses it; goes when the repair in streamtensor.ir.repairs is not needed any more."""
    text = """func.func @main(%x: tensor<f32>) -> tensor<1x1xf32> {
      %y = tensor.expand_shape %x [] output_shape [1, 1] : tensor<f32> into tensor<1x1xf32>
      return %y : tensor<1x1xf32>
    }"""
    module = parse_module(make_context(), text)
    verify_module(module)
    assert isinstance(module, ModuleOp)


def test_a_generic_with_two_results_parses_back() -> None:
    """The framework prints parentheses that it does not read; goes with the repair in streamtensor.ir.repairs."""
    maps = "affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>"
    text = f"""func.func @main(%x: tensor<4xf32>, %y: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {{
      %r:2 = linalg.generic {{indexing_maps = [{maps}], iterator_types = ["parallel"]}}
        outs(%x, %y : tensor<4xf32>, tensor<4xf32>) {{
      ^bb0(%a: f32, %b: f32):
        linalg.yield %b, %a : f32, f32
      }} -> (tensor<4xf32>, tensor<4xf32>)
      return %r#0, %r#1 : tensor<4xf32>, tensor<4xf32>
    }}"""
    module = parse_module(make_context(), text)
    verify_module(module)
    again = parse_module(make_context(), str(module))
    assert module.is_structurally_equivalent(again)

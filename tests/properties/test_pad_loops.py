# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""On random functions whose extents no tile divides, padded loops give the numbers of the loops that were there."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from properties.tiled_programs import programs
from streamtensor.dialects import context
from streamtensor.ir.builtin import ModuleOp
from streamtensor.ir.text import parse_module, print_module, verify_module
from streamtensor.pipelines import LEVEL_FILES, Choices, passes_to
from streamtensor.simulate import interpreter
from streamtensor.transforms.tiling.default_tiling import ORDER, TILE
from streamtensor.transforms.tiling.pad_loops import PadLoopsPass

CONTEXT = context()
SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large]
ODD = st.sampled_from([1, 2, 5, 7, 11])
TILE_SIZE = 4


def untiled(text: str) -> ModuleOp:
    """The program without the tiles that were drawn for it."""
    module = parse_module(CONTEXT, text)
    for op in module.walk():
        op.attributes.pop(TILE, None)
        op.attributes.pop(ORDER, None)
    return module


def check(module: ModuleOp, inputs: list[np.ndarray], wanted: list[np.ndarray], where: str) -> None:
    verify_module(module)
    for got, want in zip(interpreter.run(module, inputs), wanted, strict=True):
        limit = 1e-4 if np.issubdtype(want.dtype, np.floating) else 0.0
        assert interpreter.compare(got, want) <= limit, f"{where}\n{print_module(module)}"


@settings(max_examples=25, deadline=None, suppress_health_check=SLOW)
@given(programs(extents=ODD))
def test_padded_loops_give_the_same_numbers(text: str) -> None:
    module = untiled(text)
    inputs = interpreter.random_inputs(module, "main", 0)
    wanted = interpreter.run(module, inputs)
    PadLoopsPass(tile=TILE_SIZE).apply(CONTEXT, module)
    check(module, list(inputs), list(wanted), "pad-loops")
    for level in list(LEVEL_FILES)[1:]:
        for one in passes_to(level, Choices(tile=TILE_SIZE)):
            one.apply(CONTEXT, module)
        check(module, list(inputs), list(wanted), level)


@settings(max_examples=25, deadline=None, suppress_health_check=SLOW)
@given(programs(extents=st.sampled_from([1, 2, 3, 4, 6, 8])))
def test_what_divides_well_is_not_touched(text: str) -> None:
    """Each of these extents has a divisor from 2 to 4, or is not above 4."""
    module = untiled(text)
    before = print_module(module)
    PadLoopsPass(tile=TILE_SIZE).apply(CONTEXT, module)
    assert print_module(module) == before


@settings(max_examples=25, deadline=None, suppress_health_check=SLOW)
@given(programs(extents=ODD))
def test_once_is_enough(text: str) -> None:
    """Loops that were padded are multiples of the tile, and what was left as it was is so for a reason."""
    module = untiled(text)
    PadLoopsPass(tile=TILE_SIZE).apply(CONTEXT, module)
    once = print_module(module)
    PadLoopsPass(tile=TILE_SIZE).apply(CONTEXT, module)
    assert print_module(module) == once


@pytest.mark.parametrize("operation", ["maximumf", "maxnumf", "minimumf", "minnumf"])
def test_padding_adds_nothing_to_what_is_nan(operation: str) -> None:
    """Of NaN and an infinity, maxnumf and minnumf give the infinity, which is thus not neutral."""
    module = parse_module(
        CONTEXT,
        f"""
func.func private @device(%x: tensor<5x7xf32>) -> tensor<5xf32> attributes {{dataflow.place = "device"}} {{
  %e = tensor.empty() : tensor<5xf32>
  %r = linalg.generic {{indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0)>],
      iterator_types = ["parallel", "reduction"]}} ins(%x : tensor<5x7xf32>) outs(%e : tensor<5xf32>) {{
  ^bb0(%a: f32, %o: f32):
    %c0 = arith.constant 0 : index
    %i = linalg.index 1 : index
    %is_first = arith.cmpi eq, %i, %c0 : index
    %acc = arith.select %is_first, %a, %o : f32
    %v = arith.{operation} %acc, %a : f32
    linalg.yield %v : f32
  }} -> tensor<5xf32>
  func.return %r : tensor<5xf32>
}}
func.func @main(%x: tensor<5x7xf32>) -> tensor<5xf32> {{
  %r = func.call @device(%x) : (tensor<5x7xf32>) -> tensor<5xf32>
  func.return %r : tensor<5xf32>
}}
""",
    )
    x = np.arange(35, dtype=np.float32).reshape(5, 7)
    x[1] = np.nan
    x[3, 2] = np.nan
    (wanted,) = interpreter.run(module, [x])
    before = print_module(module)
    PadLoopsPass(tile=TILE_SIZE).apply(CONTEXT, module)
    assert print_module(module) != before
    verify_module(module)
    (got,) = interpreter.run(module, [x])
    assert np.isnan(wanted[1])
    np.testing.assert_array_equal(got, wanted)

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Line buffers: the schedule against rows that really move, and whole programs through every pass."""

from __future__ import annotations

from math import gcd

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from streamtensor.algebra.layout import StreamLayout
from streamtensor.algebra.line_buffer import line_schedule
from streamtensor.dialects import context
from streamtensor.dialects.dataflow import ITensorConverterOp, KernelOp
from streamtensor.flow.passes import PassRunner
from streamtensor.ir.text import parse_module
from streamtensor.pipelines import LEVEL_FILES, Choices, passes_to


@given(block=st.integers(1, 6), stride=st.integers(1, 5), more=st.integers(0, 6), windows=st.integers(2, 12))
def test_every_window_finds_its_rows(block: int, stride: int, more: int, windows: int) -> None:
    extent = stride + more
    total = (windows - 1) * stride + extent
    assume(total % block == 0 and total > block)
    source = StreamLayout.parse(f"{block}x4, [{total // block}] * [{block}], (d0) -> (d0, 0)")
    result = StreamLayout.parse(f"{extent}x4, [{windows}] * [{stride}], (d0) -> (d0, 0)")
    schedule = line_schedule(source, result, 0)
    assert schedule is not None

    held: list[int | None] = [None] * schedule.rows  # which row of the data is where
    incoming = iter(range(total))

    def store(count: int) -> None:
        for _ in range(count):
            rows = [next(incoming) for _ in range(block)]
            held[:] = [*held[block:], *rows] if block < schedule.rows else rows

    store(schedule.first_blocks)
    for window in range(schedule.windows):
        store(schedule.blocks[window % schedule.period])
        start = schedule.starts[window % schedule.period]
        assert held[start : start + extent] == list(range(window * stride, window * stride + extent))
    assert next(incoming, None) is None, "the source has rows that nobody takes"
    oldest_needed = max(n * block - w * stride for w, n in enumerate(_needed(schedule.period, stride, extent, block)))
    assert schedule.rows == oldest_needed


def _needed(windows: int, stride: int, extent: int, block: int) -> list[int]:
    return [-(-(window * stride + extent) // block) for window in range(windows)]


def test_windows_without_an_end_have_no_schedule() -> None:
    rows = StreamLayout.parse("1x4, [10] * [1], (d0) -> (d0, 0)")
    columns_first = StreamLayout.parse("3x2, [2, 8] * [2, 1], (d0, d1) -> (d1, d0)")
    assert line_schedule(rows, columns_first, 0) is None
    assert line_schedule(StreamLayout.parse("10x4, [] * [], () -> (0, 0)"), rows, 0) is None


@settings(max_examples=8, deadline=None)
@given(
    block=st.integers(1, 3),
    tile=st.integers(1, 2),
    stride=st.integers(1, 2),
    window=st.integers(2, 3),
    tiles=st.integers(2, 4),
    channel_tile=st.sampled_from([1, 2, 4]),
    images=st.sampled_from([2, 3]),
)
def test_programs_with_windows_keep_their_numbers(
    block: int, tile: int, stride: int, window: int, tiles: int, channel_tile: int, images: int
) -> None:
    rows_out = tile * tiles
    rows_in = (rows_out - 1) * stride + window
    assume(rows_in % block == 0 and window > stride and rows_in > block)
    module = parse_module(context(), _program(block, tile, stride, window, rows_in, rows_out, channel_tile, images))
    runner = PassRunner(context(), verify_each=True, verify_numerics=True)
    for level in LEVEL_FILES:
        runner.run(module, level, passes_to(level, Choices()))
        if level == "fused":
            assert sum(isinstance(op, KernelOp) for op in module.walk()) == 1
            kinds = [op.converter.kind for op in module.walk() if isinstance(op, ITensorConverterOp)]
            assert kinds == ["line_buffer"], (kinds, gcd(block, stride))


def _program(
    block: int, tile: int, stride: int, window: int, rows_in: int, rows_out: int, channel_tile: int, images: int
) -> str:
    """exp of images in blocks of rows, then sums over windows of rows, in tiles of rows."""
    given, made = f"tensor<{images}x4x{rows_in}x5xf32>", f"tensor<{images}x4x{rows_out}x5xf32>"
    return f"""
#id = affine_map<(n, c, h, w) -> (n, c, h, w)>
#window = affine_map<(n, c, h, w, k) -> (n, c, h * {stride} + k, w)>
#weight = affine_map<(n, c, h, w, k) -> (k)>
#out = affine_map<(n, c, h, w, k) -> (n, c, h, w)>
func.func private @f(%x: {given}, %v: tensor<{window}xf32>) -> {made} attributes {{dataflow.place = "device"}} {{
  %e = tensor.empty() : {given}
  %a = linalg.generic {{indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}}
    ins(%x : {given}) outs(%e : {given})
    attrs = {{dataflow.tile = array<i64: 1, {channel_tile}, {block}, 5>, dataflow.order = array<i64: 0, 2, 1, 3>}} {{
  ^bb0(%u: f32, %o: f32):
    %s = math.exp %u : f32
    linalg.yield %s : f32
  }} -> {given}
  %f = tensor.empty() : {made}
  %y = linalg.generic {{indexing_maps = [#window, #weight, #out],
    iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction"]}}
    ins(%a, %v : {given}, tensor<{window}xf32>) outs(%f : {made})
    attrs = {{dataflow.tile = array<i64: 1, 2, {tile}, 5, {window}>, dataflow.order = array<i64: 0, 2, 1, 3, 4>}} {{
  ^bb0(%u: f32, %w: f32, %o: f32):
    %z = arith.constant 0 : index
    %i = linalg.index 4 : index
    %first = arith.cmpi eq, %i, %z : index
    %zero = arith.constant 0.0 : f32
    %so_far = arith.select %first, %zero, %o : f32
    %m = arith.mulf %u, %w : f32
    %n = arith.addf %so_far, %m : f32
    linalg.yield %n : f32
  }} -> {made}
  func.return %y : {made}
}}
func.func @main(%x: {given}, %v: tensor<{window}xf32>) -> {made} attributes {{dataflow.place = "host"}} {{
  %y = func.call @f(%x, %v) : ({given}, tensor<{window}xf32>) -> {made}
  func.return %y : {made}
}}
"""

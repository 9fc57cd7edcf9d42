# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""When a line buffer stores rows and when it sends windows: a schedule that loops with constant bounds can follow."""

from __future__ import annotations

from dataclasses import dataclass
from math import lcm

from streamtensor.algebra.layout import StreamLayout

MAX_PERIOD = 16
"""At most this many windows are sent by statements of their own, one after the other."""


@dataclass(frozen=True, slots=True)
class LineSchedule:
    """The order of stores and sends of a line buffer of `rows` rows.

    A block is one iteration of the source's outermost loop, `block_rows` rows of the data. The buffer holds the last
    `rows` rows that came; a new block moves the others up. First `first_blocks` blocks are stored. Then window after
    window of the result's outermost loop: before window i, `blocks[i % period]` blocks are stored, and it starts at
    row `starts[i % period]` of the buffer. `windows` is the number of all windows.
    """

    rows: int
    block_rows: int
    first_blocks: int
    blocks: tuple[int, ...]
    starts: tuple[int, ...]
    windows: int

    @property
    def period(self) -> int:
        """After so many windows the same numbers of blocks follow."""
        return len(self.blocks)


def line_schedule(source: StreamLayout, result: StreamLayout, row: int) -> LineSchedule | None:
    """The schedule that turns `source` into `result`, in which rows along data dimension `row` come in order.

    Both are the layouts inside the shared loops. None when blocks are not whole rows in order, when the result's
    outermost loop does not walk down the rows, or when the pattern is longer than MAX_PERIOD windows.

    With blocks of r rows and windows of e rows that move by s, window i needs n(i) = ceil((i s + e) / r) blocks, and
    n(i + p) = n(i) + p s / r for p = lcm(r, s) / s, so that the differences repeat. The rows that are
    held when window i is sent are n(i) r - i s, at most.

    >>> source = StreamLayout.parse("1x8, [10] * [1], (d0) -> (d0, 0)")
    >>> result = StreamLayout.parse("3x8, [8] * [1], (d0) -> (d0, 0)")
    >>> line_schedule(source, result, 0)
    LineSchedule(rows=3, block_rows=1, first_blocks=2, blocks=(1,), starts=(0,), windows=8)
    """
    step = _walks_down(source, row)
    stride = _walks_down(result, row)
    if step is None or stride is None or source.residual(1).data_shape[row] != step:
        return None
    extent = result.residual(1).data_shape[row]
    windows = result.tripcounts[0]
    period = lcm(step, stride) // stride
    if period == 1 and stride == step and source.steps[0] != result.steps[0]:
        period = 2  # one loop can't count in the steps of both types, but it can around an inner loop of each
    if extent < stride or period > MAX_PERIOD:
        return None
    needed = [-(-(window * stride + extent) // step) for window in range(period)]
    in_period = period * stride // step
    before = [needed[-1] - in_period, *needed[:-1]]
    blocks = tuple(n - b for n, b in zip(needed, before, strict=True))[:windows]
    held = [n * step - window * stride for window, n in enumerate(needed)][:windows]
    rows = max(held)
    starts = tuple(rows - n for n in held)
    if before[0] + sum(blocks[window % len(blocks)] for window in range(windows)) != source.tripcounts[0]:
        return None
    return LineSchedule(rows, step, before[0], blocks, starts, windows)


def _walks_down(layout: StreamLayout, row: int) -> int | None:
    """The rows by which the outermost loop moves, when it moves forwards along `row` alone."""
    if not layout.num_loops:
        return None
    stride = layout.stride(0)
    return stride[row] if stride[row] > 0 and not any(s for dim, s in enumerate(stride) if dim != row) else None

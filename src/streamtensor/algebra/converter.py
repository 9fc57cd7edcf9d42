# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The smallest buffer that turns one stream order into another (itensor.md, Layout converters)."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Literal

import numpy as np

from streamtensor.algebra.errors import LayoutError
from streamtensor.algebra.layout import StreamLayout, same_order
from streamtensor.algebra.line_buffer import LineSchedule, line_schedule
from streamtensor.algebra.liveness import Lifetimes, check_shapes, lifetimes
from streamtensor.algebra.prefix import align, shared_prefix

ConverterKind = Literal["direct", "buffer", "line_buffer"]


@dataclass(frozen=True, slots=True)
class Converter:
    """How to turn the order of `source` into the order of `result`.

    source, result: the two layouts, without loops of one iteration and with loops split where that lets them share
    more; same order as the layouts that were asked about. shared_loops: the k outermost loops, equal on both sides.
    buffer: shape of the storage in elements.

    kind "direct": the orders are equal, no storage. kind "buffer": for the shared loops: fill the buffer by the
    source's loops from k on; drain it by the result's. kind "line_buffer": for the shared loops: store each source
    token and then send every result token that is complete, in the order of `schedule`; the buffer holds the last
    buffer[row_dim] rows that came. (Modulo buffer[row_dim] as a circular buffer is the same thing.)
    """

    kind: ConverterKind
    source: StreamLayout
    result: StreamLayout
    shared_loops: int
    buffer: tuple[int, ...]
    row_dim: int | None = None

    @property
    def elements(self) -> int:
        """The elements of one copy of the storage; 0 when the orders are equal."""
        return 0 if self.kind == "direct" else prod(self.buffer)

    @property
    def copies(self) -> int:
        """2 (ping-pong) when one copy is filled while the other is drained, else 1; 0 when the orders are equal.

        Without shared loops the buffer is filled and drained once per launch, so one copy is enough. A line buffer is
        filled and drained row by row.
        """
        if self.kind == "direct":
            return 0
        return 2 if self.kind == "buffer" and self.shared_loops else 1

    @property
    def shared_space(self) -> list[tuple[int, int]]:
        """(tripcount, step) of the shared loops.

        Where the two types count in different units (rows, and windows that move by two rows), the step is that of the
        loop that was not split.
        """
        source, result = self.source, self.result
        chosen = [result if _is_split(source, loop) else source for loop in range(self.shared_loops)]
        return [(layout.tripcounts[loop], layout.steps[loop]) for loop, layout in enumerate(chosen)]

    @property
    def schedule(self) -> LineSchedule:
        """When a line buffer stores rows and sends windows."""
        schedule = _schedule(self) if self.row_dim is not None else None
        assert schedule is not None, "inference gives a line buffer only where it has a schedule"
        return schedule

    def ping_pong_bits(self, bits: int, *, once_per_launch: bool = True) -> int:
        """The storage in bits for elements of `bits` bits, all copies.

        With `once_per_launch=False` (the whole exchange is repeated, by a layer loop on the device, say) a converter
        without shared loops needs two copies as well.
        """
        copies = 2 if self.kind == "buffer" and not once_per_launch else self.copies
        return copies * self.elements * bits


@dataclass(frozen=True, slots=True)
class NotConvertible:
    """Why there is no converter between two layouts: one line, with the numbers of both sides."""

    reason: str


def infer_converter(source: StreamLayout, result: StreamLayout) -> Converter | NotConvertible:
    """The converter with the smallest buffer of the prefix form, or a line buffer where that is smaller.

    Basic form: buffer[d] = element[d] if d is mapped by one of the k shared loops, else data_shape[d]. Loops over
    commensurate tiles are split first (`align`), which makes k longest; then buffer[d] is what one iteration of the
    shared loops covers. A result that does not divide the data loop by loop (`StreamLayout.is_nested`), such as the
    windows of a convolution, gets a line buffer when both walk down the rows and this takes less storage.

    >>> b = StreamLayout.parse("4x2, [4, 2] * [2, 4], (d0, d1) -> (d1, d0)")
    >>> c = StreamLayout.parse("4x2, [4, 2, 2] * [2, 1, 4], (d0, d1, d2) -> (d2, d0)")
    >>> converter = infer_converter(b, c)
    >>> converter.buffer, converter.shared_loops, converter.ping_pong_bits(32)
    ((8, 2), 1, 1024)
    """
    try:
        check_shapes(source, result)
        if same_order(source, result):
            layout = source.canonical()
            return Converter("direct", layout, result.canonical(), layout.num_loops, ())
        covers = {"source": source.coverage(), "result": result.coverage()}
        if covers["source"].kind != "regular":
            return NotConvertible(f"the source tokens do not cover every element exactly once: {covers['source']}")
        if "gapped" in covers["result"].kind:
            return NotConvertible(f"the result tokens do not cover every element: {covers['result']}")
        source, result = align(source, result)
        shared = _countable(source, result, shared_prefix(source, result))
        plain = Converter("buffer", source, result, shared, source.residual(shared).data_shape)
        line = None if result.is_nested else _line_buffer(plain)
    except LayoutError as error:
        return NotConvertible(error.reason)
    return line if line is not None and line.elements < plain.copies * plain.elements else plain


def _countable(source: StreamLayout, result: StreamLayout, shared: int) -> int:
    """The shared loops up to the first that moves in different units in the two types (rows, and windows that move by
    two rows) and stands around a rest of the same loop in neither: no one loop can count it.
    """
    for loop in range(shared):
        same = source.steps[loop] == result.steps[loop] or not any(source.stride(loop))
        if not same and not (_is_split(source, loop) or _is_split(result, loop)):
            return loop
    return shared


def _is_split(layout: StreamLayout, loop: int) -> bool:
    """Whether a loop goes on where the next one inside it ends: both count through one."""
    if loop + 1 >= layout.num_loops:
        return False
    trip = layout.tripcounts[loop + 1]
    return layout.steps[loop] == trip * layout.steps[loop + 1] and layout.stride(loop) == tuple(
        trip * step for step in layout.stride(loop + 1)
    )


def _line_buffer(plain: Converter) -> Converter | None:
    """The smallest circular buffer of whole rows for the same orders, by replay of one iteration of the shared loops.

    Rows run along the data dimension of the source's outermost loop that is not shared. None when this loop moves along
    several dimensions, when the source does not bring each element once and the rows in order, and when there is no
    schedule of whole rows that needs no more (`line_schedule`). Raises LayoutError like `lifetimes`.
    """
    inner = plain.source.residual(plain.shared_loops)
    moved = [dim for dim, step in enumerate(inner.stride(0)) if step] if inner.num_loops else []
    if len(moved) != 1:
        return None
    row = moved[0]
    times = lifetimes(inner, plain.result.residual(plain.shared_loops))
    if not times.single_write or (np.diff(times.written, axis=row) < 0).any():
        return None
    shape = list(plain.buffer)
    shape[row] = _rows_needed(times, row) * times.atom[row]
    line = Converter("line_buffer", plain.source, plain.result, plain.shared_loops, tuple(shape), row)
    schedule = _schedule(line)
    return line if schedule is not None and schedule.rows == shape[row] else None


def _schedule(line: Converter) -> LineSchedule | None:
    assert line.row_dim is not None
    source, result = (layout.residual(line.shared_loops) for layout in (line.source, line.result))
    return line_schedule(source, result, line.row_dim)


def _rows_needed(times: Lifetimes, row: int) -> int:
    """The least n such that each row of atoms is read for the last time before the row n later arrives in its place."""
    written, last_read = np.moveaxis(times.written, row, 0), np.moveaxis(times.last_read, row, 0)
    low, high = 1, len(written)
    while low < high:
        middle = (low + high) // 2
        if (last_read[:-middle] < written[middle:]).all():
            high = middle
        else:
            low = middle + 1
    return low

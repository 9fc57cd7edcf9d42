# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The task of a converter that is a line buffer: rows come in, windows go out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from streamtensor.algebra.converter import Converter
from streamtensor.algebra.layout import StreamLayout
from streamtensor.algebra.line_buffer import LineSchedule
from streamtensor.dialects.dataflow import ITensorReadOp, ITensorWriteOp
from streamtensor.ir import tensor
from streamtensor.ir.builtin import TensorType
from streamtensor.ir.core import Attribute, Block, SSAValue
from streamtensor.transforms.build import (
    IndexConstants,
    add_index,
    affine_index,
    build_nest,
    extract_slice,
    insert_slice,
    loop_pairs,
)


def build_line_buffer(
    block: Block, constants: IndexConstants, converter: Converter, source: SSAValue, scalar: Attribute, dest: SSAValue
) -> list[SSAValue]:
    """Appends to `block` the loops that turn the itensor `source` into writes to `dest`; returns what they carry out.

    for shared loops { store the first blocks; for periods { for each window of the period { for its blocks { move the
    rows up; store }; for result tokens { write buffer[start ..] } } }; the windows that are left }

    The rows move and the windows stand still: a window is then an ordinary slice, and its vectors may hold several
    rows. Moving costs a read and a write of the buffer for each vector of the rows that are kept.
    """
    buffer_type = TensorType(scalar, list(converter.buffer))
    assert converter.row_dim is not None
    shared = converter.shared_loops
    inside = converter.source.residual(shared), converter.result.residual(shared)
    lines = _Lines(constants, source, converter.schedule, converter.row_dim, *inside)

    def exchange(block: Block, variables: list[SSAValue], carried: list[SSAValue]) -> list[SSAValue]:
        empty = tensor.EmptyOp([], buffer_type)
        block.add_op(empty)
        return lines.run(block, empty.tensor, carried[0])

    return build_nest(block, constants, converter.shared_space, [dest], exchange)


@dataclass(frozen=True)
class _Lines:
    """One filling of a line buffer: the two orders inside the shared loops, and when what is stored and sent."""

    constants: IndexConstants
    stream: SSAValue
    schedule: LineSchedule
    row: int
    source: StreamLayout
    result: StreamLayout

    def run(self, block: Block, buffer: SSAValue, dest: SSAValue) -> list[SSAValue]:
        """Everything that comes in, and every window."""
        schedule = self.schedule
        carried = [self._first(block, buffer), dest]
        periods, left = divmod(schedule.windows, schedule.period)
        step = self.result.steps[0] * schedule.period

        def period(block: Block, variables: list[SSAValue], carried: list[SSAValue]) -> list[SSAValue]:
            return self._windows(block, schedule.period, carried)

        if periods:
            carried = build_nest(block, self.constants, [(periods, step)], carried, period)
        return self._windows(block, left, carried)[1:]

    def _first(self, block: Block, buffer: SSAValue) -> SSAValue:
        """The blocks before those of the first window, where the moves of that window take them from."""
        schedule = self.schedule
        start = schedule.rows - schedule.first_blocks * schedule.block_rows

        def store(block: Block, variables: list[SSAValue], carried: list[SSAValue]) -> list[SSAValue]:
            return [self._store(block, variables, carried[0], start)]

        if not schedule.first_blocks:
            return buffer
        loops = [(schedule.first_blocks, self.source.steps[0]), *loop_pairs(self.source)[1:]]
        return build_nest(block, self.constants, loops, [buffer], store)[0]

    def _windows(self, block: Block, count: int, carried: Sequence[SSAValue]) -> list[SSAValue]:
        """`count` windows, each after the blocks that it still needs."""
        buffer, dest = carried
        pattern = list(zip(self.schedule.blocks, self.schedule.starts, strict=True))
        for blocks, start in pattern[:count]:
            if blocks:
                loops = [(blocks, self.source.steps[0])]
                (buffer,) = build_nest(block, self.constants, loops, [buffer], self._block)
            (dest,) = self._send(block, buffer, start, dest)
        return [buffer, dest]

    def _block(self, block: Block, variables: list[SSAValue], carried: list[SSAValue]) -> list[SSAValue]:
        """The rows move up by a block, and the next block takes the place at the end."""
        schedule = self.schedule
        buffer = carried[0]
        kept = schedule.rows - schedule.block_rows
        if kept:
            assert isinstance(buffer.type, TensorType)
            shape = list(buffer.type.get_shape())
            shape[self.row] = kept
            origin = [self.constants[0]] * len(shape)
            behind = list(origin)
            behind[self.row] = self.constants[schedule.block_rows]
            rows = extract_slice(buffer, behind, shape)
            moved = insert_slice(rows.result, buffer, origin)
            block.add_ops([rows, moved])
            buffer = moved.result

        def store(block: Block, variables: list[SSAValue], carried: list[SSAValue]) -> list[SSAValue]:
            return [self._store(block, [self.constants[0], *variables], carried[0], kept)]

        return build_nest(block, self.constants, loop_pairs(self.source)[1:], [buffer], store)

    def _store(self, block: Block, variables: Sequence[SSAValue], buffer: SSAValue, start: int) -> SSAValue:
        """The next token, into the rows from `start` on."""
        token = ITensorReadOp(self.stream)
        block.add_op(token)
        insert = insert_slice(token.result, buffer, self._offsets(block, self.source, variables, start))
        block.add_op(insert)
        return insert.result

    def _send(self, block: Block, buffer: SSAValue, start: int, dest: SSAValue) -> list[SSAValue]:
        """The tokens of a window, which begins at row `start`."""

        def write(block: Block, variables: list[SSAValue], carried: list[SSAValue]) -> list[SSAValue]:
            offsets = self._offsets(block, self.result, [self.constants[0], *variables], start)
            token = extract_slice(buffer, offsets, self.result.element)
            append = ITensorWriteOp(token.result, carried[0])
            block.add_ops([token, append])
            return [append.result]

        return build_nest(block, self.constants, loop_pairs(self.result)[1:], [dest], write)

    def _offsets(self, block: Block, layout: StreamLayout, variables: Sequence[SSAValue], start: int) -> list[SSAValue]:
        """Where a token is in the buffer, in which the first row of its block or window is row `start`."""
        offsets = [affine_index(block, self.constants, e, variables) for e in layout.map.results]
        if start:
            offsets[self.row] = add_index(block, self.constants, [offsets[self.row], self.constants[start]])
        return offsets

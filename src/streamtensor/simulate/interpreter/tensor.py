# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The tensor dialect: values, so an update copies unless `ownership` finds that nobody else sees the storage."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from streamtensor.diagnostics import InternalError
from streamtensor.ir import tensor
from streamtensor.ir.core import Operation
from streamtensor.simulate.interpreter.emitter import Emitter, Handlers
from streamtensor.simulate.interpreter.slices import mixed, part, static_sizes
from streamtensor.simulate.interpreter.types import Array, dtype_of, is_shaped, shape_of, storage_shape, unwritten


def _empty(emit: Emitter, op: tensor.EmptyOp) -> None:
    pattern = emit.constant(unwritten(storage_shape(op.tensor.type), dtype_of(op.tensor.type)))
    emit.assign(op.tensor, f"{pattern}.copy()")


def _extract_slice(emit: Emitter, op: tensor.ExtractSliceOp) -> None:
    view = part(emit, emit.name(op.source), shape_of(op.source.type), op)
    shape = shape_of(op.result.type)
    emit.assign(op.result, view if shape == static_sizes(op) else f"{view}.reshape({shape})")


def _insert_slice(emit: Emitter, op: tensor.InsertSliceOp) -> None:
    dest, source = emit.take(op.dest), emit.name(op.source)
    sizes = static_sizes(op)
    result = emit.define(op.result)
    if dest != result:
        emit.line(f"{result} = {dest}")
    view = part(emit, result, shape_of(op.dest.type), op)
    value = source if shape_of(op.source.type) == sizes else f"{source}.reshape({sizes})"
    emit.line(f"{view}[...] = {value}")


def _reshape(emit: Emitter, op: Operation) -> None:
    emit.assign(op.results[0], f"{emit.name(op.operands[0])}.reshape({shape_of(op.results[0].type)})")


def _cast(emit: Emitter, op: tensor.CastOp) -> None:
    if shape_of(op.source.type) != shape_of(op.dest.type):
        raise InternalError(f"a cast from {op.source.type} to {op.dest.type}")
    emit.bind(op.dest, emit.name(op.source))


def _dim(emit: Emitter, op: tensor.DimOp) -> None:
    emit.assign(op.result, f"{emit.name(op.source)}.shape[{emit.index(op.index)}]")


def _extract(emit: Emitter, op: tensor.ExtractOp) -> None:
    """One number, or, with indices that stand for all iterations, one number for each."""
    text = f"{emit.name(op.tensor)}[{emit.subscript(op.indices)}]"
    if is_shaped(op.result.type):
        text += ".copy()"  # a vector is a value: what is written later does not show in it
    array = any(emit.is_array(index) for index in op.indices)
    emit.line(f"{emit.define(op.result, array=array)} = {text}")


def _insert(emit: Emitter, op: tensor.InsertOp) -> None:
    dest, scalar = emit.take(op.dest), emit.name(op.scalar)
    result = emit.define(op.result)
    emit.line(f"{result} = {dest}")
    emit.line(f"{result}[{emit.subscript(op.indices)}] = {scalar}")


def _concat(emit: Emitter, op: tensor.ConcatOp) -> None:
    parts = ", ".join(emit.name(value) for value in op.inputs)
    emit.assign(op.result, f"{emit.helper(np.concatenate)}(({parts},), {op.dim.value.data})")


def _from_elements(emit: Emitter, op: tensor.FromElementsOp) -> None:
    kind = op.result.type
    numbers = ", ".join(emit.name(value) for value in op.elements)
    array = f"{emit.helper(np.array)}(({numbers},), {emit.constant(dtype_of(kind))})"
    emit.line(f"{emit.define(op.result)} = {array}.reshape({shape_of(kind)})")


def _splat(emit: Emitter, op: tensor.SplatOp) -> None:
    kind = op.result.type
    call = f"{emit.helper(np.full)}({shape_of(kind)}, {emit.name(op.input)}, {emit.constant(dtype_of(kind))})"
    emit.line(f"{emit.define(op.result)} = {call}")


def pad(source: Array, low: Sequence[int], high: Sequence[int], value: Any) -> Array:
    """`source` with `low[d]` and `high[d]` more elements of `value` around dimension d; fewer when negative."""
    for d, (before, after) in enumerate(zip(low, high, strict=True)):
        source = source[(slice(None),) * d + (slice(max(0, -before), source.shape[d] - max(0, -after)),)]
    widths = [(max(0, before), max(0, after)) for before, after in zip(low, high, strict=True)]
    return np.pad(source, widths, constant_values=value)


def _pad(emit: Emitter, op: tensor.PadOp) -> None:
    block = op.region.block
    if any(argument.uses.get_length() for argument in block.args):
        raise InternalError("the interpreter pads with one value, not with a value for each position")
    (value,) = emit.body(block)
    low, high = (
        "".join(f"{number if isinstance(number, int) else emit.name(number)}, " for number in numbers)
        for numbers in (mixed(op.static_low, op.low), mixed(op.static_high, op.high))
    )
    emit.assign(op.result, f"{emit.helper(pad)}({emit.name(op.source)}, ({low}), ({high}), {emit.name(value)})")


HANDLERS: Handlers = {
    tensor.CastOp: _cast,
    tensor.CollapseShapeOp: _reshape,
    tensor.ConcatOp: _concat,
    tensor.DimOp: _dim,
    tensor.EmptyOp: _empty,
    tensor.ExpandShapeOp: _reshape,
    tensor.ExtractOp: _extract,
    tensor.ExtractSliceOp: _extract_slice,
    tensor.FromElementsOp: _from_elements,
    tensor.InsertOp: _insert,
    tensor.InsertSliceOp: _insert_slice,
    tensor.PadOp: _pad,
    tensor.SplatOp: _splat,
}

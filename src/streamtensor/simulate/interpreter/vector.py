# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The vector dialect: a vector is a small array that is never changed in place; transfers take no part over an edge."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from streamtensor.diagnostics import InternalError
from streamtensor.ir import vector
from streamtensor.ir.builtin import MemRefType
from streamtensor.ir.core import AffineDimExpr, Attribute, SSAValue
from streamtensor.simulate.interpreter.emitter import Emitter, Handlers
from streamtensor.simulate.interpreter.math import fused_multiply_add
from streamtensor.simulate.interpreter.slices import mixed, window
from streamtensor.simulate.interpreter.types import Array, dtype_of, shape_of

# What vector.reduction does with two numbers; integer kinds without a sign are not among them.
_REDUCTIONS: dict[str, Callable[[Any, Any], Any]] = {
    "add": np.add,
    "mul": np.multiply,
    "minsi": np.minimum,
    "maxsi": np.maximum,
    "minimumf": np.minimum,
    "maximumf": np.maximum,
    "minnumf": np.fmin,
    "maxnumf": np.fmax,
    "and": np.bitwise_and,
    "or": np.bitwise_or,
    "xor": np.bitwise_xor,
}

_Transfer: TypeAlias = vector.TransferReadOp | vector.TransferWriteOp


def _vector_dims(op: _Transfer) -> list[int]:
    """The dimension of the data that each dimension of the vector runs along; -1 where the vector repeats."""
    return [result.position if isinstance(result, AffineDimExpr) else -1 for result in op.permutation_map.data.results]


def _transfer_window(emit: Emitter, op: _Transfer, data: str, kind: Attribute) -> str:
    """The part of `data` that moves, with the dimensions of the vector in the order of the data, without repeats."""
    if op.mask is not None:
        raise InternalError("the interpreter runs transfers without a mask only")
    shape = shape_of(op.source.type)
    extents = dict(zip(_vector_dims(op), shape_of(kind), strict=True))
    sizes = [extents.get(dim) for dim in range(len(shape))]
    return window(emit, data, shape, list(op.indices), sizes, [1] * len(shape))


def _transfer_read(emit: Emitter, op: vector.TransferReadOp) -> None:
    text = _transfer_window(emit, op, emit.name(op.source), op.result.type)
    dims = _vector_dims(op)
    used = [dim for dim in dims if dim >= 0]
    if used != sorted(used):
        text = f"{text}.transpose({tuple(sorted(used).index(dim) for dim in used)})"
    if len(used) != len(dims):
        subscripts = ", ".join(":" if dim >= 0 else "None" for dim in dims)
        text = f"{emit.helper(np.broadcast_to)}({text}[{subscripts}], {shape_of(op.result.type)})"
    if isinstance(op.source.type, MemRefType):
        text += ".copy()"
    emit.line(f"{emit.define(op.result)} = {text}")


def _transfer_write(emit: Emitter, op: vector.TransferWriteOp) -> None:
    dims = _vector_dims(op)
    if -1 in dims:
        raise InternalError("the interpreter has no transfer_write of a dimension that repeats")
    value = emit.name(op.vector)
    if dims != sorted(dims):
        value = f"{value}.transpose({tuple(dims.index(dim) for dim in sorted(dims))})"
    data = emit.name(op.source)
    if op.result is not None:
        taken = emit.take(op.source)
        data = emit.define(op.result)
        emit.line(f"{data} = {taken}")
    emit.line(f"{_subscripted(_transfer_window(emit, op, data, op.vector.type))} = {value}")


def _subscripted(view: str) -> str:
    """A view as the target of an assignment."""
    return view if view.endswith("]") else f"{view}[...]"


def _load(emit: Emitter, op: vector.LoadOp) -> None:
    emit.line(f"{emit.define(op.result)} = {_minor(emit, op.base, list(op.indices), op.result.type)}.copy()")


def _store(emit: Emitter, op: vector.StoreOp) -> None:
    view = _minor(emit, op.base, list(op.indices), op.vector.type)
    emit.line(f"{_subscripted(view)} = {emit.name(op.vector)}")


def _minor(emit: Emitter, base: SSAValue, indices: list[SSAValue], kind: Attribute) -> str:
    """The part of a memref along its last dimensions that a vector of type `kind` is loaded from."""
    shape, vector_shape = shape_of(base.type), shape_of(kind)
    sizes = [None] * (len(shape) - len(vector_shape)) + list(vector_shape)
    return window(emit, emit.name(base), shape, indices, sizes, [1] * len(shape))


def _broadcast(emit: Emitter, op: vector.BroadcastOp) -> None:
    call = f"{emit.helper(np.broadcast_to)}({emit.name(op.source)}, {shape_of(op.vector.type)})"
    emit.line(f"{emit.define(op.vector)} = {call}")


def _position(emit: Emitter, op: vector.ExtractOp | vector.InsertOp) -> str:
    positions = mixed(op.static_position, op.dynamic_position)
    return ", ".join(str(n) if isinstance(n, int) else emit.index(n) for n in positions) or "()"


def _extract(emit: Emitter, op: vector.ExtractOp) -> None:
    emit.line(f"{emit.define(op.result)} = {emit.name(op.vector)}[{_position(emit, op)}]")


def _insert(emit: Emitter, op: vector.InsertOp) -> None:
    source, dest = emit.name(op.source), emit.name(op.dest)
    result = emit.define(op.result)
    emit.line(f"{result} = {dest}.copy()")
    emit.line(f"{result}[{_position(emit, op)}] = {source}")


def _fma(emit: Emitter, op: vector.FMAOp) -> None:
    names = ", ".join(emit.name(value) for value in op.operands)
    emit.line(f"{emit.define(op.res)} = {emit.helper(fused_multiply_add)}({names})")


def reduce_lanes(lanes: Array, combine: Callable[[Any, Any], Any], start: Any, dtype: np.dtype[Any]) -> Any:
    """The lanes combined one after the other, from `start` on when there is one."""
    numbers = list(lanes.ravel())
    result = numbers.pop(0) if start is None else start
    for number in numbers:
        result = combine(result, number)
    return dtype.type(result)


def _reduction(emit: Emitter, op: vector.ReductionOp) -> None:
    combine = _REDUCTIONS.get(op.kind.data.value)
    if combine is None:
        raise InternalError(f"the interpreter has no vector.reduction of kind {op.kind.data.value}")
    start = emit.name(op.acc) if op.acc is not None else "None"
    dtype = emit.constant(dtype_of(op.dest.type))
    call = f"{emit.helper(reduce_lanes)}({emit.name(op.vector)}, {emit.helper(combine)}, {start}, {dtype})"
    emit.line(f"{emit.define(op.dest)} = {call}")


HANDLERS: Handlers = {
    vector.BroadcastOp: _broadcast,
    vector.ExtractOp: _extract,
    vector.FMAOp: _fma,
    vector.InsertOp: _insert,
    vector.LoadOp: _load,
    vector.ReductionOp: _reduction,
    vector.StoreOp: _store,
    vector.TransferReadOp: _transfer_read,
    vector.TransferWriteOp: _transfer_write,
}

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The memref dialect: a memref is a numpy array, or a view of one, that is written in place."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from streamtensor.diagnostics import InternalError
from streamtensor.ir import memref
from streamtensor.ir.builtin import IndexType, IntAttr, MemRefType, StridedLayoutAttr
from streamtensor.ir.core import Attribute, Operation
from streamtensor.simulate.interpreter.access import arranged
from streamtensor.simulate.interpreter.emitter import Emitter, Handlers
from streamtensor.simulate.interpreter.slices import mixed, part, static_sizes
from streamtensor.simulate.interpreter.types import Array, dtype_of, is_shaped, shape_of, storage_shape, unwritten


def _alloc(emit: Emitter, op: memref.AllocOp | memref.AllocaOp) -> None:
    kind = op.memref.type
    pattern = emit.constant(unwritten(storage_shape(kind), dtype_of(kind)))
    emit.line(f"{emit.define(op.memref)} = {pattern}.copy()")


def _dealloc(emit: Emitter, op: memref.DeallocOp) -> None:
    """Python frees the storage."""


def _load(emit: Emitter, op: memref.LoadOp) -> None:
    if view := _elements(emit, op):
        copy = ".copy()" if op.memref in emit.written else ""
        emit.line(f"{emit.define(op.res, array=True)} = {view}{copy}")
        return
    text = f"{emit.name(op.memref)}[{emit.subscript(op.indices)}]"
    array = any(emit.is_array(index) for index in op.indices)
    if is_shaped(op.res.type):
        text += ".copy()"  # a vector is a value: what is written later does not show in it
    if isinstance(op.res.type, IndexType) and not array:
        text = f"int({text})"
    emit.line(f"{emit.define(op.res, array=array)} = {text}")


def _store(emit: Emitter, op: memref.StoreOp) -> None:
    if view := _elements(emit, op):
        emit.line(f"{view}[...] = {emit.name(op.value)}")
        return
    emit.line(f"{emit.name(op.memref)}[{emit.subscript(op.indices)}] = {emit.name(op.value)}")


def _elements(emit: Emitter, op: memref.LoadOp | memref.StoreOp) -> str | None:
    """The elements that all iterations of the loops in `emit.axes` use, as a view, when slices can say that."""
    if not any(index in emit.axes for index in op.indices):
        return None
    subscripts: list[str] = []
    places: list[int] = []
    for index, extent in zip(op.indices, shape_of(op.memref.type), strict=True):
        axis = emit.axes.get(index)
        if axis is None and emit.is_array(index):
            return None
        if axis is None:
            subscripts.append(emit.index(index))
            continue
        values = axis.values
        if axis.place in places or values[0] < 0 or values[-1] >= extent:
            return None
        places.append(axis.place)
        subscripts.append(":" if len(values) == extent else f"{values[0]}:{values[-1] + 1}:{values.step}")
    rank = next(iter(emit.axes.values())).rank
    return arranged(emit.name(op.memref), subscripts, places, range(rank))


def _copy(emit: Emitter, op: memref.CopyOp) -> None:
    emit.line(f"{emit.name(op.destination)}[...] = {emit.name(op.source)}")


def _subview(emit: Emitter, op: memref.SubviewOp) -> None:
    view = part(emit, emit.name(op.source), shape_of(op.source.type), op)
    shape = shape_of(op.result.type)
    if shape != static_sizes(op):
        view = f"{emit.helper(without_units)}({view}, {shape})"
    emit.assign(op.result, view)


def without_units(view: Array, shape: tuple[int, ...]) -> Array:
    """`view` without the dimensions of 1 that `shape` does not have, still a view."""
    axes: list[int] = []
    wanted = list(shape)
    for axis, size in enumerate(view.shape):
        if wanted and size == wanted[0]:
            wanted.pop(0)
        else:
            axes.append(axis)
    return view.squeeze(tuple(axes))


def _cast(emit: Emitter, op: memref.CastOp) -> None:
    if shape_of(op.source.type) != shape_of(op.dest.type):
        raise InternalError(f"a cast from {op.source.type} to {op.dest.type}")
    emit.bind(op.dest, emit.name(op.source))


def _dim(emit: Emitter, op: memref.DimOp) -> None:
    emit.assign(op.result, f"{emit.name(op.source)}.shape[{emit.index(op.index)}]")


def _reshape(emit: Emitter, op: Operation) -> None:
    shape = shape_of(op.results[0].type)
    emit.assign(op.results[0], f"{emit.helper(reshaped)}({emit.name(op.operands[0])}, {shape})")


def reshaped(data: Array, shape: tuple[int, ...]) -> Array:
    """The same memory with another shape; raises InternalError when the strides do not allow that without a copy."""
    view = data.reshape(shape)
    if not np.shares_memory(view, data):
        raise InternalError(f"memory of {list(data.shape)} with strides {list(data.strides)} can't be {list(shape)}")
    return view


def _reinterpret_cast(emit: Emitter, op: memref.ReinterpretCastOp) -> None:
    offsets, sizes, strides = (
        "".join(f"{number if isinstance(number, int) else emit.index(number)}, " for number in mixed(static, dynamic))
        for static, dynamic in (
            (op.static_offsets, op.offsets),
            (op.static_sizes, op.sizes),
            (op.static_strides, op.strides),
        )
    )
    source = f"{emit.name(op.source)}, {_offset(op.source.type)}"
    emit.assign(op.result, f"{emit.helper(reinterpreted)}({source}, {offsets.rstrip(', ')}, ({sizes}), ({strides}))")


def reinterpreted(data: Array, start: int, offset: int, sizes: Sequence[int], strides: Sequence[int]) -> Array:
    """Other sizes and strides on the memory of `data`, from `offset` elements after where that memory begins.

    `data` itself begins `start` elements after the beginning. Raises InternalError when the view does not lie
    inside the memory.
    """
    owner: Array = data
    while isinstance(owner.base, np.ndarray):
        owner = owner.base
    width = data.dtype.itemsize
    origin = data.ctypes.data - owner.ctypes.data + (offset - start) * width
    last = sum((size - 1) * stride for size, stride in zip(sizes, strides, strict=True))
    if origin < 0 or origin + (last + 1) * width > owner.nbytes:
        raise InternalError(
            f"sizes {list(sizes)} with strides {list(strides)} from element {offset} on do not lie inside the memory"
        )
    view: Array = np.ndarray(
        tuple(sizes), data.dtype, buffer=owner, offset=origin, strides=tuple(stride * width for stride in strides)
    )
    view.flags.writeable = data.flags.writeable
    return view


def _offset(kind: Attribute) -> int:
    """How many elements after the beginning of its memory a memref of this type begins."""
    assert isinstance(kind, MemRefType)
    layout = kind.layout
    if not isinstance(layout, StridedLayoutAttr):
        return 0
    if not isinstance(layout.offset, IntAttr):
        raise InternalError(f"the interpreter needs the offset of {kind}")
    return layout.offset.data


HANDLERS: Handlers = {
    memref.AllocOp: _alloc,
    memref.AllocaOp: _alloc,
    memref.CastOp: _cast,
    memref.CollapseShapeOp: _reshape,
    memref.CopyOp: _copy,
    memref.DeallocOp: _dealloc,
    memref.DimOp: _dim,
    memref.ExpandShapeOp: _reshape,
    memref.LoadOp: _load,
    memref.ReinterpretCastOp: _reinterpret_cast,
    memref.StoreOp: _store,
    memref.SubviewOp: _subview,
}

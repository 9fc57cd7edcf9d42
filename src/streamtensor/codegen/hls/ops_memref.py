# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Buffers, loads and stores, views, copies."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import cast

from streamtensor.codegen.hls.body import Body, Emitter
from streamtensor.codegen.hls.errors import cannot_emit
from streamtensor.codegen.hls.expression import Expr, integer
from streamtensor.codegen.hls.memory import Array, MemRef, Pointer, Window, has_static_layout, layout
from streamtensor.codegen.hls.names import hint
from streamtensor.codegen.hls.types import is_vector, scalar
from streamtensor.dialects.dataflow import StreamReadOp, StreamWriteOp
from streamtensor.ir import memref, vector
from streamtensor.ir.builtin import (
    DYNAMIC_INDEX,
    ArrayAttr,
    DenseArrayBase,
    IntegerAttr,
    IntegerType,
    MemRefType,
    StringAttr,
)
from streamtensor.ir.core import Attribute, Operation, SSAValue

MEMORY = "dataflow.memory"
"""Attribute of a buffer: the kind of memory that holds it."""
PARTITION = "dataflow.partition"
"""Attribute of a buffer: into how many banks each dimension is split."""

_STORAGE = {"bram": "ram_2p impl=bram", "uram": "ram_2p impl=uram", "lutram": "ram_2p impl=lutram"}


def emit_alloc(body: Body, op: Operation) -> None:
    """A local array in a kernel; memory from the heap, which may be large, on the host."""
    assert isinstance(op, memref.AllocOp | memref.AllocaOp)
    kind = _type(op.memref)
    layout(kind, op)
    element = scalar(kind.element_type)
    if not body.style.is_kernel:
        count = math.prod(kind.get_shape())
        name = body.names.fresh(_name(op.memref))
        body.out.line(f"const std::unique_ptr<{element.name}[]> {name}(new {element.name}[{count}]);")
        body.memories[op.memref] = Pointer.of(name, kind, op)
        return
    array = Array(body.names.fresh(_name(op.memref)), kind.get_shape())
    body.out.line(f"{array.declaration(element.name)};")
    body.allocate(kind.element_type, math.prod(kind.get_shape()))
    body.memories[op.memref] = array
    storage_pragmas(body, op, array)


def storage_pragmas(body: Body, op: Operation, array: Array) -> None:
    """The directives that the attributes of an allocation ask for."""
    kind = op.attributes.get(MEMORY)
    if isinstance(kind, StringAttr) and kind.data == "registers":
        body.out.pragma(f"array_partition variable={array.name} complete dim=0")
        return
    if isinstance(kind, StringAttr):
        if kind.data not in _STORAGE:
            known = ", ".join([*_STORAGE, "registers"])
            raise cannot_emit(op, f'a buffer in "{kind.data}"', hint=f"the kinds of memory are {known}")
        body.out.pragma(f"bind_storage variable={array.name} type={_STORAGE[kind.data]}")
    banks = _integers(op.attributes.get(PARTITION))
    if not banks:
        return
    if len(banks) != len(array.shape):
        raise cannot_emit(op, f"{len(banks)} numbers of banks for {len(array.shape)} dimensions")
    dims = [(count, extent) for count, extent in zip(banks, array.shape, strict=True) if extent != 1]
    for number, (count, extent) in enumerate(dims, 1):
        if count >= extent:
            body.out.pragma(f"array_partition variable={array.name} complete dim={number}")
        elif count > 1:
            body.out.pragma(f"array_partition variable={array.name} cyclic factor={count} dim={number}")


def emit_load(body: Body, op: Operation) -> None:
    """An element, read where it is used unless a store comes before."""
    assert isinstance(op, memref.LoadOp)
    indices = [body.use(index) for index in op.indices]
    element = body.memory(op.memref, op).at(indices)
    if is_vector(op.res.type) and not all(isinstance(use.operation, StreamWriteOp) for use in op.res.uses):
        body.statement(op.res, element, "word")  # its lanes will be named
    else:
        body.define(op.res, element, "element")


def emit_store(body: Body, op: Operation) -> None:
    """An assignment."""
    assert isinstance(op, memref.StoreOp)
    indices = [body.use(index) for index in op.indices]
    value = body.use(op.value)
    body.before_store()
    body.out.line(f"{body.memory(op.memref, op).at(indices)} = {value};")


def emit_view(body: Body, op: Operation) -> None:
    """A view by type: the same base pointer with the layout of the result. Costs nothing."""
    (source,), (result,) = op.operands, op.results
    kind = _type(result)
    memory = body.memory(source, op)
    if isinstance(memory, Array) and kind.get_shape() == memory.shape and kind.layout == _type(source).layout:
        body.memories[result] = memory
        return
    if not isinstance(memory, Pointer):
        raise cannot_emit(op, "a view with another shape of a local buffer")
    body.memories[result] = Pointer.of(memory.name, kind, op)


def emit_lanes(body: Body, op: Operation) -> None:
    """Words as numbers on the host, which has no vectors: the same pointer."""
    (source,), (result,) = op.operands, op.results
    memory = body.memory(source, op)
    if body.style.is_kernel or not isinstance(memory, Pointer):
        raise cannot_emit(op, "words seen as numbers in a kernel")
    body.memories[result] = Pointer.of(memory.name, _type(result), op)


def emit_subview(body: Body, op: Operation) -> None:
    """A rectangular part of a memref, by its type where that says it all, else by adding its offsets."""
    assert isinstance(op, memref.SubviewOp)
    memory = body.memory(op.source, op)
    result = _type(op.result)
    if isinstance(memory, Pointer) and has_static_layout(result):
        body.memories[op.result] = Pointer.of(memory.name, result, op)
        return
    offsets = _mixed(body, op.static_offsets, op.offsets)
    strides = _mixed(body, op.static_strides, op.strides)
    sizes = [int(n) for n in op.static_sizes.get_values()]
    dims: list[int | None] = []
    left = list(result.get_shape())
    for place, size in enumerate(sizes):
        # A dimension of size 1 may be dropped; it is when too few dimensions are left for the rest.
        kept = len(left) > 0 and left[0] == size and not (size == 1 and len(left) < len(sizes) - place)
        dims.append(len(result.get_shape()) - len(left) if kept else None)
        if kept:
            left.pop(0)
    if left:
        raise cannot_emit(op, f"a view of {sizes} as {result}")
    body.memories[op.result] = Window(memory, tuple(offsets), tuple(strides), tuple(dims))


def emit_copy(body: Body, op: Operation) -> None:
    """Element by element, in row-major order."""
    assert isinstance(op, memref.CopyOp)
    body.before_store()
    source, target = body.memory(op.source, op), body.memory(op.destination, op)
    loops(body, _type(op.source).get_shape(), lambda i: body.out.line(f"{target.at(i)} = {source.at(i)};"))


def loops(
    body: Body, shape: Sequence[int], statement: Callable[[tuple[Expr, ...]], None], indices: tuple[Expr, ...] = ()
) -> None:
    """`statement(indices)` for every index of `shape`, row-major."""
    if len(indices) == len(shape):
        statement(indices)
        return
    extent = shape[len(indices)]
    if extent == 1:
        loops(body, shape, statement, (*indices, integer(0)))
        return
    with body.names.scope():
        name = body.names.fresh(f"c{len(indices)}")
        with body.out.block(f"for (int {name} = 0; {name} < {extent}; ++{name})"):
            loops(body, shape, statement, (*indices, Expr(name)))


def emit_dealloc(body: Body, op: Operation) -> None:
    """Buffers end with their block."""


def _name(buffer: SSAValue) -> str:
    """The IR's name, or one by what the buffer is for: tokens that came in, tokens that go out, neither or both."""
    given = hint(buffer, "buffer")
    if not re.fullmatch(r"(alloc|buffer)(_\d+)?", given):
        return given
    filled = drained = False
    for use in buffer.uses:
        op = use.operation
        if isinstance(op, vector.TransferWriteOp):
            filled = filled or isinstance(op.vector.owner, StreamReadOp)
        elif isinstance(op, memref.StoreOp):
            filled = filled or isinstance(op.value.owner, StreamReadOp)
        elif isinstance(op, vector.TransferReadOp | memref.LoadOp):
            drained = drained or any(isinstance(use.operation, StreamWriteOp) for use in op.results[0].uses)
    if filled == drained:
        return "buffer"
    return "tile" if filled else "result"


def _type(value: SSAValue) -> MemRef:
    assert isinstance(value.type, MemRefType)
    return value.type


def _integers(attribute: Attribute | None) -> tuple[int, ...]:
    if isinstance(attribute, ArrayAttr):
        return tuple(item.value.data for item in attribute if isinstance(item, IntegerAttr))
    if isinstance(attribute, DenseArrayBase):
        return tuple(int(n) for n in cast(DenseArrayBase[IntegerType], attribute).get_values())
    return ()


def _mixed(body: Body, static: DenseArrayBase[IntegerType], dynamic: Sequence[SSAValue]) -> list[Expr]:
    values = iter(dynamic)
    numbers = [int(n) for n in static.get_values()]
    return [body.atom(next(values)) if n == DYNAMIC_INDEX else integer(n) for n in numbers]


MEMREF: Mapping[str, Emitter] = {
    "memref.alloc": emit_alloc,
    "memref.alloca": emit_alloc,
    "memref.dealloc": emit_dealloc,
    "memref.load": emit_load,
    "memref.store": emit_store,
    "memref.copy": emit_copy,
    "memref.cast": emit_view,
    "memref.reinterpret_cast": emit_view,
    "memref.collapse_shape": emit_view,
    "memref.expand_shape": emit_view,
    "memref.subview": emit_subview,
    "tensor_ext.lanes": emit_lanes,
}

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Vectors: transfers from and to memory, lanes in and out, reductions. Lanes are row-major."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from streamtensor.codegen.hls.body import Body, Emitter, lane_index
from streamtensor.codegen.hls.elementwise import ELEMENTWISE, Use
from streamtensor.codegen.hls.errors import cannot_emit
from streamtensor.codegen.hls.expression import Expr, integer, plus
from streamtensor.codegen.hls.types import is_vector, scalar, type_name
from streamtensor.ir import vector
from streamtensor.ir.builtin import VectorType
from streamtensor.ir.core import AffineConstantExpr, AffineDimExpr, Attribute, Operation, SSAValue


def emit_read(body: Body, op: Operation) -> None:
    """A vector out of memory, all lanes at once."""
    assert isinstance(op, vector.TransferReadOp)
    indices = _transfer(body, op)
    memory = body.memory(op.source, op)
    if not is_vector(op.result.type):
        body.define(op.result, memory.at(indices), "element")
        return
    name = body.variable(op.result, "lanes")
    _for_each(body, op, lambda lane, places: body.out.line(f"{name}[{lane}] = {memory.at(_moved(indices, places))};"))


def emit_write(body: Body, op: Operation) -> None:
    """A vector into memory, all lanes at once."""
    assert isinstance(op, vector.TransferWriteOp)
    indices = _transfer(body, op)
    memory = body.memory(op.source, op)
    if not is_vector(op.vector.type):
        value = body.use(op.vector)
        body.before_store()
        body.out.line(f"{memory.at(indices)} = {value};")
        return
    body.before_store()
    _for_each(
        body,
        op,
        lambda lane, places: body.out.line(f"{memory.at(_moved(indices, places))} = {body.lane(op.vector, lane)};"),
    )


def emit_broadcast(body: Body, op: Operation) -> None:
    """A scalar in all lanes, or a vector repeated along new or unit dimensions."""
    assert isinstance(op, vector.BroadcastOp)
    body.check_vectors(op)
    source = op.source
    if not is_vector(op.vector.type):
        body.define(op.vector, body.use(source), "value")
        return
    if not is_vector(source.type):
        value = body.use(source)
        body.variable(op.vector, "fill", start=Expr(f"{type_name(op.vector.type)}({value})"))
        return
    assert isinstance(source.type, VectorType)
    shape, old = op.vector.type.get_shape(), source.type.get_shape()
    strides = [0 if n == 1 else stride for n, stride in zip(old, _strides(old), strict=True)]
    strides = [0] * (len(shape) - len(old)) + strides
    name = body.variable(op.vector, "fill")
    _lanes(
        body,
        shape,
        lambda lane, places: body.out.line(f"{name}[{lane}] = {body.lane(source, lane_index(strides, places))};"),
    )


def emit_extract(body: Body, op: Operation) -> None:
    """A lane, or the vector of all lanes whose first indices are given."""
    assert isinstance(op, vector.ExtractOp)
    body.check_vectors(op)
    first = _position(body, op.vector, op.get_mixed_position())
    if not is_vector(op.result.type):
        body.define(op.result, body.lane(op.vector, first), "lane_value")
        return
    body.each_lane(op.result, "part", lambda i: body.lane(op.vector, plus(first, i)))


def emit_insert(body: Body, op: Operation) -> None:
    """A vector with a lane, or the lanes whose first indices are given, replaced."""
    assert isinstance(op, vector.InsertOp)
    body.check_vectors(op)
    if not is_vector(op.result.type):
        body.define(op.result, body.use(op.source), "value")
        return
    first = _position(body, op.dest, op.get_mixed_position())
    value = body.use(op.source) if not is_vector(op.source.type) else None
    name = body.variable(op.result, "lanes", start=body.use(op.dest))
    if value is not None:
        body.out.line(f"{name}[{first}] = {value};")
        return
    count = math.prod(_shape(op.source.type))
    body.for_lanes(count, lambda i: body.out.line(f"{name}[{plus(first, i)}] = {body.lane(op.source, i)};"))


_REDUCTIONS = {
    "add": {"float": "arith.addf", "int": "arith.addi"},
    "mul": {"float": "arith.mulf", "int": "arith.muli"},
    "and": {"int": "arith.andi"},
    "or": {"int": "arith.ori"},
    "xor": {"int": "arith.xori"},
    "maxsi": {"int": "arith.maxsi"},
    "minsi": {"int": "arith.minsi"},
    "maxui": {"int": "arith.maxui"},
    "minui": {"int": "arith.minui"},
    "maximumf": {"float": "arith.maximumf"},
    "minimumf": {"float": "arith.minimumf"},
    "maxnumf": {"float": "arith.maxnumf"},
    "minnumf": {"float": "arith.minnumf"},
}


def emit_reduction(body: Body, op: Operation) -> None:
    """All lanes combined, in the order of the lanes."""
    assert isinstance(op, vector.ReductionOp)
    body.check_vectors(op)
    form = scalar(op.dest.type)
    kind = op.kind.data.value
    name = _REDUCTIONS[kind].get("float" if form.kind == "float" else "int")
    if name is None:
        raise cannot_emit(op, f"a reduction by {kind} of {op.dest.type}")
    entry = ELEMENTWISE[name]

    def combined(left: Expr, right: Expr) -> Expr:
        return entry.rule(Use(op, (left, right), (form, form), form, body.style.math))

    if not is_vector(op.vector.type):
        value = body.use(op.vector)
        body.define(op.dest, value if op.acc is None else combined(body.use(op.acc), value), entry.word)
        return
    count = math.prod(_shape(op.vector.type))
    first = body.use(op.acc) if op.acc is not None else body.lane(op.vector, integer(0))
    skipped = 0 if op.acc is not None else 1
    total = body.variable(op.dest, entry.word, start=first)

    def step(i: Expr) -> None:
        lane = body.lane(op.vector, plus(i, integer(skipped)))
        body.out.line(f"{total} = {combined(Expr(total), lane)};")

    body.for_lanes(count - skipped, step)


def _transfer(body: Body, op: vector.TransferReadOp | vector.TransferWriteOp) -> list[Expr]:
    """Checks a transfer and gives the indices of its first lane."""
    body.check_vectors(op)
    if op.mask is not None:
        raise cannot_emit(op, "a transfer with a mask")
    if not all(bool(inside.value.data) for inside in op.in_bounds):
        raise cannot_emit(op, "a transfer that may leave the bounds", hint="mark it in_bounds = [true, ...]")
    return [body.atom(index) for index in op.indices]


def _for_each(
    body: Body,
    op: vector.TransferReadOp | vector.TransferWriteOp,
    statement: Callable[[Expr, Mapping[int, Expr]], None],
) -> None:
    """`statement(lane, {dimension of the memory: distance from the first lane})` for each lane."""
    value = op.result if isinstance(op, vector.TransferReadOp) else op.vector
    dims: list[int | None] = []
    for result in op.permutation_map.data.results:
        if isinstance(result, AffineDimExpr):
            dims.append(result.position)
        elif isinstance(result, AffineConstantExpr):
            dims.append(None)  # every lane along this dimension is the same element
        else:
            raise cannot_emit(op, f"the permutation map {op.permutation_map.data}")

    def at(lane: Expr, places: Sequence[Expr]) -> None:
        statement(lane, {dim: place for dim, place in zip(dims, places, strict=True) if dim is not None})

    _lanes(body, _shape(value.type), at)


def _lanes(body: Body, shape: Sequence[int], statement: Callable[[Expr, Sequence[Expr]], None]) -> None:
    """`statement(lane, indices)` for each lane, by one unrolled loop per dimension that has an extent."""
    strides = _strides(shape)
    wide = [dim for dim, n in enumerate(shape) if n != 1]

    def nest(places: tuple[Expr, ...]) -> None:
        if len(places) == len(wide):
            indices = [integer(0)] * len(shape)
            for dim, place in zip(wide, places, strict=True):
                indices[dim] = place
            statement(lane_index(strides, indices), indices)
        else:
            body.for_lanes(shape[wide[len(places)]], lambda i: nest((*places, i)))

    nest(())


def _moved(indices: Sequence[Expr], places: Mapping[int, Expr]) -> list[Expr]:
    return [plus(index, places.get(dim, integer(0))) for dim, index in enumerate(indices)]


def _position(body: Body, value: SSAValue, position: Sequence[SSAValue | int]) -> Expr:
    indices = [integer(p) if isinstance(p, int) else body.atom(p) for p in position]
    return lane_index(_strides(_shape(value.type))[: len(indices)], indices)


def _shape(attribute: Attribute) -> tuple[int, ...]:
    assert isinstance(attribute, VectorType)
    return attribute.get_shape()


def _strides(shape: Sequence[int]) -> list[int]:
    return [math.prod(shape[dim + 1 :]) for dim in range(len(shape))]


VECTOR: Mapping[str, Emitter] = {
    "vector.transfer_read": emit_read,
    "vector.transfer_write": emit_write,
    "vector.broadcast": emit_broadcast,
    "vector.extract": emit_extract,
    "vector.insert": emit_insert,
    "vector.reduction": emit_reduction,
}

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Constants, and the element-wise operations of `arith` and `math` on scalars and vectors."""

from __future__ import annotations

from collections.abc import Mapping

from streamtensor.codegen.hls.body import Body, Emitter
from streamtensor.codegen.hls.elementwise import ELEMENTWISE, Use
from streamtensor.codegen.hls.errors import cannot_emit
from streamtensor.codegen.hls.expression import Expr
from streamtensor.codegen.hls.types import float_literal, integer_literal, is_vector, scalar
from streamtensor.ir import arith
from streamtensor.ir.builtin import DenseIntOrFPElementsAttr, FloatAttr, IntegerAttr, VectorType
from streamtensor.ir.core import Attribute, Operation


def literal(number: float, attribute: Attribute) -> Expr:
    """The literal of one number of the scalar type."""
    if scalar(attribute).kind == "float":
        return float_literal(float(number), attribute)
    return integer_literal(int(number), attribute)


def emit_constant(body: Body, op: Operation) -> None:
    """A constant is written where it is used; a vector of several numbers gets a variable."""
    assert isinstance(op, arith.ConstantOp)
    value = op.value
    if isinstance(value, IntegerAttr):
        body.bind(op.result, integer_literal(value.value.data, value.type))
    elif isinstance(value, FloatAttr):
        body.bind(op.result, float_literal(value.value.data, value.type))
    elif isinstance(value, DenseIntOrFPElementsAttr) and isinstance(op.result.type, VectorType):
        numbers = value.get_values()
        element = op.result.type.element_type
        lanes = [literal(number, element) for number in numbers if isinstance(number, int | float)]
        if len(lanes) == 1 and not is_vector(op.result.type):
            body.bind(op.result, lanes[0])
        elif len(set(lanes)) == 1:
            body.bind_splat(op.result, lanes[0])
        else:
            body.check_vectors(op)
            name = body.variable(op.result, "constants")
            for number, lane in enumerate(lanes):
                body.out.line(f"{name}[{number}] = {lane};")
    else:
        raise cannot_emit(op, f"a constant of type {op.result.type}")


def emit_elementwise(body: Body, op: Operation) -> None:
    """One line of the table; a vector gets a loop over its lanes."""
    entry = ELEMENTWISE[op.name]
    (result,) = op.results
    types = tuple(scalar(value.type) for value in op.operands)
    body.check_vectors(op)

    def expression(args: tuple[Expr, ...]) -> Expr:
        return entry.rule(Use(op, args, types, scalar(result.type), body.style.math))

    if not is_vector(result.type):
        body.define(result, expression(tuple(body.use(value) for value in op.operands)), entry.word)
        return
    for value in op.operands:
        if not is_vector(value.type):
            body.atom(value)  # computed once, before the loop over the lanes
    body.each_lane(result, entry.word, lambda i: expression(tuple(body.lane(value, i) for value in op.operands)))


SCALAR: Mapping[str, Emitter] = {"arith.constant": emit_constant} | dict.fromkeys(ELEMENTWISE, emit_elementwise)

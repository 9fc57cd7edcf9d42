# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The arith dialect: every operation is one expression that holds for scalars and for arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from streamtensor.diagnostics import InternalError
from streamtensor.ir import arith
from streamtensor.ir.builtin import DenseIntOrFPElementsAttr, FloatAttr, IndexType, IntegerAttr
from streamtensor.ir.core import Operation, SSAValue
from streamtensor.simulate.interpreter import integers
from streamtensor.simulate.interpreter.emitter import Emitter, Handler, Handlers
from streamtensor.simulate.interpreter.types import dtype_of, integer_bits, is_native, is_shaped, shape_of

# The predicates of cmpf in the order of their numbers; `?` is "one of them is not a number".
_UNORDERED = "(({a} != {a}) | ({b} != {b}))"
_CMPF = (
    "({a} != {a}) & False",
    "{a} == {b}",
    "{a} > {b}",
    "{a} >= {b}",
    "{a} < {b}",
    "{a} <= {b}",
    "({a} < {b}) | ({a} > {b})",
    "({a} == {a}) & ({b} == {b})",
    "({a} == {b}) | " + _UNORDERED,
    "({a} > {b}) | " + _UNORDERED,
    "({a} >= {b}) | " + _UNORDERED,
    "({a} < {b}) | " + _UNORDERED,
    "({a} <= {b}) | " + _UNORDERED,
    "{a} != {b}",
    _UNORDERED,
    "({a} == {a}) | True",
)
_CMPI = ("==", "!=", "<", "<=", ">", ">=", "<", "<=", ">", ">=")
_FIRST_UNSIGNED = 6


def _constant(emit: Emitter, op: arith.ConstantOp) -> None:
    value, kind = op.value, op.result.type
    if isinstance(value, IntegerAttr) and isinstance(kind, IndexType):
        number = value.value.data
        emit.bind(op.result, str(number) if number >= 0 else f"({number})")
    elif isinstance(value, IntegerAttr):
        bits = integer_bits(kind)
        if bits is None:
            raise InternalError(f"a constant of type {kind}")
        emit.bind(op.result, emit.constant(integers.wrap(value.value.data, bits, dtype_of(kind))))
    elif isinstance(value, FloatAttr):
        emit.bind(op.result, emit.constant(dtype_of(kind).type(value.value.data)))
    elif isinstance(value, DenseIntOrFPElementsAttr):
        numbers = np.array(list(value.get_values()))
        array = np.broadcast_to(numbers if value.is_splat() else numbers.reshape(shape_of(kind)), shape_of(kind))
        array = array.astype(dtype_of(kind))
        array.flags.writeable = False
        emit.bind(op.result, emit.constant(array))
    else:
        raise InternalError(f"a constant of the form {value}")


def _operands(emit: Emitter, op: Operation) -> list[str]:
    return [emit.name(operand) for operand in op.operands]


def _wrapped(emit: Emitter, result: SSAValue, expression: str) -> str:
    """The expression at the width of the result: numpy wraps by itself at its own widths, index does not wrap."""
    bits = integer_bits(result.type)
    if bits is None or is_native(result.type) or isinstance(result.type, IndexType):
        return expression
    return f"{emit.helper(integers.wrap)}({expression}, {bits}, {emit.constant(dtype_of(result.type))})"


def _binary(symbol: str, one_bit: str | None = None) -> Handler:
    """`a symbol b`; `one_bit` is the symbol on i1, where numpy's + is "or"."""

    def handler(emit: Emitter, op: Operation) -> None:
        a, b = _operands(emit, op)
        result = op.results[0]
        chosen = one_bit if one_bit is not None and integer_bits(result.type) == 1 else symbol
        expression = f"{a} {chosen} {b}"
        emit.assign(result, expression if chosen == one_bit else _wrapped(emit, result, expression))

    return handler


def _called(function: Callable[..., Any], *, is_unsigned: bool = False) -> Handler:
    """`function(a, b)` on integers, with or without their signs."""

    def handler(emit: Emitter, op: Operation) -> None:
        result = op.results[0]
        names = _operands(emit, op)
        bits, dtype = integer_bits(result.type), emit.constant(dtype_of(result.type))
        if is_unsigned:
            names = [f"{emit.helper(integers.unsigned)}({name}, {bits})" for name in names]
        call = f"{emit.helper(function)}({', '.join(names)})"
        if isinstance(result.type, IndexType) and not is_unsigned:
            emit.assign(result, call)
        elif isinstance(result.type, IndexType):
            emit.assign(result, f"{emit.helper(integers.index_cast)}({call})")
        else:
            emit.assign(result, f"{emit.helper(integers.wrap)}({call}, {bits}, {dtype})")

    return handler


def _extremum(scalar: str, array: Callable[..., Any], one_bit: str = "") -> Handler:
    """A minimum or maximum: Python's conditional on scalars, where numpy's functions cost ten times more.

    `one_bit` is the symbol on i1, where a set bit is -1.
    """

    def handler(emit: Emitter, op: Operation) -> None:
        a, b = _operands(emit, op)
        result = op.results[0]
        if integer_bits(result.type) == 1:
            emit.assign(result, f"{a} {one_bit} {b}")
        elif any(emit.is_array(operand) for operand in op.operands):
            emit.assign(result, f"{emit.helper(array)}({a}, {b})")
        else:
            emit.assign(result, scalar.format(a=a, b=b))

    return handler


def _compare_floats(emit: Emitter, op: arith.CmpfOp) -> None:
    a, b = _operands(emit, op)
    emit.assign(op.result, _CMPF[op.predicate.value.data].format(a=a, b=b))


def _compare_integers(emit: Emitter, op: arith.CmpiOp) -> None:
    a, b = _operands(emit, op)
    predicate, bits = op.predicate.value.data, integer_bits(op.lhs.type)
    if predicate >= _FIRST_UNSIGNED:
        a, b = (f"{emit.helper(integers.unsigned)}({name}, {bits})" for name in (a, b))
    elif predicate > 1 and bits == 1:  # a set i1 is -1
        a, b = b, a
    emit.assign(op.result, f"{a} {_CMPI[predicate]} {b}")


def _select(emit: Emitter, op: arith.SelectOp) -> None:
    condition, a, b = _operands(emit, op)
    if emit.is_array(op.cond):
        emit.assign(op.result, f"{emit.helper(np.where)}({condition}, {a}, {b})")
    else:
        emit.assign(op.result, f"{a} if {condition} else {b}")


def _negate(emit: Emitter, op: arith.NegfOp) -> None:
    emit.assign(op.result, f"-{emit.name(op.operand)}")


def _index_cast(emit: Emitter, op: arith.IndexCastOp) -> None:
    _convert_integer(emit, op, is_unsigned=False)


def _convert_integer(emit: Emitter, op: Operation, *, is_unsigned: bool) -> None:
    """Integer to integer (or index): sign- or zero-extended, or cut."""
    source, result = op.operands[0], op.results[0]
    text, bits = emit.name(source), integer_bits(result.type)
    if is_unsigned:
        text = f"{emit.helper(integers.unsigned)}({text}, {integer_bits(source.type)})"
    elif integer_bits(source.type) == 1:
        text = f"{emit.helper(integers.index_cast)}({text})"
    if isinstance(result.type, IndexType):
        emit.assign(result, f"{emit.helper(integers.index_cast)}({text})")
    else:
        emit.assign(result, f"{emit.helper(integers.wrap)}({text}, {bits}, {emit.constant(dtype_of(result.type))})")


def _extend_unsigned(emit: Emitter, op: Operation) -> None:
    _convert_integer(emit, op, is_unsigned=True)


def _extend_signed(emit: Emitter, op: Operation) -> None:
    _convert_integer(emit, op, is_unsigned=False)


def _to_dtype(emit: Emitter, op: Operation, text: str) -> None:
    """`text` as the number type of the result: a new array, or a numpy scalar."""
    result = op.results[0]
    dtype = dtype_of(result.type)
    if emit.is_array(op.operands[0]):
        emit.assign(result, f"{text}.astype({emit.constant(dtype)})")
    else:
        emit.assign(result, f"{emit.helper(dtype.type)}({text})")


def _convert_float(emit: Emitter, op: Operation) -> None:
    _to_dtype(emit, op, emit.name(op.operands[0]))


def _signed_to_float(emit: Emitter, op: Operation) -> None:
    text = emit.name(op.operands[0])
    if integer_bits(op.operands[0].type) == 1:  # a set i1 is -1
        text = f"{emit.helper(integers.index_cast)}({text})"
    _to_dtype(emit, op, text)


def _unsigned_to_float(emit: Emitter, op: Operation) -> None:
    source = op.operands[0]
    _to_dtype(emit, op, f"{emit.helper(integers.unsigned)}({emit.name(source)}, {integer_bits(source.type)})")


def _float_to_integer(emit: Emitter, op: Operation) -> None:
    source, result = op.operands[0], op.results[0]
    text = emit.name(source)
    # Through 64 bits, so that an unsigned result may use its highest bit.
    whole = f"{text}.astype({emit.constant(np.dtype(np.int64))})" if emit.is_array(source) else f"int({text})"
    bits, dtype = integer_bits(result.type), emit.constant(dtype_of(result.type))
    emit.assign(result, f"{emit.helper(integers.wrap)}({whole}, {bits}, {dtype})")


def _bitcast(emit: Emitter, op: arith.BitcastOp) -> None:
    text = emit.name(op.input)
    emit.assign(op.result, f"{text}.view({emit.constant(dtype_of(op.result.type))})")
    if is_shaped(op.result.type) and is_shaped(op.input.type) and shape_of(op.result.type) != shape_of(op.input.type):
        raise InternalError(f"a bitcast from {op.input.type} to {op.result.type}")


def _shift_right_unsigned(a: Any, b: Any) -> Any:
    return a >> b


def _shift_left(a: Any, b: Any) -> Any:
    return a << b


_MAXIMUMF = _extremum("{a} if {a} >= {b} or {a} != {a} else {b}", np.maximum)
_MINIMUMF = _extremum("{a} if {a} <= {b} or {a} != {a} else {b}", np.minimum)
_MAXNUMF = _extremum("{a} if {a} >= {b} or {b} != {b} else {b}", np.fmax)
_MINNUMF = _extremum("{a} if {a} <= {b} or {b} != {b} else {b}", np.fmin)

HANDLERS: Handlers = {
    arith.ConstantOp: _constant,
    arith.AddfOp: _binary("+"),
    arith.SubfOp: _binary("-"),
    arith.MulfOp: _binary("*"),
    arith.DivfOp: _binary("/"),
    arith.NegfOp: _negate,
    arith.MaximumfOp: _MAXIMUMF,
    arith.MinimumfOp: _MINIMUMF,
    arith.MaxnumfOp: _MAXNUMF,
    arith.MinnumfOp: _MINNUMF,
    arith.AddiOp: _binary("+", "^"),
    arith.SubiOp: _binary("-", "^"),
    arith.MuliOp: _binary("*", "&"),
    arith.AndIOp: _binary("&", "&"),
    arith.OrIOp: _binary("|", "|"),
    arith.XOrIOp: _binary("^", "^"),
    arith.ShLIOp: _called(_shift_left),
    arith.ShRSIOp: _binary(">>"),
    arith.ShRUIOp: _called(_shift_right_unsigned, is_unsigned=True),
    arith.DivSIOp: _called(integers.divide),
    arith.RemSIOp: _called(integers.remainder),
    arith.FloorDivSIOp: _called(integers.floor_divide),
    arith.CeilDivSIOp: _called(integers.ceil_divide),
    arith.DivUIOp: _called(integers.floor_divide, is_unsigned=True),
    arith.RemUIOp: _called(integers.unsigned_remainder, is_unsigned=True),
    arith.CeilDivUIOp: _called(integers.ceil_divide, is_unsigned=True),
    arith.MaxSIOp: _extremum("{a} if {a} >= {b} else {b}", np.maximum, "&"),
    arith.MinSIOp: _extremum("{a} if {a} <= {b} else {b}", np.minimum, "|"),
    arith.MaxUIOp: _called(integers.larger, is_unsigned=True),
    arith.MinUIOp: _called(integers.smaller, is_unsigned=True),
    arith.CmpfOp: _compare_floats,
    arith.CmpiOp: _compare_integers,
    arith.SelectOp: _select,
    arith.IndexCastOp: _index_cast,
    arith.ExtSIOp: _extend_signed,
    arith.TruncIOp: _extend_signed,
    arith.ExtUIOp: _extend_unsigned,
    arith.ExtFOp: _convert_float,
    arith.TruncFOp: _convert_float,
    arith.SIToFPOp: _signed_to_float,
    arith.UIToFPOp: _unsigned_to_float,
    arith.FPToSIOp: _float_to_integer,
    arith.FPToUIOp: _float_to_integer,
    arith.BitcastOp: _bitcast,
}

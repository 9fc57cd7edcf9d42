# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The math dialect: numpy's functions, which compute in the type of their operand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from streamtensor.ir import math
from streamtensor.ir.core import Operation
from streamtensor.simulate.interpreter import integers
from streamtensor.simulate.interpreter.emitter import Emitter, Handler, Handlers
from streamtensor.simulate.interpreter.types import dtype_of, integer_bits


def erf(x: Any) -> Any:
    """The error function in the type of `x` (a numpy scalar or array)."""
    from scipy.special import erf as function  # loads only where a model uses it

    return function(x)


def rsqrt(x: Any) -> Any:
    """One over the square root, both rounded in the type of `x`."""
    return 1 / np.sqrt(x)


def round_half_away(x: Any) -> Any:
    """The nearest whole number; halves go away from zero (numpy's own rounding takes them to the even one)."""
    whole = np.trunc(x)
    return np.where(np.abs(x - whole) >= x.dtype.type(0.5), whole + np.sign(x), whole).astype(x.dtype)[()]


def power_of_integer(x: Any, n: Any) -> Any:
    """`x` to the whole power `n`, by repeated multiplication in the type of `x`."""
    exponent = np.asarray(n, dtype=np.int64)
    base = np.where(exponent < 0, 1 / x, x).astype(x.dtype)
    left = np.abs(exponent)
    result = np.ones(np.broadcast_shapes(base.shape, left.shape), dtype=x.dtype)
    while np.any(left):
        result = np.where(left & 1, result * base, result)
        base, left = base * base, left >> 1
    return result[()]


def integer_power(a: Any, b: Any) -> Any:
    """`a` to the power `b` in wrapping arithmetic; a negative power of anything but 1 and -1 is 0."""
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        both = np.broadcast_arrays(a, b)
        flat = [integer_power(int(x), int(n)) for x, n in zip(both[0].ravel(), both[1].ravel(), strict=True)]
        return np.array(flat, dtype=np.int64).reshape(both[0].shape)
    base, power = int(a), int(b)
    if power < 0:
        return base ** (power % 2) if abs(base) == 1 else 0
    value = pow(base, power, 1 << 64)
    return value - (1 << 64) if value >> 63 else value


def fused_multiply_add(a: Any, b: Any, c: Any) -> Any:
    """`a * b + c` with a product that is not rounded to f32 before the sum is.

    The sum is rounded to f64 and then to f32, which differs from one rounding only on ties that f64 makes; an f64
    product is rounded.
    """
    if a.dtype == np.float64:
        return a * b + c
    wide = np.asarray(a, dtype=np.float64) * np.asarray(b, dtype=np.float64) + np.asarray(c, dtype=np.float64)
    return wide.astype(a.dtype)[()]


def call(function: Callable[..., Any]) -> Handler:
    """`function` on all operands."""

    def handler(emit: Emitter, op: Operation) -> None:
        names = ", ".join(emit.name(operand) for operand in op.operands)
        emit.assign(op.results[0], f"{emit.helper(function)}({names})")

    return handler


def _of_bits(function: Callable[..., Any]) -> Handler:
    """`function(value, width)` on integers."""

    def handler(emit: Emitter, op: Operation) -> None:
        result = op.results[0]
        bits, dtype = integer_bits(result.type), emit.constant(dtype_of(result.type))
        value = f"{emit.helper(function)}({emit.name(op.operands[0])}, {bits})"
        emit.assign(result, f"{emit.helper(integers.wrap)}({value}, {bits}, {dtype})")

    return handler


def _integer_power(emit: Emitter, op: math.IPowIOp) -> None:
    bits, dtype = integer_bits(op.result.type), emit.constant(dtype_of(op.result.type))
    value = f"{emit.helper(integer_power)}({emit.name(op.lhs)}, {emit.name(op.rhs)})"
    emit.assign(op.result, f"{emit.helper(integers.wrap)}({value}, {bits}, {dtype})")


HANDLERS: Handlers = {
    math.AbsFOp: call(np.abs),
    math.AbsIOp: call(np.abs),
    math.AcosOp: call(np.arccos),
    math.AcoshOp: call(np.arccosh),
    math.AsinOp: call(np.arcsin),
    math.AsinhOp: call(np.arcsinh),
    math.AtanOp: call(np.arctan),
    math.AtanhOp: call(np.arctanh),
    math.Atan2Op: call(np.arctan2),
    math.CbrtOp: call(np.cbrt),
    math.CeilOp: call(np.ceil),
    math.CopySignOp: call(np.copysign),
    math.CosOp: call(np.cos),
    math.CoshOp: call(np.cosh),
    math.CountLeadingZerosOp: _of_bits(integers.leading_zeros),
    math.CountTrailingZerosOp: _of_bits(integers.trailing_zeros),
    math.CtPopOp: _of_bits(integers.ones),
    math.ErfOp: call(erf),
    math.ExpOp: call(np.exp),
    math.Exp2Op: call(np.exp2),
    math.ExpM1Op: call(np.expm1),
    math.FPowIOp: call(power_of_integer),
    math.FloorOp: call(np.floor),
    math.FmaOp: call(fused_multiply_add),
    math.IPowIOp: _integer_power,
    math.LogOp: call(np.log),
    math.Log10Op: call(np.log10),
    math.Log1pOp: call(np.log1p),
    math.Log2Op: call(np.log2),
    math.PowFOp: call(np.power),
    math.RoundEvenOp: call(np.rint),
    math.RoundOp: call(round_half_away),
    math.RsqrtOp: call(rsqrt),
    math.SinOp: call(np.sin),
    math.SinhOp: call(np.sinh),
    math.SqrtOp: call(np.sqrt),
    math.TanOp: call(np.tan),
    math.TanhOp: call(np.tanh),
    math.TruncOp: call(np.trunc),
}

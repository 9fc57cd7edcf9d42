# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""How one scalar operation of `arith` and `math` reads in C++: tables, so that a new operation is a new line.

Vectors are emitted lane by lane from the same lines. Integers keep the IR's meaning exactly: they wrap at their width
and are signed unless the operation says otherwise. What C++ leaves open or has no function for stands in
`streamtensor_ops.h`, namespace `st`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from streamtensor.codegen.hls.errors import cannot_emit
from streamtensor.codegen.hls.expression import Expr, Level, call, choose, infix, integer, minus, plus, times, unary
from streamtensor.codegen.hls.types import Scalar
from streamtensor.ir import arith
from streamtensor.ir.core import Operation


@dataclass(frozen=True)
class Use:
    """One scalar operation with its operands as C++; `math` is the namespace of the mathematical functions."""

    op: Operation
    args: tuple[Expr, ...]
    types: tuple[Scalar, ...]
    result: Scalar
    math: str


Rule = Callable[[Use], Expr]


@dataclass(frozen=True)
class Entry:
    """A line of the table: how it reads, and the word for a variable that holds its result."""

    rule: Rule
    word: str


def narrowed(value: Expr, form: Scalar) -> Expr:
    """`value`, whose type may be wider, at the width of `form`."""
    if form.kind == "bool":
        return infix("!=", infix("&", value, integer(1)), integer(0))
    return call(form.name, value)


def _float_infix(symbol: str) -> Rule:
    return lambda use: infix(symbol, *use.args)


def _wrapping(symbol: str, boolean: str, fold: Callable[[Expr, Expr], Expr]) -> Rule:
    """Sum, difference, product: computed without overflow, then cut to the width."""

    def rule(use: Use) -> Expr:
        left, right = use.args
        form = use.result
        if form.kind == "index":
            return fold(left, right)
        if form.kind == "bool":
            return infix(boolean, left, right)
        if form.kind == "native" and form.bits == 64:
            left, right = call(form.unsigned, left), call(form.unsigned, right)
        elif form.kind == "native" and form.bits == 32:
            left = call("int64_t", left)
        return call(form.name, infix(symbol, left, right))

    return rule


def _divide(symbol: str) -> Rule:
    """Quotient and remainder towards zero, as in C++; the narrow results of promoted operands are cut again."""

    def rule(use: Use) -> Expr:
        quotient = infix(symbol, *use.args)
        return quotient if use.result.kind == "index" else narrowed(quotient, use.result)

    return rule


def _unsigned(symbol: str) -> Rule:
    def rule(use: Use) -> Expr:
        left, right = (call(use.result.unsigned, arg) for arg in use.args)
        return narrowed(infix(symbol, left, right), use.result)

    return rule


def _bits(symbol: str) -> Rule:
    return lambda use: infix(symbol, *use.args)


def _shift(symbol: str, *, unsigned: bool) -> Rule:
    def rule(use: Use) -> Expr:
        value, amount = use.args
        if use.types[1].kind == "wide":
            amount = call("int", amount)
        if unsigned:
            value = call(use.result.unsigned, value)
        shifted = infix(symbol, value, amount)
        return shifted if use.result.kind == "index" and not unsigned else narrowed(shifted, use.result)

    return rule


def _helper(name: str, *, unsigned: bool = False) -> Rule:
    """A function of `streamtensor_ops.h`, with its type said, because literals have types of their own."""

    def rule(use: Use) -> Expr:
        form = use.types[0]
        if unsigned:
            args = (call(form.unsigned, arg) for arg in use.args)
            return narrowed(call(f"st::{name}<{form.unsigned}>", *args), use.result)
        return call(f"st::{name}<{form.name}>", *use.args)

    return rule


def _native_helper(name: str) -> Rule:
    def rule(use: Use) -> Expr:
        if use.types[0].kind not in ("native", "index"):
            raise cannot_emit(use.op, f"numbers of type {use.types[0].name}")
        return _helper(name)(use)

    return rule


def _math(name: str) -> Rule:
    return lambda use: call(f"{use.math}::{name}", *use.args)


def _convert(use: Use) -> Expr:
    """A conversion that C++ does by value: widening of signed integers and floats, float to integer and back."""
    (value,), (source,) = use.args, use.types
    if source.kind == "bool":
        value = unary("-", call("int", value))  # true is the only signed one-bit number besides 0: -1
    if use.result == source:
        return value
    return narrowed(value, use.result) if use.result.kind == "bool" else call(use.result.name, value)


def _truncate(use: Use) -> Expr:
    return narrowed(use.args[0], use.result)


def _convert_unsigned(use: Use) -> Expr:
    (value,), (source,) = use.args, use.types
    return call(use.result.name, value if source.kind == "bool" else call(source.unsigned, value))


def _float_to_unsigned(use: Use) -> Expr:
    return narrowed(call(use.result.unsigned, use.args[0]), use.result)


def _bitcast(use: Use) -> Expr:
    if use.result.bits != use.types[0].bits or "wide" in (use.result.kind, use.types[0].kind):
        raise cannot_emit(use.op, f"a bit cast from {use.types[0].name} to {use.result.name}")
    return call(f"st::bit_cast<{use.result.name}>", use.args[0])


_INTEGER_COMPARISONS = ("==", "!=", "<", "<=", ">", ">=", "<", "<=", ">", ">=")
_FIRST_UNSIGNED = 6


def _compare_integers(use: Use) -> Expr:
    assert isinstance(use.op, arith.CmpiOp)
    predicate = use.op.predicate.value.data
    left, right = use.args
    form = use.types[0]
    if form.kind == "bool" and 1 < predicate < _FIRST_UNSIGNED:
        left, right = right, left  # as signed numbers true is -1, below 0
    if predicate >= _FIRST_UNSIGNED and form.kind != "bool":
        left, right = call(form.unsigned, left), call(form.unsigned, right)
    return infix(_INTEGER_COMPARISONS[predicate], left, right)


_FLOAT_COMPARISONS: Mapping[int, str] = {1: "==", 2: ">", 3: ">=", 4: "<", 5: "<=", 13: "!="}
_NEGATED_COMPARISONS: Mapping[int, str] = {9: "<=", 10: "<", 11: ">=", 12: ">"}
_NAMED_COMPARISONS: Mapping[int, str] = {6: "less_or_greater", 7: "ordered", 8: "less_or_greater", 14: "ordered"}
_NEGATED_NAMES = (8, 14)


def _compare_floats(use: Use) -> Expr:
    assert isinstance(use.op, arith.CmpfOp)
    predicate = use.op.predicate.value.data
    if predicate in (0, 15):
        return Expr("true" if predicate else "false")
    if predicate in _FLOAT_COMPARISONS:
        return infix(_FLOAT_COMPARISONS[predicate], *use.args)
    if predicate in _NEGATED_COMPARISONS:  # "unordered or greater" is "not less or equal"
        return unary("!", infix(_NEGATED_COMPARISONS[predicate], *use.args))
    named = call(f"st::{_NAMED_COMPARISONS[predicate]}<{use.types[0].name}>", *use.args)
    return unary("!", named) if predicate in _NEGATED_NAMES else named


def _select(use: Use) -> Expr:
    condition, yes, no = use.args
    return choose(condition, yes, no)


def _negate(use: Use) -> Expr:
    return unary("-", use.args[0])


def _power_of_integer(use: Use) -> Expr:
    base, power = use.args
    return call(f"{use.math}::pow", base, call(use.result.name, power))


def _reciprocal_root(use: Use) -> Expr:
    if use.math == "hls":
        return call("hls::rsqrt", *use.args)
    one = Expr("1.0f" if use.result.bits == 32 else "1.0")
    return infix("/", one, call(f"{use.math}::sqrt", *use.args))


def _index_cast(use: Use) -> Expr:
    (value,), (source,) = use.args, use.types
    if value.constant is not None and value.level is Level.ATOM and source.kind == "index":
        return Expr(value.text)
    return _convert(use)


ELEMENTWISE: Mapping[str, Entry] = {
    "arith.addf": Entry(_float_infix("+"), "sum"),
    "arith.subf": Entry(_float_infix("-"), "difference"),
    "arith.mulf": Entry(_float_infix("*"), "product"),
    "arith.divf": Entry(_float_infix("/"), "quotient"),
    "arith.negf": Entry(_negate, "negative"),
    "arith.maximumf": Entry(_helper("maximum"), "greatest"),
    "arith.minimumf": Entry(_helper("minimum"), "least"),
    "arith.maxnumf": Entry(_helper("maximum_number"), "greatest"),
    "arith.minnumf": Entry(_helper("minimum_number"), "least"),
    "arith.cmpf": Entry(_compare_floats, "test"),
    "arith.addi": Entry(_wrapping("+", "^", plus), "sum"),
    "arith.subi": Entry(_wrapping("-", "^", minus), "difference"),
    "arith.muli": Entry(_wrapping("*", "&", times), "product"),
    "arith.divsi": Entry(_divide("/"), "quotient"),
    "arith.remsi": Entry(_divide("%"), "rest"),
    "arith.divui": Entry(_unsigned("/"), "quotient"),
    "arith.remui": Entry(_unsigned("%"), "rest"),
    "arith.floordivsi": Entry(_helper("floor_div"), "quotient"),
    "arith.ceildivsi": Entry(_helper("ceil_div"), "quotient"),
    "arith.ceildivui": Entry(_helper("ceil_div", unsigned=True), "quotient"),
    "arith.maxsi": Entry(_helper("max"), "greatest"),
    "arith.minsi": Entry(_helper("min"), "least"),
    "arith.maxui": Entry(_helper("max", unsigned=True), "greatest"),
    "arith.minui": Entry(_helper("min", unsigned=True), "least"),
    "arith.andi": Entry(_bits("&"), "bits"),
    "arith.ori": Entry(_bits("|"), "bits"),
    "arith.xori": Entry(_bits("^"), "bits"),
    "arith.shli": Entry(_shift("<<", unsigned=True), "shifted"),
    "arith.shrsi": Entry(_shift(">>", unsigned=False), "shifted"),
    "arith.shrui": Entry(_shift(">>", unsigned=True), "shifted"),
    "arith.cmpi": Entry(_compare_integers, "test"),
    "arith.select": Entry(_select, "chosen"),
    "arith.index_cast": Entry(_index_cast, "index"),
    "arith.extf": Entry(_convert, "wide"),
    "arith.truncf": Entry(_convert, "narrow"),
    "arith.extsi": Entry(_convert, "wide"),
    "arith.extui": Entry(_convert_unsigned, "wide"),
    "arith.trunci": Entry(_truncate, "narrow"),
    "arith.sitofp": Entry(_convert, "number"),
    "arith.uitofp": Entry(_convert_unsigned, "number"),
    "arith.fptosi": Entry(_convert, "whole"),
    "arith.fptoui": Entry(_float_to_unsigned, "whole"),
    "arith.bitcast": Entry(_bitcast, "bits"),
    "math.absf": Entry(_math("fabs"), "magnitude"),
    "math.absi": Entry(_helper("absolute"), "magnitude"),
    "math.acos": Entry(_math("acos"), "angle"),
    "math.acosh": Entry(_math("acosh"), "angle"),
    "math.asin": Entry(_math("asin"), "angle"),
    "math.asinh": Entry(_math("asinh"), "angle"),
    "math.atan": Entry(_math("atan"), "angle"),
    "math.atan2": Entry(_math("atan2"), "angle"),
    "math.atanh": Entry(_math("atanh"), "angle"),
    "math.cbrt": Entry(_math("cbrt"), "root"),
    "math.ceil": Entry(_math("ceil"), "whole"),
    "math.copysign": Entry(_math("copysign"), "signed_value"),
    "math.cos": Entry(_math("cos"), "cosine"),
    "math.cosh": Entry(_math("cosh"), "cosine"),
    "math.ctlz": Entry(_native_helper("leading_zeros"), "zeros"),
    "math.cttz": Entry(_native_helper("trailing_zeros"), "zeros"),
    "math.ctpop": Entry(_native_helper("ones"), "ones"),
    "math.erf": Entry(_math("erf"), "error"),
    "math.exp": Entry(_math("exp"), "power"),
    "math.exp2": Entry(_math("exp2"), "power"),
    "math.expm1": Entry(_math("expm1"), "power"),
    "math.floor": Entry(_math("floor"), "whole"),
    "math.fma": Entry(_math("fma"), "sum"),
    "math.fpowi": Entry(_power_of_integer, "power"),
    "math.ipowi": Entry(_native_helper("power"), "power"),
    "math.log": Entry(_math("log"), "logarithm"),
    "math.log10": Entry(_math("log10"), "logarithm"),
    "math.log1p": Entry(_math("log1p"), "logarithm"),
    "math.log2": Entry(_math("log2"), "logarithm"),
    "math.powf": Entry(_math("pow"), "power"),
    "math.round": Entry(_math("round"), "whole"),
    "math.roundeven": Entry(_math("rint"), "whole"),
    "math.rsqrt": Entry(_reciprocal_root, "root"),
    "math.sin": Entry(_math("sin"), "sine"),
    "math.sinh": Entry(_math("sinh"), "sine"),
    "math.sqrt": Entry(_math("sqrt"), "root"),
    "math.tan": Entry(_math("tan"), "tangent"),
    "math.tanh": Entry(_math("tanh"), "tangent"),
    "math.trunc": Entry(_math("trunc"), "whole"),
    "vector.fma": Entry(_math("fma"), "sum"),
}

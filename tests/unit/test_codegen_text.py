# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Expressions, names and literals of emitted C++."""

from __future__ import annotations

import math
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamtensor.codegen.hls.expression import Expr, Level, choose, infix, integer, minus, plus, times, unary
from streamtensor.codegen.hls.memory import Array, Pointer, Window, extent
from streamtensor.codegen.hls.names import Names, identifier
from streamtensor.codegen.hls.types import float_literal, integer_literal, size_bytes, type_name
from streamtensor.ir.builtin import IntegerType, MemRefType, StridedLayoutAttr, VectorType, f32, f64, i1, i32

# Sums, differences and products mean the same in Python as in C++, so Python can read them back.
NAMES = {"i": 5, "j": -3, "k": 7}
Valued = tuple[Expr, int]


def leaves() -> st.SearchStrategy[Valued]:
    return st.one_of(
        st.sampled_from([(Expr(name), value) for name, value in NAMES.items()]),
        st.integers(-4, 20).map(lambda n: (integer(n), n)),
    )


def trees(children: st.SearchStrategy[Valued]) -> st.SearchStrategy[Valued]:
    def combine(parts: tuple[str, bool, Valued, Valued]) -> Valued:
        symbol, folding, (left, a), (right, b) = parts
        value = {"+": a + b, "-": a - b, "*": a * b}[symbol]
        if folding:
            return {"+": plus, "-": minus, "*": times}[symbol](left, right), value
        return infix(symbol, left, right), value

    def negate(part: Valued) -> Valued:
        return unary("-", part[0]), -part[1]

    return st.one_of(
        st.tuples(st.sampled_from("+-*"), st.booleans(), children, children).map(combine), children.map(negate)
    )


@given(st.recursive(leaves(), trees, max_leaves=12))
def test_parentheses_keep_the_value(valued: Valued) -> None:
    expr, value = valued
    assert eval(expr.text, {"__builtins__": {}}, dict(NAMES)) == value  # noqa: S307 - text made above
    assert expr.constant is None or expr.constant == value


def test_floating_point_sums_keep_their_order() -> None:
    a, b, c = (Expr(name) for name in "abc")
    assert infix("+", a, infix("+", b, c)).text == "a + (b + c)"
    assert infix("+", infix("+", a, b), c).text == "a + b + c"
    assert infix("-", a, infix("-", b, c)).text == "a - (b - c)"
    assert infix("/", a, infix("*", b, c)).text == "a / (b * c)"


def test_rarely_known_precedences_get_parentheses() -> None:
    a, b, c = (Expr(name) for name in "abc")
    assert infix("&", infix("+", a, b), c).text == "(a + b) & c"
    assert infix("==", infix("&", a, b), c).text == "(a & b) == c"
    assert choose(infix("<", a, b), choose(c, a, b), c).text == "a < b ? (c ? a : b) : c"
    assert unary("-", unary("-", a)).text == "-(-a)"


def test_index_arithmetic_is_folded() -> None:
    i = Expr("i")
    assert plus(times(i, integer(1)), integer(0)).text == "i"
    assert times(i, integer(0)).text == "0"
    assert plus(i, integer(-2)).text == "i - 2"
    assert plus(Expr("j"), plus(i, integer(1))).text == "j + i + 1"
    assert integer(-2).level is Level.UNARY


def test_memory() -> None:
    i, j = Expr("i"), Expr("j")
    assert Pointer("x", (32, 1), 16).at([i, j]).text == "x[i * 32 + j + 16]"
    assert Pointer("x", ()).at([]).text == "x[0]"
    assert Array("b", (1, 4, 1, 8)).at([integer(0), i, integer(0), j]).text == "b[i][j]"
    assert Array("b", (1, 4, 1, 8)).declaration("float") == "float b[4][8]"
    assert Array("b", (1, 1)).at([integer(0)] * 2).text == "b[0]"
    window = Window(Array("b", (4, 8)), (integer(1), j), (integer(2), integer(1)), (0, None))
    assert window.at([i]).text == "b[i * 2 + 1][j]"
    assert extent(MemRefType(f32, [2, 3], StridedLayoutAttr([12, 2], 8))) == 8 + 12 + 4 + 1


def test_identifiers() -> None:
    assert identifier("h.0/ln-1") == "h_0_ln_1"
    assert identifier("0") == "v0"
    assert identifier("..") == "value"


def test_names_are_unique_and_free_again_behind_their_scope() -> None:
    names = Names(["kernel"])
    assert names.fresh("kernel") == "kernel_1"
    assert names.fresh("for") == "for_1"
    assert names.fresh("exp") == "exp_1"
    with names.scope():
        assert names.fresh("i") == "i"
        with names.scope():
            assert names.fresh("i") == "i_1"
        assert names.global_name("helper") == "helper"
    assert names.fresh("i") == "i"
    assert names.fresh("helper") == "helper_1"


@given(st.integers(0, 2**32 - 1))
def test_a_float_literal_reads_back_exactly(bits: int) -> None:
    value = np.uint32(bits).view(np.float32)
    text = float_literal(float(value), f32).text
    if np.isfinite(value):
        assert text.endswith("f")
        assert np.float32(text[:-1]).view(np.uint32) == bits
    else:
        assert "numeric_limits<float>" in text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_double_literal_reads_back_exactly(value: float) -> None:
    text = float_literal(value, f64).text
    assert struct.pack("d", float(text)) == struct.pack("d", value)
    assert "." in text or "e" in text, "C++ would read a whole number"


def test_special_floats() -> None:
    assert float_literal(-math.inf, f32).text == "-std::numeric_limits<float>::infinity()"
    assert float_literal(math.nan, f64).text == "std::numeric_limits<double>::quiet_NaN()"
    assert float_literal(-0.0, f32).text == "-0.0f"
    assert float_literal(0.044715, f32).text == "0.044715f"
    assert float_literal(1e30, f32).text == "1.0e+30f"


@pytest.mark.parametrize(
    ("value", "bits", "text"),
    [
        (1, 1, "true"),
        (-1, 1, "true"),
        (0, 1, "false"),
        (255, 8, "-1"),
        (5, 5, "ap_int<5>(5)"),
        (2**31, 64, "2147483648LL"),
        (-(2**31), 32, "std::numeric_limits<int32_t>::min()"),
        (-(2**63), 64, "std::numeric_limits<int64_t>::min()"),
    ],
)
def test_integer_literals(value: int, bits: int, text: str) -> None:
    assert integer_literal(value, IntegerType(bits)).text == text


def test_types() -> None:
    assert type_name(VectorType(f32, [1, 16])) == "hls::vector<float, 16>"
    assert type_name(VectorType(f32, [1, 1])) == "float"
    assert type_name(i1) == "bool"
    assert type_name(IntegerType(12)) == "ap_int<12>"
    assert size_bytes(VectorType(IntegerType(12), [4])) == 8
    assert size_bytes(i32) == 4

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Every operation of arith and math, on scalars, on tensors and inside a generic, against numpy or Python."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from numerics.compare import Array, parse, run_text
from streamtensor.diagnostics import InternalError
from streamtensor.simulate import interpreter

DTYPES: dict[str, Any] = {
    "f32": np.float32,
    "f64": np.float64,
    "f16": np.float16,
    "i1": np.bool_,
    "i4": np.int8,
    "i8": np.int8,
    "i16": np.int16,
    "i32": np.int32,
    "i64": np.int64,
    "index": np.int64,
}


def _lines(op: str, kinds: Sequence[str], result: str, wrap: Callable[[str], str]) -> str:
    """The operation on %a0, %a1, ... in the generic form, which all of arith and math share."""
    name, _, properties = op.partition(" ")
    operands = ", ".join(f"%a{i}" for i in range(len(kinds)))
    types = ", ".join(wrap(kind) for kind in kinds)
    return f'%r = "{name}"({operands}) {properties} : ({types}) -> {wrap(result)}'


# The verifiers of these take scalars only.
SCALARS_ONLY = tuple(
    f"arith.{op}" for op in ("cmp", "ext", "fpto", "index_cast", "select", "sitofp", "trunc", "uitofp")
)


def _results(op: str, kinds: Sequence[str], result: str, columns: Sequence[Array]) -> list[Array]:
    """What `op` gives for the columns: element by element in a loop, in a generic over the elements, on a tensor."""
    count = len(columns[0])

    def tensor(kind: str) -> str:
        return f"tensor<{count}x{kind}>"

    arguments = ", ".join(f"%t{i}: {tensor(kind)}" for i, kind in enumerate(kinds))
    loads = "\n".join(f"%a{i} = tensor.extract %t{i}[%i] : {tensor(kind)}" for i, kind in enumerate(kinds))
    maps = ", ".join(["affine_map<(d0) -> (d0)>"] * (len(kinds) + 1))
    text = f"""
    func.func @loop({arguments}) -> {tensor(result)} {{
      %e = tensor.empty() : {tensor(result)}
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %n = arith.constant {count} : index
      %y = scf.for %i = %c0 to %n step %c1 iter_args(%o = %e) -> ({tensor(result)}) {{
        {loads}
        {_lines(op, kinds, result, str)}
        %u = tensor.insert %r into %o[%i] : {tensor(result)}
        scf.yield %u : {tensor(result)}
      }}
      func.return %y : {tensor(result)}
    }}
    func.func @generic({arguments}) -> {tensor(result)} {{
      %e = tensor.empty() : {tensor(result)}
      %y = linalg.generic {{indexing_maps = [{maps}], iterator_types = ["parallel"]}}
        ins({", ".join(f"%t{i}" for i in range(len(kinds)))} : {", ".join(tensor(kind) for kind in kinds)})
        outs(%e : {tensor(result)}) {{
      ^bb0({", ".join(f"%a{i}: {kind}" for i, kind in enumerate(kinds))}, %out: {result}):
        {_lines(op, kinds, result, str)}
        linalg.yield %r : {result}
      }} -> {tensor(result)}
      func.return %y : {tensor(result)}
    }}"""
    functions = ["loop", "generic"]
    if not op.startswith(SCALARS_ONLY):
        functions.append("tensor")
        text += f"""
        func.func @tensor({arguments.replace("%t", "%a")}) -> {tensor(result)} {{
          {_lines(op, kinds, result, tensor)}
          func.return %r : {tensor(result)}
        }}"""
    module = parse(text)
    return [interpreter.run(module, columns, function=function)[0] for function in functions]


def check(op: str, kinds: Sequence[str], result: str, columns: Sequence[Any], expected: Any) -> None:
    arrays = [np.array(column, dtype=DTYPES[kind]) for column, kind in zip(columns, kinds, strict=True)]
    wanted = np.array(expected, dtype=DTYPES[result])
    for found in _results(op, kinds, result, arrays):
        assert found.dtype == wanted.dtype
        np.testing.assert_array_equal(found, wanted)


FLOATS = np.array([0.1, -2.5, 3.75, 1e-8, -7.0, 1e30, 0.0, np.inf, np.nan], dtype=np.float32)
OTHERS = np.array([0.7, 2.5, -3.75, 3e-8, -9.0, 1e30, 5.0, 2.0, 1.0], dtype=np.float32)


@pytest.mark.parametrize(
    ("op", "function"),
    [
        ("arith.addf", np.add),
        ("arith.subf", np.subtract),
        ("arith.mulf", np.multiply),
        ("arith.divf", np.divide),
        ("arith.maximumf", np.maximum),
        ("arith.minimumf", np.minimum),
        ("arith.maxnumf", np.fmax),
        ("arith.minnumf", np.fmin),
        ("math.powf", np.power),
        ("math.atan2", np.arctan2),
        ("math.copysign", np.copysign),
    ],
)
def test_two_floats(op: str, function: Callable[..., Any]) -> None:
    with np.errstate(all="ignore"):
        both = [(FLOATS, OTHERS), (OTHERS, FLOATS)]
        for a, b in both:
            check(op, ["f32", "f32"], "f32", [a, b], function(a, b))


def test_f32_is_not_computed_in_f64() -> None:
    big, one = np.float32(2**24), np.float32(1)
    check("arith.addf", ["f32", "f32"], "f32", [[big], [one]], [big])
    check("arith.addf", ["f64", "f64"], "f64", [[2.0**24], [1.0]], [2.0**24 + 1])
    check("arith.mulf", ["f16", "f16"], "f16", [[300.0], [300.0]], [np.inf])


@pytest.mark.parametrize(
    ("op", "function"),
    [
        ("arith.negf", np.negative),
        ("math.absf", np.abs),
        ("math.acos", np.arccos),
        ("math.acosh", np.arccosh),
        ("math.asin", np.arcsin),
        ("math.asinh", np.arcsinh),
        ("math.atan", np.arctan),
        ("math.atanh", np.arctanh),
        ("math.cbrt", np.cbrt),
        ("math.ceil", np.ceil),
        ("math.cos", np.cos),
        ("math.cosh", np.cosh),
        ("math.exp", np.exp),
        ("math.exp2", np.exp2),
        ("math.expm1", np.expm1),
        ("math.floor", np.floor),
        ("math.log", np.log),
        ("math.log10", np.log10),
        ("math.log1p", np.log1p),
        ("math.log2", np.log2),
        ("math.roundeven", np.rint),
        ("math.sin", np.sin),
        ("math.sinh", np.sinh),
        ("math.sqrt", np.sqrt),
        ("math.tan", np.tan),
        ("math.tanh", np.tanh),
        ("math.trunc", np.trunc),
    ],
)
def test_one_float(op: str, function: Callable[..., Any]) -> None:
    values = np.array([0.1, 0.9, 1.5, 2.5, -0.3, -1.75], dtype=np.float32)
    with np.errstate(all="ignore"):
        check(op, ["f32"], "f32", [values], function(values))


def test_functions_that_numpy_does_not_have() -> None:
    values = [0.1, 0.9, 1.5, -2.5, 3.0, 0.49999997, 2.5]
    wide = [float(np.float32(value)) for value in values]
    for found in _results("math.erf", ["f32"], "f32", [np.array(values, dtype=np.float32)]):
        np.testing.assert_allclose(found, [math.erf(value) for value in wide], rtol=2e-7)
    check("math.round", ["f32"], "f32", [values], [0, 1, 2, -3, 3, 0, 3])
    positive = np.array([0.25, 2.0, 9.0], dtype=np.float32)
    check("math.rsqrt", ["f32"], "f32", [positive], np.float32(1) / np.sqrt(positive))
    check("math.fpowi", ["f32", "i32"], "f32", [[2.0, -3.0, 2.0, 5.0], [10, 3, -2, 0]], [1024, -27, 0.25, 1])


def test_fma_rounds_once() -> None:
    a = np.float32(1 + 2**-12)
    exact = float(a) * float(a) - 1
    check("math.fma", ["f32"] * 3, "f32", [[a], [a], [-1.0]], [exact])
    assert np.float32(a * a) - np.float32(1) != np.float32(exact)


def _unordered(a: float, b: float) -> bool:
    return math.isnan(a) or math.isnan(b)


# In the order of the numbers of the predicates.
_COMPARISONS_OF_FLOATS: list[Callable[[float, float], bool]] = [
    lambda a, b: False,
    lambda a, b: a == b,
    lambda a, b: a > b,
    lambda a, b: a >= b,
    lambda a, b: a < b,
    lambda a, b: a <= b,
    lambda a, b: a < b or a > b,
    lambda a, b: not _unordered(a, b),
    lambda a, b: a == b or _unordered(a, b),
    lambda a, b: a > b or _unordered(a, b),
    lambda a, b: a >= b or _unordered(a, b),
    lambda a, b: a < b or _unordered(a, b),
    lambda a, b: a <= b or _unordered(a, b),
    lambda a, b: a != b,
    _unordered,
    lambda a, b: True,
]


@pytest.mark.parametrize("predicate", range(16))
def test_comparisons_of_floats(predicate: int) -> None:
    a = [1.0, 2.0, 2.0, math.nan, 1.0, math.nan]
    b = [2.0, 1.0, 2.0, 1.0, math.nan, math.nan]
    op = f"arith.cmpf <{{predicate = {predicate} : i64}}>"
    expected = [_COMPARISONS_OF_FLOATS[predicate](x, y) for x, y in zip(a, b, strict=True)]
    check(op, ["f32", "f32"], "i1", [a, b], expected)


@pytest.mark.parametrize("kind", ["i8", "i32", "i64", "index", "i4", "i1"])
@pytest.mark.parametrize(
    ("predicate", "signed", "function"),
    [
        (0, True, int.__eq__),
        (1, True, int.__ne__),
        (2, True, int.__lt__),
        (3, True, int.__le__),
        (4, True, int.__gt__),
        (5, True, int.__ge__),
        (6, False, int.__lt__),
        (7, False, int.__le__),
        (8, False, int.__gt__),
        (9, False, int.__ge__),
    ],
)
def test_comparisons_of_integers(kind: str, predicate: int, signed: bool, function: Callable[[int, int], bool]) -> None:
    bits = 64 if kind == "index" else int(kind[1:])
    a, b = ([-1, 0, -1, 0], [0, -1, -1, 0]) if bits == 1 else ([1, -1, 5, -8, 3], [2, 1, 5, -7, -3])

    def seen(value: int) -> int:
        return value if signed else value % (1 << bits)

    op = f"arith.cmpi <{{predicate = {predicate} : i64}}>"
    columns = [[bool(x) for x in a], [bool(x) for x in b]] if bits == 1 else [a, b]
    expected = [function(seen(x), seen(y)) for x, y in zip(a, b, strict=True)]
    check(op, [kind, kind], "i1", columns, expected)


def _wrapped(value: int, bits: int) -> int:
    return (value + (1 << (bits - 1))) % (1 << bits) - (1 << (bits - 1))


def _toward_zero(a: int, b: int) -> int:
    return abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)


_SIGNED: dict[str, Callable[[int, int], int]] = {
    "arith.addi": lambda a, b: a + b,
    "arith.subi": lambda a, b: a - b,
    "arith.muli": lambda a, b: a * b,
    "arith.andi": lambda a, b: a & b,
    "arith.ori": lambda a, b: a | b,
    "arith.xori": lambda a, b: a ^ b,
    "arith.divsi": _toward_zero,
    "arith.remsi": lambda a, b: a - b * _toward_zero(a, b),
    "arith.floordivsi": lambda a, b: a // b,
    "arith.ceildivsi": lambda a, b: -(-a // b),
    "arith.maxsi": max,
    "arith.minsi": min,
    "math.ipowi": lambda a, b: a**b if b >= 0 else (a ** (b % 2) if abs(a) == 1 else 0),
}
_UNSIGNED: dict[str, Callable[[int, int], int]] = {
    "arith.divui": lambda a, b: a // b,
    "arith.remui": lambda a, b: a % b,
    "arith.ceildivui": lambda a, b: -(-a // b),
    "arith.maxui": max,
    "arith.minui": min,
}


@pytest.mark.parametrize("kind", ["i4", "i8", "i16", "i32", "i64"])
@pytest.mark.parametrize("op", [*_SIGNED, *_UNSIGNED])
def test_integers_wrap_at_their_width(op: str, kind: str) -> None:
    bits = int(kind[1:])
    highest = (1 << (bits - 1)) - 1
    a = [7, -7, -7, 7, highest, -highest - 1, highest, 1]
    b = [2, 2, -2, -2, highest, 3, 1, -1]
    if op in _SIGNED:
        expected = [_wrapped(_SIGNED[op](x, y), bits) if op != "math.ipowi" else 0 for x, y in zip(a, b, strict=True)]
        if op == "math.ipowi":
            b = [2, 2, 3, 3, 2, 3, 1, -1]
            expected = [_wrapped(_SIGNED[op](x, y), bits) for x, y in zip(a, b, strict=True)]
    else:
        rows = zip(a, b, strict=True)
        expected = [_wrapped(_UNSIGNED[op](x % (1 << bits), y % (1 << bits)), bits) for x, y in rows]
    check(op, [kind, kind], kind, [a, b], expected)


@pytest.mark.parametrize("op", ["arith.addi", "arith.subi", "arith.muli", "arith.divsi", "arith.floordivsi"])
def test_index_arithmetic(op: str) -> None:
    a, b = [7, -7, 100, 0], [2, 2, -9, 5]
    check(op, ["index", "index"], "index", [a, b], [_SIGNED[op](x, y) for x, y in zip(a, b, strict=True)])


def test_shifts() -> None:
    a, b = [1, -1, 64, -128, 3], [7, 1, 1, 3, 0]
    rows = list(zip(a, b, strict=True))
    check("arith.shli", ["i8", "i8"], "i8", [a, b], [_wrapped(x << n, 8) for x, n in rows])
    check("arith.shrsi", ["i8", "i8"], "i8", [a, b], [x >> n for x, n in rows])
    check("arith.shrui", ["i8", "i8"], "i8", [a, b], [_wrapped((x % 256) >> n, 8) for x, n in rows])
    check("arith.shli", ["i4", "i4"], "i4", [[3, 7], [2, 1]], [_wrapped(12, 4), _wrapped(14, 4)])


@pytest.mark.parametrize(
    ("op", "table"),
    [
        ("arith.addi", [0, 1, 1, 0]),
        ("arith.subi", [0, 1, 1, 0]),
        ("arith.muli", [0, 0, 0, 1]),
        ("arith.andi", [0, 0, 0, 1]),
        ("arith.ori", [0, 1, 1, 1]),
        ("arith.xori", [0, 1, 1, 0]),
        ("arith.maxsi", [0, 0, 0, 1]),
        ("arith.minsi", [0, 1, 1, 1]),
        ("arith.maxui", [0, 1, 1, 1]),
        ("arith.minui", [0, 0, 0, 1]),
    ],
)
def test_one_bit(op: str, table: list[int]) -> None:
    check(
        op, ["i1", "i1"], "i1", [[False, False, True, True], [False, True, False, True]], [bool(bit) for bit in table]
    )


def test_conversions() -> None:
    check("arith.index_cast", ["i64"], "index", [[5, -5]], [5, -5])
    check("arith.index_cast", ["index"], "i32", [[5, (1 << 31) + 1]], [5, 1 - (1 << 31)])
    check("arith.index_cast", ["i1"], "index", [[True, False]], [-1, 0])
    check("arith.extsi", ["i8"], "i32", [[-1, 5]], [-1, 5])
    check("arith.extsi", ["i1"], "i32", [[True, False]], [-1, 0])
    check("arith.extui", ["i8"], "i32", [[-1, 5]], [255, 5])
    check("arith.extui", ["i1"], "i64", [[True, False]], [1, 0])
    check("arith.extui", ["i4"], "i8", [[-1, 5]], [15, 5])
    check("arith.trunci", ["i32"], "i8", [[300, -129, 7]], [44, 127, 7])
    check("arith.trunci", ["i32"], "i4", [[9, -9, 7]], [-7, 7, 7])
    check("arith.trunci", ["i32"], "i1", [[2, 3, -1]], [False, True, True])
    check("arith.sitofp", ["i32"], "f32", [[-3, 1 << 24]], [-3.0, float(1 << 24)])
    check("arith.sitofp", ["i1"], "f32", [[True, False]], [-1.0, 0.0])
    check("arith.uitofp", ["i8"], "f32", [[-1, 5]], [255.0, 5.0])
    check("arith.uitofp", ["i1"], "f32", [[True, False]], [1.0, 0.0])
    check("arith.fptosi", ["f32"], "i32", [[2.9, -2.9]], [2, -2])
    check("arith.fptoui", ["f32"], "i8", [[200.5, 3.0]], [-56, 3])
    check("arith.extf", ["f32"], "f64", [[0.1]], [float(np.float32(0.1))])
    check("arith.truncf", ["f64"], "f32", [[0.1, 1e300]], [np.float32(0.1), np.inf])
    check("arith.bitcast", ["f32"], "i32", [[1.0, -2.0]], [0x3F800000, -0x40000000])


def test_bits_of_integers() -> None:
    check("math.ctlz", ["i8"], "i8", [[1, -1, 0, 64]], [7, 0, 8, 1])
    check("math.cttz", ["i8"], "i8", [[1, -2, 0, 64]], [0, 1, 8, 6])
    check("math.ctpop", ["i8"], "i8", [[1, -1, 0, 7]], [1, 8, 0, 3])
    check("math.absi", ["i32"], "i32", [[-3, 4]], [3, 4])


def test_select() -> None:
    check("arith.select", ["i1", "f32", "f32"], "f32", [[True, False], [1.0, 2.0], [3.0, 4.0]], [1.0, 4.0])
    check("arith.select", ["i1", "index", "index"], "index", [[True, False], [1, 2], [3, 4]], [1, 4])


def test_constants() -> None:
    text = """
    func.func @main() -> (i1, i8, index, f32, f64, tensor<2x2xi32>, tensor<3xf32>) {
      %0 = arith.constant true
      %1 = arith.constant -1 : i8
      %2 = arith.constant -7 : index
      %3 = arith.constant 0xFF800000 : f32
      %4 = arith.constant 0.1 : f64
      %5 = arith.constant dense<[[1, 2], [3, 4]]> : tensor<2x2xi32>
      %6 = arith.constant dense<0.5> : tensor<3xf32>
      func.return %0, %1, %2, %3, %4, %5, %6 : i1, i8, index, f32, f64, tensor<2x2xi32>, tensor<3xf32>
    }"""
    results = run_text(text)
    assert [result.tolist() for result in results] == [True, -1, -7, -math.inf, 0.1, [[1, 2], [3, 4]], [0.5] * 3]
    assert [str(r.dtype) for r in results] == ["bool", "int8", "int64", "float32", "float64", "int32", "float32"]


def test_a_division_by_zero_is_an_error() -> None:
    for op in ("divsi", "remui", "floordivsi"):
        text = f"""
        func.func @main(%a: i32, %b: i32) -> i32 {{
          %r = arith.{op} %a, %b : i32
          func.return %r : i32
        }}"""
        with pytest.raises(InternalError, match="division of an integer by zero"):
            run_text(text, np.int32(1), np.int32(0))

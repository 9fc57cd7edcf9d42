# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Every scalar operation of the tables, compiled and compared with numpy or with Python's integers."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from csim.emitted_design import Array, Built, Case, built, module
from streamtensor.codegen.hls.elementwise import ELEMENTWISE

pytestmark = pytest.mark.needs("g++")

N = 64
erf = np.vectorize(math.erf, otypes=[np.float64])


def reciprocal_root(x: Array) -> Array:
    return 1 / np.sqrt(x)


def half_away_from_zero(x: Array) -> Array:
    return np.copysign(np.floor(np.abs(x) + 0.5), x)


def multiply_add(a: Array, b: Array, c: Array) -> Array:
    return a * b + c


# operation: how many operands, reference. Operands are between 0.1 and 0.9, where all of them are defined.
FLOATS: dict[str, tuple[int, Callable[..., Any]]] = {
    "math.acos": (1, np.arccos),
    "math.acosh": (1, np.arccosh),
    "math.asin": (1, np.arcsin),
    "math.asinh": (1, np.arcsinh),
    "math.atan": (1, np.arctan),
    "math.atan2": (2, np.arctan2),
    "math.atanh": (1, np.arctanh),
    "math.cbrt": (1, np.cbrt),
    "math.copysign": (2, np.copysign),
    "math.cos": (1, np.cos),
    "math.cosh": (1, np.cosh),
    "math.erf": (1, erf),
    "math.exp": (1, np.exp),
    "math.exp2": (1, np.exp2),
    "math.expm1": (1, np.expm1),
    "math.log": (1, np.log),
    "math.log10": (1, np.log10),
    "math.log1p": (1, np.log1p),
    "math.log2": (1, np.log2),
    "math.powf": (2, np.power),
    "math.rsqrt": (1, reciprocal_root),
    "math.sin": (1, np.sin),
    "math.sinh": (1, np.sinh),
    "math.sqrt": (1, np.sqrt),
    "math.tan": (1, np.tan),
    "math.tanh": (1, np.tanh),
    "arith.addf": (2, np.add),
    "arith.subf": (2, np.subtract),
    "arith.mulf": (2, np.multiply),
    "arith.divf": (2, np.divide),
    "arith.negf": (1, np.negative),
    "math.absf": (1, np.abs),
    "math.ceil": (1, np.ceil),
    "math.floor": (1, np.floor),
    "math.round": (1, half_away_from_zero),
    "math.roundeven": (1, np.rint),
    "math.trunc": (1, np.trunc),
    "math.fma": (3, multiply_add),
}
# with NaN and infinities among the operands
SPECIAL: dict[str, Callable[[Array, Array], Array]] = {
    "arith.maximumf": np.maximum,
    "arith.minimumf": np.minimum,
    "arith.maxnumf": np.fmax,
    "arith.minnumf": np.fmin,
}
FLOAT_TESTS: dict[str, Callable[[Array, Array], Array]] = {
    "false": lambda a, b: np.zeros(a.shape, bool),
    "oeq": lambda a, b: a == b,
    "ogt": lambda a, b: a > b,
    "oge": lambda a, b: a >= b,
    "olt": lambda a, b: a < b,
    "ole": lambda a, b: a <= b,
    "one": lambda a, b: (a < b) | (a > b),
    "ord": lambda a, b: ~(np.isnan(a) | np.isnan(b)),
    "ueq": lambda a, b: ~((a < b) | (a > b)),
    "ugt": lambda a, b: ~(a <= b),
    "uge": lambda a, b: ~(a < b),
    "ult": lambda a, b: ~(a >= b),
    "ule": lambda a, b: ~(a > b),
    "une": lambda a, b: a != b,
    "uno": lambda a, b: np.isnan(a) | np.isnan(b),
    "true": lambda a, b: np.ones(a.shape, bool),
}


def signed(value: int, bits: int) -> int:
    value %= 1 << bits
    return value - (1 << bits) if value >> (bits - 1) else value


def toward_zero(a: int, b: int) -> int:
    return abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)


def unsigned(function: Callable[[int, int], int]) -> Callable[[int, int, int], int]:
    return lambda a, b, bits: function(a % (1 << bits), b % (1 << bits))


def zeros_before(a: int, bits: int) -> int:
    return bits - (a % (1 << bits)).bit_length()


# operation: reference (a, b, bits) on integers of any size. A divisor is never 0, a shift below 4.
INTEGERS: dict[str, Callable[[int, int, int], int]] = {
    "arith.addi": lambda a, b, _: a + b,
    "arith.subi": lambda a, b, _: a - b,
    "arith.muli": lambda a, b, _: a * b,
    "arith.divsi": lambda a, b, _: toward_zero(a, b),
    "arith.remsi": lambda a, b, _: a - b * toward_zero(a, b),
    "arith.divui": unsigned(lambda a, b: a // b),
    "arith.remui": unsigned(lambda a, b: a % b),
    "arith.floordivsi": lambda a, b, _: a // b,
    "arith.ceildivsi": lambda a, b, _: -(-a // b),
    "arith.ceildivui": unsigned(lambda a, b: -(-a // b)),
    "arith.maxsi": lambda a, b, _: max(a, b),
    "arith.minsi": lambda a, b, _: min(a, b),
    "arith.maxui": unsigned(max),
    "arith.minui": unsigned(min),
    "arith.andi": lambda a, b, _: a & b,
    "arith.ori": lambda a, b, _: a | b,
    "arith.xori": lambda a, b, _: a ^ b,
    "arith.shli": lambda a, b, _: a << (b & 3),
    "arith.shrsi": lambda a, b, _: a >> (b & 3),
    "arith.shrui": unsigned(lambda a, b: a >> (b & 3)),
}
INTEGER_TESTS: dict[str, Callable[[int, int, int], int]] = {
    "eq": lambda a, b, _: a == b,
    "ne": lambda a, b, _: a != b,
    "slt": lambda a, b, _: a < b,
    "sle": lambda a, b, _: a <= b,
    "sgt": lambda a, b, _: a > b,
    "sge": lambda a, b, _: a >= b,
    "ult": unsigned(lambda a, b: a < b),
    "ule": unsigned(lambda a, b: a <= b),
    "ugt": unsigned(lambda a, b: a > b),
    "uge": unsigned(lambda a, b: a >= b),
}
COUNTS: dict[str, Callable[[int, int], int]] = {
    "math.ctlz": zeros_before,
    "math.cttz": lambda a, bits: ((a & -a).bit_length() - 1) if a else bits,
    "math.ctpop": lambda a, bits: (a % (1 << bits)).bit_count(),
    "math.absi": lambda a, _: abs(a),
}
CONVERSIONS = {
    "arith.select",
    "arith.cmpf",
    "arith.cmpi",
    "arith.index_cast",
    "arith.extf",
    "arith.truncf",
    "arith.extsi",
    "arith.extui",
    "arith.trunci",
    "arith.sitofp",
    "arith.uitofp",
    "arith.fptosi",
    "arith.fptoui",
    "arith.bitcast",
    "math.fpowi",
    "math.ipowi",
    "vector.fma",  # in test_emitted_vectors
}


def test_every_line_of_the_table_is_tested_here() -> None:
    assert set(FLOATS) | set(SPECIAL) | set(INTEGERS) | set(COUNTS) | CONVERSIONS == set(ELEMENTWISE)


def loop(body: str) -> str:
    return f"scf.for %i = %c0 to %c64 step %c1 {{\n{body}\n}}"


def short(name: str) -> str:
    return name.split(".")[-1]


def floats_case(kind: str) -> Case:
    memory = f"memref<{N}x{kind}>"
    lines = [f"%{x} = memref.load %m{x}[%i] : {memory}" for x in "abc"]
    lines += [f"%one = arith.constant 1.0 : {kind}", f"%big = arith.addf %a, %one : {kind}"]
    for op, (arity, _) in FLOATS.items():
        operands = ", ".join(["%big" if op == "math.acosh" else "%a", "%b", "%c"][:arity])
        lines += [f"%r_{short(op)} = {op} {operands} : {kind}"]
        lines += [f"memref.store %r_{short(op)}, %o_{short(op)}[%i] : {memory}"]
    return Case({f"m{x}": memory for x in "abc"}, {f"o_{short(op)}": memory for op in FLOATS}, loop("\n".join(lines)))


def comparisons_case() -> Case:
    memory, bits = f"memref<{N}xf32>", f"memref<{N}xi1>"
    lines = [f"%{x} = memref.load %m{x}[%i] : {memory}" for x in "ab"]
    for name in SPECIAL:
        lines += [f"%{short(name)} = {name} %a, %b : f32"]
        lines += [f"memref.store %{short(name)}, %o_{short(name)}[%i] : {memory}"]
    for name in FLOAT_TESTS:
        lines += [f"%t_{name} = arith.cmpf {name}, %a, %b : f32", f"memref.store %t_{name}, %o_{name}[%i] : {bits}"]
    outs = {f"o_{short(name)}": memory for name in SPECIAL} | {f"o_{name}": bits for name in FLOAT_TESTS}
    return Case({"ma": memory, "mb": memory}, outs, loop("\n".join(lines)))


def counts_of(bits: int) -> dict[str, Callable[[int, int], int]]:
    return COUNTS if bits in (8, 16, 32, 64) else {"math.absi": COUNTS["math.absi"]}


def integers_case(bits: int) -> Case:
    """Operands arrive as 64-bit integers and are cut to the width, so that widths that C++ lacks are covered too."""
    memory, kind = f"memref<{N}xi64>", f"i{bits}"
    if bits == 64:
        lines = [f"%{x} = memref.load %m{x}[%i] : {memory}" for x in "ab"]
    else:
        lines = [f"%w{x} = memref.load %m{x}[%i] : {memory}" for x in "ab"]
        lines += [f"%{x} = arith.trunci %w{x} : i64 to {kind}" for x in "ab"]
    lines += [f"%three = arith.constant 3 : {kind}", f"%amount = arith.andi %b, %three : {kind}"]
    results: list[str] = []
    for name in INTEGERS:
        right = "%amount" if short(name).startswith("sh") else "%b"
        lines.append(f"%r_{short(name)} = {name} %a, {right} : {kind}")
        results.append(short(name))
    for name in INTEGER_TESTS:
        lines += [f"%t_{name} = arith.cmpi {name}, %a, %b : {kind}"]
        lines += [f"%r_{name} = arith.extui %t_{name} : i1 to {kind}"]
        results.append(name)
    for name in counts_of(bits):
        lines.append(f"%r_{short(name)} = {name} %a : {kind}")
        results.append(short(name))
    for name in results:
        value = f"%r_{name}"
        if bits != 64:
            lines.append(f"%x_{name} = arith.extsi {value} : {kind} to i64")
            value = f"%x_{name}"
        lines.append(f"memref.store {value}, %o_{name}[%i] : {memory}")
    return Case({"ma": memory, "mb": memory}, {f"o_{name}": memory for name in results}, loop("\n".join(lines)))


CONVERSION_TYPES = {
    "o_f64": "f64",
    "o_f32": "f32",
    "o_whole": "i32",
    "o_count": "i8",
    "o_small": "i8",
    "o_back": "i64",
    "o_number": "f32",
    "o_positive": "f32",
    "o_minus": "f32",
    "o_all": "i32",
    "o_both": "i1",
    "o_bits": "i32",
    "o_again": "f32",
    "o_square": "i64",
    "o_chosen": "f32",
    "o_squared": "f32",
    "o_seventh": "i32",
    "o_inverse": "i32",
}


def conversions_case() -> Case:
    memory = {kind: f"memref<{N}x{kind}>" for kind in ("f32", "f64", "i8", "i32", "i64", "i1")}
    values = """
      %wide = arith.extf %x : f32 to f64
      %third = arith.constant 0.3333333333333333 : f64
      %f64 = arith.mulf %wide, %third : f64
      %f32 = arith.truncf %f64 : f64 to f32
      %whole = arith.fptosi %x : f32 to i32
      %magnitude = math.absf %x : f32
      %count = arith.fptoui %magnitude : f32 to i8
      %small = arith.trunci %k : i32 to i8
      %back = arith.extui %small : i8 to i64
      %number = arith.sitofp %k : i32 to f32
      %positive = arith.uitofp %k : i32 to f32
      %minus = arith.sitofp %t : i1 to f32
      %all = arith.extsi %t : i1 to i32
      %odd = arith.trunci %k : i32 to i1
      %both = arith.andi %odd, %t : i1
      %bits = arith.bitcast %x : f32 to i32
      %again = arith.bitcast %bits : i32 to f32
      %place = arith.index_cast %i : index to i64
      %square = arith.muli %place, %place : i64
      %chosen = arith.select %t, %x, %number : f32
      %two = arith.constant 2 : i32
      %squared = math.fpowi %x, %two : f32, i32
      %seven = arith.constant 7 : i32
      %seventh = math.ipowi %k, %seven : i32
      %shrunk = arith.constant -3 : i32
      %inverse = math.ipowi %two, %shrunk : i32
    """
    loads = [f"%{x} = memref.load %m{x}[%i] : {memory[kind]}" for x, kind in (("x", "f32"), ("k", "i32"), ("t", "i1"))]
    stores = [
        f"memref.store %{name.removeprefix('o_')}, %{name}[%i] : {memory[kind]}"
        for name, kind in CONVERSION_TYPES.items()
    ]
    return Case(
        {"mx": memory["f32"], "mk": memory["i32"], "mt": memory["i1"]},
        {name: memory[kind] for name, kind in CONVERSION_TYPES.items()},
        loop("\n".join([*loads, values, *stores])),
    )


def some_floats() -> Array:
    """All kinds of float32 numbers: random bits, and the ends of the range."""
    numbers = np.random.default_rng(2).integers(0, 2**32, 100, dtype=np.uint32).view(np.float32)
    return np.concatenate(
        [numbers[np.isfinite(numbers)], np.array([0.1, 1e-45, 3.4028235e38, 1 / 3, -0.0], np.float32)]
    )


def constants_case() -> Case:
    bits = some_floats().view(np.uint32).tolist()
    memory = f"memref<{len(bits)}xf32>"
    lines = [f"%k{i} = arith.constant {i} : index" for i in range(len(bits))]
    for i, value in enumerate(bits):
        lines += [f"%v{i} = arith.constant 0x{value:08x} : f32", f"memref.store %v{i}, %o[%k{i}] : {memory}"]
    lines.append("""
      %inf = arith.constant 0x7f800000 : f32
      %less = arith.constant 0xff800000 : f32
      %nan = arith.constant 0x7fc00000 : f32
      memref.store %inf, %special[%c0] : memref<3xf32>
      memref.store %less, %special[%c1] : memref<3xf32>
      memref.store %nan, %special[%c2] : memref<3xf32>
      %min = arith.constant -9223372036854775808 : i64
      %max = arith.constant 9223372036854775807 : i64
      memref.store %min, %whole[%c0] : memref<2xi64>
      memref.store %max, %whole[%c1] : memref<2xi64>
    """)
    return Case({}, {"o": memory, "special": "memref<3xf32>", "whole": "memref<2xi64>"}, "\n".join(lines))


WIDTHS = (5, 8, 16, 20, 32, 64)
INTEGER_CASES = {f"integers_{bits}": integers_case(bits) for bits in WIDTHS}


@pytest.fixture(scope="module")
def design(tmp_path_factory: pytest.TempPathFactory) -> Built:
    cases = {
        "floats_f32": floats_case("f32"),
        "floats_f64": floats_case("f64"),
        "comparisons": comparisons_case(),
        "conversions": conversions_case(),
        "constants": constants_case(),
        **INTEGER_CASES,
    }
    return built(module(cases), tmp_path_factory.getbasetemp() / "emitted" / "scalars")


@pytest.fixture(scope="module")
def native_design(tmp_path_factory: pytest.TempPathFactory) -> Built:
    folder = tmp_path_factory.getbasetemp() / "emitted" / "native"
    return built(module(INTEGER_CASES), folder, defines=["ST_NATIVE_INT"])


@pytest.mark.parametrize(("kind", "dtype", "tolerance"), [("f32", np.float32, 2e-6), ("f64", np.float64, 1e-14)])
def test_floats(design: Built, kind: str, dtype: Any, tolerance: float) -> None:
    rng = np.random.default_rng(0)
    arrays = {name: rng.uniform(0.1, 0.9, N).astype(dtype) for name in ("ma", "mb", "mc")}
    got = design.run_case(f"floats_{kind}", arrays)
    values = [array.astype(np.float64) for array in arrays.values()]
    for op, (arity, reference) in FLOATS.items():
        operands = [values[0] + 1] if op == "math.acosh" else values[:arity]
        want = reference(*operands)
        np.testing.assert_allclose(got[f"o_{short(op)}"], want, rtol=tolerance, atol=tolerance, err_msg=op)


def test_rounding_of_halves_and_negative_numbers(design: Built) -> None:
    x = (np.arange(N, dtype=np.float32) - N // 2) / 4
    got = design.run_case("floats_f32", {"ma": x, "mb": x, "mc": x})
    for op in ["math.ceil", "math.floor", "math.round", "math.roundeven", "math.trunc", "math.absf", "arith.negf"]:
        np.testing.assert_array_equal(got[f"o_{short(op)}"], FLOATS[op][1](x), err_msg=op)


def test_comparisons_and_extremes_with_nan(design: Built) -> None:
    special = np.array([np.nan, np.inf, -np.inf, 1.5, -2.0, 0.0, 3e38, -1e-38], np.float32)
    a, b = np.repeat(special, 8), np.tile(special, 8)
    got = design.run_case("comparisons", {"ma": a, "mb": b})
    for name, reference in {**SPECIAL, **FLOAT_TESTS}.items():
        np.testing.assert_array_equal(got[f"o_{short(name)}"], reference(a, b), err_msg=name)


@pytest.mark.parametrize("integers", ["ap_int", "native"])
@pytest.mark.parametrize("bits", WIDTHS)
def test_integers_wrap_at_their_width(request: pytest.FixtureRequest, integers: str, bits: int) -> None:
    used: Built = request.getfixturevalue("design" if integers == "ap_int" else "native_design")
    rng = np.random.default_rng(bits)
    least, most = -(1 << (bits - 1)), (1 << (bits - 1)) - 1
    a, b = rng.integers(least, most, N, endpoint=True), rng.integers(least, most, N, endpoint=True)
    a[:4] = [least, most, 0, -1]
    b[:4] = [3, -2, 5, 1]
    b[b == 0] = 1
    got = used.run_case(f"integers_{bits}", {"ma": a, "mb": b})
    pairs = list(zip(a.tolist(), b.tolist(), strict=True))
    for name, reference in {**INTEGERS, **INTEGER_TESTS}.items():
        want = [signed(int(reference(x, y, bits)), bits) for x, y in pairs]
        assert got[f"o_{short(name)}"].tolist() == want, name
    for name, count in counts_of(bits).items():
        assert got[f"o_{short(name)}"].tolist() == [signed(count(x, bits), bits) for x, _ in pairs], name


def test_conversions(design: Built) -> None:
    rng = np.random.default_rng(1)
    x = rng.uniform(-100, 100, N).astype(np.float32)
    k = rng.integers(-(2**31), 2**31, N).astype(np.int32)
    t = rng.integers(0, 2, N).astype(bool)
    got = design.run_case("conversions", {"mx": x, "mk": k, "mt": t})
    exact = x.astype(np.float64) * 0.3333333333333333
    want = {
        "o_f64": exact,
        "o_f32": exact.astype(np.float32),
        "o_whole": x.astype(np.int32),
        "o_count": np.abs(x).astype(np.int8),
        "o_small": k.astype(np.int8),
        "o_back": k.astype(np.uint8).astype(np.int64),
        "o_number": k.astype(np.float32),
        "o_positive": k.astype(np.uint32).astype(np.float32),
        "o_minus": -t.astype(np.float32),
        "o_all": -t.astype(np.int32),
        "o_both": (k % 2 == 1) & t,
        "o_bits": x.view(np.int32),
        "o_again": x,
        "o_square": np.arange(N) ** 2,
        "o_chosen": np.where(t, x, k.astype(np.float32)),
        "o_squared": x * x,
        "o_seventh": np.array([signed(v**7, 32) for v in k.tolist()]),
        "o_inverse": np.zeros(N),
    }
    assert set(want) == set(CONVERSION_TYPES)
    for name, value in want.items():
        np.testing.assert_array_equal(got[name], value, err_msg=name)


def test_constants_are_exact(design: Built) -> None:
    got = design.run_case("constants", {})
    np.testing.assert_array_equal(got["o"].view(np.uint32), some_floats().view(np.uint32))
    np.testing.assert_array_equal(got["special"], [np.inf, -np.inf, np.nan])
    np.testing.assert_array_equal(got["whole"], [-(2**63), 2**63 - 1])

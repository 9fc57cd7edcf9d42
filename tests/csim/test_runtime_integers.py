# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""ap_int and ap_uint against Python's integers; the native build against the exact one."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamtensor.diagnostics import UserError
from streamtensor.simulate.csim import Library, build

pytestmark = pytest.mark.needs("g++")

DESIGNS = Path(__file__).parent / "runtime_designs"
WORDS = 5


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.getbasetemp() / "csim_runtime"


@pytest.fixture(scope="module")
def integers(folder: Path) -> Library:
    return Library(build([DESIGNS / "integers.cpp"], folder, name="integers"))


@pytest.fixture(scope="module")
def exact(folder: Path) -> Library:
    return Library(build([DESIGNS / "quantised.cpp"], folder, name="exact"))


@pytest.fixture(scope="module")
def native(folder: Path) -> Library:
    return Library(build([DESIGNS / "quantised.cpp"], folder, defines=["ST_NATIVE_INT"], name="native"))


def wrap(value: int, width: int, signed: bool) -> int:
    value %= 2**width
    return value - 2**width if signed and value >= 2 ** (width - 1) else value


def to_words(value: int) -> list[int]:
    return [wrap(value >> (64 * i), 64, True) for i in range(WORDS)]


def trunc_div(a: int, b: int) -> int:
    return abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)


Value = tuple[int, int, bool]  # value, width, signed


def exact_ones(a: int, wa: int, sa: bool, b: int, wb: int, sb: bool) -> dict[str, Value]:
    """The operations whose result type holds every result, with the documented type."""
    signed = sa or sb
    common = max(wa + (sb and not sa), wb + (sa and not sb))
    out = {
        "a": (a, wa, sa),
        "b": (b, wb, sb),
        "a + b": (a + b, common + 1, signed),
        "a - b": (a - b, common + 1, True),
        "a * b": (a * b, wa + wb, signed),
        "a / b": (trunc_div(a, b), wa + sb, signed) if b else (a, wa, sa),
        "a % b": (a - b * trunc_div(a, b), min(wa, wb + (sa and not sb)), sa) if b else (a, wa, sa),
        "a & b": (a & b, common, signed),
        "a | b": (a | b, common, signed),
        "a ^ b": (a ^ b, common, signed),
        "~a": (wrap(~a, wa, sa), wa, sa),
        "-a": (-a, wa + 1, True),
    }
    for value, width, is_signed in out.values():
        assert wrap(value, width, is_signed) == value
    return out


def expected(a: int, wa: int, sa: bool, b: int, wb: int, sb: bool, n: int, high: int, low: int) -> dict[str, Value]:
    out = exact_ones(a, wa, sa, b, wb, sb)
    raw_a, raw_b = a % 2**wa, b % 2**wb
    mask = 2 ** (high - low + 1) - 1
    out["a << n"] = (wrap(a << n if n >= 0 else a >> -n, wa, sa), wa, sa)
    out["a >> n"] = (wrap(a >> n if n >= 0 else a << -n, wa, sa), wa, sa)
    for name, truth in (("<", a < b), ("<=", a <= b), ("==", a == b), ("!=", a != b), (">", a > b), (">=", a >= b)):
        out[f"a {name} b"] = (int(truth), 1, False)
    product = wrap(a * b, wa, sa)
    out["a += b"] = (wrap(a + b, wa, sa), wa, sa)
    out["a *= b"] = (product, wa, sa)
    out["++"] = (wrap(product + 1, wa, sa), wa, sa)
    out["--"] = (wrap(product + 1, wa, sa), wa, sa)
    out["convert"] = (wrap(a, wb, sb), wb, sb)
    out["range"] = (raw_a >> low & mask, 320, False)
    out["set range"] = (wrap(raw_a & ~(mask << low) | (wrap(b, 320, False) & mask) << low, wa, sa), wa, sa)
    out["bit"] = (raw_a >> low & 1, 1, False)
    out["set bit"] = (wrap(raw_a ^ 1 << low, wa, sa), wa, sa)
    out["concat"] = (raw_a << wb | raw_b, wa + wb, False)
    out["a + 1"] = (a + 1, max(wa + (not sa), 32) + 1, True)
    out["3 - a"] = (3 - a, max(wa + (not sa), 32) + 1, True)
    out["-5 * a"] = (-5 * a, wa + 64, True)
    out["xor"] = (raw_a.bit_count() % 2, 1, False)
    return out


PAIRS = ["s8_s8", "u8_s8", "s4_u13", "s32_s32", "s33_u7", "u64_s64", "s70_u64", "u128_s128", "s150_u130", "u1_s9"]


def integer(width: int, signed: bool) -> st.SearchStrategy[int]:
    """Any value, with the ends of the range and small ones more often than chance."""
    low, high = (-(2 ** (width - 1)), 2 ** (width - 1) - 1) if signed else (0, 2**width - 1)
    ends = st.sampled_from([low, min(high, low + 1), 0, min(1, high), high])
    return st.one_of(ends, st.integers(low, high))


@pytest.mark.parametrize("pair", PAIRS)
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_operations_equal_those_of_python(integers: Library, pair: str, data: st.DataObject) -> None:
    (sa, wa), (sb, wb) = ((part[0] == "s", int(part[1:])) for part in pair.split("_"))
    a, b = data.draw(integer(wa, sa)), data.draw(integer(wb, sb))
    n = data.draw(st.integers(-wa - 2, wa + 2))
    low = data.draw(st.integers(0, wa - 1))
    high = data.draw(st.integers(low, wa - 1))
    out = np.zeros(64 * (2 + WORDS), np.int64)
    integers.call(pair, [np.array([*to_words(a), *to_words(b), n, high, low], np.int64), out])
    want = expected(a, wa, sa, b, wb, sb, n, high, low)
    for row, (name, (value, width, signed)) in zip(out.reshape(64, 2 + WORDS), want.items(), strict=False):
        assert (row[0], bool(row[1])) == (width, signed), name
        assert row[2:].tolist() == to_words(value), f"{name} of {a} and {b}, n={n}, range {high}:{low}"


@pytest.mark.parametrize("pair", PAIRS)
def test_conversion_from_and_to_real_numbers(integers: Library, pair: str) -> None:
    signed, width = pair[0] == "s", int(pair.split("_")[0][1:])
    for a in {0, 1, 2 ** (width - 2) if width > 1 else 1, -(2 ** (width - 1)) if signed else 2**width - 1}:
        if abs(a) >= 2**64:
            continue  # beyond 64 bits a real number is reduced to 64 bits
        out = np.zeros(64 * (2 + WORDS), np.int64)
        integers.call(pair, [np.array([*to_words(a), *to_words(1), 0, 0, 0], np.int64), out])
        position = len(expected(a, width, signed, 1, 8, True, 0, 0, 0))
        assert out.reshape(64, -1)[position][2:].tolist() == to_words(int(float(a) / 4))


def quantised(library: Library, seed: int) -> tuple[bytes, tuple[str | None, ...], np.ndarray]:
    random = np.random.default_rng(seed)
    x = random.integers(-128, 128, 8, dtype=np.int8)
    w = random.integers(-8, 8, (16, 8))
    packed = ((w[:, 0::2] & 15) | (w[:, 1::2] & 15) << 4).astype(np.uint8)
    y = np.zeros(16, np.int8)
    report = library.call("quantised", [x, packed, y], hashes=True)
    assert report.deadlock is None
    assert {fifo.name: fifo.width_bits for fifo in report.fifos} == {"xs": 64, "ws": 32, "sums": 32}
    want = np.clip((w @ x.astype(np.int64) * 1518500250 + (1 << 33)) >> 34, -128, 127)
    np.testing.assert_array_equal(y, want)
    return y.tobytes(), tuple(fifo.hash for fifo in report.fifos), want


def test_native_equals_exact_with_equal_hashes(exact: Library, native: Library) -> None:
    spread: set[int] = set()
    for seed in range(20):
        y, hashes, want = quantised(exact, seed)
        assert (y, hashes) == quantised(native, seed)[:2]
        spread |= set(want.tolist())
    assert len(spread) > 20


def test_two_libraries_have_two_runtimes(exact: Library, native: Library) -> None:
    # Interleaved calls: a runtime that the two shared would mix up their settings and records.
    first = exact.call("divide", [np.array([7, 2], np.int8), np.zeros(1, np.int8)])
    quantised(native, 0)
    again = exact.call("divide", [np.array([7, 2], np.int8), np.zeros(1, np.int8)])
    assert first == again
    assert again.fifos == ()


def test_division_by_zero_is_an_error(exact: Library) -> None:
    y = np.zeros(1, np.int8)
    exact.call("divide", [np.array([-7, 2], np.int8), y])
    assert y[0] == -3
    with pytest.raises(UserError, match="integer division by zero") as caught:
        exact.call("divide", [np.array([7, 0], np.int8), y])
    assert caught.value.code == "ST0603"


@pytest.mark.parametrize("library", ["exact", "native"])
def test_range_outside_of_the_integer_is_an_error(library: str, request: pytest.FixtureRequest) -> None:
    with pytest.raises(UserError, match="bit range outside"):
        request.getfixturevalue(library).call("bits", [np.zeros(1, np.int8), np.zeros(1, np.int8)])

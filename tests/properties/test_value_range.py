# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The range of a value holds every number that it takes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streamtensor.dialects import context
from streamtensor.ir.core import SSAValue
from streamtensor.ir.text import parse_module
from streamtensor.transforms.resources.value_range import signed_bits, value_range

BITS = 16
BINARY = ("addi", "subi", "muli", "maxsi", "minsi", "andi")
BY_CONSTANT = ("shli", "shrsi", "shrui")


def wrapped(x: int) -> int:
    return (x + (1 << (BITS - 1))) % (1 << BITS) - (1 << (BITS - 1))


def computed(name: str, a: int, b: int) -> int:
    match name:
        case "addi":
            return wrapped(a + b)
        case "subi":
            return wrapped(a - b)
        case "muli":
            return wrapped(a * b)
        case "maxsi":
            return max(a, b)
        case "minsi":
            return min(a, b)
        case "andi":
            return a & b
        case "shli":
            return wrapped(a << b)
        case "shrsi":
            return a >> b
        case _:
            return wrapped((a % (1 << BITS)) >> b)


@st.composite
def programs(draw: st.DrawFn) -> list[tuple[str, int, int]]:
    """Operations on the values before them, of which the first is an i8; a shift is by the number itself."""
    count = draw(st.integers(1, 12))
    found: list[tuple[str, int, int]] = []
    for place in range(count):
        name = draw(st.sampled_from((*BINARY, *BY_CONSTANT, "constant", "absi")))
        most = place + 1
        second = draw(st.integers(0, 15) if name in BY_CONSTANT else st.integers(0, most - 1))
        found.append((name, draw(st.integers(-300, 300) if name == "constant" else st.integers(0, most - 1)), second))
    return found


@given(programs(), st.lists(st.integers(-128, 127), min_size=1, max_size=8))
def test_every_value_lies_within_its_range(program: list[tuple[str, int, int]], inputs: list[int]) -> None:
    lines = [f"%v0 = arith.extsi %x : i8 to i{BITS}"]
    for place, (name, a, b) in enumerate(program, 1):
        if name == "constant":
            lines.append(f"%v{place} = arith.constant {a} : i{BITS}")
        elif name == "absi":
            lines.append(f"%v{place} = math.absi %v{a} : i{BITS}")
        elif name in BY_CONSTANT:
            lines.append(f"%c{place} = arith.constant {b} : i{BITS}")
            lines.append(f"%v{place} = arith.{name} %v{a}, %c{place} : i{BITS}")
        else:
            lines.append(f"%v{place} = arith.{name} %v{a}, %v{b} : i{BITS}")
    module = parse_module(context(), "func.func @f(%x: i8) {\n" + "\n".join(lines) + "\nfunc.return\n}")
    made: dict[str, SSAValue] = {}
    for op in [o for o in module.walk() if o.results]:
        made[op.results[0].name_hint or ""] = op.results[0]
    for x in inputs:
        values = [x]
        for name, a, b in program:
            if name == "constant":
                values.append(a)
            elif name == "absi":
                values.append(wrapped(abs(values[a])))
            else:
                values.append(computed(name, values[a], b if name in BY_CONSTANT else values[b]))
        for place, value in enumerate(values):
            ssa = made[f"v{place}"]
            found = value_range(ssa, {})
            assert found is not None
            assert found[0] <= value <= found[1]
            bits = signed_bits(ssa)
            assert bits is not None
            assert -(1 << (bits - 1)) <= value < 1 << (bits - 1)

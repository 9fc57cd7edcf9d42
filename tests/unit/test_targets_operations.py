# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The tables of operation costs."""

from itertools import product

import pytest

from streamtensor.diagnostics import UserError
from streamtensor.dialects import context
from streamtensor.ir.core import Operation
from streamtensor.ir.text import parse_module
from streamtensor.targets import device_names, load_device
from streamtensor.targets.operations import Cost, family_names, load_operations
from streamtensor.transforms.resources.operation_costs import LINES, operation_cost


def test_every_device_has_a_family_and_every_line_a_source() -> None:
    assert {load_device(name).family for name in device_names()} <= set(family_names())
    for family in family_names():
        table = load_operations(family)
        assert table.family == family
        assert all(table.sources.values())
        assert len(table.sources) == sum(map(len, table.costs.values())) + len(table.memories) + 1
        assert {"registers", "lutram", "bram", "uram"} == set(table.memories)
        assert {*LINES.values(), "float_function"} == set(table.costs)
        for lines in table.costs.values():
            widths = [(line.bits, line.other) for line in lines]
            assert widths == sorted(set(widths))
            assert all(line.other <= line.bits for line in lines)
            for narrow, wide in product(lines, lines):
                if narrow.bits <= wide.bits and narrow.other <= wide.other:
                    assert narrow.cost.cycles <= wide.cost.cycles
                    assert narrow.cost.dsp <= wide.cost.dsp


def test_an_unknown_family() -> None:
    with pytest.raises(UserError) as caught:
        load_operations("ultrascale")
    assert caught.value.code == "ST0401"
    assert "ultrascale_plus" in caught.value.hint


def test_the_narrowest_line_that_fits() -> None:
    table = load_operations("ultrascale_plus")
    assert table.cost("int_mul", 8) == Cost(3, 0.5)
    assert table.cost("int_mul", 9).dsp == 1
    assert table.cost("int_mul", 128) == table.cost("int_mul", 64)
    assert (table.cost("int_mul", 27, 18).dsp, table.cost("int_mul", 27, 19).dsp) == (
        1,
        2,
    )  # a port of 27 and one of 18


@pytest.mark.parametrize(
    ("line", "cycles", "dsp"),
    [
        ("%r = arith.addf %f, %f : f32", 4, 2),
        ("%r = arith.mulf %v, %v : vector<4xf32>", 3, 12),
        ("%r = arith.addi %i, %i : i32", 1, 0),
        ("%r = arith.muli %i, %i : i32", 5, 4),
        # Synthesis sees that only 8 bits count, and that a power of two is a shift.
        ("%r = arith.muli %wide, %wide : i32", 3, 0.5),
        ("%r = arith.muli %held, %held : i32", 3, 1),  # what is held between -1024 and 1023 has 11 bits
        ("%r = arith.muli %i, %held : i32", 4, 2),
        ("%r = arith.muli %i, %sixteen : i32", 0, 0),
        ("%r = arith.divsi %i, %sixteen : i32", 0, 0),
        ("%r = arith.divsi %i, %i : i32", 36, 0),
        ("%r = arith.shrsi %i, %sixteen : i32", 0, 0),
        ("%r = arith.shrsi %i, %i : i32", 1, 0),
        ("%r = arith.addi %n, %n : index", 0, 0),
        ("%r = math.tanh %f : f32", 40, 20),
    ],
)
def test_what_an_operation_costs(line: str, cycles: int, dsp: float) -> None:
    text = f"""
    func.func @f(%f: f32, %v: vector<4xf32>, %i: i32, %narrow: i8, %n: index) {{
      %wide = arith.extsi %narrow : i8 to i32
      %sixteen = arith.constant 16 : i32
      %least = arith.constant -1024 : i32
      %most = arith.constant 1023 : i32
      %above = arith.maxsi %i, %least : i32
      %held = arith.minsi %above, %most : i32
      {line}
      func.return
    }}"""
    module = parse_module(context(), text)
    found: list[Operation] = [op for op in module.walk() if op.results and op.results[0].name_hint == "r"]
    cost = operation_cost(found[0], load_operations("ultrascale_plus"))
    assert (cost.cycles, cost.dsp) == (cycles, dsp)

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What is made faster in the IR framework does the same as before."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest

from streamtensor.dialects import context
from streamtensor.ir import arith, core, func, linalg
from streamtensor.ir.builtin import AffineMapAttr, DenseArrayBase, FloatAttr, ModuleOp, f32, i32, i64
from streamtensor.ir.collection import loaded_objects_set_aside
from streamtensor.ir.printing import text_of
from streamtensor.ir.text import parse_module

FILES = sorted((Path(__file__).parents[1] / "golden").glob("*.mlir"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_same_text(file: Path) -> None:
    module = parse_module(context(), file.read_text(encoding="utf-8"))
    assert text_of(module) == str(module)  # what the framework prints


def test_the_same_text_of_numbers_and_strings() -> None:
    constants = [arith.ConstantOp(FloatAttr(number, f32)) for number in (0.0, -0.0, 1.5)]
    last = func.ReturnOp(constants[0].result)
    strings = ("plain", 'a "quote" and a \\', "line\nbreak", "ümlaut", "tab\t", "")
    last.attributes.update({f"s{n}": parse_string(text) for n, text in enumerate(strings)})
    module = ModuleOp([func.FuncOp("f", ((), (f32,)), core.Region(core.Block([*constants, last])))])
    text = text_of(module)
    assert text == str(module)  # what the framework prints
    assert "-0.000000e+00" in text


def parse_string(text: str) -> core.Attribute:
    from streamtensor.ir.builtin import StringAttr

    return StringAttr(text)


def test_arrays_are_unpacked() -> None:
    array = DenseArrayBase.from_list(i64, [1, -2, 3])
    assert array.get_values() == (1, -2, 3)
    assert array.get_values() == (1, -2, 3)
    assert DenseArrayBase.from_list(i64, [1, -2, 4]).get_values() == (1, -2, 4)
    assert array == DenseArrayBase.from_list(i64, [1, -2, 3])


def test_wrong_numbers_of_operands_are_found() -> None:
    one = arith.ConstantOp.from_int_and_width(1, i32)
    sum_of_one = arith.AddiOp.create(operands=[one.result], result_types=[i32])
    with pytest.raises(core.VerifyException, match="Expected 2 operands, but got 1"):
        sum_of_one.verify()
    without_result = arith.AddiOp.create(operands=[one.result, one.result], result_types=[])
    with pytest.raises(core.VerifyException, match="Expected 1 result, but got 0"):
        without_result.verify()
    with pytest.raises(core.VerifyException, match="region"):
        func.FuncOp.create(properties=func.FuncOp("f", ((), ())).properties).verify()


def test_segments_that_do_not_add_up_are_found() -> None:
    one = arith.ConstantOp.from_int_and_width(1, i32)
    body = core.Block(arg_types=[i32, i32])
    body.add_op(linalg.YieldOp(body.args[0]))
    maps = [AffineMapAttr(core.AffineMap(0, 0, ()))] * 2
    generic = linalg.GenericOp([one.result], [one.result], core.Region(body), maps, [], [i32])
    generic.properties["operandSegmentSizes"] = DenseArrayBase.from_list(i32, [2, 1])
    with pytest.raises(core.VerifyException, match="operand count"):
        generic.verify()


def test_loaded_objects_come_back() -> None:
    before = gc.get_freeze_count()
    with loaded_objects_set_aside():
        assert gc.get_freeze_count() > before
    assert gc.get_freeze_count() == 0


def recursive(op: core.Operation) -> list[core.Operation]:
    """An operation and all inside of it, as the framework documents its walk."""
    inside = [inner for region in op.regions for block in region.blocks for inner in block.ops]
    return [op, *(found for inner in inside for found in recursive(inner))]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_same_walk(file: Path) -> None:
    module = parse_module(context(), file.read_text(encoding="utf-8"))
    assert list(module.walk()) == recursive(module)
    assert list(module.walk(reverse=True, region_first=True)) == recursive(module)[::-1]


def test_what_is_walked_may_be_erased_and_emptied() -> None:
    def function(name: str) -> func.FuncOp:
        made = func.FuncOp(name, ((), ()))
        made.body.block.add_ops([arith.ConstantOp.from_int_and_width(1, 32), func.ReturnOp()])
        return made

    module = ModuleOp([function("a"), function("b"), function("c")])
    seen: list[str] = []
    for op in module.walk():
        seen.append(op.name)
        if isinstance(op, func.FuncOp) and op.sym_name.data == "b":
            op.detach()  # what it holds is walked all the same, and then what stood behind it
        elif isinstance(op, func.FuncOp) and op.sym_name.data == "c":
            constant = op.body.block.first_op
            assert constant is not None
            constant.detach()  # looked at afterwards
    inside = ["func.func", "arith.constant", "func.return"]
    assert seen == ["builtin.module", *inside, *inside, "func.func", "func.return"]

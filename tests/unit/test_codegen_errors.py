# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What has no C++ is an error that names the operation and the model's line."""

from __future__ import annotations

import pytest

from streamtensor.codegen.emit import emit_code
from streamtensor.diagnostics import UserError
from streamtensor.dialects import context
from streamtensor.ir.text import parse_module

MODULE = """
func.func private @work(%x: memref<4x4xTYPE>) attributes {{dataflow.place = "device"}} {{
  {outside}
  dataflow.kernel "work" ins(%x : memref<4x4xTYPE>) {{
  ^bb0(%m: memref<4x4xTYPE>):
    {kernel}
    dataflow.task "work" {{
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %c4 = arith.constant 4 : index
      {task}
      dataflow.yield
    }} {{dataflow.loc = "model.py:88 self.c_fc(x)"}}
    dataflow.yield
  }}
  func.return
}}
func.func @main(%x: memref<4x4xTYPE> {{dataflow.name = "x"}}) {{
  {main}
  func.call @work(%x) : (memref<4x4xTYPE>) -> ()
  func.return
}}
"""


def failure(*, outside: str = "", kernel: str = "", task: str = "", main: str = "", scalar: str = "f32") -> UserError:
    text = MODULE.format(outside=outside, kernel=kernel, task=task, main=main).replace("TYPE", scalar)
    module = parse_module(context(), text)
    with pytest.raises(UserError) as caught:
        emit_code(module)
    assert caught.value.code == "ST0306"
    return caught.value


def test_the_module_itself_is_fine() -> None:
    text = MODULE.format(outside="", kernel="", task="", main="").replace("TYPE", "f32")
    assert "hls/work.cpp" in emit_code(parse_module(context(), text))


def test_an_operation_without_an_entry_is_named_with_the_models_line() -> None:
    error = failure(task='%g = "memref.get_global"() <{name = @g}> : () -> memref<4xf32>')
    assert "memref.get_global" in error.message
    assert error.location is not None
    assert (error.location.file, error.location.line, error.location.text) == ("model.py", 88, "self.c_fc(x)")


@pytest.mark.parametrize(
    ("task", "word"),
    [
        (
            "%p = arith.constant 0.0 : f32\n"
            "%v = vector.transfer_read %m[%c0, %c0], %p : memref<4x4xf32>, vector<4xf32>\n"
            "vector.transfer_write %v, %m[%c0, %c0] {in_bounds = [true]} : vector<4xf32>, memref<4x4xf32>",
            "bounds",
        ),
        ('%b = memref.alloc() {dataflow.memory = "tape"} : memref<4xf32>', "tape"),
        ("%b = memref.alloc() {dataflow.partition = [4, 1]} : memref<4xf32>", "banks"),
        ("%b = memref.alloc(%c4) : memref<?xf32>", "not known at compile time"),
        (
            "%b = memref.alloc() : memref<4xf32>\n"
            "%r = scf.for %i = %c0 to %c4 step %c1 iter_args(%a = %b) -> (memref<4xf32>) {\n"
            "  scf.yield %a : memref<4xf32>\n}",
            "carries a memref",
        ),
        (
            "%b = memref.alloc() : memref<4x4xf32>\n"
            "%v = memref.collapse_shape %b [[0, 1]] : memref<4x4xf32> into memref<16xf32>\n"
            "%e = memref.load %v[%c0] : memref<16xf32>\n"
            "memref.store %e, %b[%c0, %c0] : memref<4x4xf32>",
            "another shape",
        ),
    ],
)
def test_what_a_task_must_not_hold(task: str, word: str) -> None:
    assert word in failure(task=task).message


def test_types_without_a_form() -> None:
    load = "%e = memref.load %m[%c0, %c0] : memref<4x4xf16>\nmemref.store %e, %m[%c1, %c1] : memref<4x4xf16>"
    assert "f16" in failure(task=load, scalar="f16").message


def test_numbers_of_four_bits_are_not_written_outside_the_chip() -> None:
    load = "%e = memref.load %m[%c0, %c0] : memref<4x4xi4>\nmemref.store %e, %m[%c1, %c1] : memref<4x4xi4>"
    assert "4-bit numbers outside the chip that are written" in failure(task=load, scalar="i4").message


def test_only_tasks_compute_in_a_kernel() -> None:
    error = failure(kernel="%i = arith.constant 1.0 : f32\n%j = arith.addf %i, %i : f32")
    assert "arith.addf" in error.message


@pytest.mark.parametrize("place", ["outside", "main"])
def test_nothing_is_computed_between_launches(place: str) -> None:
    operations = "%i = arith.constant 1.0 : f32\n%j = arith.addf %i, %i : f32"
    assert "between the launches" in failure(**{place: operations}).message


def test_buffers_outside_the_chip_have_widths_that_numpy_has() -> None:
    assert "i12" in failure(scalar="i12").message

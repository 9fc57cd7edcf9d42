# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""bufferize: which buffer a result fills, and what may not be overwritten."""

import pytest

from streamtensor.diagnostics import UserError
from streamtensor.dialects import context
from streamtensor.ir.builtin import ModuleOp
from streamtensor.ir.text import parse_module, verify_module
from streamtensor.simulate import interpreter
from streamtensor.transforms.lowering.bufferize import BufferizePass
from streamtensor.transforms.lowering.convert_linalg_to_loops import ConvertLinalgToLoopsPass

CONTEXT = context()


def generic(result: str, ins: str, outs: str, body: str) -> str:
    """`result = body(a, o)` for every element, a of `ins` and o of what `outs` starts from."""
    return f"""
  {result} = linalg.generic {{
    indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]
  }} ins({ins} : tensor<4xf32>) outs({outs} : tensor<4xf32>) {{
  ^bb0(%a: f32, %o: f32):
    %s = {body} : f32
    linalg.yield %s : f32
  }} -> tensor<4xf32>"""


def main(results: str, body: str, place: str = "host") -> str:
    types = ", ".join(["tensor<4xf32>"] * (results.count(",") + 1))
    return (
        f"func.func @main(%x: tensor<4xf32>, %y: tensor<4xf32>) -> ({types}) "
        f'attributes {{dataflow.place = "{place}"}} {{'
        f"\n  %e = tensor.empty() : tensor<4xf32>{body}\n  func.return {results} : {types}\n}}\n"
    )


def lower(text: str) -> ModuleOp:
    """The program on buffers; its numbers are compared."""
    module = parse_module(CONTEXT, text)
    verify_module(module)
    inputs = interpreter.random_inputs(module, "main", 0)
    wanted = interpreter.run(module, inputs)
    for one in (BufferizePass(), ConvertLinalgToLoopsPass()):
        one.apply(CONTEXT, module)
        verify_module(module)
        assert interpreter.compare(interpreter.run(module, inputs), wanted) == 0
    return module


EXP = generic("%p", "%x", "%e", "math.exp %a")


@pytest.mark.parametrize("results", ["%q", "%p", "%p, %q", "%q, %p", "%q, %p, %r", "%r, %q", "%q, %q"])
def test_a_destination_that_others_read_is_not_overwritten(results: str) -> None:
    """%q updates %p, which %r still reads."""
    more = generic("%q", "%y", "%p", "arith.addf %a, %o") + generic("%r", "%p", "%e", "math.exp %a")
    lower(main(results, EXP + more))


def test_an_input_is_not_overwritten() -> None:
    lower(main("%q", generic("%q", "%y", "%x", "arith.addf %a, %o")))


def test_a_destination_behind_a_view_of_something_that_others_read_is_not_overwritten() -> None:
    views = """
  %v = tensor.expand_shape %p [[0, 1]] output_shape [2, 2] : tensor<4xf32> into tensor<2x2xf32>
  %w = tensor.collapse_shape %v [[0, 1]] : tensor<2x2xf32> into tensor<4xf32>"""
    more = generic("%q", "%y", "%w", "arith.addf %a, %o") + generic("%r", "%p", "%e", "math.exp %a")
    lower(main("%q, %r", EXP + views + more))


def test_an_update_of_a_value_that_nobody_else_reads_takes_no_copy() -> None:
    text = main("%q", EXP + generic("%q", "%y", "%p", "arith.addf %a, %o"))
    names = [op.name for op in lower(text).walk()]
    assert names.count("scf.for") == 2
    assert "memref.alloc" not in names


@pytest.mark.parametrize("results", ["%x", "%x, %y"])
def test_a_device_function_does_not_copy(results: str) -> None:
    module = parse_module(CONTEXT, main(results, "", "device"))
    with pytest.raises(UserError, match="returns a value that no kernel of it makes") as caught:
        BufferizePass().apply(CONTEXT, module)
    assert caught.value.code == "ST0306"

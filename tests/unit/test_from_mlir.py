# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""From MLIR's Python bindings to the IR framework: the same module as through text, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from streamtensor.diagnostics import UserError
from streamtensor.importers.from_mlir import translate
from streamtensor.ir.builtin import ModuleOp
from streamtensor.ir.core import Operation
from streamtensor.ir.linalg import GenericOp
from streamtensor.ir.text import make_context, parse_module, print_module, verify_module

SOURCE = """
func.func @f(%x: tensor<4x8xi8>, %y: tensor<1x4x8xi32>) -> (tensor<4xi32>, tensor<4x8xi32>, tensor<2x8xi8>) {
  %c3 = arith.constant 3 : i32
  %many = arith.constant dense<[1, 2, 3, 4]> : tensor<4xi32>
  %flat = tensor.collapse_shape %y [[0, 1], [2]] : tensor<1x4x8xi32> into tensor<4x8xi32>
  %e0 = tensor.empty() : tensor<4x8xi32>
  %s:2 = linalg.generic {
      indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i)>,
                       affine_map<(i, j) -> (i, j)>],
      iterator_types = ["parallel", "reduction"]}
      ins(%x, %flat : tensor<4x8xi8>, tensor<4x8xi32>) outs(%many, %e0 : tensor<4xi32>, tensor<4x8xi32>) {
    ^bb0(%a: i8, %b: i32, %sum: i32, %old: i32):
      %w = arith.extsi %a : i8 to i32
      %p = arith.muli %w, %b : i32
      %q = arith.addi %p, %sum overflow<nsw> : i32
      %low = arith.trunci %q : i32 to i8
      %is = arith.cmpi slt, %q, %c3 : i32
      %r = arith.select %is, %q, %p : i32
      linalg.yield %q, %r : i32, i32
  } -> (tensor<4xi32>, tensor<4x8xi32>)
  %part = tensor.extract_slice %x[1, 0] [2, 8] [2, 1] : tensor<4x8xi8> to tensor<2x8xi8>
  return %s#0, %s#1, %part : tensor<4xi32>, tensor<4x8xi32>, tensor<2x8xi8>
}
"""


def mlir_module(source: str) -> Any:
    """The module of MLIR's Python bindings, which holds its context."""
    mlir = bindings()
    context = mlir.Context()
    context.allow_unregistered_dialects = True
    return mlir.Module.parse(source, context)


def bindings() -> Any:
    from torch_mlir import ir

    return ir


def without_names(module: ModuleOp) -> str:
    """The text with numbers as the names of all values."""
    for op in module.walk():
        for value in [*op.results, *(argument for region in op.regions for argument in region.block.args)]:
            value.name_hint = None
    return print_module(module)


def no_label(op: Operation) -> str:
    del op
    return ""


def test_it_is_what_the_text_says() -> None:
    source = mlir_module(SOURCE)
    made = translate(source.operation, make_context(), no_label)
    verify_module(made)
    text = source.operation.get_asm(print_generic_op_form=True)
    read = parse_module(make_context(), text.replace(" <{overflowFlags = #arith.overflow<none>}>", ""))
    assert without_names(made) == without_names(read)


def test_the_arguments_of_bodies_have_names() -> None:
    made = translate(mlir_module(SOURCE).operation, make_context(), no_label)
    (generic,) = [op for op in made.walk() if isinstance(op, GenericOp)]
    assert [argument.name_hint for argument in generic.body.block.args] == ["in", "in", "out", "out"]


def test_labels_become_attributes() -> None:
    def label(op: Any) -> str:
        return "model.py:88 x + y" if op.name == "arith.muli" else ""

    made = translate(mlir_module(SOURCE).operation, make_context(), label)
    marked = {op.name: str(op.attributes["dataflow.loc"]) for op in made.walk() if "dataflow.loc" in op.attributes}
    assert marked == {"arith.muli": '"model.py:88 x + y"'}


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ('func.func @f() { "other.thing"() : () -> () return }', "operation other.thing"),
        ("func.func private @f(!torch.int)", "torch.int"),
        ("func.func @f(%c: i1) { cf.cond_br %c, ^a, ^b ^a: return ^b: return }", "control flow"),
    ],
)
def test_what_is_refused(source: str, words: str) -> None:
    from torch_mlir.dialects import torch

    module = mlir_module("module {}")
    torch.register_dialect(module.context)
    parsed = bindings().Module.parse(source, module.context)
    with pytest.raises(UserError, match=words) as caught:
        translate(parsed.operation, make_context(), lambda op: "model.py:7 f(x)" if op.name == "func.func" else "")
    assert caught.value.code == "ST0104"

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What is checked around passes: the IR, the numbers, the operations of a level."""

from dataclasses import dataclass

import pytest

from streamtensor.diagnostics import InternalError, UserError
from streamtensor.dialects import context
from streamtensor.flow.passes import PassRunner
from streamtensor.ir import arith, func
from streamtensor.ir.builtin import ModuleOp
from streamtensor.ir.core import Context, ModulePass, Rewriter
from streamtensor.ir.spec import LEVELS
from streamtensor.ir.text import parse_module, verify_module
from streamtensor.pipelines import LEVEL_FILES, Choices, all_passes, passes_to

CONTEXT = context()
PROGRAM = """
func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
  %y = arith.mulf %x, %x : tensor<4xf32>
  func.return %y : tensor<4xf32>
}
"""


@dataclass(frozen=True)
class WrongNumbers(ModulePass):
    """x * x becomes x + x."""

    name = "wrong-numbers"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for product in [p for p in op.walk() if isinstance(p, arith.MulfOp)]:
            Rewriter.replace_op(product, arith.AddfOp(product.lhs, product.rhs))


@dataclass(frozen=True)
class WrongTypes(ModulePass):
    """A function returns nothing, against its type."""

    name = "wrong-types"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for back in [r for r in op.walk() if isinstance(r, func.ReturnOp)]:
            Rewriter.replace_op(back, func.ReturnOp())


@dataclass(frozen=True)
class Nothing(ModulePass):
    """Leaves the module as it is."""

    name = "nothing"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        pass


def test_numbers_that_change_name_the_pass() -> None:
    module = parse_module(CONTEXT, PROGRAM)
    runner = PassRunner(CONTEXT, verify_numerics=True)
    with pytest.raises(InternalError, match="the pass wrong-numbers changed output 0: largest relative difference"):
        runner.run(module, "tensor", (Nothing(), WrongNumbers(), Nothing()))


def test_numbers_are_only_compared_when_asked_for() -> None:
    runner = PassRunner(CONTEXT)
    runner.run(parse_module(CONTEXT, PROGRAM), "tensor", (WrongNumbers(),))
    assert set(runner.timings) == {"wrong-numbers", "verify"}


def test_numbers_are_compared_with_those_before_the_first_level() -> None:
    module = parse_module(CONTEXT, PROGRAM)
    runner = PassRunner(CONTEXT, verify_numerics=True)
    runner.run(module, "tensor", (Nothing(),))
    with pytest.raises(InternalError, match="wrong-numbers"):
        runner.run(module, "dataflow", (WrongNumbers(),))


@pytest.mark.parametrize(("verify_each", "named"), [(True, "wrong-types"), (False, "nothing")])
def test_ir_that_does_not_verify_names_the_last_pass_before_the_check(verify_each: bool, named: str) -> None:
    runner = PassRunner(CONTEXT, verify_each=verify_each)
    with pytest.raises(InternalError, match=f"does not verify after the pass {named}"):
        runner.run(parse_module(CONTEXT, PROGRAM), "tensor", (WrongTypes(), Nothing()))


def test_an_operation_that_a_level_does_not_allow_names_the_pass() -> None:
    text = (
        "func.func @main() {\n  %c = arith.constant 0 : index\n  scf.for %i = %c to %c step %c {\n  }\n  func.return\n}"
    )
    with pytest.raises(UserError, match=r"scf.for is not an operation of the tensor level \(after nothing\)") as caught:
        PassRunner(CONTEXT).run(parse_module(CONTEXT, text), "tensor", (Nothing(),))
    assert caught.value.code == "ST0303"


def test_no_linalg_and_no_itensor_is_left_at_the_stream_level() -> None:
    stream = LEVELS["stream"]
    assert all(
        not stream.allows(name)
        for name in ("linalg.generic", "tensor.empty", "dataflow.itensor_read", "dataflow.itensor_empty", "cf.br")
    )
    assert all(stream.allows(name) for name in ("dataflow.stream", "dataflow.stream_read", "scf.for", "memref.load"))


def test_every_level_has_a_file_a_spec_and_passes_that_opt_knows() -> None:
    known = all_passes()
    for level in LEVEL_FILES:
        assert LEVELS[level].level == level
        assert passes_to(level, Choices())
        assert all(known[one.name] is type(one) for one in passes_to(level, Choices()))


def test_fusion_leaves_room_for_fifos() -> None:
    fuse, *_ = passes_to("fused", Choices(on_chip_bits=1000))
    assert getattr(fuse, "limit_bits") == 850  # noqa: B009  # the field of one pass, behind the type of all


def test_the_line_of_a_fault_is_not_that_of_a_comment() -> None:
    text = """// arith.addf in a comment
func.func @main(%x: f32) -> f32 {
  %s = arith.addf %x, %x {note = "// arith.addf"} : f32  // arith.addf arith.addf
  %t = "arith.addf"(%s, %s) : (f32, f32) -> f64
  func.return %s : f32
}
"""
    with pytest.raises(UserError) as caught:
        verify_module(parse_module(CONTEXT, text), text, "file.mlir")
    assert caught.value.location is not None
    assert (caught.value.location.file, caught.value.location.line) == ("file.mlir", 4)

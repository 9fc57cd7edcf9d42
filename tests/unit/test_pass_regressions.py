# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Small programs that passes once got wrong, led to the stream level; numbers are compared after every pass."""

import pytest

from streamtensor.algebra.layout import StreamLayout
from streamtensor.dialects import context
from streamtensor.dialects.dataflow import ITensorType, KernelOp, StreamOp, TaskOp
from streamtensor.ir.builtin import ModuleOp, TensorType, f32
from streamtensor.ir.text import parse_module, verify_module
from streamtensor.pipelines import LEVEL_FILES, Choices, passes_to
from streamtensor.simulate import interpreter
from streamtensor.transforms.build import UniqueNames
from streamtensor.transforms.fusion.fuse_kernels import FuseKernelsPass
from streamtensor.transforms.fusion.on_chip import converter_bits, local_bits

CONTEXT = context()


def program(signature: str, result: str, body: str) -> str:
    """A module whose `main` calls one device function with `body`; `signature` names and types one argument, %x."""
    return f"""
func.func private @device(%x: {signature}) -> {result} attributes {{dataflow.place = "device"}} {{
{body}
}}
func.func @main(%x: {signature}) -> {result} {{
  %r = func.call @device(%x) : ({signature}) -> {result}
  func.return %r : {result}
}}
"""


def lead_down(text: str, *, to: str = "stream", keep: FuseKernelsPass | None = None) -> ModuleOp:
    """The module of `text` at level `to`; `keep` takes the place of the usual fusion."""
    module = parse_module(CONTEXT, text)
    verify_module(module)
    inputs = interpreter.random_inputs(module, "main", 0)
    wanted = interpreter.run(module, inputs)
    levels = list(LEVEL_FILES)
    for level in levels[1 : levels.index(to) + 1]:
        for one in passes_to(level, Choices()):
            (keep if keep is not None and isinstance(one, FuseKernelsPass) else one).apply(CONTEXT, module)
            verify_module(module)
            assert interpreter.compare(interpreter.run(module, inputs), wanted) < 1e-5, one.name
    return module


def test_an_operand_with_two_equal_token_orders_is_read_once() -> None:
    """x times its own transpose, in one tile of rows: both operands are the same token."""
    module = lead_down(
        program(
            "tensor<4x8xf32>",
            "tensor<4x4xf32>",
            """
  %e = tensor.empty() : tensor<4x4xf32>
  %r = linalg.generic {
    indexing_maps = [
      affine_map<(i, j, k) -> (i, k)>,
      affine_map<(i, j, k) -> (j, k)>,
      affine_map<(i, j, k) -> (i, j)>
    ],
    iterator_types = ["parallel", "parallel", "reduction"]
  } ins(%x, %x : tensor<4x8xf32>, tensor<4x8xf32>) outs(%e : tensor<4x4xf32>)
    attrs = {dataflow.tile = array<i64: 4, 4, 4>, dataflow.order = array<i64: 0, 1, 2>} {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %k = linalg.index 2 : index
    %c0 = arith.constant 0 : index
    %zero = arith.constant 0.0 : f32
    %first = arith.cmpi eq, %k, %c0 : index
    %acc = arith.select %first, %zero, %o : f32
    %m = arith.mulf %a, %b : f32
    %s = arith.addf %acc, %m : f32
    linalg.yield %s : f32
  } -> tensor<4x4xf32>
  func.return %r : tensor<4x4xf32>""",
        )
    )
    assert sum(isinstance(op, StreamOp) for op in module.walk()) == 2  # the load, the store


ARGMAX = program(
    "tensor<4x8xf32>",
    "tensor<4xi64>",
    """
  %e = tensor.empty() : tensor<4xf32>
  %f = tensor.empty() : tensor<4xi64>
  %r:2 = linalg.generic {
    indexing_maps = [
      affine_map<(i, j) -> (i, j)>,
      affine_map<(i, j) -> (i)>,
      affine_map<(i, j) -> (i)>
    ],
    iterator_types = ["parallel", "reduction"]
  } ins(%x : tensor<4x8xf32>) outs(%e, %f : tensor<4xf32>, tensor<4xi64>)
    attrs = {dataflow.tile = array<i64: 2, 4>, dataflow.order = array<i64: 0, 1>} {
  ^bb0(%a: f32, %max: f32, %at: i64):
    %j = linalg.index 1 : index
    %c0 = arith.constant 0 : index
    %first = arith.cmpi eq, %j, %c0 : index
    %greater = arith.cmpf ogt, %a, %max : f32
    %take = arith.ori %first, %greater : i1
    %new = arith.select %take, %a, %max : f32
    %here = arith.index_cast %j : index to i64
    %place = arith.select %take, %here, %at : i64
    linalg.yield %new, %place : f32, i64
  } -> (tensor<4xf32>, tensor<4xi64>)
  func.return %r#1 : tensor<4xi64>""",
)


def test_a_result_that_nobody_reads_has_no_fifo() -> None:
    """The maximum is needed to compute its index, but only the index is returned."""
    module = lead_down(ARGMAX)
    names = [op.sym_name.data for op in module.walk() if isinstance(op, StreamOp)]
    assert len(names) == 2
    assert [name.split("_to_")[1] for name in names][1] == "store_result"


def test_two_results_that_start_from_one_empty_tensor_have_their_own_types() -> None:
    lead_down(
        program(
            "tensor<4x4xf32>",
            "tensor<4x4xf32>",
            """
  %e = tensor.empty() : tensor<4x4xf32>
  %p:2 = linalg.generic {
    indexing_maps = [
      affine_map<(i, j) -> (i, j)>,
      affine_map<(i, j) -> (i, j)>,
      affine_map<(i, j) -> (j, i)>
    ],
    iterator_types = ["parallel", "parallel"]
  } ins(%x : tensor<4x4xf32>) outs(%e, %e : tensor<4x4xf32>, tensor<4x4xf32>)
    attrs = {dataflow.tile = array<i64: 2, 2>, dataflow.order = array<i64: 0, 1>} {
  ^bb0(%a: f32, %o: f32, %q: f32):
    %s = math.exp %a : f32
    linalg.yield %s, %a : f32, f32
  } -> (tensor<4x4xf32>, tensor<4x4xf32>)
  %r = linalg.generic {
    indexing_maps = [
      affine_map<(i, j) -> (i, j)>,
      affine_map<(i, j) -> (i, j)>,
      affine_map<(i, j) -> (i, j)>
    ],
    iterator_types = ["parallel", "parallel"]
  } ins(%p#0, %p#1 : tensor<4x4xf32>, tensor<4x4xf32>) outs(%e : tensor<4x4xf32>)
    attrs = {dataflow.tile = array<i64: 2, 2>, dataflow.order = array<i64: 0, 1>} {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %s = arith.subf %a, %b : f32
    linalg.yield %s : f32
  } -> tensor<4x4xf32>
  func.return %r : tensor<4x4xf32>""",
        )
    )


@pytest.mark.parametrize("result", ["1x4", "4x1", "4", "1x4x1"])
def test_a_slice_that_drops_some_dimensions_of_size_1(result: str) -> None:
    """A rank-reducing slice of an argument may keep some unit dimensions and drop others."""
    kind = f"tensor<{result}xf32>"
    loops = ", ".join(f"d{i}" for i in range(result.count("x") + 1))
    parallel = ", ".join(['"parallel"'] * (result.count("x") + 1))
    sizes = ", ".join(result.split("x"))
    order = ", ".join(str(i) for i in range(result.count("x") + 1))
    lead_down(
        program(
            "tensor<3x4x5xf32>",
            kind,
            f"""
  %v = tensor.extract_slice %x[1, 0, 2] [1, 4, 1] [1, 1, 1] : tensor<3x4x5xf32> to {kind}
  %e = tensor.empty() : {kind}
  %r = linalg.generic {{
    indexing_maps = [
      affine_map<({loops}) -> ({loops})>,
      affine_map<({loops}) -> ({loops})>
    ],
    iterator_types = [{parallel}]
  }} ins(%v : {kind}) outs(%e : {kind})
    attrs = {{dataflow.tile = array<i64: {sizes}>, dataflow.order = array<i64: {order}>}} {{
  ^bb0(%a: f32, %o: f32):
    %s = math.exp %a : f32
    linalg.yield %s : f32
  }} -> {kind}
  func.return %r : {kind}""",
        )
    )


def chain(consumers: int) -> str:
    """exp in rows of tiles, then `consumers` sums that want tiles in columns, each of exp and of the sum before."""
    order = "dataflow.tile = array<i64: 4, 4>, dataflow.order = array<i64: 1, 0>"
    lines = [
        """
  %e = tensor.empty() : tensor<16x16xf32>
  %a = linalg.generic {
    indexing_maps = [
      affine_map<(i, j) -> (i, j)>,
      affine_map<(i, j) -> (i, j)>
    ],
    iterator_types = ["parallel", "parallel"]
  } ins(%x : tensor<16x16xf32>) outs(%e : tensor<16x16xf32>)
    attrs = {dataflow.tile = array<i64: 4, 4>, dataflow.order = array<i64: 0, 1>} {
  ^bb0(%u: f32, %o: f32):
    %s = math.exp %u : f32
    linalg.yield %s : f32
  } -> tensor<16x16xf32>"""
    ]
    last = "%a"
    for number in range(consumers):
        lines.append(
            f"""
  %b{number} = linalg.generic {{
    indexing_maps = [
      affine_map<(i, j) -> (i, j)>,
      affine_map<(i, j) -> (i, j)>,
      affine_map<(i, j) -> (i, j)>
    ],
    iterator_types = ["parallel", "parallel"]
  }} ins(%a, {last} : tensor<16x16xf32>, tensor<16x16xf32>) outs(%e : tensor<16x16xf32>)
    attrs = {{{order}}} {{
  ^bb0(%u: f32, %v: f32, %o: f32):
    %s = arith.subf %u, %v : f32
    linalg.yield %s : f32
  }} -> tensor<16x16xf32>"""
        )
        last = f"%b{number}"
    return program(
        "tensor<16x16xf32>", "tensor<16x16xf32>", "".join(lines) + f"\n  func.return {last} : tensor<16x16xf32>"
    )


def test_a_converter_that_kernels_share_is_counted_once() -> None:
    kernels = [op for op in lead_down(chain(3), to="dataflow").walk() if isinstance(op, KernelOp)]
    rows, columns = (
        ITensorType.get(TensorType(f32, [4, 4]), StreamLayout.parse(f"4x4, [4, 4] * [4, 4], (d0, d1) -> ({order})"))
        for order in ("d0, d1", "d1, d0")
    )
    one = converter_bits(rows, columns)
    assert isinstance(one, int)
    needed = sum(local_bits(kernel) for kernel in kernels) + one
    for limit, groups in ((needed, 1), (needed - 1, 2)):
        module = lead_down(chain(3), to="fused", keep=FuseKernelsPass(limit_bits=limit))
        assert sum(isinstance(op, KernelOp) for op in module.walk()) == groups


def test_a_value_with_three_consumers_is_written_three_times() -> None:
    module = lead_down(chain(3))
    exp = next(op for op in module.walk() if isinstance(op, TaskOp) and op.task_name == "exp")
    converter = next(op for op in module.walk() if isinstance(op, TaskOp) and op.task_name == "converter_0")
    names = [op.sym_name.data for op in module.walk() if isinstance(op, StreamOp)]
    assert [n for n in names if n.startswith(f"{exp.task_name}_to")] == ["exp_to_converter_0"]
    assert len([n for n in names if n.startswith(f"{converter.task_name}_to")]) == 3


def test_names_with_numbers_never_meet() -> None:
    names = UniqueNames()
    assert [names.of(base) for base in ("x", "x", "x_1", "x")] == ["x", "x_1", "x_1_1", "x_2"]

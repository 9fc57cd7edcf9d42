# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Tensors of numbers in the code become fills or parameters."""

import numpy as np
import torch

from streamtensor.dialects import context
from streamtensor.importers.constants import fill_splats, lift_constants
from streamtensor.importers.program import import_module
from streamtensor.ir import arith, func
from streamtensor.ir.builtin import TensorType
from streamtensor.ir.text import parse_module, print_module, verify_module
from streamtensor.simulate import interpreter

TWO_CALLS = """
func.func private @f(%x: tensor<2x2xf32>) -> tensor<2x2xf32> attributes {dataflow.place = "device"} {
  %c = arith.constant dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32>
  %e = tensor.empty() : tensor<2x2xf32>
  %y = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>,
    affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]}
    ins(%x, %c : tensor<2x2xf32>, tensor<2x2xf32>) outs(%e : tensor<2x2xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %m = arith.mulf %a, %b : f32
    linalg.yield %m : f32
  } -> tensor<2x2xf32>
  func.return %y : tensor<2x2xf32>
}
func.func @main(%x: tensor<2x2xf32> {dataflow.name = "x"}) -> tensor<2x2xf32> {
  %y = func.call @f(%x) : (tensor<2x2xf32>) -> tensor<2x2xf32>
  %z = func.call @f(%y) : (tensor<2x2xf32>) -> tensor<2x2xf32>
  func.return %z : tensor<2x2xf32>
}
"""


def test_numbers_become_an_argument_of_every_call() -> None:
    module = parse_module(context(), TWO_CALLS)
    values = lift_constants(module, "dataflow.param")
    verify_module(module)
    assert list(values) == ["constant_0"]
    assert values["constant_0"].tolist() == [[1.0, 2.0], [3.0, 4.0]]
    main = next(op for op in module.ops if isinstance(op, func.FuncOp) and op.sym_name.data == "main")
    assert main.arg_attrs is not None
    assert [str(a) for a in main.arg_attrs] == ['{dataflow.name = "x"}', '{dataflow.param = "constant_0"}']
    calls = [op for op in main.walk() if isinstance(op, func.CallOp)]
    assert all(call.arguments[1] is main.body.block.args[1] for call in calls)
    x = np.ones((2, 2), dtype=np.float32)
    (found,) = interpreter.run(module, [x, values["constant_0"].numpy()])
    assert found.tolist() == [[1.0, 4.0], [9.0, 16.0]]


def test_one_number_becomes_a_fill() -> None:
    text = TWO_CALLS.replace("dense<[[1.0, 2.0], [3.0, 4.0]]>", "dense<3.0>")
    module = parse_module(context(), text)
    fill_splats(module)
    verify_module(module)
    assert "dense" not in print_module(module)
    (found,) = interpreter.run(module, [np.ones((2, 2), dtype=np.float32)])
    assert (found == 9).all()


class _Made(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * torch.tensor([1.0, 2.0, 3.0]) + torch.ones(2, 3) @ torch.full((3, 3), 0.5)


def test_tensors_made_in_forward() -> None:
    imported = import_module(_Made(), (torch.zeros(2, 3),))
    left = [op for op in imported.module.walk() if isinstance(op, arith.ConstantOp)]
    assert not any(isinstance(op.result.type, TensorType) for op in left)
    (name,) = imported.parameters
    assert imported.parameters[name].tolist() == [1.0, 2.0, 3.0]
    x = np.array([[1, 1, 1], [2, 2, 2]], dtype=np.float32)
    (found,) = interpreter.run(imported.module, [x, imported.parameters[name].numpy()])
    assert found.tolist() == [[2.5, 3.5, 4.5], [3.5, 5.5, 7.5]]

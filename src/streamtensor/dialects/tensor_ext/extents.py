# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Changes of extents: a tensor with more indices at the end of its dimensions, and what is left without them."""

from __future__ import annotations

from streamtensor.ir.builtin import TensorType
from streamtensor.ir.core import Attribute, Pure, SSAValue, VerifyException
from streamtensor.ir.irdl import IRDLOperation, irdl_op_definition, operand_def, result_def, traits_def

_FORM = "$source `:` type($source) `->` type($result) attr-dict"


@irdl_op_definition
class ExtendOp(IRDLOperation):
    """A tensor with more indices at the end of some dimensions: `tensor<97x31xf32> -> tensor<112x32xf32>`.

    What is there is 0. The host does it, or who writes the weights.
    """

    name = "tensor_ext.extend"

    source = operand_def(TensorType)
    result = result_def(TensorType)

    traits = traits_def(Pure())
    assembly_format = _FORM

    def __init__(self, source: SSAValue, result: TensorType[Attribute]) -> None:
        super().__init__(operands=[source], result_types=[result])
        self.result.name_hint = source.name_hint

    def verify_(self) -> None:
        _verify_contains(self.result.type, self.source.type)


@irdl_op_definition
class CropOp(IRDLOperation):
    """A tensor without the last indices of some dimensions: `tensor<112x32xf32> -> tensor<97x31xf32>`."""

    name = "tensor_ext.crop"

    source = operand_def(TensorType)
    result = result_def(TensorType)

    traits = traits_def(Pure())
    assembly_format = _FORM

    def __init__(self, source: SSAValue, result: TensorType[Attribute]) -> None:
        super().__init__(operands=[source], result_types=[result])
        self.result.name_hint = source.name_hint

    def verify_(self) -> None:
        _verify_contains(self.source.type, self.result.type)


def _verify_contains(large: Attribute, small: Attribute) -> None:
    assert isinstance(large, TensorType)
    assert isinstance(small, TensorType)
    sizes, parts = large.get_shape(), small.get_shape()
    fits = len(sizes) == len(parts) and all(part <= size for part, size in zip(parts, sizes, strict=True))
    if not fits or large.element_type != small.element_type:
        raise VerifyException(f"{small} is not the first part of {large}")

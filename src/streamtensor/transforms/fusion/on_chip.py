# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""On-chip bits of a kernel, as kernel fusion counts them."""

from __future__ import annotations

from streamtensor.algebra.converter import Converter, infer_converter
from streamtensor.dialects.dataflow import ExternKernelOp, ITensorReadOp, ITensorType, KernelOp
from streamtensor.ir import tensor
from streamtensor.ir.builtin import FixedBitwidthType, TensorType
from streamtensor.ir.core import Attribute


def tensor_bits(type: Attribute) -> int:
    """Bits of a tensor type of fixed width."""
    assert isinstance(type, TensorType)
    scalar = type.element_type
    assert isinstance(scalar, FixedBitwidthType)
    return type.element_count() * scalar.bitwidth


def local_bits(kernel: KernelOp) -> int:
    """The kernel's own buffers in bits: the tiles that it reads and those that it makes, and what the user says
    of hand-written kernels.
    """
    bits = 0
    for op in kernel.walk():
        if isinstance(op, ITensorReadOp) and isinstance(op.result.type, TensorType):
            bits += tensor_bits(op.result.type)
        elif isinstance(op, tensor.EmptyOp):
            bits += tensor_bits(op.tensor.type)
        elif isinstance(op, ExternKernelOp):
            bits += op.memory_bits
    return bits


def converter_bits(source: ITensorType, target: ITensorType) -> int | str:
    """Bits of the converter between two types, 0 when they are equal, or why there is none."""
    if source == target:
        return 0
    converter = infer_converter(source.layout, target.layout)
    if not isinstance(converter, Converter):
        return converter.reason
    return converter.ping_pong_bits(source.scalar_bits)

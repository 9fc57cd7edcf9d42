# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""crop-operands: an operation gets no more of a tensor than it reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from streamtensor.ir import func, linalg, tensor
from streamtensor.ir.builtin import ModuleOp, TensorType
from streamtensor.ir.core import Context, ModulePass, SSAValue
from streamtensor.ir.locations import copy_location
from streamtensor.transforms.build import is_device
from streamtensor.transforms.tiling.axes import accesses, padding, shape_of
from streamtensor.transforms.tiling.default_tiling import loop_extents


@dataclass(frozen=True)
class CropOperandsPass(ModulePass):
    """generic(x), where no index reaches the last rows of x  -->  generic(extract_slice x)
    generic(pad x), likewise  -->  generic(pad x with less behind it)

    Windows that move by two rows leave out the last row of an image with an even number of them. A stream brings a
    tensor as a whole, so what is not read is cut off before. Right because it is not read.
    """

    name = "crop-operands"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for function in op.ops:
            if isinstance(function, func.FuncOp) and is_device(function):
                for generic in [g for g in function.walk() if isinstance(g, linalg.GenericOp)]:
                    _crop(generic)
                for pad in [p for p in function.walk() if isinstance(p, tensor.PadOp)]:
                    if not pad.result.uses:
                        pad.detach()
                        pad.erase()


def _crop(generic: linalg.GenericOp) -> None:
    extents = loop_extents(generic)
    read: dict[SSAValue, list[int]] = {}
    for value, dim, expression in accesses(generic):
        last = sum(max(c * (extents[loop] - 1), 0) for loop, c in enumerate(expression.coefficients))
        end = expression.constant + last + 1
        ends = read.setdefault(value, [0] * len(shape_of(value)))
        ends[dim] = max(ends[dim], end)
    for number, value in enumerate(generic.inputs):
        if value in read and tuple(read[value]) != shape_of(value):
            generic.operands[number] = _cropped(generic, value, read[value])


def _cropped(generic: linalg.GenericOp, value: SSAValue, shape: Sequence[int]) -> SSAValue:
    """The first `shape` elements of `value`, made right before `generic`."""
    parent = generic.parent
    assert parent is not None
    pad = value.owner
    if isinstance(pad, tensor.PadOp):
        sizes = padding(pad)
        too_much = [old - new for old, new in zip(shape_of(value), shape, strict=True)]
        if all(high >= more for (_, high), more in zip(sizes, too_much, strict=True)):
            assert isinstance(pad.result.type, TensorType)
            less = tensor.PadOp(
                pad.source,
                [],
                [],
                pad.region.clone(),
                [low for low, _ in sizes],
                [high - more for (_, high), more in zip(sizes, too_much, strict=True)],
                TensorType(pad.result.type.element_type, shape),
            )
            copy_location(pad, [less])
            parent.insert_op_before(less, generic)
            return less.result if any(map(any, padding(less))) else pad.source
    assert isinstance(value.type, TensorType)
    rank = len(shape)
    slice = tensor.ExtractSliceOp.from_static_parameters(value, [0] * rank, list(shape), [1] * rank)
    copy_location(generic, [slice])
    parent.insert_op_before(slice, generic)
    return slice.result

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""name-kernels: a name for every linalg operation of the device."""

from __future__ import annotations

from dataclasses import dataclass

from streamtensor.ir import func, linalg
from streamtensor.ir.builtin import ModuleOp, StringAttr, TensorType
from streamtensor.ir.core import BlockArgument, Context, ModulePass
from streamtensor.transforms.build import UniqueNames, is_device, source_hint
from streamtensor.transforms.dataflow.convert_linalg_to_kernel import describe
from streamtensor.transforms.fusion.views import root_of
from streamtensor.transforms.tiling.axes import is_contraction, largest_input
from streamtensor.transforms.tiling.kernel_choices import KERNEL

_ENDINGS = ("_weight", "_packed")
_SILENT = ("extsi", "extui", "trunci", "shrsi", "shli", "maxsi", "minsi")  # of integer arithmetic everywhere
_MOST_WORDS = 3


@dataclass(frozen=True)
class NameKernelsPass(ModulePass):
    """linalg.generic  -->  linalg.generic {dataflow.kernel = "mlp_c_fc"}

    A product with a parameter has the parameter's name, any other operation that of what it computes; a number tells
    equal names apart, in the order of the program; the largest function comes first, so that the kernels of a decoder
    block have the same names in the whole model. What is chosen for one kernel can so be written down. A name that is
    there stays.
    """

    name = "name-kernels"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        names = UniqueNames()
        functions = [f for f in op.ops if isinstance(f, func.FuncOp) and is_device(f)]
        kernels = [[g for g in function.walk() if isinstance(g, linalg.GenericOp)] for function in functions]
        for generic in [g for found in sorted(kernels, key=len, reverse=True) for g in found]:
            if KERNEL not in generic.attributes:
                generic.attributes[KERNEL] = StringAttr(names.of(_base(generic)))


def _base(generic: linalg.GenericOp) -> str:
    if any(isinstance(value.type, TensorType) for value in generic.inputs) and is_contraction(generic):
        weights = generic.inputs[largest_input(generic)]
        root = root_of(weights)
        if isinstance(root, BlockArgument) and root.name_hint:
            name = source_hint(weights)
            for ending in _ENDINGS:
                name = name.removesuffix(ending)
            return name
    words = describe(generic).split("_")
    telling = [word for word in words if word not in _SILENT] or words
    return "_".join(telling[:_MOST_WORDS])

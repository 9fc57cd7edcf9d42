# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Which memory of a kernel holds parameters."""

from __future__ import annotations

from streamtensor.dialects.dataflow import KernelOp
from streamtensor.dialects.tensor_ext import CropOp, ExtendOp, PackOp, UnpackOp, UnwidenOp, WidenOp
from streamtensor.ir import func, tensor
from streamtensor.ir.builtin import ModuleOp, StringAttr
from streamtensor.ir.core import BlockArgument, SSAValue
from streamtensor.transforms.fusion.lower_pack_unpack import LAYOUT

PARAM = "dataflow.param"
"""On an argument of main: the name of the parameter that it is."""

VIEWS = (
    tensor.ExpandShapeOp,
    tensor.CollapseShapeOp,
    tensor.ExtractSliceOp,
    PackOp,
    UnpackOp,
    WidenOp,
    UnwidenOp,
    ExtendOp,
    CropOp,
)


def view_source(value: SSAValue) -> SSAValue:
    """What `value` is a view of: reshapes and slices move no data."""
    while isinstance(value.owner, VIEWS):
        value = value.owner.operands[0]
    return value


def parameter_arguments(module: ModuleOp) -> dict[str, dict[int, str]]:
    """For each function the arguments that the program gives parameters to, by number, with the name of the parameter
    that the first call gives.
    """
    found: dict[str, dict[int, str]] = {}
    for main in module.ops:
        if not isinstance(main, func.FuncOp) or main.sym_name.data != "main" or main.arg_attrs is None:
            continue
        names: dict[SSAValue, str] = {}
        for argument, attributes in zip(main.body.block.args, main.arg_attrs, strict=True):
            name = attributes.data.get(PARAM)
            if isinstance(name, StringAttr):
                names[argument] = name.data
        packs = {op.sym_name.data for op in module.ops if isinstance(op, func.FuncOp) and LAYOUT in op.attributes}
        for call in main.walk():
            if isinstance(call, func.CallOp) and call.callee.string_value() in packs:
                if call.arguments[0] in names:  # the packed parameter, as a result or (on memrefs) as the last operand
                    names |= dict.fromkeys((*call.results, *call.arguments), names[call.arguments[0]])
            elif isinstance(call, func.CallOp):
                mine = found.setdefault(call.callee.string_value(), {})
                for number, value in enumerate(call.arguments):
                    if value in names:
                        mine.setdefault(number, names[value])
    return found


def parameter_memory(module: ModuleOp, kernel: KernelOp) -> dict[SSAValue, str]:
    """The tensors inside of a kernel that are parameters, or views of some, with the names of these; `module` is at a
    level of tensors.
    """
    function = kernel.parent_op()
    if not isinstance(function, func.FuncOp):
        return {}
    names = parameter_arguments(module).get(function.sym_name.data, {})
    found: dict[SSAValue, str] = {}
    for operand, inside in zip(kernel.ins, kernel.body.block.args, strict=False):
        source = view_source(operand)
        if isinstance(source, BlockArgument) and source.block is function.body.block and source.index in names:
            found[inside] = names[source.index]
    return found

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a stream-level module is made of, with the C++ names that every emitter uses for it."""

from __future__ import annotations

from dataclasses import dataclass

from streamtensor.codegen.hls.names import C_FUNCTIONS, Names
from streamtensor.diagnostics import InternalError
from streamtensor.dialects.dataflow import ExternKernelOp, KernelOp
from streamtensor.ir import func
from streamtensor.ir.builtin import ModuleOp, StringAttr
from streamtensor.ir.core import Block

PLACE = "dataflow.place"
"""Attribute of a function: whether it runs on the "host" or the "device"."""
LAYOUT = "dataflow.layout"
"""Attribute of a function of the host that only changes a layout: "pack" or "unpack"."""
PARAMETER = "dataflow.param"
"""Attribute of an argument of main: the name of a parameter in the model's state dict."""
CACHE = "dataflow.cache"
"""Attribute of an argument of main: its value is kept between runs, in whatever layout the program reads it."""


@dataclass(frozen=True)
class Design:
    """The parts of one stream-level module.

    `names` gives the C++ function of each kernel and of each function of the host; they are unique together. A function
    that only packs parameters is none of them: it is done when the weights are written.
    """

    module: ModuleOp
    main: func.FuncOp
    functions: dict[str, func.FuncOp]
    kernels: tuple[KernelOp, ...]
    host_functions: tuple[func.FuncOp, ...]
    names: dict[KernelOp | func.FuncOp, str]

    @staticmethod
    def of(module: ModuleOp) -> Design:
        """The parts of `module`, in its order."""
        functions = {op.sym_name.data: op for op in module.ops if isinstance(op, func.FuncOp)}
        if "main" not in functions:
            raise InternalError("a stream-level module has a function main")
        ahead = _done_ahead(functions)
        hosts = tuple(
            op for op in functions.values() if place(op) == "host" and not op.is_declaration and op not in ahead
        )
        kernels = tuple(op for op in module.walk() if isinstance(op, KernelOp))
        by_hand = [op.function.data for op in module.walk() if isinstance(op, ExternKernelOp)]
        support = ("host_functions", "csim_main", "streamtensor_ops", "streamtensor_dataflow")
        taken = Names([*C_FUNCTIONS, *by_hand, *support])
        names: dict[KernelOp | func.FuncOp, str] = {}
        for kernel in kernels:
            names[kernel] = taken.fresh(kernel.kernel_name)
        for host in hosts:
            names[host] = taken.fresh(host.sym_name.data)
        return Design(module, functions["main"], functions, kernels, hosts, names)


def place(function: func.FuncOp) -> str:
    """Where a function runs, `host` or `device`; empty when it does not say."""
    attribute = function.attributes.get(PLACE)
    return attribute.data if isinstance(attribute, StringAttr) else ""


def is_pack(function: func.FuncOp) -> bool:
    """Whether a function of the host does nothing but pack its argument."""
    return function.attributes.get(LAYOUT) == StringAttr("pack")


def _done_ahead(functions: dict[str, func.FuncOp]) -> set[func.FuncOp]:
    """The functions of the host that pack parameters and kept inputs and nothing else."""
    main = functions["main"]
    attributes = list(main.arg_attrs) if main.arg_attrs is not None else []
    arguments = zip(entry(main).args, attributes, strict=False)
    parameters = [value for value, a in arguments if PARAMETER in a.data or CACHE in a.data]
    others = {
        op.callee.string_value()
        for op in main.walk()
        if isinstance(op, func.CallOp) and op.operands[:1] and op.operands[0] not in parameters
    }
    return {op for name, op in functions.items() if is_pack(op) and name not in others}


def entry(function: func.FuncOp) -> Block:
    """The body of a function that is not a declaration."""
    return function.body.block

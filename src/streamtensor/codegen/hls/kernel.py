# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""One kernel as one C++ file: a static function for each task and the dataflow function that starts them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from streamtensor.codegen.hls.arguments import Argument
from streamtensor.codegen.hls.body import KERNEL, Body
from streamtensor.codegen.hls.errors import cannot_emit
from streamtensor.codegen.hls.expression import Expr
from streamtensor.codegen.hls.extern import emit_extern_task, extern_prototype, extern_stack_bytes
from streamtensor.codegen.hls.interfaces import bundles, interface_pragmas
from streamtensor.codegen.hls.memory import Array, Pointer
from streamtensor.codegen.hls.names import Names, argument_hint, hint
from streamtensor.codegen.hls.ops_memref import emit_alloc, emit_view
from streamtensor.codegen.hls.ops_scalar import emit_constant
from streamtensor.codegen.hls.registry import EMITTERS
from streamtensor.codegen.hls.types import is_nibble, scalar, type_name
from streamtensor.codegen.hls.writer import Writer, function_head
from streamtensor.dialects.dataflow import (
    FEEDBACK,
    ExternKernelOp,
    KernelOp,
    StreamCastOp,
    StreamOp,
    StreamType,
    TaskOp,
    YieldOp,
)
from streamtensor.dialects.memory_views import MEMORY_VIEWS
from streamtensor.ir import arith, memref
from streamtensor.ir.builtin import IndexType, MemRefType
from streamtensor.ir.core import Operation, SSAValue
from streamtensor.ir.locations import location_text
from streamtensor.targets import Device

LICENCE = "// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception"
_FRAME_EXTRA_BYTES = 16 * 1024
_READS = ("memref.load", "vector.transfer_read")


@dataclass(frozen=True)
class _Parameter:
    """What a task takes from the kernel around it: the parameter and what is passed for it, which share a name."""

    value: SSAValue
    name: str
    declaration: str


def kernel_arguments(kernel: KernelOp, name: str) -> list[Argument]:
    """The arguments of the top function `name` of `kernel`, in the order of its ins and outs."""
    return _arguments(kernel, _file_names(kernel, name)[0])


def _arguments(kernel: KernelOp, names: Names) -> list[Argument]:
    arguments: list[Argument] = []
    for number, value in enumerate(kernel.body.block.args):
        if isinstance(value.type, IndexType):
            continue
        if not isinstance(value.type, MemRefType):
            raise cannot_emit(kernel, f"an operand of type {value.type}", hint="kernels have memrefs at stream level")
        name = names.fresh(argument_hint(value, number))
        argument = Argument(name, value.type, is_written(value))
        if is_nibble(value.type.element_type) and (argument.written or argument.is_odd):
            what = "that are written" if argument.written else "in words of an odd number of them"
            raise cannot_emit(kernel, f"4-bit numbers outside the chip {what}", hint="two of them share a byte")
        arguments.append(argument)
    return arguments


def kernel_scalars(kernel: KernelOp, name: str) -> list[str]:
    """The run-time bounds that the top function `name` takes behind its pointers, each an `int`."""
    names = _file_names(kernel, name)[0]
    _arguments(kernel, names)
    return list(_scalars(kernel, names).values())


def _scalars(kernel: KernelOp, names: Names) -> dict[SSAValue, str]:
    values = [value for value in kernel.body.block.args if isinstance(value.type, IndexType)]
    return {value: names.fresh(hint(value, "bound")) for value in values}


def signature(name: str, arguments: list[Argument], scalars: Sequence[str] = ()) -> str:
    """The head of a top function, without a semicolon."""
    declarations = [*(argument.declaration for argument in arguments), *(f"int {scalar}" for scalar in scalars)]
    return function_head(f'extern "C" void {name}', declarations)


def emit_kernel_header(kernel: KernelOp, name: str) -> str:
    """`<name>.h`: the declaration of the top function."""
    out = Writer()
    out.line(LICENCE)
    out.line(f"#ifndef ST_{name.upper()}_H")
    out.line(f"#define ST_{name.upper()}_H")
    out.line()
    out.line("#include <ap_int.h>")
    out.line("#include <cstdint>")
    arguments = kernel_arguments(kernel, name)
    if any(argument.has_words for argument in arguments):
        out.line("#include <hls_vector.h>")
    out.line()
    out.line(f"{signature(name, arguments, kernel_scalars(kernel, name))};")
    out.line()
    out.line("#endif")
    return out.text()


def emit_kernel(kernel: KernelOp, name: str, device: Device | None) -> str:
    """`<name>.cpp`. `name` is the top function.

    Raises UserError ST0306 for an operation or a type that has no C++.
    """
    names, task_names = _file_names(kernel, name)
    arguments = _arguments(kernel, names)
    scalars = _scalars(kernel, names)
    top = Body(KERNEL, EMITTERS, names, Writer(indent=1))
    pointers = [value for value in kernel.body.block.args if value not in scalars]
    for value, argument in zip(pointers, arguments, strict=True):
        top.memories[value] = Pointer.of(argument.name, argument.memref, kernel)
    for value, scalar_name in scalars.items():
        top.bind(value, Expr(scalar_name))

    functions = Writer()
    calls: list[str] = []
    largest_frame = 0
    tasks = fifos = 0
    prototypes: dict[str, str] = {}
    for op in kernel.body.block.ops:
        if isinstance(op, StreamOp):
            _declare_stream(top, op)
            fifos += 1
        elif isinstance(op, StreamCastOp):  # C++ tokens have lanes and no shape: another name of the FIFO
            top.streams[op.result] = top.streams[op.source]
        elif isinstance(op, memref.AllocOp | memref.AllocaOp):
            emit_alloc(top, op)
        elif isinstance(op, arith.ConstantOp):
            emit_constant(top, op)
        elif op.name in MEMORY_VIEWS:
            emit_view(top, op)
        elif isinstance(op, TaskOp):
            parameters = _parameters(top, op, arguments, scalars)
            largest_frame = max(largest_frame, _emit_task(functions, op, task_names[op], parameters, names, top))
            calls.append(", ".join([task_names[op], *(parameter.name for parameter in parameters)]))
            tasks += 1
        elif isinstance(op, ExternKernelOp):
            prototypes[op.function.data] = extern_prototype(op)
            parameters = emit_extern_task(functions, op, task_names[op], top)
            largest_frame = max(largest_frame, extern_stack_bytes(op))
            calls.append(", ".join([task_names[op], *parameters]))
            tasks += 1
        elif not isinstance(op, YieldOp):
            raise cannot_emit(op, "only tasks compute in a kernel")

    out = Writer()
    out.line(LICENCE)
    out.line(f"// Kernel {kernel.kernel_name}: {tasks} tasks, {fifos} FIFOs.")
    out.line(f'#include "{name}.h"')
    out.line()
    for header in ("hls_math.h", "hls_stream.h", "hls_vector.h", "limits"):
        out.line(f"#include <{header}>")
    out.line()
    out.line('#include "streamtensor_dataflow.h"')
    out.line('#include "streamtensor_ops.h"')
    out.line()
    for declaration in prototypes.values():
        out.line(f"{declaration};")
        out.line()
    body = Writer()
    with body.block(signature(name, arguments, list(scalars.values()))):
        for pragma in interface_pragmas(arguments, bundles(kernel, device), device, list(scalars.values())):
            body.pragma(pragma)
        body.pragma("dataflow")
        body.lines(top.out)
        body.line(f"ST_REGION({largest_frame + _FRAME_EXTRA_BYTES})")
        for text in calls:
            body.line(f"ST_TASK({text})")
        body.line("ST_REGION_END")
    return out.text() + functions.text() + body.text()


def _file_names(kernel: KernelOp, name: str) -> tuple[Names, dict[TaskOp | ExternKernelOp, str]]:
    """Names at file scope: the top function, hand-written ones, and the tasks. Nothing in a function shadows them."""
    processes = [op for op in kernel.body.block.ops if isinstance(op, TaskOp | ExternKernelOp)]
    names = Names([name, *(op.function.data for op in processes if isinstance(op, ExternKernelOp))])
    return names, {op: names.fresh(op.task_name) for op in processes}


def _declare_stream(top: Body, op: StreamOp) -> None:
    assert isinstance(op.result.type, StreamType)
    name = top.names.fresh(op.sym_name.data)
    depth = op.depth.value.data
    if FEEDBACK in op.attributes:
        top.out.line(
            "// From one layer to the next: written behind where it is read. This is no canonical dataflow region."
        )
    top.out.line(f'hls::stream<{type_name(op.result.type.element)}, {depth}> {name}("{op.sym_name.data}");')
    top.out.pragma(f"stream variable={name} depth={depth}")
    top.streams[op.result] = name


def _parameters(
    top: Body, task: TaskOp, arguments: list[Argument], scalars: Mapping[SSAValue, str]
) -> list[_Parameter]:
    """What the task takes from around it: memory in the order of the kernel's arguments, then bounds, then FIFOs in
    order of use.
    """
    captured: dict[SSAValue, None] = {}
    for op in task.body.walk():
        for value in op.operands:
            if not _is_inside(value, task):
                captured.setdefault(value)
    by_name = {argument.name: argument for argument in arguments}
    memory: dict[str, _Parameter] = {}
    streams: list[_Parameter] = []
    for value in captured:
        if value in top.streams:
            assert isinstance(value.type, StreamType)
            name = top.streams[value]
            streams.append(_Parameter(value, name, f"hls::stream<{type_name(value.type.element)}> &{name}"))
        elif value in top.memories:
            reached = top.memories[value]
            assert isinstance(value.type, MemRefType)
            if isinstance(reached, Pointer):
                memory.setdefault(reached.name, _Parameter(value, reached.name, by_name[reached.name].declaration))
            elif isinstance(reached, Array):
                element = scalar(value.type.element_type).name
                memory.setdefault(reached.name, _Parameter(value, reached.name, reached.declaration(element)))
    order = [argument.name for argument in arguments]
    ranked = sorted(memory.values(), key=lambda p: order.index(p.name) if p.name in order else len(order))
    bounds = [_Parameter(value, name, f"int {name}") for value, name in scalars.items() if value in captured]
    return [*ranked, *bounds, *streams]


def _emit_task(out: Writer, task: TaskOp, function: str, parameters: list[_Parameter], names: Names, top: Body) -> int:
    """Writes the function of a task; returns the bytes of its local variables."""
    if task.results_ or task.inits:
        raise cannot_emit(task, "a task that gives values", hint="the tasks of a stream-level kernel only use FIFOs")
    with names.scope():
        body = Body(KERNEL, EMITTERS, names, Writer(indent=1), out, function)
        body.inherit(top)
        body.emit(task.body.block)
    place = location_text(task)
    if place:
        out.line(f"// {place}")
    with out.block(function_head(f"static void {function}", [parameter.declaration for parameter in parameters])):
        out.lines(body.out)
    out.line()
    return body.frame_bytes


def _is_inside(value: SSAValue, task: Operation) -> bool:
    owner = value.owner
    current = owner if isinstance(owner, Operation) else owner.parent_op()
    while current is not None and current is not task:
        current = current.parent_op()
    return current is task and owner is not task


def is_written(value: SSAValue) -> bool:
    """Whether anything but reads reaches the memory behind `value`, also through views."""
    for use in value.uses:
        op = use.operation
        if op.name in MEMORY_VIEWS:
            if any(is_written(result) for result in op.results):
                return True
        elif op.name == "memref.copy":
            if use.index == 1:
                return True
        elif op.name not in _READS:
            return True
    return False

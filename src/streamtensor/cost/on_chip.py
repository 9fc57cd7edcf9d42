# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""On-chip bits of intermediate results, before and after fusion, counted as design document results.md says.

Counted is every tensor between two kernels. Parameters, masks, tables and the input and output of a function are not:
what holds parameters is a second figure, what holds inputs and outputs a third.
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from dataclasses import dataclass
from typing import Literal

from streamtensor.dialects.dataflow import (
    ExternKernelOp,
    KernelOp,
    StreamCastOp,
    StreamOp,
    StreamReadOp,
    StreamType,
    StreamWriteOp,
    TaskOp,
    stream_behind,
    stream_names,
    task_around,
)
from streamtensor.dialects.tensor_ext import LanesOp
from streamtensor.ir import func, memref, vector
from streamtensor.ir.builtin import FixedBitwidthType, MemRefType, ModuleOp, StringAttr, TensorType
from streamtensor.ir.core import Attribute, BlockArgument, Operation, SSAValue
from streamtensor.pipelines import FIFO_RESERVE_PERCENT, Choices
from streamtensor.transforms.parameters import VIEWS, parameter_arguments

Holds = Literal["intermediate", "parameter", "boundary"]
Kind = Literal["tensor", "fifo", "converter", "local"]

PLACE, PING_PONG = "dataflow.place", "dataflow.ping_pong"


@dataclass(frozen=True)
class Term:
    """One thing that occupies on-chip memory: `bits`, what kind of thing it is, and whose values it holds."""

    kernel: str
    name: str
    kind: Kind
    holds: Holds
    bits: int


def unfused_terms(module: ModuleOp) -> list[Term]:
    """What a design without fusion holds: every tensor between two kernels, whole and twice (ping-pong).

    `module` is at the dataflow level, where each linalg operation is a kernel.
    """
    terms: list[Term] = []
    for function in device_functions(module):
        for kernel in [op for op in function.body.block.ops if isinstance(op, KernelOp)]:
            for result in kernel.results_:
                if any(isinstance(op, KernelOp) for op in _users(result)):
                    bits = 2 * _bits(result.type)
                    terms.append(Term(function.sym_name.data, kernel.kernel_name, "tensor", "intermediate", bits))
    return terms


def fused_terms(module: ModuleOp) -> list[Term]:
    """What a fused design holds: FIFOs at their depth, converter buffers, local buffers.

    `module` is at the stream level.
    """
    terms: list[Term] = []
    parameters = parameter_arguments(module)
    for function in device_functions(module):
        for kernel in [op for op in function.body.block.ops if isinstance(op, KernelOp)]:
            terms += _kernel_terms(kernel, function, parameters.get(function.sym_name.data, {}))
    return terms


def buffer_bits(kernel: KernelOp) -> int:
    """Bits of the buffers of a kernel of the stream level, whoever's values they hold; FIFOs are not in it."""
    bits = 0
    for op in kernel.walk():
        if isinstance(op, memref.AllocOp):
            bits += _bits(op.memref.type) * (2 if PING_PONG in op.attributes else 1)
        elif isinstance(op, ExternKernelOp):
            bits += op.memory_bits
    return bits


def weight_fifos(module: ModuleOp) -> dict[str, set[str]]:
    """Kernel -> the FIFOs behind DMAs that load parameters; `module` is at the stream level."""
    found: dict[str, set[str]] = {}
    for term in fused_terms(module):
        if term.kind == "fifo" and term.holds == "parameter":
            found.setdefault(term.kernel, set()).add(term.name)
    return found


def fifo_budgets(module: ModuleOp, choices: Choices) -> tuple[int, int]:
    """Bits that FIFOs may take in a stream-level module, and on top of these bits for weights that are loaded ahead:
    the share `prefetch_percent` of the on-chip memory that buffers leave.
    """
    return budgets_beside(sum(term.bits for term in fused_terms(module) if term.kind != "fifo"), choices)


def budgets_beside(buffers: int, choices: Choices) -> tuple[int, int]:
    """The same for a design with so many bits of buffers."""
    left = max(0, choices.on_chip_bits - buffers)
    prefetch = int(left * choices.prefetch_percent / 100)
    return min(choices.on_chip_bits * FIFO_RESERVE_PERCENT // 100, left - prefetch), prefetch


def device_functions(module: ModuleOp) -> Iterator[func.FuncOp]:
    """The functions that run on the accelerator."""
    for op in module.ops:
        if isinstance(op, func.FuncOp) and op.attributes.get(PLACE) == StringAttr("device"):
            yield op


def _users(value: SSAValue) -> Iterator[Operation]:
    """What uses `value`, through views."""
    for use in value.uses:
        if isinstance(use.operation, VIEWS):
            yield from _users(use.operation.results[0])
        else:
            yield use.operation


def _bits(type: Attribute) -> int:
    assert isinstance(type, TensorType | MemRefType)
    assert isinstance(type.element_type, FixedBitwidthType)
    return type.element_count() * type.element_type.bitwidth


def _kernel_terms(kernel: KernelOp, function: func.FuncOp, parameters: Container[int]) -> Iterator[Term]:
    memory: dict[SSAValue, Holds] = {
        argument: _origin(operand, function, parameters)
        for argument, operand in zip(kernel.body.block.args, [*kernel.ins, *kernel.outs], strict=True)
    }
    fifos = [op for op in kernel.body.block.ops if isinstance(op, StreamOp)]
    holds: dict[SSAValue, Holds] = {fifo.result: _fifo_holds(fifo, memory) for fifo in fifos}
    for fifo in fifos:
        assert isinstance(fifo.result.type, StreamType)
        bits = fifo.depth.value.data * fifo.result.type.token_bits
        yield Term(kernel.kernel_name, fifo.sym_name.data, "fifo", holds[fifo.result], bits)
    for task in [op for op in kernel.body.block.ops if isinstance(op, TaskOp)]:
        for number, alloc in enumerate(op for op in task.walk() if isinstance(op, memref.AllocOp)):
            ping_pong = PING_PONG in alloc.attributes
            converter = task.task_name.startswith("converter")
            bits = _bits(alloc.memref.type) * (2 if ping_pong else 1)
            name = f"{task.task_name}.buffer_{number}"
            kind: Kind = "converter" if converter else "local"
            yield Term(kernel.kernel_name, name, kind, _buffer_holds(alloc, holds, memory), bits)
    for extern in [op for op in kernel.body.block.ops if isinstance(op, ExternKernelOp)]:
        if extern.memory_bits:
            name = f"{extern.task_name} (given by the user)"
            yield Term(kernel.kernel_name, name, "local", "intermediate", extern.memory_bits)


def _origin(operand: SSAValue, function: func.FuncOp, parameters: Container[int]) -> Holds:
    """Whose memory a kernel's operand is."""
    while isinstance(operand.owner, memref.ReinterpretCastOp | LanesOp):
        operand = operand.owner.source
    if not isinstance(operand, BlockArgument):
        return "intermediate"  # from one group to another, through external memory
    assert operand.block is function.body.block
    return "parameter" if operand.index in parameters else "boundary"


def _fifo_holds(fifo: StreamOp, memory: dict[SSAValue, Holds]) -> Holds:
    """A FIFO behind a load or before a store holds what that memory holds, any other an intermediate result."""
    for use in [use for name in stream_names(fifo.result) for use in name.uses]:
        if isinstance(use.operation, ExternKernelOp | StreamCastOp):
            continue
        task = task_around(use.operation)
        assert task is not None
        others = {StreamReadOp} if isinstance(use.operation, StreamWriteOp) else {StreamWriteOp}
        if any(type(op) in others for op in task.walk()):
            continue
        for op in task.walk():
            if isinstance(op, vector.TransferReadOp | vector.TransferWriteOp | memref.LoadOp | memref.StoreOp):
                place = op.memref if isinstance(op, memref.LoadOp | memref.StoreOp) else op.source
                if memory.get(place, "intermediate") != "intermediate":
                    return memory[place]
    return "intermediate"


def _buffer_holds(alloc: memref.AllocOp, holds: dict[SSAValue, Holds], memory: dict[SSAValue, Holds]) -> Holds:
    """A buffer that is filled from a FIFO, or from words of external memory, holds what that holds."""
    for use in alloc.memref.uses:
        op = use.operation
        if isinstance(op, vector.TransferWriteOp) and isinstance(op.vector.owner, StreamReadOp):
            return holds[stream_behind(op.vector.owner.stream)]
        if isinstance(op, vector.TransferWriteOp) and isinstance(op.vector.owner, memref.LoadOp):
            return memory.get(op.vector.owner.memref, "intermediate")
    return "intermediate"

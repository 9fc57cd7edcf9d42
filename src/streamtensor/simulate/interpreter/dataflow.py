# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The dataflow dialect: kernels and tasks are Python functions, itensors and FIFOs are queues that tokens flow through.

Tasks run one after another in the order in which they stand, with unbounded queues. A task's reading position in a
queue is a local variable of its function; `queues` checks the counts when the task ends.
"""

from __future__ import annotations

from streamtensor.diagnostics import InternalError
from streamtensor.dialects import dataflow
from streamtensor.ir.core import Block, BlockArgument, Operation, OpResult, SSAValue
from streamtensor.simulate.interpreter.emitter import Emitter, Handlers
from streamtensor.simulate.interpreter.queues import Queue, converted, stream_of, tensor_of
from streamtensor.simulate.interpreter.types import dtype_of

COUNT = "count"
"""The name under which the functions find the counter of tokens."""

_Read = dataflow.ITensorReadOp | dataflow.StreamReadOp


def _kernel(emit: Emitter, op: dataflow.KernelOp) -> None:
    function = emit.fresh("kernel")
    parameters = [emit.fresh("v") for _ in op.operands]
    call = f"{function}({', '.join(emit.name(value) for value in op.operands)})"
    with emit.function(function, parameters):
        _write_kernel(emit, op, parameters)
    results = [emit.define(result) for result in op.results_]
    emit.line(f"{', '.join(results)}, = {call}" if results else call)


def _write_kernel(emit: Emitter, op: dataflow.KernelOp, parameters: list[str]) -> None:
    name, block = op.kernel_name, op.body.block
    for number, (argument, parameter) in enumerate(zip(block.args, parameters, strict=True)):
        kind = argument.type
        if not isinstance(kind, dataflow.ITensorType):
            emit.bind(argument, parameter)
        elif number < len(op.ins):
            label = emit.constant(f"the itensor of ins {number} of kernel {name}")
            layout = emit.constant(kind.layout)
            emit.line(f"{emit.define(argument)} = {emit.helper(stream_of)}({label}, {parameter}, {layout})")
        else:
            label = emit.constant(f"the itensor of outs {number - len(op.ins)} of kernel {name}")
            emit.line(f"{emit.define(argument)} = {emit.helper(Queue)}({label})")
    yielded = emit.body(block)
    for inner in block.ops:
        if isinstance(inner, dataflow.StreamOp):
            emit.line(f"{emit.name(inner.result)}.close({name!r}, {COUNT})")
    if op.results_:
        emit.line(f"return ({''.join(_outside(emit, value) + ', ' for value in yielded)})")


def _outside(emit: Emitter, value: SSAValue) -> str:
    """What a kernel gives for what it yields: the tensor itself, or the one that an itensor's tokens make up."""
    if not isinstance(value.type, dataflow.ITensorType):
        return emit.name(value)
    layout, dtype = emit.constant(value.type.layout), emit.constant(dtype_of(value.type.scalar))
    return f"{emit.helper(tensor_of)}({emit.name(value)}, {layout}, {dtype})"


def _task(emit: Emitter, op: dataflow.TaskOp) -> None:
    if not isinstance(op.parent_op(), dataflow.KernelOp):  # nested: it reads with the positions of the task around it
        values = _write_task(emit, op, [emit.name(value) for value in op.inits])
        for result, value in zip(op.results_, values, strict=True):
            emit.line(f"{emit.define(result)} = {value}")
        return
    function = emit.fresh("task")
    parameters = [emit.fresh("v") for _ in op.inits]
    captured = emit.captured(op)
    call = f"{function}({', '.join([*(emit.name(value) for value in op.inits), *captured])})"
    with emit.function(function, [*parameters, *captured]):
        values = _write_task(emit, op, parameters)
        if values:
            emit.line(f"return ({', '.join(values)},)")
    results = [emit.define(result) for result in op.results_]
    emit.line(f"{', '.join(results)}, = {call}" if results else call)


def _write_task(emit: Emitter, op: dataflow.TaskOp, inits: list[str]) -> list[str]:
    """The inside of a task that starts at `inits`; gives the texts of its results."""
    name = repr(_task_name(op))
    for number, (argument, init) in enumerate(zip(op.body.block.args, inits, strict=True)):
        if isinstance(argument.type, dataflow.ITensorType):
            label = emit.constant(f"the itensor of result {number} of task {_task_name(op)}")
            emit.line(f"{emit.define(argument)} = {init}.continued({label})")
        else:
            emit.bind(argument, init)
    sources = _sources(op)
    for source in sources:
        tokens, position = _cursor(emit, source)
        emit.line(f"{tokens}, {position} = {emit.name(source)}.tokens, 0")
    yielded = emit.body(op.body.block)
    for source in sources:
        emit.line(f"{emit.name(source)}.finish_read({name}, {_cursor(emit, source)[1]})")
    return [
        f"{emit.name(value)}.finish_write({name}, {value.type.layout.num_tokens})"
        if isinstance(value.type, dataflow.ITensorType)
        else emit.name(value)
        for value in yielded
    ]


def _task_name(op: dataflow.TaskOp) -> str:
    kernel = op.parent_op()
    while kernel is not None and not isinstance(kernel, dataflow.KernelOp):
        kernel = kernel.parent_op()
    return f"{kernel.kernel_name}.{op.task_name}" if kernel is not None else op.task_name


def _cursor(emit: Emitter, source: SSAValue) -> tuple[str, str]:
    """The local variables of the reading task: the tokens of `source`, and how many of them it has read."""
    queue = emit.name(source)
    return f"{queue}_tokens", f"{queue}_position"


def _sources(op: dataflow.TaskOp) -> list[SSAValue]:
    """What the task (with the tasks nested in it) reads, of the values that stand in the block of the task."""
    found: dict[SSAValue, None] = {}
    for inner in op.body.walk():
        if isinstance(inner, _Read) and _block_of(source := inner.operands[0]) is op.parent:
            found[source] = None
    return list(found)


def _block_of(value: SSAValue) -> Block | None:
    if isinstance(value, BlockArgument):
        return value.block
    return value.op.parent if isinstance(value, OpResult) else None


def _read(emit: Emitter, op: _Read) -> None:
    source = op.operands[0]
    tokens, position = _cursor(emit, source)
    task = _reading_task(op, source)
    result = emit.define(op.result)
    emit.line(f"if {position} == len({tokens}): {emit.name(source)}.ran_out({_task_name(task)!r})")
    emit.line(f"{result} = {tokens}[{position}]; {position} += 1")


def _reading_task(op: Operation, source: SSAValue) -> dataflow.TaskOp:
    """The task around `op` that stands in the block where `source` is defined."""
    current = op.parent_op()
    while current is not None:
        if isinstance(current, dataflow.TaskOp) and current.parent is _block_of(source):
            return current
        current = current.parent_op()
    raise InternalError(f"{op.name} reads a value of type {source.type} that does not come from outside of its task")


def _itensor_write(emit: Emitter, op: dataflow.ITensorWriteOp) -> None:
    if op.dest.uses.get_length() != 1:
        raise InternalError(f"{op.name} writes into an itensor that is used elsewhere as well")
    emit.line(f"{emit.name(op.dest)}.tokens.append({emit.name(op.value)})")
    emit.bind(op.result, emit.name(op.dest))


def _itensor_empty(emit: Emitter, op: dataflow.ITensorEmptyOp) -> None:
    emit.line(f"{emit.define(op.result)} = {emit.helper(Queue)}('an empty itensor')")


def _converter(emit: Emitter, op: dataflow.ITensorConverterOp) -> None:
    source, target = op.source.type, op.result.type
    assert isinstance(source, dataflow.ITensorType)
    assert isinstance(target, dataflow.ITensorType)
    label = emit.constant(f"the itensor of the converter from {source.layout} to {target.layout}")
    constants = [label, *(emit.constant(what) for what in (source.layout, target.layout, dtype_of(target.scalar)))]
    call = f"{emit.helper(converted)}({emit.name(op.source)}, {', '.join(constants)})"
    emit.line(f"{emit.define(op.result)} = {call}")


def _stream(emit: Emitter, op: dataflow.StreamOp) -> None:
    emit.line(f"{emit.define(op.result)} = {emit.helper(Queue)}({op.sym_name.data!r})")


def _stream_write(emit: Emitter, op: dataflow.StreamWriteOp) -> None:
    emit.line(f"{emit.name(op.stream)}.tokens.append({emit.name(op.value)})")


HANDLERS: Handlers = {
    dataflow.ITensorConverterOp: _converter,
    dataflow.ITensorEmptyOp: _itensor_empty,
    dataflow.ITensorReadOp: _read,
    dataflow.ITensorWriteOp: _itensor_write,
    dataflow.KernelOp: _kernel,
    dataflow.StreamOp: _stream,
    dataflow.StreamReadOp: _read,
    dataflow.StreamWriteOp: _stream_write,
    dataflow.TaskOp: _task,
}

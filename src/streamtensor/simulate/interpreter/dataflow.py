# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The dataflow dialect: kernels and tasks are Python functions, itensors and FIFOs are queues that tokens flow through.

Tasks run one after another in the order in which they stand, with unbounded queues; those of a kernel with feedback
take turns (`together`). A task's reading position in a
queue is a local variable of its function; `queues` checks the counts when the task ends.
"""

from __future__ import annotations

from streamtensor.algebra.run_time_bound import tiles_up_to
from streamtensor.diagnostics import InternalError
from streamtensor.dialects import dataflow
from streamtensor.dialects.tensor_ext import layout_of
from streamtensor.ir.builtin import VectorType
from streamtensor.ir.core import Attribute, Block, BlockArgument, Operation, OpResult, SSAValue
from streamtensor.simulate.interpreter.emitter import Emitter, Handlers
from streamtensor.simulate.interpreter.queues import Queue, converted, stream_of, tensor_of
from streamtensor.simulate.interpreter.routing import reshaped_token
from streamtensor.simulate.interpreter.tensor_ext import packed, unpacked
from streamtensor.simulate.interpreter.together import Together
from streamtensor.simulate.interpreter.types import dtype_of

COUNT = "count"
"""The name under which the functions find the counter of tokens."""

_Read = dataflow.ITensorReadOp | dataflow.StreamReadOp

_TOGETHER = "together"
"""The name under which the function of a kernel with feedback has its tasks."""


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
            external = layout_of(op.ins[number].type, kind.layout.rank)  # pyright: ignore[reportArgumentType]
            if not external.is_plain:
                parameter = f"{emit.helper(unpacked)}({parameter}, {emit.constant(external)}, {kind.layout.rank})"
            emit.line(f"{emit.define(argument)} = {emit.helper(stream_of)}({label}, {parameter}, {layout})")
        else:
            label = emit.constant(f"the itensor of outs {number - len(op.ins)} of kernel {name}")
            emit.line(f"{emit.define(argument)} = {emit.helper(Queue)}({label})")
    if _has_feedback(op):
        emit.line(f"{_TOGETHER} = {emit.helper(Together)}()")
    yielded = emit.body(block)
    if _has_feedback(op):
        emit.line(f"{_TOGETHER}.run()")
    for inner in block.ops:
        if isinstance(inner, dataflow.StreamOp):
            emit.line(f"{emit.name(inner.result)}.close({name!r}, {COUNT})")
    if op.results_:
        values = [_outside(emit, value, result.type) for value, result in zip(yielded, op.results_, strict=True)]
        emit.line(f"return ({''.join(value + ', ' for value in values)})")


def _outside(emit: Emitter, value: SSAValue, outside: Attribute) -> str:
    """What a kernel gives for what it yields: the tensor itself, or the one that an itensor's tokens make up."""
    if not isinstance(value.type, dataflow.ITensorType):
        return emit.name(value)
    layout, dtype = emit.constant(value.type.layout), emit.constant(dtype_of(value.type.scalar))
    made = f"{emit.helper(tensor_of)}({emit.name(value)}, {layout}, {dtype})"
    external = layout_of(outside, value.type.layout.rank)  # pyright: ignore[reportArgumentType]
    return made if external.is_plain else f"{emit.helper(packed)}({made}, {emit.constant(external)})"


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
    if _has_feedback(op.parent_op()):
        emit.line(f"{_TOGETHER}.tasks.append(lambda: {call})")
        return
    results = [emit.define(result) for result in op.results_]
    emit.line(f"{', '.join(results)}, = {call}" if results else call)


def _has_feedback(kernel: Operation | None) -> bool:
    """Whether a task of a kernel on streams reads what a later one writes."""
    return isinstance(kernel, dataflow.KernelOp) and any(
        isinstance(op, dataflow.StreamOp) and dataflow.FEEDBACK in op.attributes for op in kernel.body.block.ops
    )


def _write_task(emit: Emitter, op: dataflow.TaskOp, inits: list[str]) -> list[str]:
    """The inside of a task that starts at `inits`; gives the texts of its results."""
    name = repr(_task_name(op))
    for number, (argument, init) in enumerate(zip(op.body.block.args, inits, strict=True)):
        if isinstance(argument.type, dataflow.ITensorType) and not _goes_on(op, number):
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
        if isinstance(value.type, dataflow.ITensorType) and not _goes_on(op, number)
        else emit.name(value)
        for number, value in enumerate(yielded)
    ]


def _goes_on(op: dataflow.TaskOp, number: int) -> bool:
    """Whether a nested task appends to an itensor that the task around it fills, so that it may write a part of it."""
    init = op.inits[number]
    return not isinstance(op.parent_op(), dataflow.KernelOp) and not isinstance(
        init.owner, dataflow.ITensorEmptyOp | dataflow.ITensorInstanceOp
    )


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
        if isinstance(inner, _Read) and _block_of(source := dataflow.stream_behind(inner.operands[0])) is op.parent:
            found[source] = None
    return list(found)


def _block_of(value: SSAValue) -> Block | None:
    if isinstance(value, BlockArgument):
        return value.block
    return value.op.parent if isinstance(value, OpResult) else None


def _read(emit: Emitter, op: _Read) -> None:
    source = dataflow.stream_behind(op.operands[0])
    tokens, position = _cursor(emit, source)
    task = _reading_task(op, source)
    result = emit.define(op.result)
    emit.line(f"if {position} == len({tokens}): {emit.name(source)}.ran_out({_task_name(task)!r})")
    token = f"{tokens}[{position}]"
    if source is not op.operands[0]:
        token = f"{emit.helper(reshaped_token)}({token}, {_token_shape(op.operands[0])})"
    emit.line(f"{result} = {token}; {position} += 1")


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
    more = f", (), {_TOGETHER}" if _has_feedback(op.parent_op()) else ""
    emit.line(f"{emit.define(op.result)} = {emit.helper(Queue)}({op.sym_name.data!r}{more})")


def _stream_write(emit: Emitter, op: dataflow.StreamWriteOp) -> None:
    stream, token = dataflow.stream_behind(op.stream), emit.name(op.value)
    if stream is not op.stream:
        token = f"{emit.helper(reshaped_token)}({token}, {_token_shape(stream)})"
    emit.line(f"{emit.name(stream)}.tokens.append({token})")


def _token_shape(stream: SSAValue) -> tuple[int, ...] | None:
    assert isinstance(stream.type, dataflow.StreamType)
    element = stream.type.element
    return tuple(element.get_shape()) if isinstance(element, VectorType) else None


def _stream_cast(emit: Emitter, op: dataflow.StreamCastOp) -> None:
    """Another name of the FIFO; reads and writes give tokens the shape that they ask for."""
    emit.bind(op.result, emit.name(op.source))


def _bound(emit: Emitter, op: dataflow.BoundOp) -> None:
    numbers = f"int({emit.name(op.position)}.flat[0]), {op.tile.value.data}, {op.most.value.data}"
    emit.line(f"{emit.define(op.result)} = {emit.helper(tiles_up_to)}({numbers})")


def _part(emit: Emitter, op: dataflow.PartOp) -> None:
    emit.assign(op.result, f"{emit.name(op.source)}[{op.number.value.data}]")


HANDLERS: Handlers = {
    dataflow.BoundOp: _bound,
    dataflow.ITensorConverterOp: _converter,
    dataflow.ITensorEmptyOp: _itensor_empty,
    dataflow.ITensorReadOp: _read,
    dataflow.ITensorWriteOp: _itensor_write,
    dataflow.KernelOp: _kernel,
    dataflow.PartOp: _part,
    dataflow.StreamCastOp: _stream_cast,
    dataflow.StreamOp: _stream,
    dataflow.StreamReadOp: _read,
    dataflow.StreamWriteOp: _stream_write,
    dataflow.TaskOp: _task,
}

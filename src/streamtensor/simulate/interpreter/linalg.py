# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The linalg dialect: a generic is one Python function that computes all parallel iterations at once.

A loop is *vectorised* when it is parallel and every result is indexed by it directly: then all its iterations write to
different places and none sees what another wrote. The other loops (reductions) run one iteration after the other in
their order, so that each number is the result of exactly the operations that the IR says, in that order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from streamtensor.ir import linalg
from streamtensor.ir.builtin import TensorType
from streamtensor.ir.core import AffineDimExpr, AffineMap, BlockArgument, SSAValue
from streamtensor.simulate.interpreter.access import Access, access_of, loop_sizes
from streamtensor.simulate.interpreter.emitter import Emitter, Handlers
from streamtensor.simulate.interpreter.types import dtype_of, is_shaped, shape_of


@dataclass(frozen=True)
class _Loops:
    """The loops of a generic: which are vectorised, in order, and which run one iteration after the other."""

    sizes: tuple[int, ...]
    vectorised: tuple[int, ...]
    sequential: tuple[int, ...]


def _loops_of(op: linalg.GenericOp, maps: Sequence[AffineMap]) -> _Loops:
    shapes = [shape_of(value.type) if is_shaped(value.type) else () for value in op.operands]
    sizes = loop_sizes(maps, shapes)
    results = maps[len(op.inputs) :]
    parallel = [kind.data == linalg.IteratorType.PARALLEL for kind in op.iterator_types]
    vectorised = tuple(loop for loop in range(len(sizes)) if parallel[loop] and all(_direct(m, loop) for m in results))
    return _Loops(sizes, vectorised, tuple(loop for loop in range(len(sizes)) if loop not in vectorised))


def _direct(indexing: AffineMap, loop: int) -> bool:
    """True when `loop` is one result of the map and part of no other."""
    using = [result for result in indexing.results if loop in result.used_dims()]
    return len(using) == 1 and isinstance(using[0], AffineDimExpr)


def _generic(emit: Emitter, op: linalg.GenericOp) -> None:
    maps = [attribute.data for attribute in op.indexing_maps]
    loops = _loops_of(op, maps)
    arguments = op.body.block.args
    inputs, outputs = list(op.inputs), list(op.outputs)
    tensors = [isinstance(value.type, TensorType) for value in outputs]
    carried = [argument.uses.get_length() > 0 for argument in arguments[len(inputs) :]]

    # What stands outside of the function: operands, storage for the results, and what the body captures.
    storage: list[str] = []
    for value, is_tensor, is_read in zip(outputs, tensors, carried, strict=True):
        if not is_tensor:
            storage.append(emit.name(value))
        elif is_read or loops.sequential:
            storage.append(emit.take(value))
        else:
            storage.append(f"{emit.helper(np.empty)}({shape_of(value.type)}, {emit.constant(dtype_of(value.type))})")
    captured = emit.captured(op)
    function = emit.fresh("g")
    parameters = [emit.fresh("v") for _ in (*inputs, *outputs)]
    given = [emit.name(value) for value in inputs] + storage
    call = f"{function}({', '.join([*given, *captured])})"

    with emit.function(function, [*parameters, *captured]):
        _write_function(emit, op, maps, loops, parameters)
    results = [emit.define(result) for result in op.res]
    emit.line(f"{', '.join(results)}, = {call}" if results else call)


def _write_function(
    emit: Emitter, op: linalg.GenericOp, maps: Sequence[AffineMap], loops: _Loops, parameters: Sequence[str]
) -> None:
    """The inside of the function of a generic: views of the operands, the sequential loops, the body, the results."""
    arguments, count = op.body.block.args, len(op.inputs)
    accesses = [
        access_of(emit, parameter, indexing, loops.sizes, loops.vectorised) if is_shaped(value.type) else None
        for parameter, indexing, value in zip(parameters, maps, op.operands, strict=True)
    ]
    outer = emit.loop_variables
    emit.loop_variables = _loop_variables(emit, loops)
    views = _results_before_loops(emit, accesses[count:])
    inside: list[tuple[BlockArgument, Access]] = []
    for argument, parameter, access in zip(arguments[:count], parameters[:count], accesses[:count], strict=True):
        if access is None:
            emit.bind(argument, parameter)
        elif access.moves:
            inside.append((argument, access))
        else:
            _bind_element(emit, argument, access)
    _write_loops(emit, op, loops.sequential, loops.sizes, inside, views)
    results = [parameter for parameter, value in zip(parameters[count:], op.outputs, strict=True) if _is_tensor(value)]
    if results:
        emit.line(f"return {', '.join(results)},")
    emit.loop_variables = outer


def _loop_variables(emit: Emitter, loops: _Loops) -> dict[int, tuple[str, bool]]:
    """What linalg.index gives: all values of a vectorised loop along its dimension, or the variable of a loop."""
    variables: dict[int, tuple[str, bool]] = {loop: (f"d{loop}", False) for loop in loops.sequential}
    for place, loop in enumerate(loops.vectorised):
        shape = [1] * len(loops.vectorised)
        shape[place] = loops.sizes[loop]
        variables[loop] = (emit.constant(np.arange(loops.sizes[loop]).reshape(shape)), True)
    return variables


def _results_before_loops(emit: Emitter, accesses: Sequence[Access | None]) -> list[tuple[str, bool]]:
    """For each result the text of what one round of the sequential loops writes to, and whether that is an array."""
    views: list[tuple[str, bool]] = []
    for access in accesses:
        assert access is not None
        if access.moves or not access.is_array:
            views.append((access.text, access.is_array))
        else:
            view = emit.fresh("o")
            emit.line(f"{view} = {access.text}")
            views.append((view, True))
    return views


def _write_loops(
    emit: Emitter,
    op: linalg.GenericOp,
    sequential: Sequence[int],
    sizes: Sequence[int],
    inside: Sequence[tuple[BlockArgument, Access]],
    views: Sequence[tuple[str, bool]],
) -> None:
    if sequential:
        loop, *rest = sequential
        with emit.block(f"for d{loop} in range({sizes[loop]}):"):
            _write_loops(emit, op, rest, sizes, inside, views)
        return
    for argument, access in inside:
        _bind_element(emit, argument, access)
    targets: list[str] = []
    for argument, (text, is_array) in zip(op.body.block.args[len(op.inputs) :], views, strict=True):
        if is_array and not text.isidentifier():
            view = emit.fresh("o")
            emit.line(f"{view} = {text}")
            text = view
        targets.append(text)
        if argument.uses.get_length() == 0:
            continue
        if is_array:
            emit.bind(argument, text, array=True)
        else:
            emit.line(f"{emit.define(argument)} = {text}")
    values = [emit.name(value) for value in emit.body(op.body.block)]
    if len(targets) > 1:  # a value may be a view of another result
        values = [f"{emit.helper(np.array)}({value})" for value in values]
        emit.line(f"{', '.join(new := [emit.fresh() for _ in values])} = {', '.join(values)}")
        values = new
    for target, value, (_, is_array) in zip(targets, values, views, strict=True):
        emit.line(f"{target}[...] = {value}" if is_array else f"{target} = {value}")


def _bind_element(emit: Emitter, argument: BlockArgument, access: Access) -> None:
    """Gives the block argument its number, or its numbers for all vectorised iterations."""
    if argument.uses.get_length():
        emit.line(f"{emit.define(argument, array=access.is_array)} = {access.text}")


def _is_tensor(value: SSAValue) -> bool:
    return isinstance(value.type, TensorType)


def _index(emit: Emitter, op: linalg.IndexOp) -> None:
    text, is_array = emit.loop_variables[op.dim.value.data]
    emit.bind(op.result, text, array=is_array)


def _fill(emit: Emitter, op: linalg.FillOp) -> None:
    (value,), (output,) = op.inputs, op.outputs
    if op.res:
        kind = output.type
        call = f"{emit.helper(np.full)}({shape_of(kind)}, {emit.name(value)}, {emit.constant(dtype_of(kind))})"
        emit.line(f"{emit.define(op.res[0])} = {call}")
    else:
        emit.line(f"{emit.name(output)}[...] = {emit.name(value)}")


HANDLERS: Handlers = {linalg.FillOp: _fill, linalg.GenericOp: _generic, linalg.IndexOp: _index}

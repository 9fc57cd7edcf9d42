# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Puts hand-written kernels into the imported functions, where parts of the model were cut out (`extern_holes`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod

from streamtensor.diagnostics import UserError
from streamtensor.dialects.dataflow import ExternKernelOp, ITensorType
from streamtensor.importers.extern_holes import Hole
from streamtensor.ir import func, tensor
from streamtensor.ir.builtin import ArrayAttr, IntegerAttr, ModuleOp, StringAttr, TensorType, i64
from streamtensor.ir.core import Block, Operation, SSAValue, VerifyException
from streamtensor.ir.locations import LOC


def close_holes(module: ModuleOp, holes: Mapping[str, Sequence[Hole]]) -> None:
    """f(args, h...) { ...; return results, x... }  -->  f(args) { ...; h... = extern_kernel(x...); return results }

    `holes` are those of each function, in the order of its trailing results and arguments. Raises UserError ST0113 when
    the ports of a kernel do not fit what it replaces.
    """
    for function in [op for op in module.ops if isinstance(op, func.FuncOp)]:
        if holes.get(function.sym_name.data):
            _close(function, holes[function.sym_name.data])


def _close(function: func.FuncOp, holes: Sequence[Hole]) -> None:
    block = function.body.block
    last = block.last_op
    assert isinstance(last, func.ReturnOp)
    inputs, outputs = sum(hole.inputs for hole in holes), sum(hole.outputs for hole in holes)
    results = list(last.arguments)
    kept = len(results) - inputs
    arguments = list(block.args)[len(block.args) - outputs :]
    read, given = results[kept:], list(arguments)
    names: dict[str, int] = {}
    for hole in holes:
        name = hole.replaced.kernel.name
        number = names[name] = names.get(name, -1) + 1
        made = _kernel(hole, f"{name}_{number}" if number else name, read[: hole.inputs], given[: hole.outputs], last)
        for argument, value in zip(given[: hole.outputs], made, strict=True):
            value.name_hint = name
            argument.replace_all_uses_with(value)
            read = [value if other is argument else other for other in read]
        read, given = read[hole.inputs :], given[hole.outputs :]
    final = func.ReturnOp(*list(last.arguments)[:kept])
    final.attributes = dict(last.attributes)
    block.insert_op_before(final, last)
    last.detach()
    last.erase()
    for argument in arguments:
        block.erase_arg(argument)
    function.update_function_type()
    sort(block)


def _kernel(
    hole: Hole, name: str, read: Sequence[SSAValue], given: Sequence[SSAValue], place: Operation
) -> list[SSAValue]:
    """Inserts the kernel before `place`; what it gives has the types of `given`."""
    kernel = hole.replaced.kernel
    ports = list(kernel.port_types)
    if (len(kernel.ins), len(kernel.outs)) != (len(read), len(given)):
        raise _misfit(
            hole,
            f"takes {_types(read, hole.replaced.inputs)} and gives {_types(given)}, but the kernel has "
            f"{len(kernel.ins)} in and {len(kernel.outs)} out ports",
        )
    for number, (port, value) in enumerate(zip(ports, (*read, *given), strict=True)):
        side, index = ("in", number) if number < len(read) else ("out", number - len(read))
        _check_port(hole, f"{side} port {index}", port, value)
    block = place.parent
    assert block is not None
    ins = [_reshaped(value, port.data_shape, place) for value, port in zip(read, ports, strict=False)]
    empties = [tensor.EmptyOp([], TensorType(port.scalar, port.data_shape)) for port in ports[len(read) :]]
    block.insert_ops_before(empties, place)
    op = ExternKernelOp(
        name,
        ins,
        [empty.tensor for empty in empties],
        source=str(kernel.source_path),
        headers=[str(header) for header in kernel.header_paths],
        function=kernel.function,
        ports=ports,
        ii=kernel.ii,
        delay=kernel.delay,
        reads_before_writes=kernel.reads_before_writes,
        resources=dict(kernel.resources),
        width_bits=kernel.width_bits,
    )
    try:
        op.verify_()
    except VerifyException as error:
        raise kernel.wrong(str(error)) from error
    if hole.replaced.place is not None:
        place_in_model = hole.replaced.place
        op.attributes[LOC] = StringAttr(f"{place_in_model.place} {place_in_model.text}".rstrip())
    block.insert_op_before(op, place)
    results: list[SSAValue] = []
    for value, result in zip(given, op.results_, strict=True):
        assert isinstance(value.type, TensorType)
        results.append(_reshaped(result, value.type.get_shape(), place))
    return results


def _check_port(hole: Hole, which: str, port: ITensorType, value: SSAValue) -> None:
    assert isinstance(value.type, TensorType)
    shape, wanted = _squeezed(port.data_shape), _squeezed(value.type.get_shape())
    same = shape == wanted or _runs(shape, wanted) is not None or _runs(wanted, shape) is not None
    if port.scalar != value.type.element_type or not same:
        covered = "x".join([*(str(n) for n in port.data_shape), str(port.scalar)])
        raise _misfit(hole, f"has {value.type} there, but {which} streams {covered}: {port}")


def _misfit(hole: Hole, what: str) -> UserError:
    kernel = hole.replaced.kernel
    return UserError(
        "ST0113", f"extern kernel {kernel.name} does not fit: {hole.replaced.what} {what}", location=hole.replaced.place
    )


def _types(values: Sequence[SSAValue], names: Sequence[str] = ()) -> str:
    known = [f"{name} " for name in names] or [""] * len(values)
    return ", ".join(f"{name}{value.type}" for name, value in zip(known, values, strict=True)) or "nothing"


# ---- reshapes


def _squeezed(shape: Sequence[int]) -> tuple[int, ...]:
    return tuple(size for size in shape if size != 1)


def _runs(coarse: Sequence[int], fine: Sequence[int]) -> list[list[int]] | None:
    """For each dimension of `coarse` the run of dimensions of `fine` that it is the product of; None when it is none.

    Dimensions of size 1 in `fine` go with the run before them, or with the first.

    >>> _runs((16, 64), (1, 16, 4, 16))
    [[0, 1], [2, 3]]
    """
    runs: list[list[int]] = []
    position = 0
    for size in coarse:
        run: list[int] = []
        while position < len(fine) and (not run or prod(fine[i] for i in run) < size):
            run.append(position)
            position += 1
        if prod(fine[i] for i in run) != size or not run:
            return None
        runs.append(run)
    rest = list(range(position, len(fine)))
    if any(fine[i] != 1 for i in rest):
        return None
    if runs:
        runs[-1] += rest
    return runs


def _reshaped(value: SSAValue, shape: Sequence[int], place: Operation) -> SSAValue:
    """The elements of `value` in row-major order as a tensor of `shape`: dimensions of size 1 go, runs are merged or
    split, dimensions of size 1 come.
    """
    assert isinstance(value.type, TensorType)
    source, target = tuple(value.type.get_shape()), tuple(shape)
    way = [_squeezed(source), _squeezed(target), target]
    if _runs(source, target) is not None or _runs(target, source) is not None:
        way = [target]
    for step in way:
        assert isinstance(value.type, TensorType)
        if tuple(value.type.get_shape()) != step:
            value = _step(value, value.type, step, place)
    return value


def _step(value: SSAValue, type: TensorType, shape: tuple[int, ...], place: Operation) -> SSAValue:
    source = tuple(type.get_shape())
    result = TensorType(type.element_type, shape)
    runs = _runs(source, shape) if len(shape) >= len(source) else None
    op: Operation
    if runs is not None:
        op = tensor.ExpandShapeOp(value, (), _attribute(runs), shape, result)
    else:
        runs = _runs(shape, source)
        assert runs is not None
        op = tensor.CollapseShapeOp.build(
            operands=[value], result_types=[result], properties={"reassociation": _attribute(runs)}
        )
    assert place.parent is not None
    place.parent.insert_op_before(op, place)
    return op.results[0]


def _attribute(runs: Sequence[Sequence[int]]) -> ArrayAttr[ArrayAttr[IntegerAttr]]:
    return ArrayAttr([ArrayAttr([IntegerAttr(i, i64) for i in run]) for run in runs])  # pyright: ignore[reportReturnType]


# ---- order


def sort(block: Block) -> None:
    """Puts the operations of a block into an order in which values are made before they are used, else as they were."""
    ops = list(block.ops)
    done: set[Operation] = set()
    order: list[Operation] = []
    for root in ops:
        pending = [root]
        while pending:
            op = pending[-1]
            owners = dict.fromkeys(value.owner for inner in op.walk() for value in inner.operands)
            sources = [owner for owner in owners if isinstance(owner, Operation) and owner.parent is block]
            missing = [source for source in sources if source not in done and source is not op]
            if op in done or not missing:
                pending.pop()
                if op not in done:
                    done.add(op)
                    order.append(op)
            else:
                pending += missing
    for op in ops:
        op.detach()
    for op in order:
        block.add_op(op)

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Reading and rebuilding `linalg.generic`, the one compute operation of the tensor IR.

A generic is taken as a list of accesses (value and indexing map) for its inputs and its outputs, one iterator
type for each loop, and a body whose block arguments follow the accesses. Operations have a fixed number of
operands once they are made, so a rewrite collects new accesses, edits the body in place and calls `rebuild`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import cast

from streamtensor.ir import arith, func, tensor
from streamtensor.ir.builtin import (
    AffineMapAttr,
    DenseIntOrFPElementsAttr,
    FloatAttr,
    IntegerAttr,
    ModuleOp,
    StringAttr,
    TensorType,
)
from streamtensor.ir.core import AffineMap, Attribute, Block, BlockArgument, Operation, OpResult, Region, SSAValue
from streamtensor.ir.linalg import FillOp, GenericOp, IteratorType, IteratorTypeAttr, YieldOp
from streamtensor.ir.locations import copy_location
from streamtensor.transforms.linalg.maps import determines_loops, identity, is_permutation, loop_of

PARALLEL = IteratorTypeAttr(IteratorType.PARALLEL)
REDUCTION = IteratorTypeAttr(IteratorType.REDUCTION)
Scalar = IntegerAttr | FloatAttr


@dataclass(frozen=True)
class Access:
    """One operand of a generic: the value, and the map from the loops to its elements (no results for a scalar)."""

    value: SSAValue
    map: AffineMap


def device_functions(module: ModuleOp) -> Iterator[func.FuncOp]:
    """The functions of one block that are not marked `dataflow.place = "host"`."""
    host = StringAttr("host")
    for op in module.ops:
        if isinstance(op, func.FuncOp) and len(op.body.blocks) == 1 and op.attributes.get("dataflow.place") != host:
            yield op


def generics(function: func.FuncOp) -> list[GenericOp]:
    """The generics of `function`, in order."""
    return [op for op in function.body.block.ops if isinstance(op, GenericOp)]


def shape_of(value: SSAValue) -> tuple[int, ...]:
    """The shape of a tensor, `()` for a scalar."""
    return value.type.get_shape() if isinstance(value.type, TensorType) else ()


def tensor_type(value: SSAValue) -> TensorType[Attribute]:
    """The type of a value that is known to be a tensor."""
    return cast(TensorType[Attribute], value.type)


def owner(value: SSAValue) -> Operation | None:
    """The operation that defines `value`; None for a block argument."""
    return value.owner if isinstance(value.owner, Operation) else None


def inputs(op: GenericOp) -> list[Access]:
    """The accesses of the `ins` operands."""
    return [Access(value, attr.data) for value, attr in zip(op.inputs, op.indexing_maps, strict=False)]


def outputs(op: GenericOp) -> list[Access]:
    """The accesses of the `outs` operands; the n-th result has the type and the map of the n-th of them."""
    maps = op.indexing_maps.data[len(op.inputs) :]
    return [Access(value, attr.data) for value, attr in zip(op.outputs, maps, strict=True)]


def iterators(op: GenericOp) -> list[IteratorTypeAttr]:
    """The kind of each loop."""
    return list(op.iterator_types)


def extents(op: GenericOp) -> tuple[int, ...]:
    """The trip count of each loop."""
    sizes: dict[int, int] = {}
    for access in (*inputs(op), *outputs(op)):
        for expr, size in zip(access.map.results, shape_of(access.value), strict=True):
            loop = loop_of(expr)
            if loop is not None:
                sizes[loop] = size
    return tuple(sizes[loop] for loop in range(len(op.iterator_types)))


def input_arguments(op: GenericOp) -> tuple[BlockArgument, ...]:
    """The body's arguments for the inputs."""
    return op.body.block.args[: len(op.inputs)]


def output_arguments(op: GenericOp) -> tuple[BlockArgument, ...]:
    """The body's arguments for the outputs: what the output element holds before this iteration."""
    return op.body.block.args[len(op.inputs) :]


def yielded(op: GenericOp) -> Sequence[SSAValue]:
    """The values that the body yields, one for each result."""
    return terminator(op.body.block).operands


def terminator(body: Block) -> YieldOp:
    """The yield at the end of a body."""
    last = body.last_op
    assert isinstance(last, YieldOp)
    return last


def is_elementwise(op: GenericOp) -> bool:
    """Whether the one result is a function of the inputs alone, computed once for each element.

    All loops are parallel, the result's map is a permutation of them, and the body does not read the output.
    """
    return (
        len(op.results) == 1
        and all(kind == PARALLEL for kind in op.iterator_types)
        and is_permutation(outputs(op)[0].map)
        and not output_arguments(op)[0].uses
    )


def rebuild(
    op: GenericOp,
    new_inputs: Sequence[Access],
    new_outputs: Sequence[Access],
    new_iterators: Sequence[IteratorTypeAttr] | None = None,
) -> GenericOp:
    """A generic right before `op` that takes over its body, attributes and location; `op` is left to `replace`.

    The body has to fit already: one block argument for each input, then one for each output.
    """
    region = op.detach_region(op.body)
    new = GenericOp(
        [access.value for access in new_inputs],
        [access.value for access in new_outputs],
        region,
        [AffineMapAttr(access.map) for access in (*new_inputs, *new_outputs)],
        op.iterator_types if new_iterators is None else list(new_iterators),
        [access.value.type for access in new_outputs],
        op.doc,
        op.library_call,
    )
    new.attributes.update(op.attributes)
    insert_before(op, new)
    return new


def replace(op: Operation, values: Sequence[SSAValue]) -> None:
    """Gives the uses of the results of `op` to `values` and erases it."""
    for old, new in zip(op.results, values, strict=True):
        replace_uses(old, new)
    assert op.parent is not None
    op.parent.erase_op(op)


def replace_uses(old: SSAValue, new: SSAValue) -> None:
    """Gives the uses of `old` to `new`; the name of `old` dies with it (a block argument's would mislead)."""
    hint = new.name_hint
    old.replace_all_uses_with(new)
    new.name_hint = hint


def insert_before(place: Operation, *ops: Operation) -> None:
    """Puts `ops` right before `place`, with its location if they have none (in a body, the generic's says it)."""
    assert place.parent is not None
    if not isinstance(place.parent_op(), GenericOp):
        copy_location(place, ops)
    place.parent.insert_ops_before(ops, place)


def empty_like(place: Operation, like: TensorType[Attribute], shape: Sequence[int]) -> OpResult:
    """A `tensor.empty` of `shape` with the element type of `like`, right before `place`."""
    made = tensor.EmptyOp((), TensorType(like.get_element_type(), shape))
    insert_before(place, made)
    return made.tensor


def is_empty(value: SSAValue) -> bool:
    """Whether `value` is a `tensor.empty`: a shape without contents."""
    return isinstance(value.owner, tensor.EmptyOp)


def fill_value(value: SSAValue) -> Scalar | None:
    """The number that every element of a tensor is known to hold, or that a scalar constant is; else None."""
    source = value.owner
    if isinstance(source, arith.ConstantOp):
        held = source.value
        if isinstance(held, DenseIntOrFPElementsAttr):
            return held.get_attrs()[0] if held.is_splat() else None
        return held if isinstance(held, IntegerAttr | FloatAttr) else None
    if isinstance(source, FillOp):
        return fill_value(source.inputs[0])
    if isinstance(source, GenericOp) and all(kind == PARALLEL for kind in source.iterator_types):
        assert isinstance(value, OpResult)
        result = yielded(source)[value.index]
        arguments = input_arguments(source)
        if isinstance(result, BlockArgument) and result in arguments:
            return fill_value(source.inputs[arguments.index(result)])
        return fill_value(result)
    return None


def fill_like(place: Operation, number: Scalar, like: TensorType[Attribute], shape: Sequence[int]) -> OpResult:
    """A generic that fills a tensor of `shape` with `number`, right before `place`."""
    out = empty_like(place, like, shape)
    body = Block(arg_types=[like.get_element_type()])
    made = arith.ConstantOp(number)
    body.add_ops([made, YieldOp(made.result)])
    rank = len(shape)
    fill = GenericOp([], [out], Region(body), [AffineMapAttr(identity(rank))], [PARALLEL] * rank, [out.type])
    insert_before(place, fill)
    return fill.results[0]


def is_removable(op: Operation) -> bool:
    """Whether `op` may be erased when nothing uses it: a constant, a view, or arithmetic, also inside a body."""
    known = ("arith.", "math.", "linalg.", "tensor.")
    return all(inner.name.startswith(known) for inner in op.walk())


def erase_dead(function: func.FuncOp) -> bool:
    """Erases what has no effect and no use; whether there was any."""
    found = False
    for op in reversed(list(function.body.block.ops)):
        if op.results and not any(result.uses for result in op.results) and is_removable(op):
            function.body.block.erase_op(op)
            found = True
    return found


def loops_known(new_inputs: Sequence[Access], new_outputs: Sequence[Access]) -> bool:
    """Whether the extents of all loops can be read off these operands."""
    accesses = (*new_inputs, *new_outputs)
    return determines_loops((access.map for access in accesses), accesses[0].map.num_dims)

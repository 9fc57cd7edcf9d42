# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What Torch-MLIR leaves behind and a dataflow machine has no use for, removed from the parsed module."""

import struct

from streamtensor.diagnostics import Location, UserError
from streamtensor.importers.constants import fill_splats
from streamtensor.ir import arith, cf, core, linalg, tensor
from streamtensor.ir.builtin import (
    AnyFloat,
    DenseIntOrFPElementsAttr,
    FloatAttr,
    IndexType,
    IntegerAttr,
    IntegerType,
    ModuleOp,
    TensorType,
    f32,
    f64,
)
from streamtensor.ir.locations import LOC, copy_location, location

ALLOWED: frozenset[str] = frozenset(
    {
        "builtin.module",
        "func.func",
        "func.call",
        "func.return",
        "linalg.generic",
        "linalg.yield",
        "linalg.index",
        "tensor.empty",
        "tensor.collapse_shape",
        "tensor.expand_shape",
        "tensor.extract_slice",
        "tensor.extract",
        "tensor.pad",
        "tensor.yield",
        "tensor.concat",
        "tensor.insert_slice",
    }
)
"""Operations of an imported module, besides all of `arith` and `math`."""


def clean(module: ModuleOp) -> None:
    """Removes assertions (the host checks the ids), float64 and tensor constants, products with one, dead results.

    Raises UserError ST0104 when something is left that is not tensor IR, with the model's line.
    """
    for op in list(module.walk()):
        if isinstance(op, cf.AssertOp):
            op.detach()
            op.erase()
    _fold_constants(module)
    _drop_dead(module)
    _inline_constants(module)
    fill_splats(module)
    _split_crops(module)
    _drop_unused_results(module)
    _drop_dead(module)
    check(module)


def check(module: ModuleOp) -> None:
    """Raises UserError ST0104 for an operation or a type that imported modules never hold."""
    ops = sorted(module.walk(), key=lambda op: _place(op) is None)  # those that know the model's line first
    for op in ops:
        place = _place(op)
        if op.name not in ALLOWED and op.name.partition(".")[0] not in ("arith", "math"):
            raise UserError("ST0104", f"operation {op.name} is left after lowering", location=place)
        if op.name == "math.fpowi":
            raise UserError("ST0104", "a power with an integer tensor as its exponent is not supported", location=place)
        if any(_element(value.type) == f64 for value in (*op.operands, *op.results)):
            raise UserError("ST0104", "this part of the module is lowered to float64", location=place)


def _place(op: core.Operation) -> Location | None:
    """The model's line for an operation, which those in a body have from the operation around them."""
    current: core.Operation | None = op
    while current is not None and LOC not in current.attributes:
        current = current.parent_op()
    return location(current) if current is not None else None


def _element(kind: core.Attribute) -> core.Attribute:
    return kind.element_type if isinstance(kind, TensorType) else kind


def _fold_constants(module: ModuleOp) -> None:
    """A truncf of (constant c : f64)  -->  constant c : f32, rounded to nearest; x * 1  -->  x."""
    for op in list(module.walk()):
        if isinstance(op, arith.TruncFOp):
            source = op.input.owner
            if isinstance(source, arith.ConstantOp) and isinstance(source.value, FloatAttr):
                narrow = arith.ConstantOp(_rounded(source.value, op.result.type))
                parent = source.parent
                assert parent is not None
                parent.insert_op_after(narrow, source)
                op.result.replace_all_uses_with(narrow.result)
        elif isinstance(op, arith.MulfOp):
            for one, other in ((op.rhs, op.lhs), (op.lhs, op.rhs)):
                if _is_one(one):
                    op.result.replace_all_uses_with(other)
                    break


def _rounded(value: FloatAttr[AnyFloat], kind: core.Attribute) -> FloatAttr[AnyFloat]:
    number = value.value.data
    if kind == f32:
        number = struct.unpack("f", struct.pack("f", number))[0]
    assert isinstance(kind, AnyFloat)
    return FloatAttr(number, kind)


def _is_one(value: core.SSAValue) -> bool:
    source = value.owner
    return (
        isinstance(source, arith.ConstantOp) and isinstance(source.value, FloatAttr) and source.value.value.data == 1.0
    )


def _drop_dead(module: ModuleOp) -> None:
    """Erases operations whose results nobody reads; nothing in tensor IR has an effect besides its results."""
    for op in reversed(list(module.walk())):
        if op.results and not any(result.uses for result in op.results) and op.parent is not None:
            op.detach()
            op.erase()


def _inline_constants(module: ModuleOp) -> None:
    """A generic that reads a constant tensor of one number  -->  the same with the number in its body."""
    for op in list(module.walk()):
        if not isinstance(op, linalg.GenericOp):
            continue
        # Where all loops are parallel the results say how many iterations there are.
        parallel = all(kind.data is linalg.IteratorType.PARALLEL for kind in op.iterator_types)
        found = {index: _number(value, parallel) for index, value in enumerate(op.inputs)}
        numbers = {index: number for index, number in found.items() if number is not None}
        body = op.body.block
        for index, number in numbers.items():
            constant = arith.ConstantOp(number)
            body.insert_ops_before([constant], next(iter(body.ops)))
            body.args[index].replace_all_uses_with(constant.result)
        if numbers:
            _rebuild(op, [i for i in range(len(op.inputs)) if i not in numbers], list(range(len(op.results))))


def _number(
    value: core.SSAValue, may_repeat: bool
) -> FloatAttr[AnyFloat] | IntegerAttr[IntegerType | IndexType] | None:
    """The one element of a constant tensor, with `may_repeat` also that of a larger one; None for any other value."""
    source = value.owner
    if not isinstance(source, arith.ConstantOp) or not isinstance(source.value, DenseIntOrFPElementsAttr):
        return None
    if any(size != 1 for size in source.value.type.get_shape()) and not (may_repeat and source.value.is_splat()):
        return None
    return next(iter(source.value.iter_attrs()))


def _split_crops(module: ModuleOp) -> None:
    """pad x by a negative number  -->  pad (extract_slice x), which MLIR allows nowhere but Torch-MLIR makes."""
    for op in list(module.walk()):
        if not isinstance(op, tensor.PadOp):
            continue
        low, high = ([int(n) for n in sizes.get_values()] for sizes in (op.static_low, op.static_high))
        if min(*low, *high) >= 0:
            continue
        assert isinstance(op.source.type, TensorType)
        shape = op.source.type.get_shape()
        offsets = [max(0, -n) for n in low]
        sizes = [extent - o - max(0, -n) for extent, o, n in zip(shape, offsets, high, strict=True)]
        crop = tensor.ExtractSliceOp.from_static_parameters(op.source, offsets, sizes)
        copy_location(op, [crop])
        parent = op.parent
        assert parent is not None
        parent.insert_op_before(crop, op)
        low, high = [max(0, n) for n in low], [max(0, n) for n in high]
        if any((*low, *high)):
            pad = tensor.PadOp(crop.result, [], [], op.detach_region(op.region), low, high, op.result.type)
            core.Rewriter.replace_op(op, pad)
            copy_location(crop, [pad])
        else:
            core.Rewriter.replace_op(op, [], [crop.result])


def _drop_unused_results(module: ModuleOp) -> None:
    """A generic with results that nobody reads  -->  the same without them (the arg-max beside a maximum).

    Unchanged when the results that are read depend on the others.
    """
    for op in list(module.walk()):
        if not isinstance(op, linalg.GenericOp) or all(result.uses for result in op.results):
            continue
        keep = [index for index, result in enumerate(op.results) if result.uses]
        body = op.body.block
        terminator = body.last_op
        assert terminator is not None
        outputs = list(terminator.operands)
        terminator.operands = [outputs[index] for index in keep]
        accumulators = body.args[len(op.inputs) :]
        if any(_is_read(argument) for index, argument in enumerate(accumulators) if index not in keep):
            terminator.operands = outputs
            continue
        _erase_unread(body)
        _rebuild(op, list(range(len(op.inputs))), keep)


def _rebuild(op: linalg.GenericOp, inputs: list[int], results: list[int]) -> None:
    """Replaces `op` by the same with some of its inputs and results; the body must not read what goes."""
    body = op.body.block
    outputs = [len(op.inputs) + index for index in results]
    for index in reversed(range(len(body.args))):
        if index not in (*inputs, *outputs):
            body.erase_arg(body.args[index])
    maps = list(op.indexing_maps.data)
    new = linalg.GenericOp(
        [op.inputs[index] for index in inputs],
        [op.outputs[index] for index in results],
        op.detach_region(op.body),
        [maps[index] for index in (*inputs, *outputs)],
        op.iterator_types,
        [op.results[index].type for index in results],
    )
    new.attributes = dict(op.attributes)
    parent = op.parent
    assert parent is not None
    parent.insert_op_before(new, op)
    for result, index in zip(new.results, results, strict=True):
        op.results[index].replace_all_uses_with(result)
    op.detach()
    op.erase()


def _is_read(value: core.SSAValue) -> bool:
    """Whether something with a reader of its own, directly or not, or a terminator reads `value`."""
    return any(not use.operation.results or any(map(_is_read, use.operation.results)) for use in value.uses)


def _erase_unread(body: core.Block) -> None:
    for op in reversed(list(body.ops)):
        if op.results and not any(result.uses for result in op.results):
            op.detach()
            op.erase()

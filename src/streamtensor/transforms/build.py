# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What every pass that makes loops needs: index constants, loop nests, and the loops around an operation as a map."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache

from streamtensor.algebra.affine import AffineMap
from streamtensor.algebra.layout import StreamLayout
from streamtensor.algebra.linear import LinearExpr
from streamtensor.dialects.dataflow.loops import constant_index
from streamtensor.ir import arith, scf, tensor, vector
from streamtensor.ir.builtin import (
    DYNAMIC_INDEX,
    AffineMapAttr,
    AnyFloat,
    ArrayAttr,
    BoolAttr,
    FloatAttr,
    IndexType,
    IntegerAttr,
    IntegerType,
    MemRefType,
    StringAttr,
    TensorType,
    VectorType,
)
from streamtensor.ir.core import AffineMap as IRAffineMap
from streamtensor.ir.core import Attribute, Block, Operation, Region, SSAValue

DEVICE = StringAttr("device")
PLACE = "dataflow.place"

# The body of a loop nest: (block to append to, loop variables, carried values) -> values to carry on.
NestBody = Callable[[Block, list[SSAValue], list[SSAValue]], Sequence[SSAValue]]


def is_device(func: Operation) -> bool:
    """Whether a function runs on the accelerator; a function that says nothing does, except the program itself."""
    place = func.attributes.get(PLACE)
    return place == DEVICE


class UniqueNames:
    """Names that are given once: `sum`, then `sum_1`, `sum_2`, ..."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def of(self, base: str) -> str:
        """`base`, with a number when it is taken."""
        name, number = base, 0
        while name in self._taken:
            number += 1
            name = f"{base}_{number}"
        self._taken.add(name)
        return name


class IndexConstants:
    """Index constants at the start of a block, one operation for each number."""

    def __init__(self, block: Block) -> None:
        self._block = block
        self._values: dict[int, SSAValue] = {}
        for op in block.ops:
            if isinstance(op, arith.ConstantOp) and isinstance(op.result.type, IndexType):
                assert isinstance(op.value, IntegerAttr)
                self._values.setdefault(op.value.value.data, op.result)
            elif not isinstance(op, arith.ConstantOp):
                break

    def __getitem__(self, number: int) -> SSAValue:
        if number not in self._values:
            op = arith.ConstantOp.from_int_and_width(number, IndexType())
            op.result.name_hint = f"c{number}"
            self._insert(op)
            self._values[number] = op.result
        return self._values[number]

    def clone(self, constant: arith.ConstantOp) -> SSAValue:
        """The value of a constant from elsewhere, at the start of this block."""
        if isinstance(constant.result.type, IndexType):
            assert isinstance(constant.value, IntegerAttr)
            return self[constant.value.value.data]
        copy = constant.clone()
        self._insert(copy)
        return copy.result

    def zero(self, scalar: Attribute) -> SSAValue:
        """A zero of a scalar type: the padding that a vector transfer names and, in bounds, never needs."""
        for op in self._block.ops:
            if not isinstance(op, arith.ConstantOp):
                break
            if op.result.type == scalar and op.result.name_hint == "padding":
                return op.result
        if isinstance(scalar, AnyFloat):
            value = FloatAttr(0.0, scalar)
        else:
            assert isinstance(scalar, IntegerType)
            value = IntegerAttr(0, scalar)
        made = arith.ConstantOp(value)
        made.result.name_hint = "padding"
        self._insert(made)
        return made.result

    def _insert(self, op: Operation) -> None:
        first = self._block.first_op
        if first is None:
            self._block.add_op(op)
        else:
            self._block.insert_op_before(op, first)


def build_nest(
    block: Block,
    constants: IndexConstants,
    loops: Sequence[tuple[int, int]],
    carried: Sequence[SSAValue],
    body: NestBody,
    *,
    keep_outermost: bool = False,
) -> list[SSAValue]:
    """Appends a loop nest to `block` and returns what it carries out.

    `loops` are (tripcount, step), outermost first; a loop of one iteration is not built, its variable is 0, except the
    outermost one with `keep_outermost`.
    """
    return _build(block, constants, list(loops), list(carried), body, [], keep_outermost)


def _build(
    block: Block,
    constants: IndexConstants,
    loops: list[tuple[int, int]],
    carried: list[SSAValue],
    body: NestBody,
    variables: list[SSAValue],
    keep: bool = False,
) -> list[SSAValue]:
    if not loops:
        return list(body(block, variables, carried))
    (tripcount, step), rest = loops[0], loops[1:]
    if tripcount == 1 and not keep:
        return _build(block, constants, rest, carried, body, [*variables, constants[0]])
    inner = Block(arg_types=[IndexType(), *(value.type for value in carried)])
    variable, *arguments = inner.args
    results = _build(inner, constants, rest, list(arguments), body, [*variables, variable])
    inner.add_op(scf.YieldOp(*results))
    loop = scf.ForOp(constants[0], constants[tripcount * step], constants[step], carried, Region(inner))
    block.add_op(loop)
    return list(loop.results)


def loop_pairs(layout: StreamLayout) -> list[tuple[int, int]]:
    """The loops of a stream order as (tripcount, step), outermost first."""
    return list(zip(layout.tripcounts, layout.steps, strict=True))


def splice(scratch: Block, anchor: Operation) -> list[Operation]:
    """Moves the operations of `scratch` to the place before `anchor` and returns them."""
    parent = anchor.parent
    assert parent is not None
    moved = list(scratch.ops)
    for op in moved:
        op.detach()
        parent.insert_op_before(op, anchor)
    return moved


def add_index(block: Block, constants: IndexConstants, terms: Sequence[SSAValue]) -> SSAValue:
    """The sum of index values, appended to `block`; zeros are left out."""
    total: SSAValue | None = None
    for term in terms:
        if constant_index(term) == 0:
            continue
        if total is None:
            total = term
        else:
            op = arith.AddiOp(total, term)
            block.add_op(op)
            total = op.result
    return constants[0] if total is None else total


def affine_index(
    block: Block, constants: IndexConstants, expression: LinearExpr, variables: Sequence[SSAValue]
) -> SSAValue:
    """The value of a linear expression over index values, appended to `block`."""
    terms: list[SSAValue] = []
    for coefficient, variable in zip(expression.coefficients, variables, strict=True):
        if coefficient == 0 or constant_index(variable) == 0:
            continue
        if coefficient == 1:
            terms.append(variable)
        else:
            op = arith.MuliOp(variable, constants[coefficient])
            block.add_op(op)
            terms.append(op.result)
    if expression.constant:
        terms.append(constants[expression.constant])
    return add_index(block, constants, terms)


def offset_expression(value: SSAValue | int, variables: Sequence[SSAValue]) -> LinearExpr | None:
    """`value` as a linear expression over `variables`, or None when it is none."""
    if isinstance(value, int):
        return LinearExpr((0,) * len(variables), value)
    if value in variables:
        return LinearExpr(tuple(int(value is variable) for variable in variables))
    number = constant_index(value)
    if number is not None:
        return LinearExpr((0,) * len(variables), number)
    op = value.owner
    if not isinstance(op, arith.AddiOp | arith.MuliOp):
        return None
    left, right = offset_expression(op.lhs, variables), offset_expression(op.rhs, variables)
    if left is None or right is None:
        return None
    if isinstance(op, arith.AddiOp):
        coefficients = tuple(a + b for a, b in zip(left.coefficients, right.coefficients, strict=True))
        return LinearExpr(coefficients, left.constant + right.constant)
    if left.used_dims and right.used_dims:
        return None
    scale, linear = (left.constant, right) if right.used_dims else (right.constant, left)
    return LinearExpr(tuple(scale * c for c in linear.coefficients), scale * linear.constant)


def offsets_map(offsets: Sequence[SSAValue | int], variables: Sequence[SSAValue]) -> AffineMap | None:
    """The map from loop variables to slice offsets, or None when an offset is not affine in them."""
    results = [offset_expression(offset, variables) for offset in offsets]
    found = [result for result in results if result is not None]
    return AffineMap(len(variables), tuple(found)) if len(found) == len(results) else None


@lru_cache(maxsize=4096)
def linear_map(map: IRAffineMap) -> AffineMap:
    """The plain value of an affine map of the IR; raises AffineError when it is not linear."""
    return AffineMap.parse(str(map))


def extract_slice(value: SSAValue, offsets: Sequence[SSAValue], shape: Sequence[int]) -> tensor.ExtractSliceOp:
    """The slice of a tensor at `offsets` with `shape` and unit strides."""
    assert isinstance(value.type, TensorType)
    result = TensorType(value.type.element_type, list(shape))
    return tensor.ExtractSliceOp(value, _folded(offsets), list(shape), [1] * len(shape), result)


def insert_slice(value: SSAValue, dest: SSAValue, offsets: Sequence[SSAValue]) -> tensor.InsertSliceOp:
    """`dest` with the tensor `value` at `offsets`."""
    assert isinstance(value.type, TensorType)
    shape = list(value.type.get_shape())
    numbers = [constant_index(offset) for offset in offsets]
    return tensor.InsertSliceOp.get(
        value,
        dest,
        shape,
        static_offsets=[DYNAMIC_INDEX if number is None else number for number in numbers],
        offsets=[offset for offset, number in zip(offsets, numbers, strict=True) if number is None],
    )


def slice_offsets(op: tensor.ExtractSliceOp | tensor.InsertSliceOp) -> list[SSAValue | int]:
    """The offsets of a slice, one for each dimension."""
    dynamic = iter(op.offsets)
    static = [int(n) for n in op.static_offsets.get_values()]
    return [next(dynamic) if n == DYNAMIC_INDEX else n for n in static]


def _folded(offsets: Sequence[SSAValue]) -> list[SSAValue | int]:
    """Constants as static offsets, which read better."""
    numbers = [constant_index(offset) for offset in offsets]
    return [offset if number is None else number for offset, number in zip(offsets, numbers, strict=True)]


def transfer_read(
    source: SSAValue, indices: Sequence[SSAValue], padding: SSAValue, sizes: Sequence[int]
) -> vector.TransferReadOp:
    """The vector of shape `sizes` at `indices` of a tensor or memref, in bounds."""
    assert isinstance(source.type, TensorType | MemRefType)
    rank = len(sizes)
    in_bounds = ArrayAttr([BoolAttr.from_bool(True)] * rank)
    result = VectorType(source.type.element_type, list(sizes))
    return vector.TransferReadOp(source, indices, padding, result, in_bounds, _identity(rank))


def transfer_write(value: SSAValue, dest: SSAValue, indices: Sequence[SSAValue]) -> vector.TransferWriteOp:
    """Puts a vector at `indices` of a tensor (giving the new tensor) or memref, in bounds."""
    rank = len(indices)
    in_bounds = ArrayAttr([BoolAttr.from_bool(True)] * rank)
    result = dest.type if isinstance(dest.type, TensorType) else None
    return vector.TransferWriteOp(value, dest, indices, in_bounds, permutation_map=_identity(rank), result_type=result)


def _identity(rank: int) -> AffineMapAttr:
    return AffineMapAttr(IRAffineMap.identity(rank))


def source_hint(value: SSAValue, default: str = "value") -> str:
    """What the value behind a chain of views is called."""
    while isinstance(value.owner, tensor.ExpandShapeOp | tensor.CollapseShapeOp | tensor.ExtractSliceOp):
        if value.name_hint:
            return value.name_hint
        value = value.owner.operands[0]
    return value.name_hint or default


def sort_topologically(block: Block) -> None:
    """Puts the operations of a block into an order in which values are made before they are used, else as they were."""
    last = block.last_op
    assert last is not None
    ops = [op for op in block.ops if op is not last]
    order = {op: number for number, op in enumerate(ops)}
    waiting = {op: {source for source in _sources(op) if source in order} for op in ops}
    users: dict[object, list[Operation]] = {}
    for op, sources in waiting.items():
        for source in sources:
            users.setdefault(source, []).append(op)
    ready = [order[op] for op in ops if not waiting[op]]
    heapq.heapify(ready)
    while ready:
        op = ops[heapq.heappop(ready)]
        op.detach()
        block.add_op(op)
        for user in users.get(op, ()):
            waiting[user].discard(op)
            if not waiting[user]:
                heapq.heappush(ready, order[user])
    last.detach()
    block.add_op(last)


def _sources(op: Operation) -> Iterator[Operation | Block]:
    """What makes the values that `op` uses, inside its regions too."""
    for inner in op.walk():
        for operand in inner.operands:
            yield operand.owner

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""slice-weights: products with large weights become several, each with a part of the weights and a DMA of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import ceil, prod

from streamtensor.ir import func, linalg, tensor
from streamtensor.ir.builtin import FixedBitwidthType, IntegerAttr, ModuleOp, TensorType, i64
from streamtensor.ir.core import Block, BlockArgument, Context, ModulePass, Operation, SSAValue
from streamtensor.ir.locations import copy_location
from streamtensor.transforms.build import is_device, linear_map
from streamtensor.transforms.tiling.axes import is_contraction, is_parallel, largest_input, shape_of
from streamtensor.transforms.tiling.default_tiling import loop_extents, power_of_two_in


@dataclass(frozen=True)
class SliceWeightsPass(ModulePass):
    """contraction(x, w)  -->  concat(contraction(x, w[.., first columns]), contraction(x, w[.., next ones]), ...)

    A port of external memory brings a word in a cycle at most, and so many weights are multiplied in one. Weights of
    more than `slice_bytes` bytes (0: nothing is done) are cut along a loop of the result into that many parts, a power
    of two up to `most` that divides the loop. With `lanes` (the weights of a word at most, which are a power of two)
    they are cut between words, into parts that differ by a word of each row at most, or by what one iteration of the
    loop needs. Products that read the same values are wanted at one time, and share the `most` parts such that the
    largest part of all of them is as small as possible; none gets more parts than that takes. Each part becomes a task
    with its own DMA, and all work at the same time. What follows element by element is cut likewise, where it reads
    only products that are cut alike and arguments: then each part does its share. Right because an element of the
    result needs nothing but its own columns.
    """

    name = "slice-weights"

    slice_bytes: int = 0
    most: int = 8
    least_columns: int = 64
    lanes: int = 0

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        if not self.slice_bytes:
            return
        for function in op.ops:
            if isinstance(function, func.FuncOp) and is_device(function):
                generics = [g for g in function.walk() if isinstance(g, linalg.GenericOp)]
                cuts = {generic: self._sizes(generic) for generic in generics}  # all before the first is done
                sliced: set[SSAValue] = set()
                for generic, (loop, sizes) in cuts.items():
                    if len(sizes) > 1:
                        sliced.add(_cut(generic, loop, sizes, {}))
                    else:
                        _follow(generic, sliced)

    def cut(self, generic: linalg.GenericOp, *, even: bool = True) -> tuple[int, int] | None:
        """The loop along which the weights of an operation are cut and into how many parts of one size; None for one
        that stays, or where words decide (`lanes`).

        Without `even` as if the parts could be of different sizes.
        """
        one = None if self.lanes else self._weights(generic)
        if one is None:
            return None
        parts = 1
        while 2 * parts <= min(one.most, self.most) and (not even or one.extent % (2 * parts) == 0):
            parts *= 2
        while parts > 1 and one.columns // parts < self.least_columns:
            parts //= 2
        return (one.loop, parts) if parts > 1 else None

    def _sizes(self, generic: linalg.GenericOp) -> tuple[int, list[int]]:
        """The loop to cut, and how many of its iterations each part has."""
        one = self._weights(generic)
        if one is None:
            return 0, []
        if not self.lanes:
            found = self.cut(generic)
            return one.loop, [one.extent // found[1]] * found[1] if found is not None else []
        together = [self._weights(other) for other in _wanted_together(generic)]
        words = _largest_part([other for other in together if other is not None], self.most - together.count(None))
        parts = one.parts(words)
        return one.loop, [one.unit * (one.units // parts + (part < one.units % parts)) for part in range(parts)]

    def _weights(self, generic: linalg.GenericOp) -> _Weights | None:
        """The weights of an operation, where they are an argument and can be cut."""
        if not self.slice_bytes or not is_contraction(generic) or len(generic.results) != 1:
            return None
        number = largest_input(generic)
        weights = generic.inputs[number]
        assert isinstance(weights.type, TensorType)
        assert isinstance(weights.type.element_type, FixedBitwidthType)
        if not _is_argument(weights):
            return None
        wanted = prod(shape_of(weights)) * weights.type.element_type.bitwidth // 8 // self.slice_bytes
        map = linear_map(generic.indexing_maps.data[number].data)
        result = linear_map(generic.indexing_maps.data[len(generic.inputs)].data)
        plain = {e.single_dim for e in result.results if e.single_dim is not None}
        extents = loop_extents(generic)
        for expression in map.results:
            loop = expression.single_dim
            if loop is None or loop not in plain or not is_parallel(generic, loop) or _uses_index(generic, loop):
                continue
            if _can_cut(generic, loop):
                columns = prod(extents[other] for other in plain if other in map.used_dims and other >= loop)
                most = max(1, min(wanted, columns // self.least_columns))
                return _Weights(loop, extents[loop], columns, most, max(1, self.lanes))
        return None


@dataclass(frozen=True)
class _Weights:
    """Weights that can be cut along a loop of `extent` iterations, with `columns` columns in all, into `most` parts;
    a word has up to `lanes` of them.
    """

    loop: int
    extent: int
    columns: int
    most: int
    lanes: int

    @property
    def unit(self) -> int:
        """Iterations that stay together: those of a word, or one where that has several columns."""
        return min(self.lanes, power_of_two_in(self.extent)) if self.columns == self.extent else 1

    @property
    def units(self) -> int:
        return self.extent // self.unit

    @property
    def words_of_unit(self) -> int:
        """Words of a row of weights in each unit."""
        columns = self.columns // self.units
        return columns // min(self.lanes, power_of_two_in(columns))

    def parts(self, words: int) -> int:
        """The fewest parts none of which has more than `words` words in a row; no more than there may be."""
        return min(self.most, ceil(self.units / max(1, words // self.words_of_unit)))

    def largest(self, parts: int) -> int:
        """Words of a row in the largest of so many parts."""
        return ceil(self.units / parts) * self.words_of_unit


def _largest_part(weights: Sequence[_Weights], most: int) -> int:
    """The words of a row that the largest part has when weights share at most `most` parts and it is as small as can
    be.
    """
    whole = max(one.largest(1) for one in weights)
    for words in sorted({one.largest(parts) for one in weights for parts in range(1, one.most + 1)}):
        parts = [one.parts(words) for one in weights]
        if sum(parts) <= most and all(one.largest(n) <= words for one, n in zip(weights, parts, strict=True)):
            return words
    return whole


def _wanted_together(generic: linalg.GenericOp) -> list[linalg.GenericOp]:
    """The products with weights that read the values that `generic` multiplies its weights with, itself included."""
    mine = _multiplied(generic)
    parent = generic.parent
    assert parent is not None
    return [
        other
        for other in parent.ops
        if isinstance(other, linalg.GenericOp)
        and (other is generic or (is_contraction(other) and _is_argument(other.inputs[largest_input(other)])))
        and not mine.isdisjoint(_multiplied(other))
    ]


def _multiplied(generic: linalg.GenericOp) -> set[SSAValue]:
    """What a product multiplies its weights with."""
    weights = largest_input(generic)
    return {_source(value) for place, value in enumerate(generic.inputs) if place != weights}


def _source(value: SSAValue) -> SSAValue:
    """What a tensor is a view of."""
    while isinstance(value.owner, tensor.ExpandShapeOp | tensor.CollapseShapeOp):
        value = value.owner.operands[0]
    return value


def _follow(generic: linalg.GenericOp, sliced: set[SSAValue]) -> None:
    """f(concat(a, b), concat(c, d), w)  -->  concat(f(a, c, w[first]), f(b, d, w[next]))

    for an elementwise operation that alone reads what was sliced, and besides only arguments; what it is replaced with
    counts as sliced too.
    """
    read = [value for value in generic.inputs if value in sliced]
    if not read or len(generic.results) != 1:
        return
    if not all(is_parallel(generic, loop) for loop in range(len(generic.iterator_types))):
        return
    first = _concat_of(read[0])
    loop = _loop_of(generic, list(generic.inputs).index(read[0]), first.dim.value.data)
    if loop is None or _uses_index(generic, loop) or not _can_cut(generic, loop, but=read):
        return
    if _dim_of(generic, len(generic.inputs), loop) is None:
        return
    sizes = _piece_sizes(first)
    for number, value in enumerate(generic.inputs):
        if value in read:
            mine = _concat_of(value)
            alone = all(use.operation is generic for use in value.uses)
            if not alone or _piece_sizes(mine) != sizes or _dim_of(generic, number, loop) != mine.dim.value.data:
                return
    pieces = {value: list(_concat_of(value).inputs) for value in read}
    sliced.add(_cut(generic, loop, sizes, pieces))
    for value in pieces:
        _concat_of(value).detach()
        _concat_of(value).erase()


def _concat_of(value: SSAValue) -> tensor.ConcatOp:
    assert isinstance(value.owner, tensor.ConcatOp)
    return value.owner


def _piece_sizes(concat: tensor.ConcatOp) -> list[int]:
    return [shape_of(value)[concat.dim.value.data] for value in concat.inputs]


def _cut(
    generic: linalg.GenericOp, loop: int, sizes: Sequence[int], pieces: Mapping[SSAValue, Sequence[SSAValue]]
) -> SSAValue:
    """Replaces an operation by one for each part, of so many iterations of the loop, and their concatenation, which is
    given. `pieces` are the parts of inputs that are there already.
    """
    block = generic.parent
    assert block is not None
    dim = _dim_of(generic, len(generic.inputs), loop)
    assert dim is not None
    results: list[SSAValue] = []
    for part, (offset, size) in enumerate(zip(accumulate(sizes, initial=0), sizes, strict=False)):
        inside = {value: given[part] for value, given in pieces.items()}
        made: list[Operation] = []
        results.append(_part(generic, loop, offset, size, inside, made).results[0])
        _insert_early(block, made, generic)
    concat = tensor.ConcatOp.create(
        operands=results, result_types=[generic.results[0].type], properties={"dim": IntegerAttr(dim, i64)}
    )
    copy_location(generic, [concat])
    block.insert_op_before(concat, generic)
    generic.results[0].replace_all_uses_with(concat.results[0])
    generic.detach()
    generic.erase()
    return concat.results[0]


def _insert_early(block: Block, made: Sequence[Operation], before: Operation) -> None:
    """Puts operations behind the last one that they need; where they need only arguments, before `before`."""
    needed = {value.owner for op in made for value in op.operands if isinstance(value.owner, Operation)}
    outside = [op for op in needed if op not in made]
    if outside:
        block.insert_ops_after(list(made), max(outside, key=block.get_operation_index))
    else:
        block.insert_ops_before(list(made), before)


def _part(
    generic: linalg.GenericOp,
    loop: int,
    offset: int,
    size: int,
    inside: Mapping[SSAValue, SSAValue],
    made: list[Operation],
) -> linalg.GenericOp:
    """The operation for `size` iterations of `loop` from `offset` on."""
    inputs: list[SSAValue] = []
    for number, value in enumerate(generic.inputs):
        dim = _dim_of(generic, number, loop)
        if value in inside:
            inputs.append(inside[value])
        else:
            inputs.append(value if dim is None else _sliced(value, dim, offset, size, made))
    (result,) = generic.results
    assert isinstance(result.type, TensorType)
    dim = _dim_of(generic, len(generic.inputs), loop)
    shape = [size if d == dim else extent for d, extent in enumerate(shape_of(result))]
    type = TensorType(result.type.element_type, shape)
    empty = tensor.EmptyOp([], type)
    copy_location(generic, [empty])
    new = linalg.GenericOp(
        inputs, [empty.tensor], generic.body.clone(), generic.indexing_maps, generic.iterator_types, [type]
    )
    new.attributes |= generic.attributes
    made += [empty, new]
    return new


def _sliced(value: SSAValue, dim: int, offset: int, size: int, made: list[Operation]) -> SSAValue:
    """`size` indices of dimension `dim` of an argument, or of a view of one, from `offset` on."""
    op = value.owner
    shape = list(shape_of(value))
    shape[dim] = size
    if isinstance(op, tensor.ExpandShapeOp):
        run, inner = _run_of(op, dim)
        source = _sliced(op.src, run, offset * inner, size * inner, made)
        assert isinstance(value.type, TensorType)
        view = tensor.ExpandShapeOp(source, (), op.reassociation, shape, TensorType(value.type.element_type, shape))
        copy_location(op, [view])
        made.append(view)
        return view.result
    offsets = [offset if d == dim else 0 for d in range(len(shape))]
    slice = tensor.ExtractSliceOp.from_static_parameters(value, offsets, shape, [1] * len(shape))
    made.append(slice)
    return slice.result


def _run_of(op: tensor.ExpandShapeOp, dim: int) -> tuple[int, int]:
    """The dimension of the source that `dim` is a part of, and how many of its indices one of `dim` stands for."""
    shape = shape_of(op.result)
    for number, run in enumerate(op.reassociation):
        dims = [int(index.value.data) for index in run]
        if dim in dims:
            return number, prod(shape[d] for d in dims if d > dim)
    raise AssertionError("a view's dimensions are all in its runs")


def _can_cut(generic: linalg.GenericOp, loop: int, but: Sequence[SSAValue] = ()) -> bool:
    """Whether every input that runs along the loop is an argument, or a view that can be cut there."""
    for number, value in enumerate(generic.inputs):
        dim = _dim_of(generic, number, loop)
        if dim is None or value in but:
            continue
        if any(
            loop in e.used_dims and e.single_dim is None
            for e in linear_map(generic.indexing_maps.data[number].data).results
        ):
            return False
        while isinstance(value.owner, tensor.ExpandShapeOp):
            shape = shape_of(value)
            dims = next(
                [int(i.value.data) for i in run]
                for run in value.owner.reassociation
                if dim in [int(i.value.data) for i in run]
            )
            if prod(shape[d] for d in dims if d < dim) != 1:
                return False
            dim, _ = _run_of(value.owner, dim)
            value = value.owner.src
        if isinstance(value.owner, tensor.CollapseShapeOp) or not _is_argument(value):
            return False
    return True


def _dim_of(generic: linalg.GenericOp, operand: int, loop: int) -> int | None:
    """The dimension of an operand along which a loop runs."""
    results = linear_map(generic.indexing_maps.data[operand].data).results
    return next((dim for dim, e in enumerate(results) if loop in e.used_dims), None)


def _loop_of(generic: linalg.GenericOp, operand: int, dim: int | None) -> int | None:
    """The loop that alone runs along a dimension of an operand."""
    if dim is None:
        return None
    return linear_map(generic.indexing_maps.data[operand].data).results[dim].single_dim


def _uses_index(generic: linalg.GenericOp, loop: int) -> bool:
    return any(isinstance(op, linalg.IndexOp) and op.dim.value.data == loop for op in generic.walk())


def _argument(value: SSAValue) -> SSAValue:
    while isinstance(value.owner, tensor.ExpandShapeOp | tensor.CollapseShapeOp | tensor.ExtractSliceOp):
        value = value.owner.operands[0]
    return value


def _is_argument(value: SSAValue) -> bool:
    return isinstance(_argument(value), BlockArgument) and isinstance(_argument(value).owner, Block)

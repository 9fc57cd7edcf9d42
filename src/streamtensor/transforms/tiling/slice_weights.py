# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""slice-weights: products with large weights become several, each with a part of the weights and a DMA of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

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
    any number that divides it will do: the one is taken that brings most weights in a cycle; and products that read the
    same values share the `most` parts, since all of them come at one time. Each part becomes a task with its own DMA,
    and all work at the same time. What follows element by element is cut likewise, where besides the product it reads
    only arguments: then each part does its share. Right because an element of the result needs nothing but its own
    columns.
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
                cuts = {generic: self.cut(generic) for generic in generics}  # all before the first is done
                for generic, found in cuts.items():
                    if found is not None:
                        loop, parts = found
                        _cut([generic, *_following(generic, loop)], loop, parts)

    def cut(self, generic: linalg.GenericOp, *, even: bool = True) -> tuple[int, int] | None:
        """The loop along which the weights of an operation are cut and into how many parts; None for one that stays.

        Without `even` also where the parts are of different sizes.
        """
        if not self.slice_bytes or not is_contraction(generic) or len(generic.results) != 1:
            return None
        number = largest_input(generic)
        weights = generic.inputs[number]
        assert isinstance(weights.type, TensorType)
        assert isinstance(weights.type.element_type, FixedBitwidthType)
        if not isinstance(_argument(weights), BlockArgument):
            return None
        wanted = prod(shape_of(weights)) * weights.type.element_type.bitwidth // 8 // self.slice_bytes
        return self._loop(generic, number, wanted, even)

    def _loop(self, generic: linalg.GenericOp, number: int, wanted: int, even: bool) -> tuple[int, int] | None:
        """The loop to cut and into how many parts."""
        map = linear_map(generic.indexing_maps.data[number].data)
        result = linear_map(generic.indexing_maps.data[len(generic.inputs)].data)
        plain = {e.single_dim for e in result.results if e.single_dim is not None}
        extents = loop_extents(generic)
        for expression in map.results:
            loop = expression.single_dim
            if loop is None or loop not in plain or not is_parallel(generic, loop) or _uses_index(generic, loop):
                continue
            columns = prod(extents[other] for other in plain if other in map.used_dims and other >= loop)
            most = max(1, self.most // _sharing(generic, number)) if self.lanes else self.most
            parts = self._parts(extents[loop], columns, min(wanted, most), even)
            if parts > 1 and _can_cut(generic, loop):
                return loop, parts
        return None

    def _parts(self, extent: int, columns: int, most: int, even: bool) -> int:
        """Into how many parts a loop of `extent` iterations, with `columns` columns in all, is cut."""
        if self.lanes and even:
            inner = columns // extent

            def weights_of_a_cycle(parts: int) -> int:
                return parts * min(self.lanes, power_of_two_in(inner if inner > 1 else extent // parts))

            enough = [n for n in range(1, most + 1) if extent % n == 0 and columns // n >= self.least_columns]
            return max(enough, key=lambda n: (weights_of_a_cycle(n), -n), default=1)
        parts = 1
        while 2 * parts <= most and (not even or extent % (2 * parts) == 0):
            parts *= 2
        while parts > 1 and columns // parts < self.least_columns:
            parts //= 2
        return parts


def _sharing(generic: linalg.GenericOp, number: int) -> int:
    """How many products with weights read the values that `generic` multiplies its weights with."""
    mine = {_source(value) for place, value in enumerate(generic.inputs) if place != number}
    parent = generic.parent
    assert parent is not None
    found = 0
    for other in parent.ops:
        if isinstance(other, linalg.GenericOp) and is_contraction(other):
            weights = largest_input(other)
            read = {_source(value) for place, value in enumerate(other.inputs) if place != weights}
            found += _is_argument(other.inputs[weights]) and not mine.isdisjoint(read)
    return max(1, found)


def _source(value: SSAValue) -> SSAValue:
    """What a tensor is a view of."""
    while isinstance(value.owner, tensor.ExpandShapeOp | tensor.CollapseShapeOp):
        value = value.owner.operands[0]
    return value


def _following(generic: linalg.GenericOp, loop: int) -> list[linalg.GenericOp]:
    """The elementwise operation that alone reads the result, when its other inputs that would be cut are arguments."""
    (result,) = generic.results
    uses = list(result.uses)
    users = {use.operation for use in uses}
    if len(users) != 1:
        return []
    (user,) = users
    if not isinstance(user, linalg.GenericOp) or len(user.results) != 1:
        return []
    if not all(is_parallel(user, other) for other in range(len(user.iterator_types))):
        return []
    dim = _dim_of(generic, len(generic.inputs), loop)
    mine = _loop_of(user, list(user.inputs).index(result), dim)
    if mine is None or _uses_index(user, mine) or _dim_of(user, len(user.inputs), mine) != dim:
        return []
    for number, value in enumerate(user.inputs):
        if _dim_of(user, number, mine) is not None and value is not result and not _is_argument(value):
            return []
    return [user] if _can_cut(user, mine, but=result) else []


def _cut(chain: Sequence[linalg.GenericOp], loop: int, parts: int) -> None:
    """Replaces the operations by `parts` chains and a concatenation."""
    last = chain[-1]
    block = last.parent
    assert block is not None
    pieces: list[SSAValue] = []
    dim = _dim_of(chain[0], len(chain[0].inputs), loop)
    assert dim is not None
    made: list[Operation] = []
    for part in range(parts):
        inside: dict[SSAValue, SSAValue] = {}
        mine = loop
        for generic in chain:
            if generic is not chain[0]:
                found = _loop_of(generic, list(generic.inputs).index(chain[0].results[0]), dim)
                assert found is not None
                mine = found
            size = loop_extents(generic)[mine] // parts
            new = _part(generic, mine, part * size, size, inside, made)
            inside[generic.results[0]] = new.results[0]
        pieces.append(inside[last.results[0]])
    concat = tensor.ConcatOp.create(
        operands=pieces, result_types=[last.results[0].type], properties={"dim": IntegerAttr(dim, i64)}
    )
    copy_location(last, [concat])
    block.insert_ops_before([*made, concat], last)
    last.results[0].replace_all_uses_with(concat.results[0])
    for generic in reversed(chain):
        generic.detach()
        generic.erase()


def _part(
    generic: linalg.GenericOp,
    loop: int,
    offset: int,
    size: int,
    inside: dict[SSAValue, SSAValue],
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


def _can_cut(generic: linalg.GenericOp, loop: int, but: SSAValue | None = None) -> bool:
    """Whether every input that runs along the loop is an argument, or a view that can be cut there."""
    for number, value in enumerate(generic.inputs):
        dim = _dim_of(generic, number, loop)
        if dim is None or value is but:
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

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Moves reshapes out of the way of the dataflow: to the arguments and to the results of the function."""

from collections.abc import Sequence
from dataclasses import dataclass

from streamtensor.ir import func, tensor
from streamtensor.ir.builtin import ModuleOp
from streamtensor.ir.core import AffineExpr, BlockArgument, Context, ModulePass, Operation, SSAValue
from streamtensor.ir.linalg import GenericOp
from streamtensor.transforms.linalg.generics import (
    Access,
    device_functions,
    empty_like,
    erase_dead,
    extents,
    fill_like,
    fill_value,
    generics,
    inputs,
    is_empty,
    iterators,
    outputs,
    owner,
    rebuild,
    replace_uses,
    shape_of,
    tensor_type,
)
from streamtensor.transforms.linalg.indices import rewrite_indices
from streamtensor.transforms.linalg.maps import constant, dim, loop_of, make_map, substitute, uses_only_as_dimension
from streamtensor.transforms.linalg.reshapes import groups, reshape, split_sizes, squeezed, view_root
from streamtensor.transforms.linalg.tidy_linalg import tidy

VIEWS = (tensor.ExpandShapeOp, tensor.CollapseShapeOp)
Splits = dict[int, tuple[int, ...]]


@dataclass(frozen=True)
class FoldReshapesPass(ModulePass):
    """No reshape between two generics, no dimension of size 1 inside a function.

    expand(generic(%a))         -->  generic'(expand(%a))              one loop split into several
    generic(collapse(%x))       -->  collapse(generic'(%x))            the same, seen from the consumer
    expand(collapse(%x))        -->  %x                                 when the shapes agree; else, where the two
                                                                       sides have common factors, both are split
    loop of extent 1            -->  no loop, operands without that dimension
    reshape(fill), (empty)      -->  fill, empty of the other shape

    Right because a reshape renumbers elements in row-major order: iteration i of a loop of extent a*b is iteration
    (i div b, i mod b) of the two loops it is split into, in the same order, so reductions add in the same order;
    linalg.index of the split loop becomes outer * b + inner.

    A loop is split only if operands use it as a whole dimension. What cannot be split (a convolution's window) and
    what has no common factors (6x4 read as 4x6) stays a view between two generics. Views of the function's
    arguments stay, and so do views that are only returned.

    Ends: every rewrite removes a loop of extent 1, of which none are made, or splits a loop into factors greater
    than 1, and the extent of a loop has finitely many prime factors.
    """

    name = "fold-reshapes"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Runs on every device function of the module."""
        for function in device_functions(op):
            tidy(function)
            settled: set[GenericOp] = set()
            while _sweep(function, settled):
                erase_dead(function)
            _shorten_views(function)
            tidy(function)


def _sweep(function: func.FuncOp, settled: set[GenericOp]) -> bool:
    """One step at every generic; whether there was one to make.

    `settled` are those with none to make: that can change only when a generic does that is connected by reshapes alone.
    """
    changed = False
    for op in generics(function):
        if op in settled:
            continue
        neighbours = _neighbours(op)
        if _fold(op):
            settled.difference_update(neighbours)
            changed = True
        else:
            settled.add(op)
    return changed


def _neighbours(op: GenericOp) -> list[Operation]:
    """What makes the operands and what reads the results of `op`, reshapes left out."""
    makers = [owner(view_root(value)) for value in op.operands]
    return [maker for maker in makers if maker is not None] + [r for result in op.results for r in _readers(result)]


def _readers(value: SSAValue) -> list[Operation]:
    """What reads `value` or a reshape of it."""
    found: list[Operation] = []
    for use in value.uses:
        if isinstance(use.operation, VIEWS):
            found.extend(_readers(use.operation.results[0]))
        else:
            found.append(use.operation)
    return found


def _fold(op: GenericOp) -> bool:
    """One step at `op`; whether there was one to make."""
    if any(1 in shape_of(value) for value in op.operands) or 1 in extents(op):
        _drop_unit_loops(op)
        return True
    _renew_uniform_operands(op)
    splits = _wanted_splits(op)
    if splits:
        _split_loops(op, splits)
        return True
    return False


def _renew_uniform_operands(op: GenericOp) -> None:
    """reshape(fill) --> fill of the other shape, so that a fill that several share splits nobody's loops."""
    for index, value in enumerate(op.operands):
        if isinstance(value.owner, VIEWS):
            op.operands[index] = _uniform(value, shape_of(value), op) or value


def _wanted_splits(op: GenericOp) -> Splits:
    """The loops of `op` that have to be split for its operands and results to be what the other side has."""
    splits: Splits = {}
    for access in (*inputs(op), *outputs(op)):
        root = view_root(access.value)
        if root is not access.value and not is_argument_view(root):
            shape = shape_of(access.value)
            _collect(op, splits, access, _parts(shape_of(root), shape, of_left=False))
    for result, access in zip(op.results, outputs(op), strict=True):
        if fill_value(result) is not None:
            continue
        for view in _views_in_use(result):
            _collect(op, splits, access, _parts(shape_of(result), shape_of(view), of_left=True))
    return splits


def _parts(left: Sequence[int], right: Sequence[int], *, of_left: bool) -> list[tuple[int, ...]]:
    """The common factors of two shapes, for each non-unit dimension of one of them."""
    parts: list[tuple[int, ...]] = []
    for group in groups(squeezed(left), squeezed(right)):
        side = group.left if of_left else group.right
        parts.extend([(size,) for size in side] if group.factors is None else split_sizes(side, group.factors))
    return parts


def _collect(op: GenericOp, splits: Splits, access: Access, parts: Sequence[tuple[int, ...]]) -> None:
    """Adds to `splits` the loops behind the dimensions of `access` that have several parts."""
    accesses = (*inputs(op), *outputs(op))
    for expr, part in zip(access.map.results, parts, strict=True):
        loop = loop_of(expr)
        if len(part) == 1 or loop is None or loop in splits:
            continue
        if all(uses_only_as_dimension(other.map, loop) for other in accesses):
            splits[loop] = part


def is_argument_view(root: SSAValue) -> bool:
    """Whether a value is an argument of the function or slices and reshapes of one."""
    while isinstance(root.owner, tensor.ExtractSliceOp | tensor.ExpandShapeOp | tensor.CollapseShapeOp):
        root = root.owner.operands[0]
    return isinstance(root, BlockArgument)


def _views_in_use(value: SSAValue) -> list[SSAValue]:
    """The reshapes of `value` that something reads other than a return or a further reshape."""
    found: list[SSAValue] = []
    for use in value.uses:
        if isinstance(use.operation, VIEWS):
            view = use.operation.results[0]
            if any(not isinstance(reader.operation, (*VIEWS, func.ReturnOp)) for reader in view.uses):
                found.append(view)
            found.extend(_views_in_use(view))
    return found


def _drop_unit_loops(op: GenericOp) -> None:
    """Removes the loops of extent 1 and the dimensions of size 1 of all operands and results."""
    sizes = extents(op)
    kept = [loop for loop, extent in enumerate(sizes) if extent != 1]
    loops = [dim(kept.index(loop)) if loop in kept else constant(0) for loop in range(len(sizes))]

    def drop(access: Access) -> Access:
        shape = shape_of(access.value)
        new_map = substitute(access.map, loops, len(kept))
        results = [expr for expr, size in zip(new_map.results, shape, strict=True) if size != 1]
        return Access(reshaped(access.value, squeezed(shape), op), make_map(len(kept), results))

    _change_loops(op, loops, [drop(a) for a in inputs(op)], [drop(a) for a in outputs(op)], kept)


def _split_loops(op: GenericOp, splits: Splits) -> None:
    """Splits each loop of `splits` into loops of the given extents, outermost first, in its place."""
    sizes = extents(op)
    loops: list[AffineExpr] = []
    members: list[list[AffineExpr]] = []
    origin: list[int] = []
    for loop, extent in enumerate(sizes):
        whole: AffineExpr = constant(0)
        part: list[AffineExpr] = []
        for size in splits.get(loop, (extent,)):
            part.append(dim(len(origin)))
            whole = whole * size + part[-1]
            origin.append(loop)
        loops.append(whole)
        members.append(part)

    def split(access: Access) -> Access:
        shape: list[int] = []
        results: list[AffineExpr] = []
        for expr, size in zip(access.map.results, shape_of(access.value), strict=True):
            loop = loop_of(expr)
            if loop in splits:
                shape.extend(splits[loop])
                results.extend(members[loop])
            else:
                shape.append(size)
                results.append(expr.replace_dims_and_symbols(loops, ()))
        return Access(reshaped(access.value, shape, op), make_map(len(origin), results))

    _change_loops(op, loops, [split(a) for a in inputs(op)], [split(a) for a in outputs(op)], origin)


def _change_loops(
    op: GenericOp,
    loops: Sequence[AffineExpr],
    new_inputs: Sequence[Access],
    new_outputs: Sequence[Access],
    origin: Sequence[int],
) -> None:
    """Replaces `op` by a generic over new loops: `loops` are the old ones in terms of them, `origin` the reverse.

    The users read reshapes back to the old result types.
    """
    kinds = iterators(op)
    rewrite_indices(op.body.block, loops)
    new = rebuild(op, new_inputs, new_outputs, [kinds[loop] for loop in origin])
    for old, made in zip(op.results, new.results, strict=True):
        replace_uses(old, reshape(made, shape_of(old), op))
    assert op.parent is not None
    op.parent.erase_op(op)


def reshaped(value: SSAValue, shape: Sequence[int], place: Operation) -> SSAValue:
    """`value` in row-major order as a tensor of `shape`; contents that are the same everywhere are made anew."""
    if shape_of(value) == tuple(shape):
        return value
    return _uniform(value, shape, place) or reshape(value, shape, place)


def _uniform(value: SSAValue, shape: Sequence[int], place: Operation) -> SSAValue | None:
    """A fresh empty tensor or fill of `shape` if `value` is a view of one, else None."""
    root = view_root(value)
    if is_empty(root):
        return empty_like(place, tensor_type(value), shape)
    number = fill_value(root)
    return None if number is None else fill_like(place, number, tensor_type(value), shape)


def _shorten_views(function: func.FuncOp) -> None:
    """Replaces chains of reshapes by the shortest chain from the same root."""
    for op in list(function.body.block.ops):
        if isinstance(op, VIEWS):
            reader_is_view = [isinstance(use.operation, VIEWS) for use in op.results[0].uses]
            if not all(reader_is_view):
                replace_uses(op.results[0], reshape(op.results[0], shape_of(op.results[0]), op))

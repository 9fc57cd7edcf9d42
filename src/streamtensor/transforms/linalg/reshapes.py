# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Row-major reshapes: shape arithmetic, and views made of `tensor.expand_shape` and `tensor.collapse_shape`.

A chain of expands and collapses renumbers elements in row-major order, so only its first and its last shape
matter. Two shapes with the same number of elements are compared group by group, a group being the shortest run
of dimensions with equal products on both sides (dimensions of size 1 left out):

    [6, 4, 5] and [3, 8, 5]:   groups  6x4 | 3x8  and  5 | 5
    the common factors of 6x4 | 3x8 are 3x2x4: both sides are products of neighbours
    6x4 | 4x6 has none: the cuts of the left side (after 4 elements) and of the right side (after 6) do not nest
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import prod
from typing import cast

from streamtensor.ir import tensor
from streamtensor.ir.builtin import ArrayAttr, IntegerAttr, TensorType, i64
from streamtensor.ir.core import Operation, SSAValue
from streamtensor.transforms.linalg.generics import insert_before, shape_of, tensor_type

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Group:
    """A run of dimensions of two shapes with equal products, by position; `factors` is None when none are common."""

    left: Shape
    right: Shape
    factors: Shape | None


def squeezed(shape: Sequence[int]) -> Shape:
    """The shape without its dimensions of size 1."""
    return tuple(size for size in shape if size != 1)


def groups(left: Sequence[int], right: Sequence[int]) -> list[Group]:
    """The groups of two shapes without unit or empty dimensions and with the same number of elements.

    >>> groups((6, 4, 5), (3, 8, 5))
    [Group(left=(6, 4), right=(3, 8), factors=(3, 2, 4)), Group(left=(5,), right=(5,), factors=(5,))]
    >>> groups((6, 4), (4, 6))
    [Group(left=(6, 4), right=(4, 6), factors=None)]
    """
    found: list[Group] = []
    i = j = 0
    while i < len(left):
        first, other = i, j
        i, j = i + 1, j + 1
        while prod(left[first:i]) != prod(right[other:j]):
            if prod(left[first:i]) < prod(right[other:j]):
                i += 1
            else:
                j += 1
        sides = tuple(left[first:i]), tuple(right[other:j])
        found.append(Group(*sides, common_factors(*sides)))
    return found


def common_factors(left: Shape, right: Shape) -> Shape | None:
    """The fewest factors of which both shapes are products of neighbours, or None.

    Each shape cuts the row-major order at its strides; the factors exist when all strides together form a chain
    in which each divides the next.
    """
    if 0 in left:
        return None
    strides = {prod(left[i:]) for i in range(len(left) + 1)} | {prod(right[i:]) for i in range(len(right) + 1)}
    chain = sorted(strides, reverse=True)
    if any(large % small for large, small in pairwise(chain)):
        return None
    return tuple(large // small for large, small in pairwise(chain))


def split_sizes(sizes: Sequence[int], factors: Sequence[int]) -> list[Shape]:
    """For each size the run of `factors` that multiplies to it.

    >>> split_sizes((6, 4), (3, 2, 4))
    [(3, 2), (4,)]
    """
    parts: list[Shape] = []
    start = 0
    for size in sizes:
        end = start + 1
        while prod(factors[start:end]) != size:
            end += 1
        parts.append(tuple(factors[start:end]))
        start = end
    return parts


def reassociation(outer: Sequence[int], inner: Sequence[int]) -> list[list[int]] | None:
    """For each dimension of `outer` the run of dimensions of `inner` that it is the product of, or None.

    >>> reassociation((16, 64), (1, 16, 4, 16))
    [[0, 1], [2, 3]]
    >>> reassociation((6,), (4,)) is None
    True
    """
    runs: list[list[int]] = []
    position = 0
    for size in outer:
        if position == len(inner):
            return None
        run = [position]
        while prod(inner[i] for i in run) < size and run[-1] + 1 < len(inner):
            run.append(run[-1] + 1)
        if prod(inner[i] for i in run) != size:
            return None
        position = run[-1] + 1
        runs.append(run)
    rest = list(range(position, len(inner)))
    if any(inner[i] != 1 for i in rest):
        return None
    if runs:
        runs[-1].extend(rest)
    return runs


def view_root(value: SSAValue) -> SSAValue:
    """The value that a chain of expands and collapses ends in renumbers."""
    while isinstance(value.owner, tensor.ExpandShapeOp | tensor.CollapseShapeOp):
        value = value.owner.src
    return value


def reshape(value: SSAValue, shape: Sequence[int], place: Operation) -> SSAValue:
    """The elements of `value` in row-major order as a tensor of `shape`; the operations are put before `place`.

    Starts from the root of `value`, so that chains become one step wherever one step can say it.
    """
    value = view_root(value)
    for step in _steps(shape_of(value), tuple(shape)):
        value = _single_step(value, step, place)
    return value


def _steps(source: Shape, target: Shape) -> list[Shape]:
    """The shapes on the way from `source` to `target`, each an expansion or a collapse of the one before."""
    between = groups(squeezed(source), squeezed(target))
    way = [
        squeezed(source),
        tuple(size for group in between for size in group.factors or group.left),
        tuple(size for group in between for size in ((prod(group.left),) if group.factors is None else group.right)),
        squeezed(target),
        target,
    ]
    steps: list[Shape] = []
    current, done = source, 0
    while current != target:
        done = max(i for i in range(done, len(way)) if _is_one_step(current, way[i]))
        if way[done] != current:
            steps.append(way[done])
        current, done = way[done], done + 1
    return steps


def _is_one_step(source: Shape, target: Shape) -> bool:
    return reassociation(source, target) is not None or reassociation(target, source) is not None


def _single_step(value: SSAValue, shape: Shape, place: Operation) -> SSAValue:
    """One expand_shape or collapse_shape."""
    source = shape_of(value)
    result_type = TensorType(tensor_type(value).get_element_type(), shape)
    runs = reassociation(source, shape)
    if runs is not None and len(shape) >= len(source):
        op: Operation = tensor.ExpandShapeOp(value, (), _runs_attribute(runs), shape, result_type)
    else:
        runs = reassociation(shape, source)
        assert runs is not None
        op = tensor.CollapseShapeOp.build(
            operands=[value], result_types=[result_type], properties={"reassociation": _runs_attribute(runs)}
        )
    insert_before(place, op)
    return op.results[0]


def _runs_attribute(runs: Sequence[Sequence[int]]) -> ArrayAttr[ArrayAttr[IntegerAttr]]:
    attribute = ArrayAttr([ArrayAttr([IntegerAttr(i, i64) for i in run]) for run in runs])
    return cast(ArrayAttr[ArrayAttr[IntegerAttr]], attribute)

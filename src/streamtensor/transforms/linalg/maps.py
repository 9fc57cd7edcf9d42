# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Indexing maps of structured operations: from the loops to the element of an operand.

Every function is a pure one over the IR framework's `AffineMap` and `AffineExpr`; maps have no symbols.
"""

from collections.abc import Iterable, Sequence

from streamtensor.ir.core import AffineConstantExpr, AffineDimExpr, AffineExpr, AffineMap


def dim(position: int) -> AffineExpr:
    """The expression `d<position>`."""
    return AffineExpr.dimension(position)


def constant(value: int) -> AffineExpr:
    """The expression that is always `value`."""
    return AffineExpr.constant(value)


def make_map(num_loops: int, results: Iterable[AffineExpr]) -> AffineMap:
    """The map from `num_loops` loops to `results`."""
    return AffineMap(num_loops, 0, tuple(results))


def identity(rank: int) -> AffineMap:
    """`(d0, ..., dn) -> (d0, ..., dn)`."""
    return make_map(rank, (dim(i) for i in range(rank)))


def loop_of(expr: AffineExpr) -> int | None:
    """The loop that `expr` is, or None when it is anything but one loop variable."""
    return expr.position if isinstance(expr, AffineDimExpr) else None


def is_permutation(indexing_map: AffineMap) -> bool:
    """Whether the map sends the loops one to one to the operand's dimensions, each loop to one dimension."""
    loops = [loop_of(expr) for expr in indexing_map.results]
    return sorted(-1 if loop is None else loop for loop in loops) == list(range(indexing_map.num_dims))


def uses_only_as_dimension(indexing_map: AffineMap, loop: int) -> bool:
    """Whether `loop` occurs in the map only as a whole result, never inside a sum or a product."""
    return all(loop_of(expr) == loop or loop not in expr.used_dims() for expr in indexing_map.results)


def substitute(indexing_map: AffineMap, loops: Sequence[AffineExpr], num_loops: int) -> AffineMap:
    """The map with loop i replaced by `loops[i]`, an expression over `num_loops` new loops."""
    return make_map(num_loops, (expr.replace_dims_and_symbols(loops, ()) for expr in indexing_map.results))


def inverse(permutation: AffineMap) -> list[int]:
    """For each loop of a permutation map, the operand's dimension that it indexes."""
    position = {loop_of(expr): place for place, expr in enumerate(permutation.results)}
    return [position[loop] for loop in range(permutation.num_dims)]


def determines_loops(maps: Iterable[AffineMap], num_loops: int) -> bool:
    """Whether the extent of every loop can be read off an operand's shape.

    Structured operations do not store their loop extents: each loop has to be a whole result of some map.
    """
    found = {loop_of(expr) for indexing_map in maps for expr in indexing_map.results}
    return all(loop in found for loop in range(num_loops))


def is_zero(expr: AffineExpr) -> bool:
    """Whether `expr` is the constant 0."""
    return isinstance(expr, AffineConstantExpr) and expr.value == 0

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The loops that two stream orders share: inside them a converter fills and drains one small buffer (itensor.md,
Layout converters).
"""

from __future__ import annotations

from math import lcm

from streamtensor.algebra.layout import StreamLayout


def shared_prefix(source: StreamLayout, result: StreamLayout) -> int:
    """The number k of outermost loops that both layouts share; both cover the same data shape.

    Loop l is shared when its tripcount and stride are equal on both sides and
      * no map uses it (both replay), or
      * it moves along one data dimension d, and inside it both stay within the range of size stride[d] along d: each
        iteration has its own range, so nothing from one iteration is needed in another.
    For regular layouts the second says: both maps send l to the same dimension d, with equal step and element[d].

    >>> b = StreamLayout.parse("4x2, [4, 2] * [2, 4], (d0, d1) -> (d1, d0)")
    >>> c = StreamLayout.parse("4x2, [4, 2, 2] * [2, 1, 4], (d0, d1, d2) -> (d2, d0)")
    >>> shared_prefix(b, c), b.residual(1).data_shape
    (1, (8, 2))
    """
    shared = 0
    for loop in range(min(source.num_loops, result.num_loops)):
        stride = source.stride(loop)
        if source.tripcounts[loop] != result.tripcounts[loop] or stride != result.stride(loop):
            break
        moved = [dim for dim, step in enumerate(stride) if step]
        if len(moved) > 1 or any(step < 0 for step in stride):
            break
        inner = (source.residual(loop + 1).data_shape, result.residual(loop + 1).data_shape)
        if moved and not all(0 < shape[moved[0]] <= stride[moved[0]] for shape in inner):
            break
        shared += 1
    return shared


def align(source: StreamLayout, result: StreamLayout) -> tuple[StreamLayout, StreamLayout]:
    """Split loops of both layouts so that `shared_prefix` becomes as long as possible; both orders stay as they are.

    When the first loops that differ move along one data dimension in tiles of unequal size s and r, both are split at
    the least common multiple m of s and r:  for i in n/s  -->  for j in n/m: for i in m/s,  likewise for r. The outer
    loops are shared. Loops of one iteration are dropped on both sides.

    >>> source = StreamLayout.parse("4x8, [6] * [4], (d0) -> (d0, 0)")
    >>> result = StreamLayout.parse("6x8, [4] * [6], (d0) -> (d0, 0)")
    >>> print(*align(source, result), sep="; ")
    4x8, [2, 3] * [12, 4], (d0, d1) -> (d0 + d1, 0); 6x8, [2, 2] * [12, 6], (d0, d1) -> (d0 + d1, 0)
    """
    source, result = source.canonical(), result.canonical()
    while True:
        loop = shared_prefix(source, result)
        if loop >= min(source.num_loops, result.num_loops):
            return source, result
        s, r = _single_stride(source, loop), _single_stride(result, loop)
        if s is None or r is None or s[0] != r[0]:
            return source, result
        common = lcm(s[1], r[1])
        inner_source, inner_result = common // s[1], common // r[1]
        if not _splits(source.tripcounts[loop], inner_source) or not _splits(result.tripcounts[loop], inner_result):
            return source, result
        new_source = source.split_loop(loop, inner_source).canonical()
        new_result = result.split_loop(loop, inner_result).canonical()
        if shared_prefix(new_source, new_result) <= loop:
            return source, result
        source, result = new_source, new_result


def _single_stride(layout: StreamLayout, loop: int) -> tuple[int, int] | None:
    """(data dimension, stride) of a loop that moves forwards along exactly one dimension, else None."""
    moved = [(dim, step) for dim, step in enumerate(layout.stride(loop)) if step]
    return moved[0] if len(moved) == 1 and moved[0][1] > 0 else None


def _splits(tripcount: int, inner: int) -> bool:
    return tripcount % inner == 0 and tripcount > inner

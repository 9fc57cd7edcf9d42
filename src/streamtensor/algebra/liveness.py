# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""When each element of the data is produced and last read, by exact replay of two stream orders; the lower bound of
a converter.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd, prod

import numpy as np
from numpy.typing import NDArray

from streamtensor.algebra.errors import LayoutError
from streamtensor.algebra.layout import StreamLayout, same_order
from streamtensor.algebra.prefix import align, shared_prefix

IntArray = NDArray[np.int64]

REPLAY_LIMIT = 2**28
"""The most atoms that a replay reads or stores: about 2 GB of addresses if they were held at once."""

_CHUNK = 1 << 20


@dataclass(frozen=True)
class Lifetimes:
    """When each atom (a box of cells that both orders always treat alike) is written, and when it is last read.

    atom: shape of an atom in cells. written, last_read: arrays of shape data / atom in units of source tokens: the
    atom arrives with source token `written` for the first time, and the last result token that reads it is taken
    directly after source token `last_read`, or never (-1), when the consumer takes every token as soon as it can.
    single_write: no atom arrives twice.
    """

    atom: tuple[int, ...]
    written: IntArray
    last_read: IntArray
    num_source_tokens: int
    single_write: bool


def lifetimes(source: StreamLayout, result: StreamLayout) -> Lifetimes:
    """Replay `result` against `source` over the same data shape, one array operation per million tokens.

    Raises LayoutError when the data shapes differ, when the result reads a cell that the source never produces, or
    when more than REPLAY_LIMIT atoms are moved.
    """
    check_shapes(source, result)
    shape = source.data_shape
    atom = tuple(_atom_size(source, result, dim) for dim in range(len(shape)))
    grid = tuple(size // a for size, a in zip(shape, atom, strict=True))
    moved = max(layout.num_tokens * _atoms_per_token(layout, atom) for layout in (source, result))
    if max(moved, prod(grid)) > REPLAY_LIMIT:
        raise LayoutError(f"a replay of {moved} atoms over {prod(grid)} is above the limit of {REPLAY_LIMIT}")

    never = source.num_tokens
    written = np.full(prod(grid), never, dtype=np.int64)
    base, box = _addresses(source, atom, grid)
    # Chunks and tokens go backwards: the earliest token is stored last, so that the first arrival is what stays.
    for start in reversed(range(0, len(base), _CHUNK)):
        cells = np.add.outer(base[start : start + _CHUNK][::-1], box)
        written[cells] = np.arange(start + len(cells) - 1, start - 1, -1, dtype=np.int64)[:, None]
    stored = int((written < never).sum())

    last_read = np.full(prod(grid), -1, dtype=np.int64)
    base, box = _addresses(result, atom, grid)
    latest = 0
    for start in range(0, len(base), _CHUNK):
        cells = np.add.outer(base[start : start + _CHUNK], box)
        ready = np.maximum(np.maximum.accumulate(written[cells].max(axis=1)), latest)
        latest = int(ready[-1])
        if latest == never:
            raise LayoutError("the result reads elements that the source never produces")
        last_read[cells] = ready[:, None]
    single = stored == source.num_tokens * _atoms_per_token(source, atom)
    return Lifetimes(atom, written.reshape(grid), last_read.reshape(grid), source.num_tokens, single)


def live_elements_bound(source: StreamLayout, result: StreamLayout) -> int:
    """The certified lower bound of the elements that any converter from `source` to `result` holds at some moment.

    It is the smallest peak number of live elements over all legal interleavings. An element is live from the source
    token that brings it to the last result token that reads it; elements that are never read are not live. Elements
    are counted after a source token is stored and before the result tokens that it enables are taken. Taking every
    result token as soon as its elements have arrived shortens all lifetimes at once, so the peak of that interleaving
    is the minimum.

    A loop that both replay pairs its iterations: pass n of the result reads pass n of the source. A source that brings
    elements twice in other ways could be read in a later pass, without storing them; for it (and when both orders are
    equal) the bound is one token, which is always needed. In units of elements; compare with `Converter.elements`.
    Equal orders: one token.

    Only one iteration of the shared loops is replayed. This is exact: at its end everything that it brought can be
    taken, and all iterations are translates of each other. Raises LayoutError like `lifetimes`.

    >>> a = StreamLayout.parse("2x2, [4, 4] * [2, 2], (d0, d1) -> (d0, d1)")
    >>> b = StreamLayout.parse("4x2, [4, 2] * [2, 4], (d0, d1) -> (d1, d0)")
    >>> live_elements_bound(a, b), live_elements_bound(b, b)
    (44, 8)
    """
    check_shapes(source, result)
    if same_order(source, result):
        return result.elements_per_token
    source, result = align(source, result)
    shared = shared_prefix(source, result)
    times = lifetimes(source.residual(shared), result.residual(shared))
    if not times.single_write:
        return result.elements_per_token
    read = times.last_read >= 0
    size = times.num_source_tokens + 1
    born = np.bincount(times.written[read], minlength=size)
    dead = np.bincount(times.last_read[read] + 1, minlength=size)
    return int(np.cumsum(born - dead).max()) * prod(times.atom)


def _atom_size(source: StreamLayout, result: StreamLayout, dim: int) -> int:
    """The largest size that divides every element size and every offset of both layouts along `dim`."""
    sizes: list[int] = []
    for layout in (source, result):
        sizes += [layout.element[dim], layout.map.results[dim].constant]
        sizes += [layout.stride(loop)[dim] for loop, trip in enumerate(layout.tripcounts) if trip > 1]
    return gcd(*sizes)


def _atoms_per_token(layout: StreamLayout, atom: tuple[int, ...]) -> int:
    return prod(size // a for size, a in zip(layout.element, atom, strict=True))


def _addresses(layout: StreamLayout, atom: tuple[int, ...], grid: tuple[int, ...]) -> tuple[IntArray, IntArray]:
    """Row-major atom addresses: of the first atom of each token in stream order; of a token's atoms relative to it."""
    weights = [prod(grid[dim + 1 :]) for dim in range(len(grid))]
    volume = prod(atom)  # every offset is a multiple of the atom, so this division of the whole sum is exact
    first = layout.linear_offsets([w * volume // a for w, a in zip(weights, atom, strict=True)]) // volume
    box = np.zeros(1, dtype=np.int64)
    for size, a, weight in zip(layout.element, atom, weights, strict=True):
        box = np.add.outer(box, np.arange(size // a, dtype=np.int64) * weight).ravel()
    return first, box


def check_shapes(source: StreamLayout, result: StreamLayout) -> None:
    """Raise LayoutError unless both layouts are over data of one shape."""
    if source.data_shape != result.data_shape:
        shapes = ["x".join(map(str, layout.data_shape)) or "a scalar" for layout in (source, result)]
        raise LayoutError(f"the data shapes differ: the source has {shapes[0]}, the result {shapes[1]}")

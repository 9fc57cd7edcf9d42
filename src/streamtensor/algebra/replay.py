# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A check of converters that shares nothing with their inference: run both orders through the storage, token by
token.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from streamtensor.algebra.converter import Converter
from streamtensor.algebra.errors import ReplayError
from streamtensor.algebra.layout import StreamLayout

IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class ReplaySummary:
    """What a successful replay did: tokens stored and sent, iterations of the shared loops."""

    source_tokens: int
    result_tokens: int
    iterations: int


def replay_converter(source: StreamLayout, result: StreamLayout, converter: Converter) -> ReplaySummary:
    """Run every token of `source` into the storage of `converter` and every token of `result` out of it.

    Each stored element carries the identity of its data cell and the iteration that stored it. With two copies,
    iteration i + 1 fills its copy before iteration i drains the other, the latest moment that ping-pong allows. With
    one copy, fills and drains alternate; a line buffer sends each result token as soon as its elements have been
    stored. Takes the original layouts, so that wrong loop splits are found as well.

    Raises ReplayError when an element is read before it was written or after it was overwritten, when an address lies
    outside the storage, or when the two streams do not divide into the iterations of the shared loops.
    """
    if source.data_shape != result.data_shape:
        raise ReplayError(f"the data shapes differ: {source.data_shape} and {result.data_shape}")
    if converter.kind == "direct":
        if source.element != result.element or not np.array_equal(source.offset_array(), result.offset_array()):
            raise ReplayError("the two orders differ, but the converter has no storage")
        return ReplaySummary(source.num_tokens, result.num_tokens, source.num_tokens)

    iterations = prod(converter.source.tripcounts[: converter.shared_loops])
    for what, layout in (("source", source), ("result", result)):
        if layout.num_tokens % iterations:
            raise ReplayError(f"{layout.num_tokens} {what} tokens do not divide into {iterations} iterations")
    ids = np.arange(prod(source.data_shape), dtype=np.int64).reshape(source.data_shape)
    fills = np.split(source.offset_array(), iterations)
    drains = np.split(result.offset_array(), iterations)
    if converter.kind == "line_buffer":
        for iteration in range(iterations):
            _run_line_buffer(converter, ids, source.element, result.element, fills[iteration], drains[iteration])
    else:
        _run_copies(converter, ids, source.element, result.element, fills, drains)
    return ReplaySummary(source.num_tokens, result.num_tokens, iterations)


def _run_copies(
    converter: Converter,
    ids: IntArray,
    source_element: tuple[int, ...],
    result_element: tuple[int, ...],
    fills: list[IntArray],
    drains: list[IntArray],
) -> None:
    copies = [_empty(converter) for _ in range(converter.copies)]
    for kind, iteration in _schedule(len(fills), len(copies)):
        cells, owners = copies[iteration % len(copies)]
        tokens = fills[iteration] if kind == "fill" else drains[iteration]
        origin = tokens.min(axis=0)
        for token in tokens:
            element = source_element if kind == "fill" else result_element
            at, where = _box(token - origin, element), _box(token, element)
            if any((token - origin + element) > converter.buffer):
                raise ReplayError(
                    f"the token at {token.tolist()} lies outside the buffer {converter.buffer} of iteration {iteration}"
                )
            if kind == "fill":
                cells[at], owners[at] = ids[where], iteration
            elif (cells[at] != ids[where]).any() or (owners[at] != iteration).any():
                raise ReplayError(f"iteration {iteration} reads the token at {token.tolist()}, which is not stored")


def _schedule(iterations: int, copies: int) -> Iterator[tuple[str, int]]:
    """Fills and drains in order, every drain as late as `copies` allow."""
    for iteration in range(iterations + copies - 1):
        if iteration < iterations:
            yield "fill", iteration
        if iteration >= copies - 1:
            yield "drain", iteration - copies + 1


def _run_line_buffer(
    converter: Converter,
    ids: IntArray,
    source_element: tuple[int, ...],
    result_element: tuple[int, ...],
    fill: IntArray,
    drain: IntArray,
) -> None:
    cells, _ = _empty(converter)  # empty at the start of every iteration: nothing may be left over from the one before
    seen = np.zeros(ids.shape, dtype=bool)
    source_origin, result_origin = fill.min(axis=0), drain.min(axis=0)
    waiting = 0
    for token in fill:
        cells[_circular(converter, token - source_origin, source_element)] = ids[_box(token, source_element)]
        seen[_box(token, source_element)] = True
        while waiting < len(drain) and seen[_box(drain[waiting], result_element)].all():
            token_out = drain[waiting]
            stored = cells[_circular(converter, token_out - result_origin, result_element)]
            if (stored != ids[_box(token_out, result_element)]).any():
                raise ReplayError(f"the token at {token_out.tolist()} is read after a part of it was overwritten")
            waiting += 1
    if waiting < len(drain):
        raise ReplayError(f"the token at {drain[waiting].tolist()} is read, but the source never brings all of it")


def _empty(converter: Converter) -> tuple[IntArray, IntArray]:
    return np.full(converter.buffer, -1, dtype=np.int64), np.full(converter.buffer, -1, dtype=np.int64)


def _box(start: IntArray, element: tuple[int, ...]) -> tuple[slice, ...]:
    return tuple(slice(int(first), int(first) + size) for first, size in zip(start, element, strict=True))


def _circular(converter: Converter, start: IntArray, element: tuple[int, ...]) -> tuple[IntArray, ...]:
    """Addresses of a token in a line buffer: modulo the number of rows along row_dim, plain elsewhere."""
    axes = [
        np.arange(int(first), int(first) + size, dtype=np.int64) for first, size in zip(start, element, strict=True)
    ]
    for dim, (axis, size) in enumerate(zip(axes, converter.buffer, strict=True)):
        if dim == converter.row_dim:
            if len(axis) > size:
                raise ReplayError(f"a token of {len(axis)} rows does not fit into a line buffer of {size} rows")
            axes[dim] = axis % size
        elif axis[-1] >= size:
            raise ReplayError(f"position {axis[-1]} in dim {dim} lies outside the line buffer {converter.buffer}")
    return np.ix_(*axes)

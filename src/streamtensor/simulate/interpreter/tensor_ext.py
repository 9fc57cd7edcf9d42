# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The tensor_ext dialect. A tensor of vectors is held as an array with the lanes as its last dimensions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from streamtensor.algebra.external import ExternalLayout
from streamtensor.dialects import tensor_ext
from streamtensor.simulate.interpreter.emitter import Emitter, Handlers
from streamtensor.simulate.interpreter.types import Array, storage_shape


def tiled(data: Array, tile: Sequence[int]) -> Array:
    """The last dimensions of `data`, as many as `tile` has, as tiles: their numbers, then the tile.

    >>> tiled(np.arange(8).reshape(2, 4), (1, 2)).tolist()
    [[[[0, 1]], [[2, 3]]], [[[4, 5]], [[6, 7]]]]
    """
    first = data.ndim - len(tile)
    shape = list(data.shape[:first])
    for size, part in zip(data.shape[first:], tile, strict=True):
        shape += [size // part, part]
    order = [*range(first), *range(first, len(shape), 2), *range(first + 1, len(shape), 2)]
    return np.ascontiguousarray(data.reshape(shape).transpose(order))


def untiled(data: Array, rank: int) -> Array:
    """The inverse of `tiled` for a tile of `rank` dimensions."""
    first = data.ndim - 2 * rank
    order = [*range(first)]
    for dim in range(rank):
        order += [first + dim, first + rank + dim]
    split = data.transpose(order)
    shape = list(split.shape[:first])
    shape += [split.shape[first + 2 * dim] * split.shape[first + 2 * dim + 1] for dim in range(rank)]
    return np.ascontiguousarray(split).reshape(shape)


def packed(data: Array, layout: ExternalLayout) -> Array:
    """A plain tensor as it lies in memory, with the lanes of words as its last dimensions."""
    for sizes in (layout.tile, layout.vector):
        data = data if sizes is None else tiled(data, sizes)
    return data


def unpacked(data: Array, layout: ExternalLayout, rank: int) -> Array:
    """The inverse of `packed` for data of `rank` dimensions."""
    for sizes in (layout.vector, layout.tile):
        data = data if sizes is None else untiled(data, rank)
    return data


def _pack(emit: Emitter, op: tensor_ext.PackOp) -> None:
    emit.assign(op.result, f"{emit.helper(tiled)}({emit.name(op.source)}, {op.tile})")


def _unpack(emit: Emitter, op: tensor_ext.UnpackOp) -> None:
    emit.assign(op.result, f"{emit.helper(untiled)}({emit.name(op.source)}, {len(op.tile)})")


def _widen(emit: Emitter, op: tensor_ext.WidenOp) -> None:
    emit.assign(op.result, f"{emit.helper(tiled)}({emit.name(op.source)}, {op.vector})")


def _unwiden(emit: Emitter, op: tensor_ext.UnwidenOp) -> None:
    emit.assign(op.result, f"{emit.helper(untiled)}({emit.name(op.source)}, {len(op.vector)})")


def extended(data: Array, shape: Sequence[int]) -> Array:
    """`data` at the beginning of an array of zeros of `shape`."""
    whole = np.zeros(shape, data.dtype)
    whole[tuple(map(slice, data.shape))] = data
    return whole


def cropped(data: Array, shape: Sequence[int]) -> Array:
    """The first `shape` numbers of `data`."""
    return np.ascontiguousarray(data[tuple(map(slice, shape))])


def _extend(emit: Emitter, op: tensor_ext.ExtendOp) -> None:
    emit.assign(op.result, f"{emit.helper(extended)}({emit.name(op.source)}, {storage_shape(op.result.type)})")


def _crop(emit: Emitter, op: tensor_ext.CropOp) -> None:
    emit.assign(op.result, f"{emit.helper(cropped)}({emit.name(op.source)}, {storage_shape(op.result.type)})")


def _lanes(emit: Emitter, op: tensor_ext.LanesOp) -> None:
    assert storage_shape(op.source.type) == storage_shape(op.result.type)
    emit.bind(op.result, emit.name(op.source))


HANDLERS: Handlers = {
    tensor_ext.CropOp: _crop,
    tensor_ext.ExtendOp: _extend,
    tensor_ext.LanesOp: _lanes,
    tensor_ext.PackOp: _pack,
    tensor_ext.UnpackOp: _unpack,
    tensor_ext.UnwidenOp: _unwiden,
    tensor_ext.WidenOp: _widen,
}

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Parameters that lie in memory otherwise than in the model: in another order, as the functions of the host that pack
say it, or as 4-bit numbers.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from streamtensor.algebra.external import NIBBLE_BITS, ExternalLayout
from streamtensor.codegen.design import entry
from streamtensor.codegen.hls.memory import layout
from streamtensor.codegen.hls.types import is_nibble
from streamtensor.diagnostics import InternalError, UserError
from streamtensor.dialects.tensor_ext import layout_of
from streamtensor.ir import arith, func, memref
from streamtensor.ir.builtin import MemRefType, VectorType
from streamtensor.ir.core import Attribute, SSAValue

_SLAB_BYTES = 1 << 20
"""What is copied at once of a padded parameter, if a row of tiles is not larger."""


@dataclass(frozen=True)
class Padded:
    """A parameter, or a slice of it, with zeros behind it: the first `part` numbers of a row-major array of `shape`.

    Number i, j, ... of `part` is number offset + i * strides[0] + j * strides[1] + ... of the row-major parameter.
    """

    shape: tuple[int, ...]
    part: tuple[int, ...]
    offset: int
    strides: tuple[int, ...]

    def rows(self, whole: npt.NDArray[Any], start: int, stop: int) -> npt.NDArray[Any]:
        """The indices from `start` to `stop` of the first dimension of the padded array, as a new array."""
        part = _strided(whole, self.part, self.strides, self.offset)[start:stop]
        found = np.zeros((stop - start, *self.shape[1:]), whole.dtype)
        found[tuple(map(slice, part.shape))] = part
        return found

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Padded:
        """The inverse of `dataclasses.asdict`. Raises KeyError, TypeError or ValueError for other data."""
        sizes = {name: tuple(int(n) for n in data[name]) for name in ("shape", "part", "strides")}
        return Padded(offset=int(data["offset"]), **sizes)


@dataclass(frozen=True)
class PackedParameter:
    """A parameter, or a slice of it, in tiles and words.

    Number i, j, ... of `shape` is number offset + i * strides[0] + j * strides[1] + ... of the row-major parameter, or
    of what it is `padded` to; the shape is data / tile ++ tile / vector ++ vector, without what there is none of.
    `bits` is 4 when two numbers share a byte of memory, the first one in the low half, and 0 when they have the model's
    type.
    """

    parameter: str
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    tile: tuple[int, ...] = ()
    vector: tuple[int, ...] = ()
    bits: int = 0
    padded: Padded | None = None

    @property
    def name(self) -> str:
        """The name under which it is stored: the parameter and, exactly, the order of its numbers and their bits."""
        text = f"{self.parameter}@{_x(self.shape)}/{_x(self.strides)}+{self.offset}"
        if self.padded is not None:
            inner = self.padded
            text += f":{_x(inner.shape)}>{_x(inner.part)}/{_x(inner.strides)}+{inner.offset}"
        return text + (f":i{self.bits}" if self.bits else "")

    def slabs(self, whole: npt.NDArray[Any]) -> Iterator[npt.NDArray[Any]]:
        """Its numbers in its order, of the row-major array `whole`: views of it, or of copies of a few rows where
        zeros come between.

        Raises UserError ST0103 when they do not lie inside the parameter.
        """
        if self.padded is None:
            self._check(self.offset, self.shape, self.strides, whole.size)
            yield _strided(whole, self.shape, self.strides, self.offset)
            return
        inner = self.padded
        self._check(inner.offset, inner.part, inner.strides, whole.size)
        self._check(self.offset, self.shape, self.strides, math.prod(inner.shape))
        row = math.prod(inner.shape[1:])
        step = max(1, _SLAB_BYTES // (math.prod(self.shape[1:]) * whole.itemsize))
        for number in range(0, self.shape[0], step):
            shape = (min(step, self.shape[0] - number), *self.shape[1:])
            first = self.offset + number * self.strides[0]
            start, stop = first // row, (first + _reach(shape, self.strides)) // row + 1
            rows = inner.rows(whole, start, stop)
            yield _strided(rows, shape, self.strides, first - start * row)

    def view(self, whole: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Its numbers in the row-major array `whole`, in its order: without a copy where nothing is padded.

        Raises UserError like `slabs`.
        """
        slabs = list(self.slabs(whole))
        return slabs[0] if len(slabs) == 1 else np.concatenate(slabs)

    def put(self, numbers: npt.NDArray[Any], whole: npt.NDArray[Any]) -> None:
        """The inverse of `view`: puts its numbers, in its order, into the row-major parameter `whole`."""
        if self.padded is None:
            self.view(whole)[...] = numbers
            return
        inner = self.padded
        self._check(inner.offset, inner.part, inner.strides, whole.size)
        self._check(self.offset, self.shape, self.strides, math.prod(inner.shape))
        padded = np.zeros(inner.shape, whole.dtype)
        _strided(padded, self.shape, self.strides, self.offset)[...] = numbers
        _strided(whole, inner.part, inner.strides, inner.offset)[...] = padded[tuple(map(slice, inner.part))]

    def is_all_of(self, size: int) -> bool:
        """Whether it has each number of its parameter of `size` numbers once, in whatever order."""
        inner = self.padded
        if inner is None:
            return _is_all_of(self.shape, self.strides, self.offset, size)
        return _is_all_of(self.shape, self.strides, self.offset, math.prod(inner.shape)) and _is_all_of(
            inner.part, inner.strides, inner.offset, size
        )

    def _check(self, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], size: int) -> None:
        if min((offset, *strides)) < 0 or offset + _reach(shape, strides) >= size:
            raise UserError("ST0103", f"{self.name} is no part of a parameter of {size} numbers")

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> PackedParameter:
        """The inverse of `dataclasses.asdict`. Raises KeyError, TypeError or ValueError for other data."""
        sizes = {name: tuple(int(n) for n in data[name]) for name in ("shape", "strides", "tile", "vector")}
        padded = Padded.from_json(data["padded"]) if data["padded"] is not None else None
        return PackedParameter(
            str(data["parameter"]), int(data["offset"]), **sizes, bits=int(data["bits"]), padded=padded
        )


def packed_parameter(function: func.FuncOp, parameter: str) -> PackedParameter:
    """What `function`, which packs its first argument into its second one, makes of a parameter: one copy, or one into
    the first part of a buffer that is 0, and if that is not yet the result one of that buffer.
    """
    loads = [op for op in function.walk() if isinstance(op, memref.LoadOp)]
    arguments = entry(function).args
    out = arguments[1].type
    fills = [
        op for op in function.walk() if isinstance(op, memref.StoreOp) and isinstance(op.value.owner, arith.ConstantOp)
    ]
    if len(loads) not in (1, 2) or len(fills) > 1 or not isinstance(out, MemRefType):
        raise InternalError(f"{function.sym_name.data} is not one copy into another layout")
    sources = [_memref(load.memref) for load in loads]
    shape, (offset, strides) = tuple(sources[0].get_shape()), layout(sources[0], function)
    padded: Padded | None = None
    if fills:
        buffer = tuple(_memref(fills[0].memref).get_shape())
        padded = Padded(buffer, shape, offset, strides)
        last = sources[1] if len(sources) == 2 else MemRefType(out.element_type, buffer)
        shape, (offset, strides) = tuple(last.get_shape()), layout(last, function)
    element = out.element_type
    rank = len(element.get_shape()) if isinstance(element, VectorType) else len(out.get_shape()) // 2
    is_plain = padded is not None and len(loads) == 1
    form = ExternalLayout() if is_plain else layout_of(out, rank)
    bits = NIBBLE_BITS if is_nibble(element) else 0
    return PackedParameter(parameter, offset, shape, strides, form.tile or (), form.vector or (), bits, padded)


def _memref(value: SSAValue) -> MemRefType[Attribute]:
    assert isinstance(value.type, MemRefType)
    return cast(MemRefType[Attribute], value.type)


def _reach(shape: tuple[int, ...], strides: tuple[int, ...]) -> int:
    """How far the last number lies behind the first."""
    return sum((n - 1) * s for n, s in zip(shape, strides, strict=True))


def _strided(
    whole: npt.NDArray[Any], shape: tuple[int, ...], strides: tuple[int, ...], offset: int
) -> npt.NDArray[Any]:
    bytes = [stride * whole.itemsize for stride in strides]
    return np.lib.stride_tricks.as_strided(whole.reshape(-1)[offset:], shape, bytes)


def _is_all_of(shape: tuple[int, ...], strides: tuple[int, ...], offset: int, size: int) -> bool:
    reached = 1
    for stride, count in sorted(zip(strides, shape, strict=True)):
        if count != 1 and stride != reached:
            return False
        reached *= count
    return offset == 0 and reached == size


def _x(numbers: tuple[int, ...]) -> str:
    return "x".join(map(str, numbers))


def narrow_parameter(parameter: str, shape: tuple[int, ...]) -> PackedParameter:
    """A whole parameter in the order of the model, as 4-bit numbers."""
    strides = tuple(math.prod(shape[dim + 1 :]) for dim in range(len(shape)))
    return PackedParameter(parameter, 0, shape, strides, bits=NIBBLE_BITS)

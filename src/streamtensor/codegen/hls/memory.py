# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""How a memref is reached in C++: a local array, a flat pointer, or a window into one of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from streamtensor.codegen.hls.errors import cannot_emit
from streamtensor.codegen.hls.expression import Expr, call, integer, plus, subscript, times
from streamtensor.codegen.hls.types import is_nibble, lanes, nibbles_name
from streamtensor.ir.builtin import MemRefType, NoneAttr, StridedLayoutAttr
from streamtensor.ir.core import Attribute, Operation

MemRef: TypeAlias = MemRefType[Attribute]


class Memory(Protocol):
    """Something whose elements have an index per dimension of the memref."""

    def at(self, indices: Sequence[Expr]) -> Expr:
        """The element, readable and (for memory that is not constant) assignable."""
        ...


@dataclass(frozen=True)
class Array:
    """A C array. Dimensions of extent 1 are left out of it: Vitis would drop them and count the others anew."""

    name: str
    shape: tuple[int, ...]

    @property
    def extents(self) -> tuple[int, ...]:
        """The extents of the C array, `(1,)` for a memref of one element."""
        return tuple(n for n in self.shape if n != 1) or (1,)

    def declaration(self, element: str) -> str:
        """The declaration, which is also how a function takes it as a parameter."""
        return f"{element} {self.name}" + "".join(f"[{n}]" for n in self.extents)

    def at(self, indices: Sequence[Expr]) -> Expr:
        """The element at the indices."""
        kept = [index for index, n in zip(indices, self.shape, strict=True) if n != 1]
        return subscript(self.name, *(kept or [integer(0)]))


@dataclass(frozen=True)
class Pointer:
    """Memory behind a base pointer: element (i, j, ...) is at offset + i * strides[0] + j * strides[1] + ...

    `nibbles` is 0 unless the elements are 4-bit numbers, or words of so many of them: memory holds two of these in a
    byte, and they can only be read.
    """

    name: str
    strides: tuple[int, ...]
    offset: int = 0
    nibbles: int = 0

    @staticmethod
    def of(name: str, memref: MemRef, op: Operation | None) -> Pointer:
        """The pointer form of a memref type. Raises UserError ST0306 when its layout is not known at compile time."""
        offset, strides = layout(memref, op)
        element = memref.element_type
        return Pointer(name, strides, offset, lanes(element) if is_nibble(element) else 0)

    def at(self, indices: Sequence[Expr]) -> Expr:
        """The element at the indices."""
        address, constant = integer(0), self.offset
        for index, stride in zip(indices, self.strides, strict=True):
            part = times(index, integer(stride))
            if part.constant is not None:
                constant += part.constant
            else:
                address = plus(address, part)
        address = plus(address, integer(constant))
        if self.nibbles == 1:
            return call("st::nibble", Expr(self.name), address)
        if self.nibbles:
            return call(f"st::nibbles<{self.nibbles}, {nibbles_name(self.nibbles)}>", subscript(self.name, address))
        return subscript(self.name, address)


@dataclass(frozen=True)
class Window:
    """A part of another memory: index i of it is offset + i * stride of the dimension that it goes through.

    `dims[d]` is the dimension of the window that moves along dimension d of the source, None when none does.
    """

    source: Memory
    offsets: tuple[Expr, ...]
    strides: tuple[Expr, ...]
    dims: tuple[int | None, ...]

    def at(self, indices: Sequence[Expr]) -> Expr:
        """The element at the indices."""
        places = [
            offset if dim is None else plus(times(indices[dim], stride), offset)
            for offset, stride, dim in zip(self.offsets, self.strides, self.dims, strict=True)
        ]
        return self.source.at(places)


def layout(memref: MemRef, op: Operation | None) -> tuple[int, tuple[int, ...]]:
    """Offset and strides in elements.

    Raises UserError ST0306 when they, or the shape, are not known at compile time.
    """
    shape = memref.get_shape()
    if any(n < 0 for n in shape):
        raise cannot_emit(op, f"memory of a size that is not known at compile time ({memref})")
    if isinstance(memref.layout, NoneAttr):
        return 0, tuple(math.prod(shape[d + 1 :]) for d in range(len(shape)))
    if isinstance(memref.layout, StridedLayoutAttr):
        offset = memref.layout.get_offset()
        strides = [stride for stride in memref.layout.get_strides() if stride is not None]
        if offset is not None and len(strides) == len(shape):
            return offset, tuple(strides)
    raise cannot_emit(op, f"memory with a layout that is not known at compile time ({memref})")


def has_static_layout(memref: MemRef) -> bool:
    """Whether offset and strides are numbers of the type."""
    form = memref.layout
    if isinstance(form, StridedLayoutAttr):
        return form.get_offset() is not None and None not in form.get_strides()
    return isinstance(form, NoneAttr)


def extent(memref: MemRef, op: Operation | None = None) -> int:
    """Elements from the base pointer up to and with the last element that the type reaches."""
    offset, strides = layout(memref, op)
    return offset + 1 + sum((n - 1) * stride for n, stride in zip(memref.get_shape(), strides, strict=True))

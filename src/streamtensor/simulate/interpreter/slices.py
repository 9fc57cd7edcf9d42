# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Slices with static and dynamic parts (extract_slice, insert_slice, subview) and transfers as numpy subscripts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

from streamtensor.diagnostics import InternalError
from streamtensor.ir import memref, tensor
from streamtensor.ir.builtin import DenseArrayBase
from streamtensor.ir.core import SSAValue
from streamtensor.simulate.interpreter.emitter import Emitter
from streamtensor.simulate.interpreter.types import Array

Sliced: TypeAlias = tensor.ExtractSliceOp | tensor.InsertSliceOp | memref.SubviewOp
"""An operation with offsets, sizes and strides."""

_DYNAMIC = -(2**63)


def mixed(static: DenseArrayBase[Any], dynamic: Sequence[SSAValue]) -> Iterator[int | SSAValue]:
    """The static numbers with the dynamic values in the places that are marked for them."""
    values = iter(dynamic)
    for number in static.get_values():
        yield next(values) if number == _DYNAMIC else int(number)


def static_sizes(op: Sliced) -> tuple[int, ...]:
    """The sizes of a slice; raises InternalError when one is dynamic."""
    sizes = tuple(int(size) for size in op.static_sizes.get_values())
    if _DYNAMIC in sizes:
        raise InternalError("the interpreter runs slices of static sizes only")
    return sizes


def part(emit: Emitter, text: str, shape: Sequence[int], op: Sliced) -> str:
    """The text of the view that `op` takes of `text`, an array of `shape`; it has the rank of `text`.

    Bounds are checked now where the offset is static, else at run time: numpy would cut a slice short without a word.
    """
    sizes = static_sizes(op)
    starts: list[int | SSAValue] = list(mixed(op.static_offsets, op.offsets))
    strides: list[int] = []
    for stride in mixed(op.static_strides, op.strides):
        if not isinstance(stride, int) or stride < 1:
            raise InternalError("the interpreter runs slices of static positive strides only")
        strides.append(stride)
    return window(emit, text, shape, starts, sizes, strides)


def window(
    emit: Emitter,
    text: str,
    shape: Sequence[int],
    starts: Sequence[int | SSAValue],
    sizes: Sequence[int | None],
    strides: Sequence[int],
) -> str:
    """The text of `text[start : start + size : stride, ...]`; where a size is None the dimension is indexed away."""
    subscripts: list[str] = []
    in_bounds = True
    for start, size, stride, extent in zip(starts, sizes, strides, shape, strict=True):
        reach = 1 if size is None else (size - 1) * stride + 1
        if isinstance(start, int):
            first, begin, low, high = str(start), str(start), start, start
            end = str(start + reach)
        else:
            bounds = emit.bounds(start)
            first, begin, low, high = emit.index(start), emit.name(start), bounds.low, bounds.high
            end = f"{begin} + {reach}"
        if low == high and not 0 <= low <= extent - reach:
            raise InternalError(f"a slice from {low} to {low + reach} of a dimension of {extent}")
        if size is None:
            subscripts.append(first)
        elif reach == extent and low == high:
            subscripts.append(":" if stride == 1 else f"::{stride}")
        else:
            subscripts.append(f"{first}:{end}{_every(stride)}")
            in_bounds = in_bounds and high <= extent - reach
    if all(subscript == ":" for subscript in subscripts):
        return text
    view = f"{text}[{', '.join(subscripts)}]"
    left = tuple(size for size in sizes if size is not None)
    return view if in_bounds else f"{emit.helper(checked)}({view}, {left})"


def checked(view: Array, sizes: tuple[int, ...]) -> Array:
    """`view` itself; raises InternalError when it has been cut because it reached over the end."""
    if view.shape != sizes:
        raise InternalError(f"a slice of sizes {list(sizes)} reaches over the end: only {list(view.shape)} are there")
    return view


def _every(stride: int) -> str:
    return f":{stride}" if stride != 1 else ""

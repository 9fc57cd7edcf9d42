# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Parameters that lie in memory otherwise than in the model: in another order, as the functions of the host that pack
say it, or as 4-bit numbers.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from streamtensor.algebra.external import NIBBLE_BITS
from streamtensor.codegen.design import entry
from streamtensor.codegen.hls.memory import layout
from streamtensor.codegen.hls.types import is_nibble
from streamtensor.diagnostics import InternalError, UserError
from streamtensor.dialects.tensor_ext import layout_of
from streamtensor.ir import func, memref
from streamtensor.ir.builtin import MemRefType, VectorType


@dataclass(frozen=True)
class PackedParameter:
    """A parameter, or a slice of it, in tiles and words.

    Number i, j, ... of `shape` is number offset + i * strides[0] + j * strides[1] + ... of the row-major parameter; the
    shape is data / tile ++ tile / vector ++ vector, without what there is none of. `bits` is 4 when two numbers share
    a byte of memory, the first one in the low half, and 0 when they have the model's type.
    """

    parameter: str
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    tile: tuple[int, ...] = ()
    vector: tuple[int, ...] = ()
    bits: int = 0

    @property
    def name(self) -> str:
        """The name under which it is stored: the parameter and, exactly, the order of its numbers and their bits."""
        sizes, steps = ("x".join(map(str, numbers)) for numbers in (self.shape, self.strides))
        return f"{self.parameter}@{sizes}/{steps}+{self.offset}" + (f":i{self.bits}" if self.bits else "")

    def view(self, whole: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Its numbers in the row-major array `whole`, in its order, without a copy.

        Raises UserError ST0103 when they do not lie inside the parameter.
        """
        reach = self.offset + sum((n - 1) * s for n, s in zip(self.shape, self.strides, strict=True))
        if min((self.offset, *self.strides)) < 0 or reach >= whole.size:
            raise UserError("ST0103", f"{self.name} is no part of a parameter of {whole.size} numbers")
        strides = [stride * whole.itemsize for stride in self.strides]
        return np.lib.stride_tricks.as_strided(whole.reshape(-1)[self.offset :], self.shape, strides)

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> PackedParameter:
        """The inverse of `dataclasses.asdict`. Raises KeyError, TypeError or ValueError for other data."""
        sizes = {name: tuple(int(n) for n in data[name]) for name in ("shape", "strides", "tile", "vector")}
        return PackedParameter(str(data["parameter"]), int(data["offset"]), **sizes, bits=int(data["bits"]))


def packed_parameter(function: func.FuncOp, parameter: str) -> PackedParameter:
    """What `function`, which packs its first argument into its second one, makes of a parameter."""
    loads = [op for op in function.walk() if isinstance(op, memref.LoadOp)]
    out = entry(function).args[1].type
    if len(loads) != 1 or not isinstance(loads[0].memref.type, MemRefType) or not isinstance(out, MemRefType):
        raise InternalError(f"{function.sym_name.data} is not one copy into another layout")
    offset, strides = layout(loads[0].memref.type, function)
    element = out.element_type
    rank = len(element.get_shape()) if isinstance(element, VectorType) else len(out.get_shape()) // 2
    form = layout_of(out, rank)
    shape = tuple(loads[0].memref.type.get_shape())
    bits = NIBBLE_BITS if is_nibble(element) else 0
    return PackedParameter(parameter, offset, shape, strides, form.tile or (), form.vector or (), bits)


def narrow_parameter(parameter: str, shape: tuple[int, ...]) -> PackedParameter:
    """A whole parameter in the order of the model, as 4-bit numbers."""
    strides = tuple(math.prod(shape[dim + 1 :]) for dim in range(len(shape)))
    return PackedParameter(parameter, 0, shape, strides, bits=NIBBLE_BITS)

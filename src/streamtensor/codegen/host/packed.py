# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Parameters that lie in memory in another order than in the model, as the functions of the host that pack say it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from streamtensor.codegen.design import entry
from streamtensor.codegen.hls.memory import layout
from streamtensor.diagnostics import InternalError, UserError
from streamtensor.dialects.tensor_ext import layout_of
from streamtensor.ir import func, memref
from streamtensor.ir.builtin import MemRefType, VectorType


@dataclass(frozen=True)
class PackedParameter:
    """A parameter, or a slice of it, in tiles and words.

    Number i, j, ... of `shape` is number offset + i * strides[0] + j * strides[1] + ... of the row-major parameter; the
    shape is data / tile ++ tile / vector ++ vector, without what there is none of.
    """

    parameter: str
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    tile: tuple[int, ...] = ()
    vector: tuple[int, ...] = ()

    @property
    def name(self) -> str:
        """The name under which it is stored: the parameter and, exactly, the order of its numbers."""
        sizes, steps = ("x".join(map(str, numbers)) for numbers in (self.shape, self.strides))
        return f"{self.parameter}@{sizes}/{steps}+{self.offset}"

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
        return PackedParameter(str(data["parameter"]), int(data["offset"]), **sizes)


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
    return PackedParameter(parameter, offset, shape, strides, form.tile or (), form.vector or ())

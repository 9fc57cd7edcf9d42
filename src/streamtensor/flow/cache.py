# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The KV cache between the runs of a language model's programs, in the layouts in which decode reads it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from streamtensor.codegen.host.packed import PackedParameter
from streamtensor.codegen.host.program import Program
from streamtensor.flow.buffers import allocate_wholes

Array = npt.NDArray[Any]

ROW_AXIS = 2
"""The axis of positions in [1, KV heads, context, head_dim]."""


@dataclass(frozen=True)
class _Form:
    """One stored form of a tensor of the cache: its buffer, and where each of the tensor's numbers lies in it (None: in
    the tensor's own order).
    """

    buffer: str
    array: Array
    places: Array | None


class Cache:
    """The kept inputs of a program, filled row by row; only new rows are ever written.

    `arrays` are the program's buffers by name, to run it with. What lies behind the last written row is of no
    consequence: the program masks it.
    """

    def __init__(self, program: Program) -> None:
        buffers = {port.name: program.buffer(port.buffer) for port in program.inputs}
        layouts = {packed.name: packed for packed in program.packed}
        self.names = tuple(port.name for port in program.inputs if port.name in _kept(program, layouts))
        self._shapes = {name: buffers[name].shape for name in self.names}
        self._forms: dict[str, list[_Form]] = {name: [] for name in self.names}
        self.arrays = allocate_wholes(program, [port.buffer for port in program.cache])
        for port in program.cache:
            layout = layouts.get(port.name)
            name = layout.parameter if layout is not None else port.name
            buffer = program.buffer(port.buffer)
            places = None if layout is None else _places(_anonymous(layout), self._shapes[name])
            array = self.arrays.setdefault(port.buffer, np.zeros(buffer.shape, buffer.dtype))
            self._forms[name].append(_Form(port.buffer, array, places))

    def write(self, rows: Mapping[str, Array], position: int) -> None:
        """Puts new rows, [1, KV heads, rows, head_dim] by the tensors' names, in the places from `position` on."""
        for name, values in rows.items():
            steps = slice(position, position + values.shape[ROW_AXIS])
            for form in self._forms[name]:
                if form.places is None:
                    form.array.reshape(self._shapes[name])[:, :, steps] = values
                else:
                    form.array.reshape(-1)[form.places[:, :, steps]] = values

    def read(self, name: str) -> Array:
        """A tensor of the cache in its own order, [1, KV heads, context, head_dim]."""
        form = self._forms[name][0]
        flat = form.array.reshape(-1)
        return flat.reshape(self._shapes[name]) if form.places is None else flat[form.places]


def _kept(program: Program, layouts: Mapping[str, PackedParameter]) -> set[str]:
    """The inputs that are kept between runs."""
    return {layouts[port.name].parameter if port.name in layouts else port.name for port in program.cache}


def _anonymous(layout: PackedParameter) -> PackedParameter:
    """The layout without its tensor: those of all layers are equal."""
    return PackedParameter("", layout.offset, layout.shape, layout.strides)


@cache
def _places(layout: PackedParameter, shape: tuple[int, ...]) -> Array:
    """For each number of a tensor of `shape` its index in the packed form; computed once for all layers."""
    packed = layout.view(np.arange(int(np.prod(shape))).reshape(shape)).reshape(-1)
    places = np.empty(packed.size, np.int64)
    places[packed] = np.arange(packed.size)
    return places.reshape(shape)

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The buffers of a launch list as numpy arrays."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
import numpy.typing as npt

from streamtensor.codegen.host.program import Buffer, Program

Array = npt.NDArray[Any]


def allocate(program: Program, known: Collection[str]) -> dict[str, Array]:
    """Zeros for every buffer but the `known` ones, which have their memory; parts are views of their wholes."""
    arrays: dict[str, Array] = {}
    for buffer in program.buffers:
        if buffer.name not in known and not buffer.whole:
            arrays[buffer.name] = _zeros(buffer)
    for buffer in program.buffers:
        if buffer.whole in arrays:
            arrays[buffer.name] = _part(arrays[buffer.whole], buffer)
    return arrays


def allocate_wholes(program: Program, names: Collection[str]) -> dict[str, Array]:
    """Zeros for the stacks that the buffers `names` are parts of, and all parts of these as views."""
    wholes = {program.buffer(name).whole for name in names} - {""}
    return allocate(
        program, [buffer.name for buffer in program.buffers if buffer.name not in wholes and not buffer.whole]
    )


def _zeros(buffer: Buffer) -> Array:
    return np.zeros(buffer.stored_shape, buffer.stored_dtype)


def _part(whole: Array, buffer: Buffer) -> Array:
    """A part of a stack, as a view of its memory."""
    count = int(np.prod(buffer.stored_shape, dtype=np.int64))
    return whole.reshape(-1)[buffer.part * count : (buffer.part + 1) * count].reshape(buffer.stored_shape)

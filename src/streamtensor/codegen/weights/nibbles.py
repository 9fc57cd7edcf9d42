# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""4-bit numbers in memory: two in a byte, the first one in the low half."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

LOW, HIGH = -8, 7
"""The range of a 4-bit number."""


def pack_nibbles(numbers: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """The bytes of whole numbers between -8 and 7, in row-major order; the last high half is 0 when they are odd.

    >>> pack_nibbles(np.array([1, -1, 7], np.int8)).tolist()
    [241, 7]
    """
    flat = numbers.reshape(-1).astype(np.uint8, copy=False)
    if flat.size % 2:
        flat = np.append(flat, np.uint8(0))
    found = np.left_shift(flat[1::2], 4, dtype=np.uint8)
    found |= flat[0::2] & np.uint8(15)
    return found


def unpack_nibbles(data: npt.NDArray[np.uint8], count: int) -> npt.NDArray[np.int8]:
    """The first `count` numbers of bytes that `pack_nibbles` made.

    >>> unpack_nibbles(np.array([241, 7], np.uint8), 3).tolist()
    [1, -1, 7]
    """
    found = np.empty(2 * data.size, np.int8)
    signed = data.view(np.int8)
    found[0::2] = (signed << 4) >> 4
    found[1::2] = signed >> 4
    return found[:count]


def fit_nibbles(numbers: npt.NDArray[Any]) -> bool:
    """Whether all numbers lie between -8 and 7."""
    return numbers.size == 0 or (int(numbers.min()) >= LOW and int(numbers.max()) <= HIGH)

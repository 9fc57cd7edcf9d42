# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""How many tiles of a context count at a position (design document models.md, "Two programs per model")."""

from __future__ import annotations


def tiles_up_to(position: int, tile: int, most: int) -> int:
    """The tiles of `tile` rows up to the one that `position` lies in: ceil((position + 1) / tile), within [1, most].

    >>> [tiles_up_to(position, 16, 3) for position in (0, 15, 16, 47, 100)]
    [1, 1, 2, 3, 3]
    """
    return max(1, min(most, position // tile + 1))

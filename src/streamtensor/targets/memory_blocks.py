# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""How many memory blocks a memory takes."""

from math import ceil

# Words x bits of one block, with its simple dual-port shapes (AMD UG573, UltraScale memory resources).
BRAM_SHAPES = ((1024, 36), (512, 72))
URAM_SHAPE = (4096, 72)

LUTRAM_WORDS = 64
"""A memory of at most so many words goes into LUT memory and takes no block."""


def memory_blocks(words: int, bits: int, kind: str) -> int:
    """Blocks of `kind` ("bram", "uram") that a memory of `words` words of `bits` bits takes, in real block steps.

    >>> memory_blocks(1024, 36, "bram"), memory_blocks(1025, 36, "bram"), memory_blocks(512, 72, "bram")
    (1, 2, 1)
    >>> memory_blocks(4096, 72, "uram"), memory_blocks(4097, 72, "uram")
    (1, 2)
    """
    shapes = BRAM_SHAPES if kind == "bram" else (URAM_SHAPE,)
    return min(ceil(words / depth) * ceil(bits / width) for depth, width in shapes)


def fifo_blocks(depth: int, bits: int) -> int:
    """Block RAMs of a FIFO.

    >>> fifo_blocks(64, 512), fifo_blocks(65, 512)
    (0, 8)
    """
    return 0 if depth <= LUTRAM_WORDS else memory_blocks(depth, bits, "bram")

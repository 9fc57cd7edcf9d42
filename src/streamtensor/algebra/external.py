# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""How a tensor lies in external memory: plain row-major, packed into tiles, in words as wide as a port (itensor.md)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import gcd, prod

from streamtensor.algebra.errors import LayoutError
from streamtensor.algebra.layout import StreamLayout
from streamtensor.algebra.rewrites import pack, port_vector, split_at_tiles, widen

PORT_BITS = 512
"""Width of a port to external memory, unless a device says otherwise: the widest that the vendor's tools make."""

NIBBLE_BITS = 4
"""The integers that are narrower than a byte in external memory: two of them share one, the first in the low half."""


@dataclass(frozen=True, slots=True)
class ExternalLayout:
    """The layout of a tensor in external memory: `tile` when it is packed, `vector` when its element is a vector.

    A packed tensor of rank n has rank 2n: data / tile ++ tile. The vector has one size for each dimension of the data
    and divides the last n dimensions.

    >>> layout = ExternalLayout((16, 16), (8, 8))
    >>> layout.shape((64, 64))
    (4, 4, 2, 2)
    >>> print(layout.words(StreamLayout.parse("16x16, [4, 4] * [16, 16], (d0, d1) -> (d0, d1)")))
    1x1x2x2, [4, 4] * [1, 1], (d0, d1) -> (d0, d1, 0, 0)
    """

    tile: tuple[int, ...] | None = None
    vector: tuple[int, ...] | None = None

    @property
    def is_plain(self) -> bool:
        """Whether memory holds scalars in row-major order."""
        return self.tile is None and self.vector is None

    def shape(self, data_shape: Sequence[int]) -> tuple[int, ...]:
        """The shape in words of a tensor of `data_shape`. Raises LayoutError when tile or vector do not divide."""
        rank = len(data_shape)
        sizes = list(data_shape)
        if self.tile is not None:
            sizes = [_exact(n, t, "tile") for n, t in zip(data_shape, self.tile, strict=True)] + list(self.tile)
        if self.vector is not None:
            inner = sizes[-rank:]
            sizes[-rank:] = [_exact(n, v, "vector") for n, v in zip(inner, self.vector, strict=True)]
        return tuple(sizes)

    def loops(self, layout: StreamLayout) -> StreamLayout:
        """`layout` with its loops split where they cross tiles: the loops of `words`, with the steps of the stream."""
        return layout if self.tile is None else split_at_tiles(layout, self.tile)

    def words(self, layout: StreamLayout) -> StreamLayout:
        """The same stream over the words in memory; its loops are those of `loops`, counted in words.

        Raises LayoutError when a token straddles a tile or starts inside a word.
        """
        if self.tile is not None:
            layout = pack(layout, self.tile)
        if self.vector is not None:
            layout = widen(layout, (1,) * (layout.rank - len(self.vector)) + self.vector)
        return layout


def common_tile(layouts: Sequence[StreamLayout]) -> tuple[int, ...] | None:
    """The tile on which the writer and all readers of one tensor agree: the largest that divides each of their tokens.

    None when there is none that is of use: tokens that straddle the borders of tiles, or that are single elements.

    >>> common_tile([StreamLayout.parse("16x8, [4] * [16], (d0) -> (d0, 0)"),
    ...              StreamLayout.parse("8x8, [8] * [8], (d0) -> (d0, 0)")])
    (8, 8)
    """
    tile = tuple(gcd(*sizes) for sizes in zip(*(layout.element for layout in layouts), strict=True))
    if prod(tile) == 1:
        return None
    try:
        for layout in layouts:
            pack(layout, tile)
    except LayoutError:
        return None
    return tile


def is_run(tile: Sequence[int], shape: Sequence[int]) -> bool:
    """Whether each tile of a row-major tensor is one run of addresses: packing would not move anything.

    >>> is_run((1, 16), (8, 64)), is_run((2, 64), (8, 64)), is_run((2, 16), (8, 64))
    (True, True, False)
    """
    whole = next((d for d in reversed(range(len(tile))) if tile[d] != shape[d]), 0)  # behind it, rows are whole
    return all(size == 1 for size in tile[:whole])


def fifo_vector(token: Sequence[int], lanes: int) -> tuple[int, ...]:
    """The innermost elements of a token that a FIFO of `lanes` elements carries at once: whole rows, or a part of one.

    >>> fifo_vector((16, 16), 64), fifo_vector((16, 128), 64), fifo_vector((16, 12), 16)
    ((4, 16), (1, 64), (1, 12))
    """
    sizes = [1] * len(token)
    for dim in reversed(range(len(token))):
        sizes[dim] = next(n for n in range(min(lanes, token[dim]), 0, -1) if token[dim] % n == 0)
        lanes //= sizes[dim]
        if sizes[dim] < token[dim]:
            break
    return tuple(sizes)


def port_word(tile: Sequence[int], port_bits: int, fifo_bits: int, bits: int) -> tuple[int, ...]:
    """The vector in which a port moves `tile`: the FIFO's, so that a word is a token, when that fills the port.

    A port has a power of two of bits, so a FIFO of another width is filled from narrower words; one that is narrower
    than the port is filled from the words of `port_vector`.

    >>> port_word((16, 16), 512, 512, 8), port_word((16, 16), 512, 64, 8), port_word((1, 12), 512, 512, 32)
    ((4, 16), (8, 8), (1, 4))
    """
    if fifo_bits >= port_bits:
        vector = fifo_vector(tile, port_bits // bits)
        if prod(vector).bit_count() == 1:
            return vector
    return port_vector([n & -n for n in tile], port_bits, bits)  # the largest power of two in each size


def _exact(size: int, part: int, what: str) -> int:
    if part <= 0 or size % part:
        raise LayoutError(f"{what} size {part} does not divide {size}")
    return size // part

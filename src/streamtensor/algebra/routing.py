# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Parts of a stream: consecutive ranges of one loop, and every n-th iteration of one (itensor.md, Operations)."""

from __future__ import annotations

from collections.abc import Sequence

from streamtensor.algebra.errors import LayoutError
from streamtensor.algebra.layout import StreamLayout


def range_loop(layout: StreamLayout, dim: int) -> int | None:
    """The loop that alone moves along data dimension `dim`, so that ranges of the dimension are ranges of the loop.

    None when the dimension is one token long. Raises LayoutError when it is moved along by several loops, when the loop
    moves elsewhere too, or when its tokens do not lie side by side.

    >>> range_loop(StreamLayout.parse("4x2, [4, 2] * [2, 4], (d0, d1) -> (d1, d0)"), 0)
    1
    """
    if not 0 <= dim < layout.rank:
        raise LayoutError(f"there is no dim {dim} in data of rank {layout.rank}")
    loops = [n for n, trips in enumerate(layout.tripcounts) if trips > 1 and layout.stride(n)[dim]]
    if not loops:
        return None
    if len(loops) > 1:
        raise LayoutError(f"{len(loops)} loops move along dim {dim}, so it has no consecutive ranges in the stream")
    moved = layout.stride(loops[0])
    if moved[dim] != layout.element[dim] or sum(step != 0 for step in moved) > 1:
        raise LayoutError(
            f"loop {loops[0]} moves by {list(moved)}, but for ranges of dim {dim} it has to move by "
            f"{layout.element[dim]} there and nowhere else"
        )
    return loops[0]


def with_range(layout: StreamLayout, dim: int, size: int) -> StreamLayout:
    """The layout of a part of the same stream that covers `size` of data dimension `dim`, without loops of one
    iteration.

    Raises LayoutError when `layout` has no such ranges (see `range_loop`), or `size` is not a number of whole tokens
    below its own size there.

    >>> print(with_range(StreamLayout.parse("4x2, [4, 2] * [2, 4], (d0, d1) -> (d1, d0)"), 1, 6))
    4x2, [3, 2] * [2, 4], (d0, d1) -> (d1, d0)
    >>> print(with_range(StreamLayout.parse("4x2, [4, 2] * [2, 4], (d0, d1) -> (d1, d0)"), 0, 4))
    4x2, [4] * [2], (d0) -> (0, d0)
    """
    loop = range_loop(layout, dim)
    whole, token = layout.data_shape[dim], layout.element[dim]
    if size <= 0 or size > whole or size % token:
        raise LayoutError(f"a part of {size} of {whole} in dim {dim} is not made of whole tokens of {token}")
    if loop is None:
        return layout.canonical()
    tripcounts = [size // token if n == loop else trips for n, trips in enumerate(layout.tripcounts)]
    return StreamLayout(layout.element, tuple(tripcounts), layout.steps, layout.map).canonical()


def check_ranges(whole: StreamLayout, parts: Sequence[StreamLayout], dim: int) -> None:
    """Checks that `parts`, one behind the other along `dim`, are the data of `whole`, in the order of `whole`.

    Raises LayoutError with the part that does not fit and the layout that it had to have.
    """
    if not 0 <= dim < whole.rank:
        raise LayoutError(f"there is no dim {dim} in data of rank {whole.rank}")
    for number, part in enumerate(parts):
        if part.rank != whole.rank:
            raise LayoutError(f"part {number} has rank {part.rank}, the whole {whole.rank}")
    total = sum(part.data_shape[dim] for part in parts)
    if total != whole.data_shape[dim]:
        sizes = " + ".join(str(part.data_shape[dim]) for part in parts)
        raise LayoutError(f"the parts have {sizes} = {total} in dim {dim}, the whole has {whole.data_shape[dim]}")
    for number, part in enumerate(parts):
        wanted = with_range(whole, dim, part.data_shape[dim])
        if part.canonical() != wanted:
            raise LayoutError(f"part {number} is '{part}' but that range of the whole is '{wanted}'")


def every_nth(layout: StreamLayout, loop: int, parts: int) -> StreamLayout:
    """The layout of one of `parts` streams that take turns in the iterations of `loop`.

    Its loop has tripcount / parts and step * parts. The part that takes iterations n, n + parts, ... starts at
    iteration n; this offset is not in its layout. Raises LayoutError when there is no such loop or it can't be divided.

    >>> print(every_nth(StreamLayout.parse("2, [4] * [2], (d0) -> (d0)"), 0, 2))
    2, [2] * [4], (d0) -> (d0)
    """
    if not 0 <= loop < layout.num_loops:
        raise LayoutError(f"there is no loop {loop} in a stream of {layout.num_loops} loops")
    trips = layout.tripcounts[loop]
    if parts < 1 or trips % parts:
        raise LayoutError(f"{parts} streams can't take turns in the {trips} iterations of loop {loop}")
    tripcounts = [t // parts if n == loop else t for n, t in enumerate(layout.tripcounts)]
    steps = [s * parts if n == loop else s for n, s in enumerate(layout.steps)]
    return StreamLayout(layout.element, tuple(tripcounts), tuple(steps), layout.map).canonical()


def check_turns(whole: StreamLayout, parts: Sequence[StreamLayout], loop: int) -> None:
    """Checks that `parts` take turns in the iterations of loop `loop` of `whole`; raises LayoutError otherwise."""
    wanted = every_nth(whole, loop, len(parts))
    for number, part in enumerate(parts):
        if part.canonical() != wanted:
            raise LayoutError(
                f"stream {number} is '{part}' but each of {len(parts)} streams that take turns is '{wanted}'"
            )

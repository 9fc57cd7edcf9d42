# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Whether the loops of a program count through the iteration space of a stream, token by token."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod


@dataclass(frozen=True, slots=True)
class LoopTree:
    """A loop of `tripcount` iterations in steps of `step` around `body`, or around one token when the body is empty.

    What stands one after the other in a body is done one after the other.
    """

    tripcount: int
    step: int
    body: tuple[LoopTree, ...] = ()

    @property
    def tokens(self) -> int:
        """The number of tokens that the loop takes."""
        return self.tripcount * (sum(inner.tokens for inner in self.body) if self.body else 1)


TOKEN = LoopTree(1, 1)
"""One token without a loop."""


def counts_through(trees: Sequence[LoopTree], space: Sequence[tuple[int, int]], *, own_units: bool = False) -> bool:
    """Whether `trees`, one after the other, visit the iterations of the loop nest `space` once each and in order.

    `space` are (tripcount, step), outermost first. Loops of one iteration are left out on both sides. Two freedoms:
    a loop of the space may stand as several nested ones that count through the same values, and as several that stand
    one after the other and take consecutive ranges of it. In the range that begins at iteration n the variable
    counts from 0 again, so that the value of the space's loop is the variable plus n steps.

    With `own_units` a loop around others that take several iterations of the space's loop may count in a unit of its
    own: it goes around the accesses of another stream too, whose steps are not the same (a line buffer with a stride).

    >>> counts_through([LoopTree(2, 8, (LoopTree(4, 2),))], [(8, 2)])
    True
    >>> counts_through([LoopTree(4, 1), TOKEN, LoopTree(3, 1)], [(8, 1)])
    True
    >>> counts_through([LoopTree(2, 1, (LoopTree(3, 1), TOKEN))], [(2, 1), (4, 1)])
    True
    >>> counts_through([LoopTree(4, 1), LoopTree(3, 1)], [(8, 1)])
    False
    >>> counts_through([LoopTree(4, 2), LoopTree(4, 1)], [(8, 1)])
    False
    """
    return _follows(tuple(trees), [(trips, step) for trips, step in space if trips > 1], own_units)


def _follows(trees: tuple[LoopTree, ...], space: list[tuple[int, int]], own_units: bool) -> bool:
    if len(trees) != 1:
        return bool(trees) and bool(space) and _are_ranges(trees, space, own_units)
    tree = trees[0]
    if tree.tripcount > 1:
        if not space:
            return False
        inner, rest = divmod(space[0][0], tree.tripcount)
        if rest or (tree.step != space[0][1] * inner and not (own_units and inner > 1)):
            return False
        space = _loop(inner, space[0][1]) + space[1:]
    return _follows(tree.body, space, own_units) if tree.body else not space


def _are_ranges(trees: tuple[LoopTree, ...], space: list[tuple[int, int]], own_units: bool) -> bool:
    """Whether the trees take consecutive ranges of the outermost loop of `space`.

    A range is one tree of whole iterations, or several trees that are ranges within one iteration.
    """
    (tripcount, step), inside = space[0], space[1:]
    tokens = prod(trips for trips, _ in inside)
    done = 0
    part: tuple[LoopTree, ...] = ()
    for tree in trees:
        part = (*part, tree)
        count, rest = divmod(sum(one.tokens for one in part), tokens)
        if rest and not count:
            continue
        if rest or (len(part) > 1 and count > 1) or not _follows(part, _loop(count, step) + inside, own_units):
            return False
        done += count
        part = ()
    return done == tripcount and not part


def _loop(tripcount: int, step: int) -> list[tuple[int, int]]:
    return [(tripcount, step)] if tripcount > 1 else []

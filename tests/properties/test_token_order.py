# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`counts_through` against an enumeration of every token."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from hypothesis import given, settings
from hypothesis import strategies as st

from streamtensor.algebra.token_order import TOKEN, LoopTree, counts_through

Space = list[tuple[int, int]]


def values(tree: LoopTree) -> Iterator[list[tuple[int, int]]]:
    """The (variable, tripcount) of every loop around each token, in program order."""
    for iteration in range(tree.tripcount):
        here = [(iteration * tree.step, tree.tripcount)]
        if not tree.body:
            yield here
        for inner in tree.body:
            yield from (here + rest for rest in values(inner))


@st.composite
def spaces(draw: st.DrawFn) -> Space:
    return [(draw(st.integers(1, 6)), draw(st.sampled_from([1, 2, 3, 5]))) for _ in range(draw(st.integers(0, 3)))]


@st.composite
def programs(draw: st.DrawFn, space: Space) -> tuple[LoopTree, ...]:
    """Loops that count through `space`: split, in ranges, and with loops of one iteration among them."""
    if not space:
        return (LoopTree(1, 7, (TOKEN,)),) if draw(st.booleans()) else (TOKEN,)
    (tripcount, step), inside = space[0], space[1:]
    if tripcount == 1:
        return draw(programs(inside))
    kind = draw(st.sampled_from(["loop", "loop", "split", "ranges"]))
    if kind == "ranges":
        cut = draw(st.integers(1, tripcount - 1))
        return (
            *draw(programs([(cut, step), *inside])),
            *draw(programs([(tripcount - cut, step), *inside])),
        )
    divisors = [n for n in range(2, tripcount + 1) if tripcount % n == 0]
    outer = draw(st.sampled_from(divisors)) if kind == "split" else tripcount
    inner = tripcount // outer
    return (LoopTree(outer, step * inner, draw(programs([(inner, step), *inside]))),)


@settings(max_examples=300)
@given(st.data())
def test_loops_made_from_a_space_count_through_it(data: st.DataObject) -> None:
    space = data.draw(spaces())
    assert counts_through(data.draw(programs(space)), space)


@settings(max_examples=300)
@given(st.data())
def test_what_is_accepted_takes_every_token_once(data: st.DataObject) -> None:
    """Loops of another space, which is accepted only now and then: then the innermost loops have the right step."""
    space, other = data.draw(spaces()), data.draw(spaces())
    trees = data.draw(programs(other))
    canonical = [pair for pair in space if pair[0] > 1]
    accepted = counts_through(trees, space)
    assert accepted or canonical != [pair for pair in other if pair[0] > 1]
    if accepted:
        assert sum(1 for tree in trees for _ in values(tree)) == prod(tripcount for tripcount, _ in space)
        steps = {tree.step for tree in trees if tree.tripcount > 1 and not tree.body}
        assert all(step in [step for _, step in canonical] for step in steps)


@given(spaces(), st.integers(0, 5), st.data())
def test_one_iteration_more_or_less_is_refused(space: Space, where: int, data: st.DataObject) -> None:
    trees = data.draw(programs(space))
    assert not counts_through((*trees, TOKEN), space)
    assert not counts_through(trees[:-1], space)
    if space:
        tripcount, step = space[where % len(space)]
        changed = [*space]
        changed[where % len(space)] = (tripcount + 1, step)
        assert not counts_through(trees, changed)
        if tripcount > 1:
            changed[where % len(space)] = (tripcount, step + 1)
            assert not counts_through(trees, changed) or _by_single_iterations(trees)


def _by_single_iterations(trees: tuple[LoopTree, ...]) -> bool:
    """Whether some token stands in a range of one iteration, of which the step can't be seen."""
    return len(trees) > 1 or any(_by_single_iterations(tree.body) for tree in trees)

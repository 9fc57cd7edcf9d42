# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Address.span against all addresses: where it answers, the digit of the address is the loop's iteration."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from streamtensor.ir import arith, scf
from streamtensor.ir.builtin import IndexType
from streamtensor.ir.core import Block, Region
from streamtensor.transforms.lowering.addresses import Address, Term, index_sum

_STRIDES = st.sampled_from([0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 48])


def some_loop() -> scf.ForOp:
    """A loop that stands for a term."""
    zero = arith.ConstantOp.from_int_and_width(0, IndexType())
    return scf.ForOp(zero, zero, zero, [], Region(Block([scf.YieldOp()], arg_types=[IndexType()])))


@given(st.lists(st.tuples(_STRIDES, st.integers(1, 4)), min_size=1, max_size=4), st.integers(0, 50))
def test_the_span_of_a_loop_is_a_digit_of_the_address(parts: list[tuple[int, int]], offset: int) -> None:
    loops = [some_loop() for _ in parts]
    terms = [Term(loop, stride, trips) for loop, (stride, trips) in zip(loops, parts, strict=True)]
    address = Address(tuple(terms), offset)
    for number, loop in enumerate(loops):
        found = address.span(loop)
        if found is None:
            continue
        stride, span = found
        assert span == stride * parts[number][1]
        for iterations in itertools.product(*(range(trips) for _, trips in parts)):
            place = offset + sum(k * step for k, (step, _) in zip(iterations, parts, strict=True))
            assert place % span // stride == iterations[number]


@given(st.integers(1, 4), st.integers(1, 5), st.permutations([2, 3, 4]))
def test_a_mixed_radix_index_has_a_span_for_each_of_its_loops(lanes: int, offset: int, trips: list[int]) -> None:
    loops = [some_loop() for _ in trips]
    terms = [Term(None, 1, lanes)]
    stride = lanes
    for loop, count in zip(loops, trips, strict=True):
        terms.append(Term(loop, stride, count))
        stride *= count
    address = Address(tuple(terms), offset * stride)
    assert [address.span(loop) for loop in loops] == [(t.stride, t.stride * t.trips) for t in terms[1:]]


def test_an_index_is_a_sum_over_loops() -> None:
    four, two, zero, eight = (arith.ConstantOp.from_int_and_width(n, IndexType()) for n in (4, 2, 0, 8))
    loop = scf.ForOp(zero, eight, two, [], Region(Block([scf.YieldOp()], arg_types=[IndexType()])))
    variable = loop.body.block.args[0]
    scaled = arith.MuliOp(variable, four)
    moved = arith.AddiOp(scaled.result, eight)
    assert index_sum(moved.result) == ({loop: 8}, 8)
    assert index_sum(arith.DivSIOp(moved.result, four).result) == ({loop: 2}, 2)
    assert index_sum(arith.DivSIOp(variable, four).result) is None  # two iterations have the same quotient
    assert index_sum(arith.MuliOp(variable, variable).result) is None

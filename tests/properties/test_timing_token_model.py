# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The token model against counting, and its depth against the simulator, over all small cases."""

from fractions import Fraction

import pytest

from streamtensor.algebra.token_model import TokenModel
from streamtensor.timing.graph import Fifo, Graph, pipelined
from streamtensor.timing.simulator import Simulator


def counted(model: TokenModel) -> int:
    """The most tokens between a source and a target that both keep their times, a push before a pop of its cycle."""
    writes = [model.initial_delay + n * model.source_ii for n in range(model.tokens)]
    reads: list[Fraction | int] = []
    for n in range(model.tokens):
        previous = reads[-1] + model.target_ii if reads else model.delay
        reads.append(max(previous, writes[n]))
    return max(sum(w <= at for w in writes) - sum(r < at for r in reads) for at in writes)


def ends(simulator: Simulator, depth: int | None, delay: int) -> list[int]:
    result = simulator.run({"x": depth}, release={"t.in": delay})
    return [times.end for times in result.tasks.values()]


def test_the_worked_example() -> None:
    model = TokenModel(tokens=5, source_ii=1, target_ii=2, initial_delay=3, delay=3)
    assert model.latency == 7
    assert model.max_tokens == 3
    assert model.depth == 4
    assert [model.produced(x) for x in range(9)] == [0, 0, 0, 1, 2, 3, 4, 5, 5]
    assert [model.consumed(x) for x in range(13)] == [0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    assert model.curves([7]) == [(7, 5, 3, 2)]


@pytest.mark.parametrize("tokens", range(1, 15))
def test_depths_of_the_model_never_slow_either_side(tokens: int) -> None:
    """And are at most 2 words above the least such depth."""
    for initial_delay in range(6):
        for source_ii in range(1, 5):
            for target_ii in range(1, 5):
                source, pipe = pipelined("s", tokens=tokens, ii=source_ii, delay=initial_delay, writes=["x"])
                target, other = pipelined("t", tokens=tokens, ii=target_ii, reads=["x"])
                simulator = Simulator(Graph((*source, *target), (*pipe, *other, Fifo("x"))))
                for delay in range(initial_delay, initial_delay + 20):
                    model = TokenModel(tokens, source_ii, target_ii, initial_delay, delay)
                    free = ends(simulator, None, delay)
                    assert ends(simulator, model.depth, delay) == free
                    if model.depth > 3:
                        assert ends(simulator, model.depth - 3, delay) != free
                    assert model.max_tokens <= counted(model) + 1
                    assert model.max_tokens >= counted(model) - 1


def test_the_model_without_tokens() -> None:
    assert TokenModel(0, 1, 1, 0, 0).max_tokens == 0
    assert TokenModel(1, 1, 1, 0, 0).depth == 2

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The two tables of the design document spaces.md, from the algorithm."""

import pytest

from streamtensor.diagnostics import UserError
from streamtensor.spaces import Access, Mode, Node, banks, parallelize, partitions

# Node 0 loads A[32][16] by (i, k), node 1 loads B[16][16] by (k, j), node 2 computes C[i][j] += A[2i][k] * B[k][j].
NODES = {
    "0": Node((32, 16), frozenset(), 512, writes=(Access("A", ((0, 1), (1, 1))),)),
    "1": Node((16, 16), frozenset(), 256, writes=(Access("B", ((0, 1), (1, 1))),)),
    "2": Node(
        (16, 16, 16),
        frozenset({2}),
        4096,
        reads=(Access("A", ((0, 2), (2, 1))), Access("B", ((2, 1), (1, 1)))),
        writes=(Access("C", ((0, 1), (1, 1))),),
    ),
}

FACTORS: dict[Mode, dict[str, tuple[int, ...]]] = {
    "ia+ca": {"0": (4, 1), "1": (1, 2), "2": (4, 8, 1)},
    "ia": {"0": (2, 2), "1": (1, 2), "2": (4, 8, 1)},
    "ca": {"0": (8, 4), "1": (4, 8), "2": (4, 8, 1)},
    "naive": {"0": (4, 8), "1": (4, 8), "2": (4, 8, 1)},
}
# The published table prints B as [2,8] 16 under IA and [8,8] 64 under naive, which its own factors do not give.
PARTITIONS: dict[Mode, dict[str, tuple[int, ...]]] = {
    "ia+ca": {"A": (8, 1), "B": (1, 8), "C": (4, 8)},
    "ia": {"A": (8, 2), "B": (1, 8), "C": (4, 8)},
    "ca": {"A": (8, 4), "B": (4, 8), "C": (4, 8)},
    "naive": {"A": (8, 8), "B": (4, 8), "C": (4, 8)},
}
BANKS: dict[Mode, dict[str, int]] = {
    "ia+ca": {"A": 8, "B": 8, "C": 32},
    "ia": {"A": 16, "B": 8, "C": 32},
    "ca": {"A": 32, "B": 32, "C": 32},
    "naive": {"A": 64, "B": 32, "C": 32},
}


@pytest.mark.parametrize("mode", FACTORS)
def test_the_tables(mode: Mode) -> None:
    factors = parallelize(NODES, 32, mode)
    assert factors == FACTORS[mode]
    assert partitions(NODES, factors) == PARTITIONS[mode]
    assert banks(NODES, factors) == BANKS[mode]


@pytest.mark.parametrize("mode", FACTORS)
@pytest.mark.parametrize("budget", [1, 5, 64, 100000])
def test_factors_divide_and_stay_in_the_budget(mode: Mode, budget: int) -> None:
    for name, factors in parallelize(NODES, budget, mode).items():
        node = NODES[name]
        product = 1
        for loop, factor in enumerate(factors):
            assert node.tripcounts[loop] % factor == 0
            assert factor == 1 or loop not in node.reductions
            product *= factor
        assert product <= budget


def test_a_budget_of_nothing() -> None:
    with pytest.raises(UserError, match="0 parallel operations; the least is 1"):
        parallelize(NODES, 0)

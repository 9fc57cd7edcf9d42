# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The example of a searcher of one's own."""

import runpy
from pathlib import Path

import pytest

from small_spaces import small_space
from streamtensor.spaces import Evaluation, Objective

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "own_searcher.py"

pytestmark = pytest.mark.needs("g++")


def test_it_starts_from_the_heuristics_and_never_goes_down() -> None:
    names = runpy.run_path(str(EXAMPLE))
    space = small_space()
    latencies = [space.evaluate(point).objectives[Objective.LATENCY] for point in space.heuristics().values()]
    found = names["climb"](space, 2)
    assert isinstance(found, Evaluation)
    assert found.feasible
    assert found.objectives[Objective.LATENCY] <= min(latencies)
    assert names["climb"](space, 2) == found

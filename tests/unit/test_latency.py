# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""How the cycles of blocks add up to a request."""

from fractions import Fraction

import pytest

from streamtensor.cost.resources import Resources, fifo_resources
from streamtensor.report.latency import Affine, Times, request
from streamtensor.targets import load_device


def test_a_line_and_how_far_from_it_the_middle_is() -> None:
    line = Affine.through({100: 1100, 200: 2100, 400: 4100})
    assert (line.base, line.slope, line.worst, line.at(300)) == (Fraction(100), Fraction(10), 0.0, 3100.0)
    assert Affine.through({100: 1000, 200: 2500, 300: 3000}).worst == pytest.approx(0.2)


def test_a_request_by_hand() -> None:
    times = Times(250, {32: 25_000}, {64: 10_000, 128: 20_000}, 2_500, 2, 2, 50)
    assert times.ttft_ms(32) == pytest.approx(0.1 + 0.01 + 0.1)
    assert times.step_ms(64) == pytest.approx(0.04 + 0.01 + 0.1)
    # contexts 33 to 66: 32 steps within 64 rows, 2 within 128
    latency, ttft, rate = request(times, 32, 34, (64, 128))
    assert ttft == pytest.approx(0.21)
    assert latency == pytest.approx(0.21 + 32 * 0.15 + 2 * 0.19)
    assert rate == pytest.approx(34 / (32 * 0.15 + 2 * 0.19) * 1e3)


def test_resources_add_up_and_say_what_there_is_too_little_of() -> None:
    device = load_device("u55c")
    total = Resources(9000, 1, 2, 3, 30) + Resources(100, 1, 1, 1, 1)
    assert total == Resources(9100, 2, 3, 4, 31)
    assert total.over(device) == {"dsp": (9100, 9024)}


def test_shallow_fifos_lie_in_luts_and_deep_ones_in_blocks() -> None:
    assert fifo_resources([(2, 512), (64, 8)]) == Resources(lutram_bits=1024 + 512)
    assert fifo_resources([(1024, 36)]) == Resources(bram36=1)

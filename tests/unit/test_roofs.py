# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The tables of design document results.md: roofs, and published rows."""

from __future__ import annotations

from math import prod

import pytest

from streamtensor.models.shapes import shape_config
from streamtensor.report.published import (
    A100,
    ALLO,
    DFX,
    GPT2_MEDIUM,
    PUBLISHED,
    RTX2080TI,
    STREAMTENSOR,
    System,
    best_fpga,
    published_rows,
)
from streamtensor.report.roofs import dsp_roof_ms, memory_roof, work_of
from streamtensor.targets import load_device

# model: 4-bit MB of blocks (with head); tokens/s at 460 and at 425 GB/s, blocks / with head; TTFT ms at 32 / 256
TABLE = {
    "gpt2": (42.5, 61.8, 9284, 6682, 8578, 6173, 0.60, 4.95),
    "gpt2-medium": (151, 177, 2708, 2352, 2502, 2173, 2.15, 17.5),
    "qwen2.5-0.5b": (179, 247, 2538, 1845, 2345, 1705, 2.54, 20.6),
    "tinyllama-1.1b": (484, 517, 941, 882, 870, 815, 6.88, 55.6),
    "llama-3.2-1b": (487, 618, 933, 737, 862, 681, 6.91, 55.7),
    "gemma-3-1b": (349, 500, 1299, 911, 1201, 842, 4.95, 40.0),
}


@pytest.mark.parametrize("model", TABLE)
def test_roofs_are_those_of_the_design(model: str) -> None:
    work, device = work_of(shape_config(model)), load_device("u55c")
    blocks, with_head, *tokens, short, long = TABLE[model]
    assert work.block_weights / 2 / 1e6 == pytest.approx(blocks, rel=4e-3)
    assert (work.block_weights + work.head_weights) / 2 / 1e6 == pytest.approx(with_head, rel=4e-3)
    rates = [
        memory_roof(work, rate, head=head)
        for rate in (device.main_memory.nominal_bytes_per_second, device.main_memory.measured_bytes_per_second)
        for head in (False, True)
    ]
    assert rates == pytest.approx(tokens, rel=1e-3)
    assert [dsp_roof_ms(work, rows, device) for rows in (32, 256)] == pytest.approx([short, long], rel=1e-2)


def ratio(other: System, figure: str) -> float:
    """Geometric mean of StreamTensor's figure over that of another system."""
    ours, theirs = (
        {row.input: getattr(row, figure) for row in PUBLISHED if row.system == s} for s in (STREAMTENSOR, other)
    )
    return prod(ours[length] / theirs[length] for length in ours) ** (1 / len(ours))


@pytest.mark.parametrize(
    ("other", "means"),
    [
        (ALLO, (0.76, 0.40, 1.06)),
        (DFX, (0.52, 0.19, 1.17)),
        (A100, (0.64, 10.65, 1.89)),
        (RTX2080TI, (0.25, 3.67, 4.73)),
    ],
)
def test_published_rows_have_the_published_means(other: System, means: tuple[float, ...]) -> None:
    found = [ratio(other, figure) for figure in ("latency_ms", "ttft_ms", "tokens_per_s")]
    assert found == pytest.approx(means, abs=0.011)


def test_published_latency_is_ttft_and_the_decode_steps() -> None:
    for row in (row for row in PUBLISHED if row.system == STREAMTENSOR):
        assert row.latency_ms is not None
        assert row.ttft_ms is not None
        assert row.tokens_per_s is not None
        assert row.output is not None
        assert row.latency_ms == pytest.approx(row.ttft_ms + row.output / row.tokens_per_s * 1e3, rel=1e-3)


def test_the_best_fpga_figures_come_from_several_systems() -> None:
    assert best_fpga(published_rows(GPT2_MEDIUM, 64, 64)) == (358.24, 32.64, 231.48)
    assert best_fpga(published_rows(GPT2_MEDIUM, 256, 256)) == (1387.76, 272.85, 229.61)
    assert best_fpga(published_rows("gpt2", 32, 32)) == (None, None, None)
    assert {row.system for row in published_rows(GPT2_MEDIUM, 32, 16)} == {row.system for row in PUBLISHED} - {
        STREAMTENSOR,
        ALLO,
        DFX,
        A100,
        RTX2080TI,
    }

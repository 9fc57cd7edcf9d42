# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Points that rules choose, where a search begins."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from streamtensor.spaces.evaluation import Point, Value

BUDGETS = (256, 1024, 4096)
"""Budgets of parallel operations with which the intensity-driven unrolling is tried."""

WIDE: Mapping[str, Value] = MappingProxyType(
    {
        "reduction_tile": 1,
        "lane_bits": 512,
        "plain_lanes": 16,
        "product_lanes": 4,
        "multipliers": 24,
    }
)
"""A word of weights in every cycle, all of it multiplied at once (default-tiling, slice-weights, strip-mine)."""

PROMPT: Mapping[str, Value] = MappingProxyType(
    {"default_tile_size": 64, "row_tile": 16, "macs": 16 * 64, "lutram_words": 512}
)
"""Over a prompt sixteen rows share each word of weights."""

TOKEN: Mapping[str, Value] = MappingProxyType({"default_tile_size": 128, "macs": 128})
"""For one token all of a word of 4-bit weights meets one row."""


def heuristic_points(default: Point, part: str) -> dict[str, dict[str, Value]]:
    """The points by the name of their rule.

    "default": tile and unroll of 16. "unroll-N": the tile of 64 by default, and N parallel operations given to the
    slowest kernels first (design document spaces.md, intensity-driven unrolling). "wide": a word of weights in every
    cycle. "wide-sliced": the same, with large weights cut into parts that come through ports of their own.
    "wide-unroll-N": both.
    """
    wide: dict[str, Value] = {**WIDE, **(PROMPT if part == "prefill" else TOKEN)}
    parts: dict[str, Value] = (
        {"slice_bytes": 1 << 20, "most_slices": 2} if part == "prefill" else {"slice_bytes": 1 << 18}
    )
    found: dict[str, dict[str, Value]] = {"default": {}}
    found |= {f"unroll-{n}": {"default_tile_size": 64, "overall_unroll_size": n} for n in BUDGETS}
    found["wide"] = wide
    found["wide-sliced"] = {**wide, **parts}
    found |= {f"wide-unroll-{n}": {**wide, "overall_unroll_size": n} for n in BUDGETS}
    return {name: {**default, **{k: v for k, v in values.items() if k in default}} for name, values in found.items()}

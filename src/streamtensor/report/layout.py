# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a stream order is, and what lies between two of them, as plain figures."""

from __future__ import annotations

from itertools import islice
from typing import Any

from streamtensor.algebra import Converter, infer_converter, live_elements_bound
from streamtensor.dialects.dataflow import ITensorType

SHOWN_OFFSETS = 64


def describe(itensor: ITensorType) -> dict[str, Any]:
    """The stream order of one type: data shape, coverage, tokens, repeats and the first offsets."""
    layout = itensor.layout
    coverage = layout.coverage()
    return {
        "type": str(itensor),
        "data_shape": list(layout.data_shape),
        "coverage": coverage.kind,
        "overlap": list(coverage.overlap),
        "gap": list(coverage.gap),
        "tokens": layout.num_tokens,
        "repeats": layout.repeats,
        "token_bits": itensor.token_bits,
        "order": [list(offset) for offset in islice(layout.offsets(), SHOWN_OFFSETS)],
    }


def compare_orders(source: ITensorType, result: ITensorType) -> dict[str, Any]:
    """Whether `source` can feed `result` directly, through which buffer, or why not.

    `connect` is "equal", "converter" or "no"; `reason` says why. With a converter: the buffer's shape and elements (of
    one copy), the loops that both orders share, its bits with all copies, and the certified least number of elements
    that any converter between the two orders holds at some moment, with the ratio to it.
    """
    found: dict[str, Any] = {"connect": "no", "reason": "", "buffer_shape": [], "shared_loops": 0}
    if source.scalar != result.scalar:
        return {**found, "reason": f"the scalar types differ: {source.scalar} and {result.scalar}"}
    converter = infer_converter(source.layout, result.layout)
    if not isinstance(converter, Converter):
        return {**found, "reason": converter.reason}
    bound = live_elements_bound(source.layout, result.layout)
    direct = converter.kind == "direct"
    return {
        "connect": "equal" if direct else "converter",
        "reason": "the tokens come in the same order" if direct else f"the orders differ: {converter.kind}",
        "buffer_shape": list(converter.buffer),
        "shared_loops": converter.shared_loops,
        "buffer_elements": converter.elements,
        "buffer_bits": converter.ping_pong_bits(source.scalar_bits),
        "copies": converter.copies,
        "live_elements_bound": bound,
        "ratio": converter.elements / bound,
    }

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The choices of wide designs, from the shape of a model and the device that prefill, decode and head share."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from streamtensor.pipelines import Choices
from streamtensor.targets import Device
from streamtensor.targets.channels import SMALL_BYTES

Part = Literal["prefill", "decode", "head"]
BLOCKS: tuple[Part, ...] = ("prefill", "decode")
PARTS: tuple[Part, ...] = (*BLOCKS, "head")

WEIGHT_BITS = 4
"""Bits of the weights that a word of a block's products is made for; the head has 8."""

_PREFILL_SHARE, _SMALL_PREFILL_SHARE = 0.5, 0.1  # of the DSPs for the products with weights over a prompt
_LARGE = 4096  # DSPs; fixed-point functions take about a thousand however narrow the products are
_STAGE_SHARE = 0.25  # of the ports for what weights of a decode block come through at one time, and those of the head


def wide(choices: Choices, part: Part, model_type: str, device: Device) -> Choices:
    """The choices of the design of a part, of a model of a family: a word of weights in every cycle, all of it
    multiplied at once.

    A token has one row, and takes as many words in a cycle as there are ports for weights: a quarter of the device's.
    Products that read the same values (queries, keys and values) come at one time and share them. Over a prompt
    each word serves so many rows, and each large product is cut into so many parts, that all products with weights
    together take at most half of the DSPs (of a small device a tenth): the widest tile first, then the most parts.
    """
    large = device.dsp >= _LARGE
    bits = min(choices.fifo_width_bits, device.axi_port_bits)
    common = replace(
        choices,
        reduction_tile=1,
        lane_bits=bits,
        plain_lanes=16 if large else 4,
        product_lanes=8 if large else 1,
        parameter_bytes=SMALL_BYTES,
    )
    ports = max(1, int(device.axi_ports * _STAGE_SHARE))
    match part:
        case "prefill":
            rows, lanes, slices = _prefill_width(bits // WEIGHT_BITS // 2, model_type != "gpt2", device)
            return replace(
                common,
                tile=lanes,
                row_tile=rows,
                macs=rows * lanes,
                slice_bytes=1 << 20,
                most_slices=slices,
                lutram_words=512,
                product_lanes=4 * slices if large else 1,  # as fast as the products before them
                multipliers=48 if large else 16,
            )
        case "decode":
            lanes = bits // WEIGHT_BITS
            return replace(
                common,
                tile=lanes,
                macs=lanes,
                slice_bytes=SMALL_BYTES,
                most_slices=ports,
                product_lanes=4 if large else 1,
                multipliers=48 if large else 16,
            )
        case "head":
            lanes = bits // 8
            words = {"tile": lanes, "macs": lanes, "slice_bytes": SMALL_BYTES, "most_slices": ports}
            return replace(common, **words, product_lanes=2, multipliers=4)


def _prefill_width(lanes: int, gated: bool, device: Device) -> tuple[int, int, int]:
    """(rows, lanes, parts) of the products over a prompt."""
    attention, mlp = 4, 3 if gated else 2
    share = _PREFILL_SHARE if device.dsp >= _LARGE else _SMALL_PREFILL_SHARE
    macs = 2 * share * device.dsp  # two 8-bit products in a DSP
    widths = [(rows, lanes >> half) for half in range(3) for rows in (16, 8, 4, 2) if lanes >> half]
    for rows, width in sorted(widths, key=lambda pair: -pair[0] * pair[1]):
        for parts in (2, 1):
            if (attention + mlp * parts) * rows * width <= macs:
                return rows, width, parts
    return 1, max(1, lanes >> 2), 1

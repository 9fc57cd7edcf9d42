# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The vector forms of types between which a view stands: one FIFO has one number of elements in a token."""

from __future__ import annotations

from collections.abc import Iterator
from math import gcd, prod

from streamtensor.dialects.dataflow import ITensorType, KernelOp, View
from streamtensor.dialects.dataflow.vectors import vector_shape, vector_type
from streamtensor.ir.builtin import TensorType


def types_under_views(kernel: KernelOp, width_bits: int) -> dict[ITensorType, ITensorType]:
    """The vector form of every type at an end of a view, for FIFOs of `width_bits`.

    A tile of 2x24 numbers in vectors of 12 is the same numbers as a tile of 48 in vectors of 16, but not the same
    tokens. The two ends take their greatest common divisor, until all views have as many on both sides; vectors are
    runs of a tile in row-major order, which a view keeps, so equally long ones are equal tokens. It ends, since the
    numbers only fall and 1 always fits.
    """
    pairs = list(_pairs(kernel))
    lanes = {itensor: _lanes(itensor, width_bits) for pair in pairs for itensor in pair}
    changed = True
    while changed:
        changed = False
        for source, target in pairs:
            if lanes[source] != lanes[target]:
                common = gcd(lanes[source], lanes[target])
                for itensor in (source, target):
                    lanes[itensor] = _lanes(itensor, common * itensor.scalar_bits)
                changed = True
    return {itensor: vector_type(itensor, count * itensor.scalar_bits) for itensor, count in lanes.items()}


def _pairs(kernel: KernelOp) -> Iterator[tuple[ITensorType, ITensorType]]:
    for op in kernel.body.block.ops:
        if isinstance(op, View):
            source, target = op.source.type, op.result.type
            assert isinstance(source, ITensorType)
            assert isinstance(target, ITensorType)
            if isinstance(source.element, TensorType):
                yield source, target


def _lanes(itensor: ITensorType, width_bits: int) -> int:
    return prod(vector_shape(itensor.layout.element, itensor.scalar_bits, width_bits))

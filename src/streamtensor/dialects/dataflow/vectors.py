# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The vector form of an itensor type: what a FIFO of a given width carries in one cycle."""

from __future__ import annotations

from collections.abc import Sequence

from streamtensor.algebra.external import fifo_vector
from streamtensor.algebra.rewrites import vectorize
from streamtensor.dialects.dataflow.types import ITensorType
from streamtensor.ir.builtin import VectorType

DEFAULT_WIDTH_BITS = 512


def vector_type(itensor: ITensorType, width_bits: int = DEFAULT_WIDTH_BITS) -> ITensorType:
    """The type of the same stream in vectors of the innermost elements of a token.

    A vector has as many elements as `width_bits` holds and divide the token, the innermost dimension first; it depends
    on the type and the width alone, so that both ends of a FIFO agree. A type whose tokens are vectors is returned as
    it is.
    """
    if isinstance(itensor.element, VectorType):
        return itensor
    sizes = vector_shape(itensor.layout.element, itensor.scalar_bits, width_bits)
    layout = vectorize(itensor.layout, sizes).canonical()
    return ITensorType.get(VectorType(itensor.scalar, sizes), layout)


def vector_shape(shape: Sequence[int], scalar_bits: int, width_bits: int) -> list[int]:
    """The largest vector of at most `width_bits` bits that tiles a token of `shape` in row-major order."""
    return list(fifo_vector(shape, max(1, width_bits // scalar_bits)))

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Operations of a linalg operation, and how long it takes at least."""

from __future__ import annotations

from math import ceil, prod

from streamtensor.ir import arith, linalg
from streamtensor.ir.builtin import FixedBitwidthType, IndexType, TensorType
from streamtensor.ir.core import BlockArgument, SSAValue
from streamtensor.transforms.fusion.views import root_of
from streamtensor.transforms.tiling.default_tiling import loop_extents

_MULTIPLICATIONS = (arith.MuliOp, arith.MulfOp, arith.DivfOp)


def iterations(generic: linalg.GenericOp) -> int:
    """How often the body of an operation runs."""
    return prod(loop_extents(generic))


def multiplications(generic: linalg.GenericOp) -> int:
    """Multiplications (and divisions) of numbers in the body."""
    return sum(
        isinstance(op, _MULTIPLICATIONS) and not isinstance(op.results[0].type, IndexType)
        for op in generic.body.block.ops
    )


def intensity(generic: linalg.GenericOp) -> int:
    """Scalar operations of the whole operation; constants, and what only asks where the loops are, are none."""
    places: set[SSAValue] = set()
    body = 0
    for op in generic.body.block.ops:
        about_places = any(value in places or isinstance(value.type, IndexType) for value in op.operands)
        if isinstance(op, arith.SelectOp):
            about_places = op.cond in places
        elif about_places:
            places.update(op.results)
        body += bool(op.results) and not about_places and not isinstance(op, arith.ConstantOp | linalg.IndexOp)
    return iterations(generic) * max(1, body)


def argument_bits(generic: linalg.GenericOp) -> int:
    """Bits of the largest input that comes from outside of the function."""
    return max((_bits(value) for value in generic.inputs if isinstance(root_of(value), BlockArgument)), default=0)


def latency_cycles(generic: linalg.GenericOp, lanes: int, port_bits: int) -> int:
    """The least cycles of an operation with `lanes` iterations at once, or of its largest input through one port."""
    return max(ceil(iterations(generic) / lanes), ceil(argument_bits(generic) / port_bits))


def _bits(value: SSAValue) -> int:
    if not isinstance(value.type, TensorType):
        return 0
    assert isinstance(value.type.element_type, FixedBitwidthType)
    return value.type.element_count() * value.type.element_type.bitwidth

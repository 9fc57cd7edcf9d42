# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""When two operations compute the same: a key that is equal for equal computations, wherever they come from."""

from collections.abc import Hashable

from streamtensor.ir.core import Block, Operation, SSAValue
from streamtensor.ir.locations import LOC


def computation_key(op: Operation) -> Hashable:
    """Equal for two operations without effects exactly when they are the same but for names and source lines.

    Operands from outside count by identity, what a region defines by its position in the region. (The general
    common-subexpression elimination also compares the source lines that operations carry as attributes.)
    """
    return _key(op, {})


def _key(op: Operation, inner: dict[SSAValue, int]) -> Hashable:
    key = (
        op.name,
        tuple(sorted(((name, attr) for name, attr in op.attributes.items() if name != LOC), key=lambda item: item[0])),
        tuple(sorted(op.properties.items(), key=lambda item: item[0])),
        tuple(inner.get(operand, operand) for operand in op.operands),
        tuple(op.result_types),
        tuple(_block_key(block, inner) for region in op.regions for block in region.blocks),
    )
    for result in op.results:
        inner[result] = len(inner)
    return key


def _block_key(block: Block, inner: dict[SSAValue, int]) -> Hashable:
    for argument in block.args:
        inner[argument] = len(inner)
    return tuple(argument.type for argument in block.args), tuple(_key(op, inner) for op in block.ops)

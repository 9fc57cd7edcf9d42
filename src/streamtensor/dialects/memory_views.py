# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Operations that give another view of the same memory, which every level below bufferization looks through."""

from __future__ import annotations

from streamtensor.ir.core import Operation, SSAValue

MEMORY_VIEWS = (
    "memref.cast",
    "memref.reinterpret_cast",
    "memref.collapse_shape",
    "memref.expand_shape",
    "memref.subview",
    "tensor_ext.lanes",
)


def behind_memory_views(memory: SSAValue) -> SSAValue:
    """The buffer or argument of which `memory` is a view."""
    while isinstance(memory.owner, Operation) and memory.owner.name in MEMORY_VIEWS:
        memory = memory.owner.operands[0]
    return memory

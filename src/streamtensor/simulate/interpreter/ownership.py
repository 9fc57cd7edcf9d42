# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""When the storage of a tensor value may be overwritten by the operation that takes it.

Tensors are values, so an update (insert_slice, a generic's outs, a carried tensor) copies unless nobody else can see
the storage. The rule is local, so that it is easy to trust: the value was made by an operation that always gives new
storage, or is carried by a loop (which takes new storage at its start and from every yield), and it has this single
use, in the block that made it.
"""

from __future__ import annotations

from streamtensor.ir import linalg, scf, tensor, vector
from streamtensor.ir.builtin import TensorType
from streamtensor.ir.core import BlockArgument, Operation, OpResult, SSAValue

_FRESH: tuple[type[Operation], ...] = (
    linalg.FillOp,
    linalg.GenericOp,
    scf.ForOp,
    tensor.EmptyOp,
    tensor.InsertOp,
    tensor.InsertSliceOp,
    tensor.PadOp,
    tensor.SplatOp,
    vector.TransferWriteOp,
)


def may_overwrite(value: SSAValue) -> bool:
    """True when the one use of `value` may write into its storage."""
    if not isinstance(value.type, TensorType):
        return False
    uses = list(value.uses)
    if len(uses) != 1:
        return False
    if isinstance(value, OpResult):
        return isinstance(value.op, _FRESH) and value.op.parent is uses[0].operation.parent
    if isinstance(value, BlockArgument):
        loop = value.block.parent_op()
        return isinstance(loop, scf.ForOp) and value.index > 0 and uses[0].operation.parent is value.block
    return False

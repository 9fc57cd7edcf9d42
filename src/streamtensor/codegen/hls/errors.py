# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The one way in which emission fails: an operation or a type that C++ code can't be written for."""

from streamtensor.diagnostics import UserError
from streamtensor.ir.core import Operation
from streamtensor.ir.locations import location


def cannot_emit(op: Operation | None, reason: str, hint: str = "") -> UserError:
    """ST0306 at the model's line behind `op`."""
    what = f"{op.name}: {reason}" if op is not None else reason
    return UserError(
        "ST0306",
        f"no C++ can be written for {what}",
        location=location(op) if op is not None else None,
        hint=hint,
    )

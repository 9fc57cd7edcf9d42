# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What may appear at each level: a specification that is checked between the stages."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase

from xdsl.dialects.builtin import ModuleOp

from streamtensor.diagnostics import UserError
from streamtensor.ir.locations import location


@dataclass(frozen=True)
class LevelSpec:
    """The operations of one level, as names or patterns such as `arith.*`."""

    level: str
    operations: tuple[str, ...]

    def allows(self, name: str) -> bool:
        """Whether an operation called `name` may appear."""
        return any(fnmatchcase(name, pattern) for pattern in self.operations)

    def check(self, module: ModuleOp, made_by: str) -> None:
        """Raises UserError ST0303 for an operation that the level does not allow; `made_by` is the pass to name."""
        for op in module.walk():
            if not self.allows(op.name):
                raise UserError(
                    "ST0303",
                    f"{op.name} is not an operation of the {self.level} level (after {made_by})",
                    location=location(op),
                )


_PROGRAM = ("builtin.module", "func.*", "arith.*", "math.*", "dataflow.extern_kernel")
_LINALG = ("linalg.generic", "linalg.index", "linalg.yield", "tensor.*")
_DATAFLOW = ("scf.*", "dataflow.kernel", "dataflow.task", "dataflow.yield", "dataflow.itensor_*")
_STREAM = (
    "scf.*",
    "memref.*",
    "vector.transfer_*",
    "dataflow.kernel",
    "dataflow.task",
    "dataflow.yield",
    "dataflow.bound",
    "dataflow.part",
    "dataflow.stream*",
    "tensor_ext.lanes",
)

LEVELS: dict[str, LevelSpec] = {
    "tensor": LevelSpec("tensor", (*_PROGRAM, *_LINALG)),
    "dataflow": LevelSpec("dataflow", (*_PROGRAM, *_LINALG, *_DATAFLOW, "tensor_ext.extend", "tensor_ext.crop")),
    "fused": LevelSpec("fused", (*_PROGRAM, *_LINALG, *_DATAFLOW, "tensor_ext.*")),
    "materialized": LevelSpec("materialized", (*_PROGRAM, *_LINALG, *_DATAFLOW, "tensor_ext.*", "vector.transfer_*")),
    "stream": LevelSpec("stream", (*_PROGRAM, *_STREAM)),
}

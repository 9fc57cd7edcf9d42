# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Arguments of functions that other C++ calls: pointers to memory outside the chip."""

from __future__ import annotations

from dataclasses import dataclass

from streamtensor.codegen.hls.memory import MemRef
from streamtensor.codegen.hls.types import scalar


@dataclass(frozen=True)
class Argument:
    """One argument of a kernel's top function: a pointer to memory outside the chip."""

    name: str
    memref: MemRef
    written: bool

    @property
    def declaration(self) -> str:
        """As a C++ parameter."""
        const = "" if self.written else "const "
        return f"{const}{scalar(self.memref.element_type).name} *{self.name}"

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Arguments of functions that other C++ calls: pointers to memory outside the chip."""

from __future__ import annotations

from dataclasses import dataclass

from streamtensor.codegen.hls.memory import MemRef
from streamtensor.codegen.hls.types import is_vector, scalar, type_name


@dataclass(frozen=True)
class Argument:
    """One argument of a function: a pointer to memory outside the chip.

    A kernel sees words where the memref has vectors, one `hls::vector` for each transfer of the port; the host sees
    their numbers.
    """

    name: str
    memref: MemRef
    written: bool
    on_host: bool = False

    @property
    def has_words(self) -> bool:
        """Whether what it points to are vectors."""
        return not self.on_host and is_vector(self.memref.element_type)

    @property
    def pointer(self) -> str:
        """The C++ type of the pointer."""
        const = "" if self.written else "const "
        element = self.memref.element_type
        return f"{const}{type_name(element) if self.has_words else scalar(element).name} *"

    @property
    def declaration(self) -> str:
        """As a C++ parameter."""
        return f"{self.pointer}{self.name}"

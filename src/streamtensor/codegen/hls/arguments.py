# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Arguments of functions that other C++ calls: pointers to memory outside the chip."""

from __future__ import annotations

from dataclasses import dataclass

from streamtensor.codegen.hls.memory import MemRef, extent
from streamtensor.codegen.hls.types import is_nibble, is_vector, lanes, scalar, type_name


@dataclass(frozen=True)
class Argument:
    """One argument of a function: a pointer to memory outside the chip.

    A kernel sees words where the memref has vectors, one `hls::vector` for each transfer of the port; the host sees
    their numbers. 4-bit numbers are bytes, two in each.
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
    def is_odd(self) -> bool:
        """Whether its words have an odd number of lanes."""
        return self.has_words and lanes(self.memref.element_type) % 2 == 1

    @property
    def pointer(self) -> str:
        """The C++ type of the pointer."""
        const = "" if self.written else "const "
        element = self.memref.element_type
        if is_nibble(element):
            return f"{const}{f'hls::vector<uint8_t, {lanes(element) // 2}>' if self.has_words else 'uint8_t'} *"
        return f"{const}{type_name(element) if self.has_words else scalar(element).name} *"

    @property
    def length(self) -> int:
        """How many of what the pointer points to there are."""
        count = extent(self.memref)
        return -(-count // 2) if is_nibble(self.memref.element_type) and not self.has_words else count

    @property
    def declaration(self) -> str:
        """As a C++ parameter."""
        return f"{self.pointer}{self.name}"

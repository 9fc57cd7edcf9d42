# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""allocate-memories: a kind of memory for every local buffer."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, prod

from streamtensor.dialects.dataflow import task_around
from streamtensor.ir import memref
from streamtensor.ir.builtin import DenseArrayBase, FixedBitwidthType, MemRefType, ModuleOp, StringAttr
from streamtensor.ir.core import Context, ModulePass
from streamtensor.targets.memory_blocks import LUTRAM_WORDS
from streamtensor.transforms.lowering.generate_directives import PARTITION

MEMORY = "dataflow.memory"


@dataclass(frozen=True)
class AllocateMemoriesPass(ModulePass):
    """alloc  -->  alloc {dataflow.memory = "lutram" | "bram" | "uram"}

    By the words of one bank (a partition makes several): at most `lutram_words` go into LUT memory, at least
    `uram_words` into URAM, the others into BRAM. The kind is always said, so that the HLS tool does not choose.
    """

    name = "allocate-memories"

    lutram_words: int = LUTRAM_WORDS
    uram_words: int = 4096

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for alloc in [a for a in op.walk() if isinstance(a, memref.AllocOp)]:
            if task_around(alloc) is not None:
                words, _, _ = bank_shape(alloc)
                kind = "lutram" if words <= self.lutram_words else "uram" if words >= self.uram_words else "bram"
                alloc.attributes[MEMORY] = StringAttr(kind)


def bank_shape(alloc: memref.AllocOp) -> tuple[int, int, int]:
    """(words of one bank, bits of a word, number of banks) of a local buffer."""
    type = alloc.memref.type
    assert isinstance(type, MemRefType)
    assert isinstance(type.element_type, FixedBitwidthType)
    shape = list(type.get_shape())
    partition = alloc.attributes.get(PARTITION)
    factors = [int(n) for n in partition.get_values()] if isinstance(partition, DenseArrayBase) else [1] * len(shape)
    words = prod(ceil(size / factor) for size, factor in zip(shape, factors, strict=True))
    return words, type.element_type.bitwidth, prod(factors)

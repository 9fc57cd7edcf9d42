# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""allocate-memories: a kind of memory for every local buffer."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, prod

from streamtensor.dialects.dataflow import task_around
from streamtensor.ir import memref
from streamtensor.ir.builtin import DenseArrayBase, FixedBitwidthType, MemRefType, ModuleOp, StringAttr
from streamtensor.ir.core import Context, ModulePass
from streamtensor.targets.memory_blocks import LUTRAM_WORDS, memory_blocks
from streamtensor.transforms.lowering.generate_directives import PARTITION

MEMORY = "dataflow.memory"


@dataclass(frozen=True)
class AllocateMemoriesPass(ModulePass):
    """alloc  -->  alloc {dataflow.memory = "registers" | "lutram" | "bram" | "uram"}

    A buffer whose banks hold one word (a partition makes several) is registers, which can all be read at once. One of
    at most `lutram_words` words a bank goes into LUT memory. Any other goes where it takes the smaller share of the
    device, in real block steps: BRAM36 blocks of 1024x36 or 512x72 of `bram36`, or URAM blocks of 4096x72 of `uram`
    (targets.memory_blocks). So a buffer of 1025 words weighs twice one of 1024. The kind is always said, so that the
    HLS tool does not choose.
    """

    name = "allocate-memories"

    lutram_words: int = LUTRAM_WORDS
    bram36: int = 2016
    uram: int = 960

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for alloc in [a for a in op.walk() if isinstance(a, memref.AllocOp)]:
            if task_around(alloc) is not None:
                alloc.attributes[MEMORY] = StringAttr(self._kind(alloc))

    def _kind(self, alloc: memref.AllocOp) -> str:
        words, bits, _ = bank_shape(alloc)
        if words <= 1:
            return "registers"
        if words <= self.lutram_words:
            return "lutram"
        bram, uram = (memory_blocks(words, bits, kind) for kind in ("bram", "uram"))
        return "uram" if uram * self.bram36 < bram * self.uram else "bram"


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

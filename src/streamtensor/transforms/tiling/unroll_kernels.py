# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""unroll-kernels: a budget of parallel operations, spent where it saves most time."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, prod

from streamtensor.algebra.external import PORT_BITS
from streamtensor.ir import func, linalg
from streamtensor.ir.builtin import DenseArrayBase, IntegerAttr, ModuleOp, i64
from streamtensor.ir.core import Context, ModulePass
from streamtensor.transforms.build import is_device
from streamtensor.transforms.tiling.axes import is_parallel
from streamtensor.transforms.tiling.default_tiling import TILE
from streamtensor.transforms.tiling.intensity import argument_bits, iterations, multiplications
from streamtensor.transforms.tiling.kernel_choices import LANES, lanes_of


@dataclass(frozen=True)
class Work:
    """What a kernel has to do: iterations, parallel operations that one lane takes, lanes that its tile has at most,
    and cycles below which more lanes save nothing. `lanes` is what somebody chose before, 0 for nothing.
    """

    iterations: int
    operations: int
    most_lanes: int
    least_cycles: int = 0
    lanes: int = 0

    def cycles(self, lanes: int) -> int:
        """The estimated latency."""
        return max(self.least_cycles, ceil(self.iterations / lanes))


@dataclass(frozen=True)
class UnrollKernelsPass(ModulePass):
    """linalg.generic {dataflow.tile = [...]}  -->  linalg.generic {dataflow.tile = [...], dataflow.lanes = n}

    Every kernel starts with one lane; the lanes of the one with the longest estimated latency are doubled, again and
    again, until `budget` parallel operations (0: nothing is done) are spent. A kernel that has all parallel iterations
    of its tile at once, or whose parameters take as long to come through a port of `port_bits` bits, gets no more, and
    the next one does. Lanes that were chosen already stay, and count. Source: design document spaces.md,
    intensity-driven unrolling. Attributes only, so the numbers stay.
    """

    name = "unroll-kernels"

    budget: int = 0
    port_bits: int = PORT_BITS

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        if not self.budget:
            return
        kernels = [
            generic
            for function in op.ops
            if isinstance(function, func.FuncOp) and is_device(function)
            for generic in function.walk()
            if isinstance(generic, linalg.GenericOp) and TILE in generic.attributes
        ]
        works = [self._work(generic) for generic in kernels]
        for generic, lanes in zip(kernels, spread(works, self.budget), strict=True):
            generic.attributes[LANES] = IntegerAttr(lanes, i64)

    def _work(self, generic: linalg.GenericOp) -> Work:
        tile = generic.attributes[TILE]
        assert isinstance(tile, DenseArrayBase)
        sizes = [int(size) for size in tile.get_values()]
        return Work(
            iterations(generic),
            max(1, multiplications(generic)),
            prod(size for loop, size in enumerate(sizes) if is_parallel(generic, loop)),
            ceil(argument_bits(generic) / self.port_bits),
            lanes_of(generic),
        )


def spread(works: Sequence[Work], budget: int) -> list[int]:
    """The lanes of each kernel.

    >>> spread([Work(1000, 1, 64), Work(100, 1, 64)], 17)
    [16, 1]
    """
    lanes = [work.lanes or 1 for work in works]
    left = budget - sum(work.operations * n for work, n in zip(works, lanes, strict=True))
    heap = [(-work.cycles(1), number) for number, work in enumerate(works) if not work.lanes]
    heapq.heapify(heap)
    while heap:
        _, number = heapq.heappop(heap)
        work, now = works[number], lanes[number]
        more = min(now, work.most_lanes - now)
        if more > 0 and more * work.operations <= left and work.cycles(now + more) < work.cycles(now):
            lanes[number] += more
            left -= more * work.operations
            heapq.heappush(heap, (-work.cycles(lanes[number]), number))
    return lanes

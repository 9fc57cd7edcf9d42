# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""How far weights may be loaded ahead: the FIFOs behind weight DMAs share a budget, and are sized before all others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from streamtensor.timing.descent import bits_of
from streamtensor.timing.graph import Fifo, Graph
from streamtensor.timing.simulator import Simulator


@dataclass(frozen=True)
class Prefetch:
    """Depths of the FIFOs behind weight DMAs, and the bits of these.

    `needed_bits` is what they would hold so that no time is lost. `cycles` is the time of the graph with these depths
    and all other FIFOs unbounded, `cycles_free` with those unbounded too.
    """

    depths: Mapping[str, int]
    bits: int
    needed_bits: int
    cycles: int
    cycles_free: int

    @property
    def loss(self) -> float:
        """By which share the budget makes the graph slower."""
        return self.cycles / self.cycles_free - 1 if self.cycles_free else 0.0


def prefetched(graph: Graph) -> tuple[Fifo, ...]:
    """The FIFOs behind weight DMAs."""
    return tuple(fifo for fifo in graph.sized if fifo.prefetch)


def size_prefetch(
    simulator: Simulator,
    needed: Mapping[str, int],
    cycles_free: int,
    budget_bits: int | None,
    min_depth: int,
    *,
    cycles_needed: int | None = None,
) -> Prefetch:
    """The depths of the FIFOs behind weight DMAs within a budget (None: what they need).

    `needed` has what a strategy gives these FIFOs, `cycles_free` is the time without bounds, `cycles_needed` that with
    `needed`, where it is known. Where that is too much, two ways to share are simulated and the faster one is taken:
    none gets more than a common bound, and all get the same share of what they need. Nothing gets less than
    `min_depth`, whatever the budget.

    `simulator` may be that of the graph `backward`: only times are asked for.
    """
    fifos = prefetched(simulator.graph)
    wanted = {fifo.name: needed[fifo.name] for fifo in fifos}
    needed_bits = bits_of(fifos, wanted)
    others = dict.fromkeys((fifo.name for fifo in simulator.graph.sized), None)

    def as_needed() -> Prefetch:
        cycles = simulator.run({**others, **wanted}).cycles if cycles_needed is None else cycles_needed
        return Prefetch(wanted, needed_bits, needed_bits, cycles, cycles_free)

    if budget_bits is None or needed_bits <= budget_bits:
        return as_needed()
    found: list[tuple[int, int, dict[str, int]]] = []
    for depths in (
        _with_common_bound(fifos, wanted, budget_bits, min_depth),
        _in_proportion(fifos, wanted, budget_bits, min_depth),
    ):
        result = simulator.run({**others, **depths})
        if result.complete:
            found.append((result.cycles, bits_of(fifos, depths), depths))
    if not found:  # weights that are read before they are consumed in another order: what is needed, is needed
        return as_needed()
    cycles, bits, depths = min(found, key=lambda one: one[:2])
    return Prefetch(depths, bits, needed_bits, cycles, cycles_free)


def _with_common_bound(
    fifos: Sequence[Fifo], wanted: Mapping[str, int], budget_bits: int, min_depth: int
) -> dict[str, int]:
    """The depths for the largest bound, in bits of a FIFO, that keeps to the budget."""

    def bounded(bits: int) -> dict[str, int]:
        return {f.name: max(min_depth, min(wanted[f.name], bits // max(1, f.bits))) for f in fifos}

    enough, too_much = 0, budget_bits + 1
    while too_much > enough + 1:
        middle = (enough + too_much) // 2
        if bits_of(fifos, bounded(middle)) <= budget_bits:
            enough = middle
        else:
            too_much = middle
    return bounded(enough)


def _in_proportion(
    fifos: Sequence[Fifo], wanted: Mapping[str, int], budget_bits: int, min_depth: int
) -> dict[str, int]:
    """What every FIFO has above the least depth is scaled down by the same factor."""
    least = bits_of(fifos, dict.fromkeys(wanted, min_depth))
    above = max(1, bits_of(fifos, wanted) - least)
    room = max(0, budget_bits - least)
    return {name: min_depth + (depth - min_depth) * room // above for name, depth in wanted.items()}

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Which kernels share a fusion group: the published greedy, and a search that is never worse.

Values only: kernels are numbers in a topological order, and what streams between them are edges with costs.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field, replace


@dataclass(frozen=True)
class Edge:
    """`consumer` reads a value of `producer`.

    value: what is read; stream: in which order (equal streams of one value share one converter, or one transfer).
    converter_bits: the on-chip price inside one group, None when the two can only talk through external memory.
    read_bits: what a group that reads the value from external memory takes in, replays counted. written_bits: the
    value once.
    """

    producer: int
    consumer: int
    value: Hashable
    stream: Hashable
    converter_bits: int | None
    read_bits: int
    written_bits: int


@dataclass(frozen=True)
class KernelGraph:
    """Kernels 0 .. n-1 in a topological order: their own buffers in bits, and the edges between them.

    `reads` and `read_by` have the edges of each kernel with numbers for values and streams, which are compared often.
    """

    local_bits: tuple[int, ...]
    edges: tuple[Edge, ...]
    reads: dict[int, list[Edge]] = field(init=False, repr=False, compare=False)
    read_by: dict[int, list[Edge]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        kernels = range(len(self.local_bits))
        numbers: dict[Hashable, int] = {}
        edges = [
            replace(
                edge,
                value=numbers.setdefault(edge.value, len(numbers)),
                stream=numbers.setdefault(edge.stream, len(numbers)),
            )
            for edge in self.edges
        ]
        object.__setattr__(self, "reads", {k: [e for e in edges if e.consumer == k] for k in kernels})
        object.__setattr__(self, "read_by", {k: [e for e in edges if e.producer == k] for k in kernels})


Groups = list[list[int]]


@dataclass(frozen=True, order=True)
class Cost:
    """What a grouping costs, compared in this order: bits through external memory, groups, bits of converters."""

    external_bits: int = 0
    groups: int = 0
    converter_bits: int = 0

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            self.external_bits + other.external_bits,
            self.groups + other.groups,
            self.converter_bits + other.converter_bits,
        )


def cost_of(graph: KernelGraph, groups: Groups) -> Cost:
    """The cost of a grouping."""
    return sum((_group_cost(graph, group) for group in groups), Cost())


def on_chip_bits(graph: KernelGraph, group: Iterable[int]) -> int | None:
    """What a group holds on chip: own buffers and one converter for each stream; None when it may not be a group."""
    inside = set(group)
    streams: dict[tuple[Hashable, Hashable], int] = {}
    for kernel in inside:
        for edge in graph.reads[kernel]:
            if edge.producer in inside:
                if edge.converter_bits is None:
                    return None
                streams[edge.value, edge.stream] = edge.converter_bits
    return sum(graph.local_bits[kernel] for kernel in inside) + sum(streams.values())


def _group_cost(graph: KernelGraph, group: Iterable[int]) -> Cost:
    inside = set(group)
    reads: dict[tuple[Hashable, Hashable], int] = {}
    writes: dict[Hashable, int] = {}
    converters: dict[tuple[Hashable, Hashable], int] = {}
    for kernel in inside:
        for edge in graph.reads[kernel]:
            if edge.producer in inside:
                converters[edge.value, edge.stream] = edge.converter_bits or 0
            else:
                reads[edge.value, edge.stream] = edge.read_bits
        for edge in graph.read_by[kernel]:
            if edge.consumer not in inside:
                writes[edge.value] = edge.written_bits
    return Cost(sum(reads.values()) + sum(writes.values()), 1, sum(converters.values()))


def greedy(graph: KernelGraph, limit_bits: int) -> Groups:
    """The published greedy (design document pipeline.md, Kernel fusion); `limit_bits` 0 means no limit.

    In topological order a kernel joins the highest-numbered group among its producers' when it fits; that keeps the
    graph of groups acyclic. A kernel without predecessors is placed with its first consumer, in that one's group.
    """
    groups: Groups = []
    group_of: dict[int, int] = {}
    for kernel in range(len(graph.local_bits)):
        if not graph.reads[kernel] and graph.read_by[kernel]:
            continue  # with its first consumer
        waiting = list(dict.fromkeys(e.producer for e in graph.reads[kernel] if e.producer not in group_of))
        placed = [e for e in graph.reads[kernel] if e.producer in group_of]
        lowest = max((group_of[e.producer] + (e.converter_bits is None) for e in placed), default=0)
        members = [*waiting, kernel]
        if on_chip_bits(graph, members) is None or not _fits(graph, members, limit_bits):
            groups += [[source] for source in waiting]
            group_of |= {source: len(groups) - len(waiting) + n for n, source in enumerate(waiting)}
            members, lowest = [kernel], len(groups) if waiting else lowest
        candidates = [group_of[e.producer] for e in placed if e.converter_bits is not None]
        best = max(candidates, default=None)
        if best is None or best < lowest or not _fits(graph, [*groups[best], *members], limit_bits):
            best = len(groups)
            groups.append([])
        groups[best] += members
        group_of |= dict.fromkeys(members, best)
    return groups


def search(graph: KernelGraph, limit_bits: int, *, rounds: int = 200) -> Groups:
    """The best grouping that is found: least external traffic, then fewest groups, then smallest converters.

    Every acyclic grouping is a topological order cut into pieces, and the best cuts of a given order are found by
    dynamic programming. The orders: the program's, one that follows each chain, and the greedy's own, so that the
    result is never worse than the greedy's. From the best of them, kernels are moved one at a time to other legal
    places while that pays, at most `rounds` orders in all. Deterministic.
    """
    whole = _sunk(graph)
    if whole and _fits(graph, whole, limit_bits):
        return [whole]  # nothing goes through external memory
    starting = greedy(graph, limit_bits)
    orders = [whole, _chains(graph), [kernel for group in starting for kernel in group]]
    scored = [(*_best_cuts(graph, order, limit_bits), order) for order in orders]
    cost, groups, order = min(scored, key=lambda entry: entry[0])
    tried = len(orders)
    improved = len(groups) > 1
    while improved and tried < rounds:
        improved = False
        for moved in _moves(graph, order):
            tried += 1
            found, cuts = _best_cuts(graph, moved, limit_bits)
            if found < cost:
                cost, groups, order, improved = found, cuts, moved, True
                break
            if tried >= rounds:
                break
    return groups


def _fits(graph: KernelGraph, group: Sequence[int], limit_bits: int) -> bool:
    bits = on_chip_bits(graph, group)
    return bits is not None and (not limit_bits or bits <= limit_bits)


class Piece:
    """A group that grows by kernels in front of those that it has: `on_chip_bits` and `_group_cost`, step by step."""

    def __init__(self, graph: KernelGraph) -> None:
        self._graph = graph
        self._inside: set[int] = set()
        self._reads: dict[tuple[Hashable, Hashable], int] = {}
        self._converters: dict[tuple[Hashable, Hashable], int] = {}
        self._local_bits = self._external_bits = self._converter_bits = 0
        self._is_legal = True

    def prepend(self, kernel: int) -> None:
        """Adds `kernel`, which reads nothing of what is inside."""
        self._inside.add(kernel)
        self._local_bits += self._graph.local_bits[kernel]
        for edge in self._graph.reads[kernel]:
            stream = edge.value, edge.stream
            self._external_bits += edge.read_bits - self._reads.get(stream, 0)
            self._reads[stream] = edge.read_bits
        written: dict[Hashable, int] = {}
        for edge in self._graph.read_by[kernel]:
            stream = edge.value, edge.stream
            if edge.consumer not in self._inside:
                written[edge.value] = edge.written_bits
                continue
            self._is_legal = self._is_legal and edge.converter_bits is not None
            bits = edge.converter_bits or 0
            self._external_bits -= self._reads.pop(stream, 0)
            self._converter_bits += bits - self._converters.get(stream, 0)
            self._converters[stream] = bits
        self._external_bits += sum(written.values())

    def fits(self, limit_bits: int) -> bool:
        """Whether the piece may be a group and holds at most `limit_bits` on chip (0: no limit)."""
        return self._is_legal and (not limit_bits or self._local_bits + self._converter_bits <= limit_bits)

    def cost(self) -> Cost:
        """The cost of the piece as a group."""
        return Cost(self._external_bits, 1, self._converter_bits)


def _best_cuts(graph: KernelGraph, order: Sequence[int], limit_bits: int) -> tuple[Cost, Groups]:
    """The cheapest way to cut `order` into groups that fit; a kernel that does not fit alone is a group of its own."""
    best: list[tuple[Cost, int]] = [(Cost(), 0)]
    for end in range(1, len(order) + 1):
        found: tuple[Cost, int] | None = None
        piece = Piece(graph)
        for start in range(end - 1, -1, -1):
            piece.prepend(order[start])
            if start < end - 1 and not piece.fits(limit_bits):
                break  # a longer piece holds more
            candidate = best[start][0] + piece.cost()
            if found is None or candidate < found[0]:
                found = (candidate, start)
        assert found is not None
        best.append(found)
    groups: Groups = []
    end = len(order)
    while end:
        start = best[end][1]
        groups.append(list(order[start:end]))
        end = start
    return best[len(order)][0], groups[::-1]


def _sunk(graph: KernelGraph) -> list[int]:
    """The program's order, with kernels without predecessors right before their first consumer."""
    order: list[int] = []
    for kernel in range(len(graph.local_bits)):
        if graph.reads[kernel] or not graph.read_by[kernel]:
            producers = dict.fromkeys(e.producer for e in graph.reads[kernel])
            order += [p for p in producers if p not in order]
            order.append(kernel)
    return order


def _chains(graph: KernelGraph) -> list[int]:
    """An order in which a kernel comes as late as its first consumer allows (post-order from the results)."""
    order: dict[int, None] = {}

    def visit(kernel: int) -> None:
        if kernel not in order:
            for edge in graph.reads[kernel]:
                visit(edge.producer)
            order[kernel] = None

    for kernel in range(len(graph.local_bits)):
        if not graph.read_by[kernel]:
            visit(kernel)
    return list(order)


def _moves(graph: KernelGraph, order: Sequence[int]) -> Iterable[list[int]]:
    """Orders in which one kernel stands at another legal place: as early and as late as it can, then by one."""
    place = {kernel: position for position, kernel in enumerate(order)}
    for kernel in order:
        here = place[kernel]
        first = max((place[e.producer] + 1 for e in graph.reads[kernel]), default=0)
        last = min((place[e.consumer] - 1 for e in graph.read_by[kernel]), default=len(order) - 1)
        for target in dict.fromkeys((first, last, max(first, here - 1), min(last, here + 1))):
            if target != here:
                rest = [other for other in order if other != kernel]
                yield [*rest[:target], kernel, *rest[target:]]

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""order-loops: loop orders with which the converters between kernels are small."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import combinations, islice, permutations
from math import prod
from typing import Literal

from streamtensor.algebra.affine import AffineMap
from streamtensor.algebra.converter import Converter, infer_converter
from streamtensor.algebra.errors import AffineError
from streamtensor.algebra.layout import StreamLayout
from streamtensor.algebra.linear import LinearExpr
from streamtensor.ir import func, linalg
from streamtensor.ir.builtin import DenseArrayBase, FixedBitwidthType, ModuleOp, TensorType, i64
from streamtensor.ir.core import Context, ModulePass, OpResult, SSAValue
from streamtensor.transforms.build import is_device, linear_map
from streamtensor.transforms.tiling.axes import Axes, is_parallel
from streamtensor.transforms.tiling.default_tiling import ORDER, ORDER_IS_DEFAULT, TILE, loop_extents

Order = tuple[int, ...]

MAX_ORDERS = 24  # of one operation
MAX_ROUNDS = 8


@dataclass(frozen=True)
class OrderLoopsPass(ModulePass):
    """linalg.generic {dataflow.order = by its result}  -->  linalg.generic {dataflow.order = ...}

    The order between tiles decides in which order a result comes, and so how much of it waits in a converter until its
    reader wants it: with the heads outside of the rows one head of keys waits, with the rows outside all of them.
    Starting from the order of each result, the orders are changed where the converters of the function become
    smaller in all, and where no more is read from external memory than before: first for all operations that have two
    axes in common, then for one operation at a time, until nothing changes. Parallel loops stay outside of
    reductions (partial sums stay in one tile).

    Orders that were given (not by default-tiling) stay, and so do functions with windows, where rows come first, and
    with the `rule` "result" all orders.
    """

    name = "order-loops"

    rule: Literal["search", "result"] = "search"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for function in op.ops:
            if isinstance(function, func.FuncOp) and is_device(function):
                if self.rule == "search":
                    _order(function)
                for inner in function.walk():
                    inner.attributes.pop(ORDER_IS_DEFAULT, None)


def _order(function: func.FuncOp) -> None:
    axes = Axes(function)
    if axes.has_rows:
        return
    try:
        kernels = [_Kernel.of(generic) for generic in axes.generics]
    except AffineError:
        return  # apply-tiling says what is wrong
    graph = _Graph(kernels)
    orders = [kernel.order for kernel in kernels]
    cost = best = graph.cost(orders)
    limit = best.external_bits
    for _ in range(MAX_ROUNDS):
        for candidate in _candidates(axes, kernels, orders):
            found = graph.cost(candidate)
            if found.external_bits <= limit and found < cost:
                cost, orders = found, candidate
        if cost == best:
            break
        best = cost
    for kernel, order in zip(kernels, orders, strict=True):
        if order != kernel.order:
            kernel.generic.attributes[ORDER] = DenseArrayBase.from_list(i64, list(order))


@dataclass(frozen=True, order=True)
class _Cost:
    """Compared in this order: bits of converters, then bits that are read from external memory."""

    converter_bits: int
    external_bits: int


@dataclass(frozen=True, eq=False)
class _Kernel:
    """A tiled linalg operation: what its operands look like as streams, for any order of its loops."""

    generic: linalg.GenericOp
    maps: tuple[AffineMap, ...]
    tiles: tuple[int, ...]
    counts: tuple[int, ...]
    parallel: tuple[bool, ...]
    order: Order
    is_free: bool

    @staticmethod
    def of(generic: linalg.GenericOp) -> _Kernel:
        """Raises AffineError for a map that is not linear."""
        tiles, order = (_integers(generic, name) for name in (TILE, ORDER))
        extents = loop_extents(generic)
        return _Kernel(
            generic,
            tuple(linear_map(map.data) for map in generic.indexing_maps),
            tiles,
            tuple(extent // tile for extent, tile in zip(extents, tiles, strict=True)),
            tuple(is_parallel(generic, loop) for loop in range(len(extents))),
            order,
            ORDER_IS_DEFAULT in generic.attributes,
        )

    def layout(self, operand: int, order: Order) -> StreamLayout:
        """The stream of an operand (inputs, then results) when the loops come in `order`."""
        is_result = operand >= len(self.generic.inputs)
        loops = [n for n in order if self.counts[n] > 1 and (self.parallel[n] or not is_result)]
        return _layout(self.maps[operand], self.tiles, self.counts, tuple(loops))

    def orders(self) -> Iterator[Order]:
        """Other orders of the loops that have several tiles; parallel ones stay outside of reductions."""
        outer = [n for n in self.order if self.parallel[n]]
        inner = [n for n in self.order if not self.parallel[n]]
        if self.is_free:
            both = ((a, b) for a in _moved(outer, self.counts) for b in _moved(inner, self.counts))
            yield from (order for a, b in islice(both, MAX_ORDERS) if (order := (*a, *b)) != self.order)


def _moved(loops: Sequence[int], counts: Sequence[int]) -> Iterator[Order]:
    """All orders of `loops` that differ in more than loops of one tile."""
    places = [place for place, n in enumerate(loops) if counts[n] > 1]
    for chosen in permutations([loops[place] for place in places]):
        order = list(loops)
        for place, n in zip(places, chosen, strict=True):
            order[place] = n
        yield tuple(order)


class _Graph:
    """What streams between the operations of a function."""

    def __init__(self, kernels: Sequence[_Kernel]) -> None:
        self._kernels = kernels
        made = {result: (k, n) for k, kernel in enumerate(kernels) for n, result in enumerate(kernel.generic.results)}
        self._reads: list[tuple[int, int, tuple[int, int] | None, SSAValue]] = []
        for k, kernel in enumerate(kernels):
            for n, value in enumerate(kernel.generic.inputs):
                if isinstance(value.type, TensorType):
                    producer = made.get(value) if isinstance(value, OpResult) else None
                    self._reads.append((k, n, producer, value))
        self._streams: dict[tuple[SSAValue, StreamLayout], int] = {}  # a number for each that was met
        self._known: dict[tuple[int, Order, Order], tuple[int | None, int]] = {}

    def cost(self, orders: Sequence[Order]) -> _Cost:
        """What converters hold and what external memory gives when the operations have these orders."""
        external = 0
        converters: dict[int, int] = {}
        for read, (k, _, producer, _) in enumerate(self._reads):
            key = read, orders[k], () if producer is None else orders[producer[0]]
            found = self._known.get(key)
            if found is None:
                found = self._known[key] = self._read(*key)
            stream, bits = found
            if stream is None:
                external += bits
            else:
                converters[stream] = bits
        return _Cost(sum(converters.values()), external)

    def _read(self, read: int, order: Order, producer_order: Order) -> tuple[int | None, int]:
        """The bits that a read takes from external memory (None), or the number of its stream and what a converter
        holds for it; most candidates change few of the orders.
        """
        k, n, producer, value = self._reads[read]
        wanted = self._kernels[k].layout(n, order)
        if producer is None:
            return None, wanted.num_tokens * wanted.elements_per_token * _width(value)
        kernel = self._kernels[producer[0]]
        given = kernel.layout(len(kernel.generic.inputs) + producer[1], producer_order)
        stream = self._streams.setdefault((value, wanted), len(self._streams))
        return stream, _elements(given, wanted) * _width(value)


def _candidates(axes: Axes, kernels: Sequence[_Kernel], orders: list[Order]) -> Iterator[list[Order]]:
    """Changes to try: two axes the other way round wherever they meet, and every order of one operation."""
    nodes = [[axes.axis((kernel.generic, n)) for n in range(len(kernel.counts))] for kernel in kernels]
    names = list(dict.fromkeys(name for row in nodes for name in row))
    meeting = {
        pair
        for kernel, row in zip(kernels, nodes, strict=True)
        for pair in combinations([n for n, name in enumerate(names) if name in _tiled(kernel, row)], 2)
    }
    for first, second in sorted(meeting):
        for outer, inner in ((first, second), (second, first)):
            ranks: dict[object, int] = {names[outer]: 0, names[inner]: 1}
            yield [
                _with_axes(kernel, order, row, ranks) for kernel, order, row in zip(kernels, orders, nodes, strict=True)
            ]
    for k, kernel in enumerate(kernels):
        for order in kernel.orders():
            yield [*orders[:k], order, *orders[k + 1 :]]


def _tiled(kernel: _Kernel, row: Sequence[object]) -> set[object]:
    """The axes of the parallel loops that have several tiles."""
    return {row[n] for n, count in enumerate(kernel.counts) if count > 1 and kernel.parallel[n]}


def _with_axes(kernel: _Kernel, order: Order, row: Sequence[object], ranks: Mapping[object, int]) -> Order:
    """The order with the two axes in `ranks` in that order, where the operation has both as parallel loops."""
    places = [place for place, n in enumerate(order) if row[n] in ranks and kernel.parallel[n]]
    if not kernel.is_free or len({row[order[place]] for place in places}) < 2:
        return order
    changed = list(order)
    for place, n in zip(places, sorted((order[p] for p in places), key=lambda n: ranks[row[n]]), strict=True):
        changed[place] = n
    return tuple(changed)


@lru_cache(maxsize=65536)
def _layout(map: AffineMap, tiles: tuple[int, ...], counts: tuple[int, ...], loops: Order) -> StreamLayout:
    """The tokens of an operand, as apply-tiling slices it."""
    element: list[int] = []
    results: list[LinearExpr] = []
    for expression in map.results:
        reach = [c * (t - 1) for c, t in zip(expression.coefficients, tiles, strict=True)]
        element.append(1 + sum(abs(r) for r in reach))
        lowest = expression.constant + sum(min(0, r) for r in reach)
        results.append(LinearExpr(tuple(expression.coefficients[n] for n in loops), lowest))
    return StreamLayout(
        tuple(element),
        tuple(counts[n] for n in loops),
        tuple(tiles[n] for n in loops),
        AffineMap(len(loops), tuple(results)),
    )


@cache
def _elements(source: StreamLayout, result: StreamLayout) -> int:
    """Elements of the converter with all copies; all of the data twice where there is none."""
    converter = infer_converter(source, result)
    if isinstance(converter, Converter):
        return converter.copies * converter.elements
    return 2 * prod(result.data_shape)


def _integers(generic: linalg.GenericOp, name: str) -> tuple[int, ...]:
    attribute = generic.attributes[name]
    assert isinstance(attribute, DenseArrayBase)
    return tuple(int(n) for n in attribute.get_values())


def _width(value: SSAValue) -> int:
    assert isinstance(value.type, TensorType)
    assert isinstance(value.type.element_type, FixedBitwidthType)
    return value.type.element_type.bitwidth

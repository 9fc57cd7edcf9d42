# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Which loops and tensor dimensions of a function are one axis, and what role an axis has."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from math import prod
from typing import Literal, TypeAlias

from streamtensor.algebra.linear import LinearExpr
from streamtensor.ir import func, linalg, tensor
from streamtensor.ir.builtin import FixedBitwidthType, TensorType
from streamtensor.ir.core import BlockArgument, Operation, SSAValue
from streamtensor.transforms.build import linear_map
from streamtensor.transforms.tiling.kernel_choices import wanted_tile

Node: TypeAlias = "tuple[Operation | SSAValue, int]"
"""(linalg operation, loop) or (tensor, dimension)."""

Role = Literal["batch", "row", "line", "within", "plain"]
"""What an axis is to windows (convolutions, pooling). Rows come one at a time, outside of everything but the batch;
other dimensions that windows move along stay whole, within a token. Where windows move along one dimension only, it is
a line: it stands where rows stand, in tiles. An axis that no window meets is plain.
"""


class Axes:
    """The axes of a function.

    A loop and the dimension over which it runs are one axis: they get one tile. A looser tie, the class, also joins
    what a window or a padding stands between, where extents differ: the row of an image is a row before and
    after its convolution.
    """

    def __init__(self, function: func.FuncOp) -> None:
        self.generics = [op for op in function.walk() if isinstance(op, linalg.GenericOp)]
        self.pads = [op for op in function.walk() if isinstance(op, tensor.PadOp)]
        self.concats = [op for op in function.walk() if isinstance(op, tensor.ConcatOp)]
        self._axes: Sets = Sets()
        self._classes: Sets = Sets()
        for generic in self.generics:
            for value, dim, expression in accesses(generic):
                self._join_access(generic, value, dim, expression)
        for pad in self.pads:
            for dim, (low, high) in enumerate(padding(pad)):
                self._join((pad.source, dim), (pad.result, dim), exact=not low and not high)
        for concat in self.concats:
            for value in concat.inputs:
                for dim in range(len(shape_of(concat.result))):
                    self._join((value, dim), (concat.result, dim), exact=dim != concat.dim.value.data)
        self._roles = self._find_roles()
        self._has_rows = not {"row", "line"}.isdisjoint(self._roles.values())
        self._batches = {self._classes.find((g, loop)) for g in self.generics for loop in _contraction_batch(g)}
        self._element_bits = self._find_element_bits()
        self._inner_elements = self._find_inner_elements()
        self._shared_axes = {self._axes.find((g, loop)) for g in self.generics for loop in _sharing_loops(g)}
        self._wanted = self._find_wanted()

    def axis(self, node: Node) -> Hashable:
        """What stands for the axis of a loop or dimension."""
        return self._axes.find(node)

    def wanted_tile(self, node: Node) -> int:
        """The tile that is wanted for a loop, or for the first parallel loop of its axis for which one is; 0: none."""
        owner, loop = node
        own = wanted_tile(owner, loop) if isinstance(owner, linalg.GenericOp) else 0
        return own or self._wanted.get(self._axes.find(node), 0)

    def role(self, node: Node) -> Role:
        """The role of the class of a loop or dimension."""
        return self._roles.get(self._classes.find(node), "plain")

    def is_contraction_batch(self, node: Node) -> bool:
        """Whether some contraction has one result for each index of this axis (attention heads), or of another one that
        it is put together with.
        """
        return self._classes.find(node) in self._batches

    def shares_weights(self, node: Node) -> bool:
        """Whether some contraction reads the same weights for each index of this axis (the tokens of a prompt)."""
        return self._axes.find(node) in self._shared_axes

    def element_bits(self, node: Node) -> int:
        """The widest element of a contraction's largest input that runs along this axis outside of its reductions; 0
        where there is none.
        """
        return self._element_bits.get(self._axes.find(node), 0)

    def inner_elements(self, node: Node) -> int:
        """How many elements of a row of weights (a contraction's largest input, outside of its reductions) lie within
        one index of this axis.
        """
        return self._inner_elements.get(self._axes.find(node), 1)

    @property
    def has_rows(self) -> bool:
        """Whether there are windows at all."""
        return self._has_rows

    def _join_access(self, generic: linalg.GenericOp, value: SSAValue, dim: int, expression: LinearExpr) -> None:
        if expression.single_dim is not None:
            self._join((generic, expression.single_dim), (value, dim), exact=True)
            return
        for loop in expression.used_dims:
            if is_parallel(generic, loop):
                self._join((generic, loop), (value, dim), exact=False)

    def _join(self, a: Node, b: Node, *, exact: bool) -> None:
        if exact:
            self._axes.join(a, b)
        self._classes.join(a, b)

    def _find_wanted(self) -> dict[Hashable, int]:
        found: dict[Hashable, int] = {}
        for generic in self.generics:
            for loop in range(len(generic.iterator_types)):
                tile = wanted_tile(generic, loop)
                if tile and is_parallel(generic, loop):
                    found.setdefault(self._axes.find((generic, loop)), tile)
        return found

    def _find_inner_elements(self) -> dict[Hashable, int]:
        found: dict[Hashable, int] = {}
        for generic in [g for g in self.generics if is_contraction(g)]:
            number = largest_input(generic)
            shape = shape_of(generic.inputs[number])
            inner = 1
            results = linear_map(generic.indexing_maps.data[number].data).results
            for dim in reversed(range(len(results))):
                loop = results[dim].single_dim
                if loop is not None and is_parallel(generic, loop):
                    axis = self._axes.find((generic, loop))
                    found[axis] = max(found.get(axis, 1), inner)
                    inner *= shape[dim]
        return found

    def _find_element_bits(self) -> dict[Hashable, int]:
        found: dict[Hashable, int] = {}
        for generic in self.generics:
            if is_contraction(generic):
                number = largest_input(generic)
                type = generic.inputs[number].type
                assert isinstance(type, TensorType)
                assert isinstance(type.element_type, FixedBitwidthType)
                for loop in linear_map(generic.indexing_maps.data[number].data).used_dims:
                    if is_parallel(generic, loop):
                        axis = self._axes.find((generic, loop))
                        found[axis] = max(found.get(axis, 0), type.element_type.bitwidth)
        return found

    def _find_roles(self) -> dict[Hashable, Role]:
        roles: dict[Hashable, Role] = {}
        for generic in self.generics:
            windows = windows_of(generic)
            for value in dict.fromkeys(value for value, _ in windows):
                dims = sorted(dim for other, dim in windows if other is value)
                for dim in dims[1:]:
                    roles.setdefault(self._classes.find((value, dim)), "within")
                for dim in self._batch_dims(generic, value, dims):
                    roles.setdefault(self._classes.find((value, dim)), "batch")
                row = self._classes.find((value, dims[0]))
                roles[row] = "row" if len(dims) > 1 or roles.get(row) == "row" else "line"
            for loop in window_loops(generic):
                roles.setdefault(self._classes.find((generic, loop)), "within")
        return roles

    def _batch_dims(self, generic: linalg.GenericOp, value: SSAValue, windows: list[int]) -> list[int]:
        """Dimensions before the rows over which parallel loops run, but for the last one: the channels."""
        found = [
            dim
            for other, dim, expression in accesses(generic)
            if other is value
            and dim < windows[0]
            and expression.single_dim is not None
            and is_parallel(generic, expression.single_dim)
        ]
        return [dim for dim in found if dim < windows[0] - 1]


def shape_of(value: SSAValue) -> tuple[int, ...]:
    """The shape of a tensor."""
    assert isinstance(value.type, TensorType)
    return tuple(value.type.get_shape())


def accesses(generic: linalg.GenericOp) -> Iterator[tuple[SSAValue, int, LinearExpr]]:
    """(tensor, dimension, index) of every operand; results stand for their outs."""
    values = [*generic.inputs, *generic.results]
    for value, map in zip(values, generic.indexing_maps, strict=True):
        if isinstance(value.type, TensorType):
            for dim, expression in enumerate(linear_map(map.data).results):
                yield value, dim, expression


def is_parallel(generic: linalg.GenericOp, loop: int) -> bool:
    """Whether a loop of a linalg operation is parallel."""
    return generic.iterator_types.data[loop].data == linalg.IteratorType.PARALLEL


def windows_of(generic: linalg.GenericOp) -> list[tuple[SSAValue, int]]:
    """(input, dimension) where the index is `stride * i + n`, or `stride * i`, of a parallel i and a reduction n."""
    return [
        (value, dim)
        for value, dim, expression in accesses(generic)
        if any(is_parallel(generic, loop) for loop in expression.used_dims)
        and (
            any(not is_parallel(generic, loop) for loop in expression.used_dims)
            or (len(expression.used_dims) == 1 and abs(sum(expression.coefficients)) > 1)
        )
    ]


def window_loops(generic: linalg.GenericOp) -> list[int]:
    """The reductions that run over the inside of a window."""
    windows = windows_of(generic)
    return sorted(
        {
            loop
            for value, dim, expression in accesses(generic)
            if (value, dim) in windows
            for loop in expression.used_dims
            if not is_parallel(generic, loop)
        }
    )


def padding(pad: tensor.PadOp) -> list[tuple[int, int]]:
    """(low, high) for each dimension of a padding with constant sizes."""
    low, high = (
        [int(n) for n in sizes.get_values()]  # pyright: ignore[reportUnknownMemberType]
        for sizes in (pad.static_low, pad.static_high)
    )
    return list(zip(low, high, strict=True))


def _contraction_batch(generic: linalg.GenericOp) -> list[int]:
    """Parallel loops over which both factors of a contraction run: two or more inputs that vary along all reductions.

    What is only selected or added inside (a mask, the new row of a cache) is no factor, nor is what scales one of them
    (the scales of groups of weights, which are the same for all of a group). Not those of windows: a depthwise
    convolution takes several channels at a time.
    """
    if not is_contraction(generic):
        return []
    loops = range(len(generic.iterator_types))
    maps = zip(generic.indexing_maps, generic.inputs, strict=False)
    used = [linear_map(map.data).used_dims for map, value in maps if isinstance(value.type, TensorType)]
    reductions = {loop for loop in loops if not is_parallel(generic, loop)}
    factors = [dims for dims in used if reductions <= set(dims)]
    return [loop for loop in loops if is_parallel(generic, loop) and sum(loop in dims for dims in factors) > 1]


def is_contraction(generic: linalg.GenericOp) -> bool:
    """Whether a linalg operation reduces what it makes of two or more tensors, and no windows move over these."""
    tensors = [value for value in generic.inputs if isinstance(value.type, TensorType)]
    loops = range(len(generic.iterator_types))
    return len(tensors) > 1 and not all(is_parallel(generic, loop) for loop in loops) and not windows_of(generic)


def largest_input(generic: linalg.GenericOp) -> int:
    """The number of the input with the most elements: the weights of a product."""
    return max((prod(shape_of(v)), n) for n, v in enumerate(generic.inputs) if isinstance(v.type, TensorType))[1]


def _sharing_loops(generic: linalg.GenericOp) -> list[int]:
    """Parallel loops of a contraction with weights (its largest input, given to the function) that these do not use."""
    if not is_contraction(generic):
        return []
    number = largest_input(generic)
    if not isinstance(_seen_through_views(generic.inputs[number]), BlockArgument):
        return []
    used = linear_map(generic.indexing_maps.data[number].data).used_dims
    loops = range(len(generic.iterator_types))
    return [loop for loop in loops if is_parallel(generic, loop) and loop not in used]


def _seen_through_views(value: SSAValue) -> SSAValue:
    while isinstance(value.owner, tensor.ExtractSliceOp | tensor.ExpandShapeOp | tensor.CollapseShapeOp):
        value = value.owner.operands[0]
    return value


class Sets:
    """Union-find over anything hashable."""

    def __init__(self) -> None:
        self._parent: dict[Hashable, Hashable] = {}

    def find(self, node: Hashable) -> Hashable:
        """What stands for the set of `node`."""
        parent = self._parent.setdefault(node, node)
        if parent != node:
            parent = self._parent[node] = self.find(parent)
        return parent

    def join(self, a: Hashable, b: Hashable) -> None:
        """Makes the sets of both one."""
        self._parent[self.find(a)] = self.find(b)

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Which buffers outside the chip kernels share, and which dimension of them ends at a run-time bound."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from streamtensor.dialects.dataflow import KernelOp
from streamtensor.dialects.memory_views import behind_memory_views
from streamtensor.ir import func, memref
from streamtensor.ir.builtin import DictionaryAttr, IntegerAttr, MemRefType, ModuleOp, StringAttr
from streamtensor.ir.core import BlockArgument, SSAValue
from streamtensor.transforms.build import PLACE
from streamtensor.transforms.lowering.bufferize import RESULT
from streamtensor.transforms.lowering.views import strided_of

BOUND = "dataflow.bound"
"""Attribute of an argument or a result of `main`: {of = NAME, dim = D}. The rows of dimension D behind the position
that the input NAME holds do not matter: whatever is there changes no result, or nobody reads it."""
_LAYOUT = "dataflow.layout"


@dataclass(frozen=True)
class Mark:
    """(address / stride) % count counts a buffer's bounded dimension, `rows` long, in steps of rows / count."""

    of: str
    rows: int
    stride: int
    count: int

    @property
    def span(self) -> int:
        """How far apart two numbers are that differ only in an outer dimension."""
        return self.stride * self.count


@dataclass
class ExternalMemory:
    """The buffers outside the chip of a stream-level module.

    Values that may be the same buffer have one representative: what a function takes is what any of its calls gives it.
    """

    module: ModuleOp
    _parent: dict[SSAValue, SSAValue] = field(default_factory=dict[SSAValue, SSAValue])
    _marks: dict[SSAValue, Mark | None] = field(default_factory=dict[SSAValue, "Mark | None"])
    _readers: dict[SSAValue, str] = field(default_factory=dict[SSAValue, str])

    def __post_init__(self) -> None:
        functions = {op.sym_name.data: op for op in self.module.ops if isinstance(op, func.FuncOp)}
        for kernel in [op for op in self.module.walk() if isinstance(op, KernelOp)]:
            for value, argument in zip(kernel.operands, kernel.body.block.args, strict=True):
                self._join(argument, behind_memory_views(value))
        calls = [op for op in self.module.walk() if isinstance(op, func.CallOp)]
        on_host = [op for op in calls if _is_host(functions[op.callee.string_value()])]
        for call in calls:
            callee = functions[call.callee.string_value()]
            if not callee.is_declaration and not _is_host(callee):
                for value, argument in zip(call.operands, callee.body.block.args, strict=True):
                    self._join(argument, behind_memory_views(value))
        members = self._members(functions["main"], on_host, functions)
        self._agree(members)

    def find(self, value: SSAValue) -> SSAValue:
        """The representative of a buffer, a local one included."""
        while value in self._parent:
            value = self._parent[value]
        return value

    def mark(self, buffer: SSAValue) -> Mark | None:
        """The bounded dimension of a buffer, when all that it may be have the same."""
        return self._marks.get(self.find(buffer))

    def reader(self, buffer: SSAValue) -> str:
        """Who reads a buffer in full outside of the kernels; empty when nobody does."""
        return self._readers.get(self.find(buffer), "")

    def _join(self, a: SSAValue, b: SSAValue) -> None:
        a, b = self.find(a), self.find(b)
        if a is not b:
            self._parent[a] = b

    def _members(
        self, main: func.FuncOp, calls: list[func.CallOp], functions: dict[str, func.FuncOp]
    ) -> dict[SSAValue, Mark | None]:
        """The buffers that the host touches, with their marks; notes who of the host reads them."""
        members: dict[SSAValue, Mark | None] = {}
        for argument, attributes in _arguments(main):
            if isinstance(argument.type, MemRefType):
                members[argument] = _mark_of(argument, attributes)
                if RESULT in attributes.data and members[argument] is None:
                    self._readers[self.find(argument)] = "the caller"
        for call in calls:
            callee = functions[call.callee.string_value()]
            buffers = [behind_memory_views(value) for value in call.operands]
            changes = _LAYOUT in callee.attributes and not callee.is_declaration
            mark = None
            if changes:
                packs = callee.attributes[_LAYOUT] == StringAttr("pack")
                plain, packed = buffers if packs else reversed(buffers)
                mark = members.get(plain)
                mark = _packed_mark(callee, mark, packs=packs) if mark is not None else None
                members[packed] = mark
            for buffer, (_, attributes) in zip(buffers, _arguments(callee), strict=True):
                members.setdefault(buffer, None)
                if RESULT not in attributes.data and mark is None:
                    self._readers[self.find(buffer)] = callee.sym_name.data
        return members

    def _agree(self, members: dict[SSAValue, Mark | None]) -> None:
        for buffer, mark in members.items():
            known = self._marks.setdefault(self.find(buffer), mark)
            if known != mark:
                self._marks[self.find(buffer)] = None


def _is_host(function: func.FuncOp) -> bool:
    return function.attributes.get(PLACE) == StringAttr("host")


def _arguments(function: func.FuncOp) -> Iterator[tuple[BlockArgument, DictionaryAttr]]:
    """The arguments of a function with their attributes."""
    arguments = function.body.block.args
    attributes = function.arg_attrs or [DictionaryAttr({})] * len(arguments)
    yield from zip(arguments, attributes, strict=True)


def _mark_of(argument: SSAValue, attributes: DictionaryAttr) -> Mark | None:
    bound = attributes.data.get(BOUND)
    if not isinstance(bound, DictionaryAttr):
        return None
    of, dim = bound.data["of"], bound.data["dim"]
    assert isinstance(of, StringAttr)
    assert isinstance(dim, IntegerAttr)
    layout = strided_of(argument.type)
    rows = layout.shape[dim.value.data]
    return Mark(of.data, rows, layout.strides[dim.value.data], rows)


def _packed_mark(function: func.FuncOp, mark: Mark, *, packs: bool) -> Mark | None:
    """The mark of the packed side of a function that copies one layout to another, from that of the plain side.

    Tiles split the dimension into digits; the mark is the outermost one. None when the dimension is not split that way.
    """
    stores = [op for op in function.walk() if isinstance(op, memref.StoreOp)]
    if len(stores) != 1 or not isinstance(stores[0].value.owner, memref.LoadOp):
        return None
    load, store = stores[0].value.owner, stores[0]
    if list(load.indices) != list(store.indices):
        return None
    source, target = strided_of(load.memref.type), strided_of(store.memref.type)
    plain, packed = (source, target) if packs else (target, source)
    digits = [
        (stride, size, outside)
        for size, stride, outside in zip(plain.shape, plain.strides, packed.strides, strict=True)
        if size > 1 and mark.stride <= stride < mark.span
    ]
    if not digits:
        return None
    stride, size, outside = max(digits)
    return Mark(mark.of, mark.rows, outside, size) if stride * size == mark.span else None

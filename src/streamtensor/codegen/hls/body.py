# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes the operations of a block as C++ statements: which value gets a variable, which is written where it is used.

An operation without side effects whose result is used once, in the same block, is folded into that use while the line
stays short. A value that reads memory is folded only up to the next store: what is still pending then gets a variable.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from streamtensor.codegen.hls.errors import cannot_emit
from streamtensor.codegen.hls.expression import Expr, integer, plus, subscript, times
from streamtensor.codegen.hls.memory import Memory
from streamtensor.codegen.hls.names import Names, hint
from streamtensor.codegen.hls.types import is_vector, lanes, size_bytes, type_name
from streamtensor.codegen.hls.writer import Writer, function_head
from streamtensor.ir.builtin import IndexType
from streamtensor.ir.core import Attribute, Block, Operation, SSAValue

FOLDED_CHARACTERS = 56
"""Longest expression that is written inside another one instead of getting a variable."""
STATEMENT_CHARACTERS = 90
"""Longest one that makes up a statement of its own: what is stored, written to a FIFO, or assigned."""
_STATEMENTS = ("memref.store", "dataflow.stream_write", "scf.yield")


@dataclass(frozen=True)
class Style:
    """What differs between a kernel and a function of the host.

    `math` is the namespace of the mathematical functions. Kernels have local arrays, vectors and pragmas; the host has
    memory from the heap, because a host function may hold whole tensors.
    """

    math: str
    is_kernel: bool


KERNEL = Style("hls", is_kernel=True)
HOST = Style("std", is_kernel=False)


class Body:
    """The state while one function is written."""

    def __init__(
        self,
        style: Style,
        emitters: Mapping[str, Emitter],
        names: Names,
        writer: Writer,
        functions: Writer | None = None,
        function: str = "",
    ) -> None:
        """`functions` takes static functions that the function called `function` needs before it."""
        self.style = style
        self.function = function
        self.functions = functions or Writer()
        self.names = names
        self.out = writer
        self.memories: dict[SSAValue, Memory] = {}
        self.streams: dict[SSAValue, str] = {}
        self.frame_bytes = 0
        self._emitters = emitters
        self._labels = Names()
        self._values: dict[SSAValue, Expr] = {}
        self._splats: dict[SSAValue, Expr] = {}
        self._pending: dict[SSAValue, Expr] = {}

    def emit(self, block: Block) -> None:
        """The statements of every operation of `block`; what its terminator means is up to whoever holds it.

        Raises UserError ST0306, with the model's line, for an operation that no table has an entry for.
        """
        for op in block.ops:
            self.emit_one(op)

    def emit_one(self, op: Operation) -> None:
        """The statements of one operation."""
        emitter = self._emitters.get(op.name)
        if emitter is None:
            raise cannot_emit(op, "no such operation is known at stream level")
        emitter(self, op)

    @contextmanager
    def outlined(self, word: str, parameters: Sequence[str]) -> Generator[tuple[str, Body]]:
        """A static function before this one, that knows what this one knows: its name, and what writes its body."""
        name = self.names.global_name(f"{self.function}_{word}")
        with self.names.scope():
            inner = Body(self.style, self._emitters, self.names, Writer(indent=1), self.functions, name)
            inner.inherit(self)
            yield name, inner
        with self.functions.block(function_head(f"static void {name}", parameters)):
            self.functions.lines(inner.out)
        self.functions.line()
        self.frame_bytes += inner.frame_bytes

    def inherit(self, outer: Body) -> None:
        """Knows the constants, memories and FIFOs of the function around it under the same names."""
        self.memories.update(outer.memories)
        self.streams.update(outer.streams)
        self._values.update(outer._values)
        self._splats.update(outer._splats)

    # Values

    def bind(self, value: SSAValue, expr: Expr) -> None:
        """`value` is written as `expr` wherever it is used: a variable, or a literal."""
        self._values[value] = expr

    def bind_splat(self, value: SSAValue, lane: Expr) -> None:
        """The vector `value` holds `lane`, a literal, in each lane."""
        self._splats[value] = lane

    def use(self, value: SSAValue) -> Expr:
        """The expression for `value`; a folded one is consumed, so ask once per use."""
        if value in self._pending:
            return self._pending.pop(value)
        if value in self._splats:
            return Expr(f"{type_name(value.type)}({self._splats[value]})")
        return self._values[value]

    def atom(self, value: SSAValue) -> Expr:
        """Like `use`, but cheap to write more than once: a name, a literal or index arithmetic."""
        if value in self._pending:
            expr = self._pending.pop(value)
            if expr.reads_memory or not isinstance(value.type, IndexType):
                return self._variable(value, expr, "value")
            self.bind(value, expr)
        return self.use(value)

    def lane(self, value: SSAValue, index: Expr) -> Expr:
        """Lane `index` of a vector; a scalar has the same value in all lanes."""
        if value in self._splats:
            return self._splats[value]
        if not is_vector(value.type):
            return self.atom(value)
        return Expr(subscript(self._values[value].text, index).text)

    def define(self, value: SSAValue, expr: Expr, word: str) -> None:
        """`value`, the result of an operation without side effects, is `expr`: folded or kept in a variable."""
        uses = list(value.uses)
        if not uses:
            return
        short = len(expr.text) <= FOLDED_CHARACTERS
        if isinstance(value.type, IndexType) and short and not expr.reads_memory:
            self.bind(value, expr)  # index arithmetic is cheaper to repeat than to name
        elif expr.is_name or (expr.constant is not None):
            self.bind(value, expr)
        elif len(uses) == 1 and _is_folded(expr, uses[0].operation) and uses[0].operation.parent is _block(value):
            self._pending[value] = expr
        else:
            self._variable(value, expr, word)

    def statement(self, value: SSAValue, expr: Expr, word: str) -> None:
        """`value` is what `expr`, which has a side effect, gives now."""
        if next(iter(value.uses), None) is None:
            self.out.line(f"{expr};")
        else:
            self._variable(value, expr, word)

    def variable(self, value: SSAValue, word: str, start: Expr | None = None) -> str:
        """Declares a variable for `value` that statements will fill; returns its name."""
        name = self.names.fresh(hint(value, word))
        self.out.line(f"{type_name(value.type)} {name}" + (f" = {start};" if start else ";"))
        self.bind(value, Expr(name))
        self._count(value.type)
        return name

    def before_store(self) -> None:
        """Gives a variable to every pending value that reads memory: the next statement may change it."""
        for value in [value for value, expr in self._pending.items() if expr.reads_memory]:
            self._variable(value, self._pending.pop(value), "value")

    def assign(self, targets: Sequence[str], values: Sequence[SSAValue]) -> None:
        """`targets = values`, all at once."""
        pairs = [(target, self.use(value), value) for target, value in zip(targets, values, strict=True)]
        pairs = [(target, expr, value) for target, expr, value in pairs if expr.text != target]
        done: list[str] = []
        overlap = False
        for target, expr, _ in pairs:
            words = set(re.findall(r"\w+", expr.text))
            overlap = overlap or any(name in words for name in done)
            done.append(target)
        if overlap:
            new: list[tuple[str, Expr]] = []
            for target, expr, value in pairs:
                name = self.names.fresh(f"next_{target}")
                self.out.line(f"const {type_name(value.type)} {name} = {expr};")
                new.append((target, Expr(name)))
        else:
            new = [(target, expr) for target, expr, _ in pairs]
        for target, expr in new:
            self.out.line(f"{target} = {expr};")

    # Memory

    def memory(self, value: SSAValue, op: Operation) -> Memory:
        """How the memref `value` is reached."""
        if value not in self.memories:
            raise cannot_emit(op, f"a memref that {_owner(value)} gives")
        return self.memories[value]

    def allocate(self, element: Attribute, count: int) -> None:
        """Counts the memory of a local array in the frame of the function."""
        self.frame_bytes += count * size_bytes(element)

    # Lanes

    def for_lanes(self, count: int, statement: Callable[[Expr], None]) -> None:
        """`statement(lane)` for each of `count` lanes, all at the same time in hardware."""
        with self.names.scope():
            lane = self.names.fresh("lane")
            with self.out.block(f"for (int {lane} = 0; {lane} < {count}; ++{lane})"):
                self.out.pragma("unroll")
                statement(Expr(lane))

    def each_lane(self, value: SSAValue, word: str, lane: Callable[[Expr], Expr]) -> None:
        """The vector `value` has `lane(i)` in lane i."""
        name = self.variable(value, word)
        self.for_lanes(lanes(value.type), lambda i: self.out.line(f"{name}[{i}] = {lane(i)};"))

    def check_vectors(self, op: Operation) -> None:
        """Raises UserError ST0306 when a function of the host has vectors: its headers have no such type."""
        if not self.style.is_kernel and any(is_vector(v.type) for v in (*op.operands, *op.results)):
            raise cannot_emit(op, "vectors in a function of the host")

    def label(self, wanted: str) -> str:
        """A label that is unique in the function."""
        return self._labels.fresh(wanted)

    def _variable(self, value: SSAValue, expr: Expr, word: str) -> Expr:
        name = Expr(self.names.fresh(hint(value, word)))
        self.out.line(f"const {type_name(value.type)} {name} = {expr};")
        self.bind(value, name)
        self._count(value.type)
        return name

    def _count(self, attribute: Attribute) -> None:
        self.frame_bytes += size_bytes(attribute)


Emitter = Callable[[Body, Operation], None]


def lane_index(strides: Sequence[int], indices: Sequence[Expr]) -> Expr:
    """The number of the lane at `indices` of a vector whose lanes are row-major with `strides`."""
    place = integer(0)
    for index, stride in zip(indices, strides, strict=True):
        place = plus(place, times(index, integer(stride)))
    return place


def _is_folded(expr: Expr, user: Operation) -> bool:
    limit = STATEMENT_CHARACTERS if user.name in _STATEMENTS else FOLDED_CHARACTERS
    return len(expr.text) <= limit


def _block(value: SSAValue) -> Block | None:
    owner = value.owner
    return owner.parent if isinstance(owner, Operation) else owner


def _owner(value: SSAValue) -> str:
    owner = value.owner
    return f"a {owner.name}" if isinstance(owner, Operation) else "a block argument"

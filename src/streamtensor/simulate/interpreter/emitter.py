# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes a module as Python functions: walking the IR again for every loop iteration would be a hundred times slower.

Every SSA value becomes a local variable (or a literal), every operation one or a few lines, every loop a `for`. The
handlers of the dialect files write the lines; this file knows no operation.

How values are held: index as a Python int, other scalars as numpy scalars (so f32 arithmetic is f32 arithmetic),
tensors, vectors and memrefs as numpy arrays, itensors and FIFOs as queues. Inside the body of a vectorised
linalg.generic a scalar may stand for an array of all iterations; `is_array` says so.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias

from streamtensor.diagnostics import InternalError
from streamtensor.ir.core import Block, IsTerminator, Operation, SSAValue
from streamtensor.simulate.interpreter.indices import Axis, Bounds, bounds_of
from streamtensor.simulate.interpreter.integers import natural
from streamtensor.simulate.interpreter.ownership import may_overwrite
from streamtensor.simulate.interpreter.types import is_shaped

Handler: TypeAlias = Callable[["Emitter", Any], None]
Handlers: TypeAlias = Mapping[type[Operation], Handler]

# CPython allows 20 nested blocks in one function; a generic's own loops are in a function of their own.
_DEEPEST = 19


class Emitter:
    """Python text under construction.

    `handlers` has an entry per operation class. `environment` is what the text refers to by name: constants and
    helper functions.
    """

    def __init__(self, handlers: Handlers) -> None:
        self.environment: dict[str, Any] = {}
        self._handlers = handlers
        self._names: dict[SSAValue, str] = {}
        self._arrays: set[SSAValue] = set()
        self._bounds: dict[SSAValue, Bounds] = {}
        self._done: list[tuple[str, Operation | None]] = []
        self._open: list[list[tuple[str, Operation | None]]] = []
        self._depths: list[int] = []
        self._current: Operation | None = None
        self._number = 0
        self._requested: dict[str, str] = {}
        self._helpers: dict[Callable[..., Any], str] = {}
        self.loop_variables: dict[int, tuple[str, bool]] = {}
        """What `linalg.index n` is inside the generic that is being written: its text, and whether that is an array."""
        self.axes: dict[SSAValue, Axis] = {}
        """The variables of the loops over buffers that are being written as arrays (see `parallel`)."""
        self.written: set[SSAValue] = set()
        """The buffers that these loops write."""

    # ---- text

    @property
    def source(self) -> str:
        """The finished functions."""
        return "".join(line + "\n" for line, _ in self._done)

    def origin(self, line: int) -> Operation | None:
        """The operation that wrote line `line` (counted from 1) of the source."""
        return self._done[line - 1][1] if 0 < line <= len(self._done) else None

    def line(self, text: str) -> None:
        """Adds one line."""
        self._open[-1].append(("    " * self._depths[-1] + text, self._current))

    @contextmanager
    def block(self, head: str) -> Generator[None]:
        """The lines inside stand under `head`, e.g. `for v1 in range(4):`."""
        self.line(head)
        self._depths[-1] += 1
        if self._depths[-1] > _DEEPEST:
            raise InternalError(f"loops and conditions are nested more than {_DEEPEST} deep")
        before = len(self._open[-1])
        yield
        if len(self._open[-1]) == before:
            self.line("pass")
        self._depths[-1] -= 1

    @contextmanager
    def function(self, name: str, parameters: Iterable[str]) -> Generator[None]:
        """The lines inside are a function of their own, however deep the writing of another one is."""
        self._open.append([])
        self._depths.append(0)
        with self.block(f"def {name}({', '.join(parameters)}):"):
            yield
        self._done.extend(self._open.pop())
        self._depths.pop()

    def request(self, symbol: str) -> str:
        """The name of the Python function for the IR function `symbol`, which is written later."""
        return self._requested.setdefault(symbol, f"f{len(self._requested)}")

    @property
    def requested(self) -> Sequence[str]:
        """The symbols of the requested functions, in the order of the requests."""
        return list(self._requested)

    # ---- names

    def fresh(self, prefix: str = "t") -> str:
        """A name that nothing else has."""
        self._number += 1
        return f"{prefix}{self._number}"

    def constant(self, value: Any) -> str:
        """The name of a constant object."""
        name = self.fresh("k")
        self.environment[name] = value
        return name

    def helper(self, function: Callable[..., Any]) -> str:
        """The name of a function of Python or numpy."""
        if function not in self._helpers:
            self._helpers[function] = self.constant(function)
        return self._helpers[function]

    # ---- values

    def name(self, value: SSAValue) -> str:
        """The text that stands for `value`."""
        try:
            return self._names[value]
        except KeyError:
            raise InternalError(f"a value of type {value.type} is used before it is defined") from None

    def is_array(self, value: SSAValue) -> bool:
        """True when `value` is held as an array: by its type, or because it stands for all iterations."""
        return value in self._arrays or is_shaped(value.type)

    def bind(self, value: SSAValue, text: str, *, array: bool = False) -> None:
        """From here on `text`, a name or a literal, stands for `value`."""
        self._names[value] = text
        if array:
            self._arrays.add(value)
        else:
            self._arrays.discard(value)

    def define(self, value: SSAValue, *, array: bool = False) -> str:
        """A new variable that stands for `value`."""
        name = self.fresh("v")
        self.bind(value, name, array=array)
        return name

    def assign(self, value: SSAValue, expression: str) -> None:
        """Writes `v = expression` for the result `value` of an operation whose operands the expression combines."""
        owner = value.owner
        array = isinstance(owner, Operation) and any(self.is_array(operand) for operand in owner.operands)
        self.line(f"{self.define(value, array=array and not is_shaped(value.type))} = {expression}")

    def take(self, value: SSAValue) -> str:
        """The tensor `value` as storage that may be overwritten: itself when nobody else sees it, else a copy."""
        return self.name(value) if may_overwrite(value) else f"{self.name(value)}.copy()"

    def index(self, value: SSAValue) -> str:
        """The text of an index, with a check at run time when it could be negative."""
        return self.name(value) if self.bounds(value).low >= 0 else f"{self.helper(natural)}({self.name(value)})"

    def bounds(self, value: SSAValue) -> Bounds:
        """Between which numbers the index `value` lies."""
        if value not in self._bounds:
            self._bounds[value] = bounds_of(value)
        return self._bounds[value]

    def subscript(self, indices: Iterable[SSAValue]) -> str:
        """The indices as the inside of `[...]`; `()` for none."""
        return ", ".join(self.index(value) for value in indices) or "()"

    def captured(self, op: Operation) -> list[str]:
        """The variables from outside that the regions of `op` use, in order of first use."""
        names: dict[str, None] = {}
        for inner in (other for region in op.regions for other in region.walk()):
            for operand in inner.operands:
                if operand in self._names and self._names[operand].startswith("v"):
                    names[self._names[operand]] = None
        return list(names)

    # ---- operations

    def operation(self, op: Operation) -> None:
        """Writes one operation; raises InternalError when no handler knows it."""
        handler = self._handlers.get(type(op))
        if handler is None:
            raise InternalError(f"the interpreter does not know the operation {op.name}")
        before, self._current = self._current, op
        handler(self, op)
        self._current = before

    def body(self, block: Block) -> Sequence[SSAValue]:
        """Writes the operations of `block` except the terminator and gives the terminator's operands."""
        operands: Sequence[SSAValue] = ()
        for op in block.ops:
            if op.has_trait(IsTerminator):
                operands = list(op.operands)
            else:
                self.operation(op)
        return operands

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The launch list: which buffers there are and what runs on them, in order.

It is what C simulation and the host program have in common: neither looks at the IR again.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, TypeAlias, cast

import numpy as np

from streamtensor.codegen.design import CACHE, PARAMETER, Design, entry, is_pack, place
from streamtensor.codegen.hls.errors import cannot_emit
from streamtensor.codegen.hls.interfaces import bundles
from streamtensor.codegen.hls.kernel import kernel_arguments, kernel_scalars
from streamtensor.codegen.hls.memory import MemRef, extent
from streamtensor.codegen.hls.names import hint
from streamtensor.codegen.hls.types import is_nibble, scalar
from streamtensor.codegen.host.functions import host_arguments
from streamtensor.codegen.host.packed import PackedParameter, narrow_parameter, packed_parameter
from streamtensor.diagnostics import UserError
from streamtensor.dialects.dataflow import BoundOp, KernelOp, PartOp
from streamtensor.dialects.memory_views import MEMORY_VIEWS, behind_memory_views
from streamtensor.ir import func, memref
from streamtensor.ir.builtin import ArrayAttr, DictionaryAttr, MemRefType, ModuleOp, StringAttr, VectorType
from streamtensor.ir.core import BlockArgument, Operation, SSAValue
from streamtensor.targets import Device

INPUT, RESULT = "dataflow.name", "dataflow.result"
_IGNORED = ("memref.dealloc", "func.return", "arith.constant")
_DTYPES = {"float": "float32", "double": "float64", "bool": "bool", "int": "int32"}
_NIBBLES = "int4"
_FORMAT = 5

Kind: TypeAlias = Literal["kernel", "host"]


@dataclass(frozen=True)
class Buffer:
    """Memory outside the chip: row-major elements of the numpy type `dtype`, the lanes of words last.

    The type "int4" is none of numpy's: two numbers share a byte, the first one in the low half. A buffer with the name
    of another one in `whole` has no memory of its own: it is number `part` of equal parts of that one.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    whole: str = ""
    part: int = 0

    @property
    def size_bytes(self) -> int:
        """Bytes of all elements."""
        return math.prod(self.stored_shape) * np.dtype(self.stored_dtype).itemsize

    @property
    def stored_shape(self) -> tuple[int, ...]:
        """The shape of the numpy array that is its memory."""
        return (-(-math.prod(self.shape) // 2),) if self.dtype == _NIBBLES else self.shape

    @property
    def stored_dtype(self) -> str:
        """The type of the numpy array that is its memory."""
        return "uint8" if self.dtype == _NIBBLES else self.dtype


@dataclass(frozen=True)
class Port:
    """What the user calls a buffer: an input, an output, or a parameter's name in the model's state dict."""

    name: str
    buffer: str


@dataclass(frozen=True)
class Operand:
    """One argument of a function: a buffer. `bundle` is its AXI port, empty for a function of the host."""

    name: str
    written: bool
    bundle: str


@dataclass(frozen=True)
class Bound:
    """A number that a launch takes: the tiles of `tile` rows up to the position in the buffer `of`, at most `most`."""

    of: str
    tile: int
    most: int


@dataclass(frozen=True)
class Function:
    """What a step runs: a function of pointers, and of the run-time bounds `scalars` behind them."""

    kind: Kind
    name: str
    operands: tuple[Operand, ...]
    scalars: tuple[str, ...] = ()


@dataclass(frozen=True)
class Step:
    """One launch of a kernel or call of a function of the host; `buffers`, then `bounds` are its arguments in order.

    `call` numbers the calls of main that the step belongs to, `function` is what is called there: step 7 of function
    `block`, called for the third time.
    """

    kind: Kind
    name: str
    buffers: tuple[str, ...]
    function: str
    call: int
    bounds: tuple[Bound, ...] = ()


@dataclass(frozen=True)
class Program:
    """The launch list of a compiled program.

    `packed` says how the numbers of those parameters lie that are not row-major; a port has their stored name.
    `cache` are the forms in which the program reads the inputs that are kept between runs, by stored name like
    parameters; an output with the name of such an input has new rows of it.
    """

    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    parameters: tuple[Port, ...]
    functions: tuple[Function, ...]
    buffers: tuple[Buffer, ...]
    steps: tuple[Step, ...]
    packed: tuple[PackedParameter, ...] = ()
    cache: tuple[Port, ...] = ()

    @property
    def kernels(self) -> tuple[Function, ...]:
        """The functions of the device."""
        return tuple(function for function in self.functions if function.kind == "kernel")

    def function(self, name: str) -> Function:
        """The function called `name`."""
        return next(function for function in self.functions if function.name == name)

    def buffer(self, name: str) -> Buffer:
        """The buffer called `name`."""
        return next(buffer for buffer in self.buffers if buffer.name == name)

    def to_json(self) -> dict[str, Any]:
        """As values that the json module writes."""
        return {"format": _FORMAT, **asdict(self)}

    def to_text(self) -> str:
        """As JSON text, a line for each buffer and step."""
        parts = [f' "format": {_FORMAT}']
        for key, values in asdict(self).items():
            lines = ",\n".join(f"  {json.dumps(value)}" for value in values)
            parts.append(f' "{key}": [\n{lines}\n ]' if values else f' "{key}": []')
        return "{\n" + ",\n".join(parts) + "\n}\n"

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Program:
        """The inverse of `to_json`. Raises UserError ST0503 when `data` is not a launch list."""
        try:
            if data["format"] != _FORMAT:
                raise UserError("ST0503", f"the launch list has format {data['format']}, this version reads {_FORMAT}")
            program = Program(
                inputs=_ports(data["inputs"]),
                outputs=_ports(data["outputs"]),
                parameters=_ports(data["parameters"]),
                functions=tuple(_function(function) for function in data["functions"]),
                buffers=tuple(_buffer(buffer) for buffer in data["buffers"]),
                steps=tuple(_step(step) for step in data["steps"]),
                packed=tuple(PackedParameter.from_json(packed) for packed in data["packed"]),
                cache=_ports(data["cache"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise UserError("ST0503", f"the launch list is damaged: {error!r}") from error
        known = {buffer.name for buffer in program.buffers}
        used = [port.buffer for port in (*program.inputs, *program.outputs, *program.parameters, *program.cache)]
        used += [name for step in program.steps for name in (*step.buffers, *(bound.of for bound in step.bounds))]
        arity = {function.name: (len(function.operands), len(function.scalars)) for function in program.functions}
        used += [buffer.whole for buffer in program.buffers if buffer.whole]
        for name in used:
            if name not in known:
                raise UserError("ST0503", f"the launch list is damaged: there is no buffer {name!r}")
        for step in program.steps:
            if arity.get(step.name) != (len(step.buffers), len(step.bounds)):
                raise UserError("ST0503", f"the launch list is damaged: a step calls {step.name!r} wrongly")
        return program


def derive_program(module: ModuleOp, device: Device | None = None) -> Program:
    """The launch list of a stream-level module, from the calls of `main` and the kernels of the called functions.

    A view of memory is no buffer: the kernel gets the base pointer and its own type has the offset. Raises UserError
    ST0306 for an operation in `main` or in a function of the device that is neither a launch nor memory.
    """
    return _Derivation(Design.of(module), device).run()


class _Derivation:
    def __init__(self, design: Design, device: Device | None) -> None:
        self._design = design
        self._device = device
        self._buffers: dict[str, Buffer] = {}
        self._steps: list[Step] = []
        self._bounds: dict[SSAValue, Bound] = {}
        self._parameters: dict[str, str] = {}  # of a buffer that holds a parameter as it is in the model
        self._cache: dict[str, str] = {}  # of a buffer that holds a kept input as it is
        self._packed: dict[str, PackedParameter] = {}  # of a buffer that holds one in another order
        self._copies: list[tuple[str, str]] = []  # between an argument of main and a part of a stack

    def run(self) -> Program:
        main = self._design.main
        ports: dict[str, list[Port]] = {INPUT: [], PARAMETER: [], RESULT: []}
        names: dict[SSAValue, str] = {}
        for number, value in enumerate(entry(main).args):
            role, text = _role(main, number)
            names[value] = self._new_buffer(text or hint(value, f"arg{number}"), value, main)
            if role:
                ports[role].append(Port(text, names[value]))
            if role == INPUT and _is_kept(main, number):
                self._cache[names[value]] = text
        self._parameters = {port.buffer: port.name for port in ports[PARAMETER]}
        self._walk(main, names, "main", None)
        for role, found in ports.items():
            ports[role] = self._in_stacks(found)
        ports[PARAMETER] = self._stored(ports[PARAMETER])
        cache = self._kept()
        return Program(
            inputs=tuple(ports[INPUT]),
            outputs=tuple(ports[RESULT]),
            parameters=tuple(ports[PARAMETER]),
            functions=tuple(self._functions()),
            buffers=tuple(self._buffers.values()),
            steps=tuple(self._steps),
            packed=tuple(self._packed.values()),
            cache=tuple(cache),
        )

    def _used(self) -> set[str]:
        """The buffers that steps touch, and the parts of these."""
        used = {name for step in self._steps for name in step.buffers}
        return used | {buffer.name for buffer in self._buffers.values() if buffer.whole in used}

    def _in_stacks(self, ports: list[Port]) -> list[Port]:
        """The ports of arguments that are copied to or from parts of stacks: they are these parts, nothing is copied.
        An argument that is used otherwise too stays.
        """
        used = self._used()
        found: list[Port] = []
        for port in ports:
            parts = [b if a == port.buffer else a for a, b in self._copies if port.buffer in (a, b)]
            kept = self._cache.get(port.buffer)
            self._cache |= {part: kept for part in parts if kept is not None}
            if parts and port.buffer not in used:
                del self._buffers[port.buffer]
                self._cache.pop(port.buffer, None)
            else:
                found.append(port)
            found += [Port(port.name, part) for part in parts]
        return found

    def _kept(self) -> Iterator[Port]:
        """The forms of the kept inputs that are read."""
        used = self._used()
        for buffer, name in self._cache.items():
            if buffer in used:
                yield Port(name, buffer)
            yield from (Port(form.name, at) for at, form in self._packed.items() if form.parameter == name)

    def _stored(self, ports: list[Port]) -> list[Port]:
        """The parameters as they are stored: packed ones, and the others unless a packed form is all that is used."""
        used = self._used()
        packed = {parameter.parameter for parameter in self._packed.values()}
        for port in [port for port in ports if port.name in packed and port.buffer not in used]:
            ports.remove(port)
            del self._buffers[port.buffer]
        for port in [port for port in ports if self._buffers[port.buffer].dtype == _NIBBLES]:
            ports.remove(port)
            self._packed[port.buffer] = narrow_parameter(port.name, self._buffers[port.buffer].shape)
        kept = set(self._cache.values())
        forms = [Port(form.name, buffer) for buffer, form in self._packed.items() if form.parameter not in kept]
        return [*ports, *forms]

    def _functions(self) -> Iterator[Function]:
        for kernel in self._design.kernels:
            name = self._design.names[kernel]
            ports = bundles(kernel, self._device)
            operands = [
                Operand(argument.name, argument.written, port)
                for argument, port in zip(kernel_arguments(kernel, name), ports, strict=True)
            ]
            yield Function("kernel", name, tuple(operands), tuple(kernel_scalars(kernel, name)))
        for function in self._design.host_functions:
            name = self._design.names[function]
            operands = [Operand(argument.name, argument.written, "") for argument in host_arguments(function, name)]
            yield Function("host", name, tuple(operands))

    def _walk(self, function: func.FuncOp, names: dict[SSAValue, str], called: str, call: int | None) -> None:
        """Follows the operations of one call; `called` and `call` say which call of main it belongs to."""
        prefix = "" if call is None else f"{called}_{call}."
        number = 0
        for op in entry(function).ops:
            if op.name in MEMORY_VIEWS:
                names[op.results[0]] = names[op.operands[0]]
            elif isinstance(op, memref.AllocOp | memref.AllocaOp):
                names[op.memref] = self._new_buffer(prefix + hint(op.memref, "buffer"), op.memref, op)
            elif isinstance(op, PartOp):
                whole, part = names[op.source], op.number.value.data
                name = names[op.result] = self._new_buffer(f"{whole}[{part}]", op.result, op)
                self._buffers[name] = replace(self._buffers[name], whole=whole, part=part)
            elif isinstance(op, memref.CopyOp) and call is None and _is_part(op):
                self._copies.append((names[op.source], names[op.destination]))
            elif isinstance(op, BoundOp):
                self._bounds[op.result] = Bound(names[op.position], op.tile.value.data, op.most.value.data)
            elif isinstance(op, KernelOp):
                self._add("kernel", self._design.names[op], op, names, called, call or 0)
            elif isinstance(op, func.CallOp):
                self._call(op, names, called if call is not None else op.callee.string_value(), number, call)
                number += 1
            elif op.name not in _IGNORED:
                raise cannot_emit(op, f"an operation between the launches of {function.sym_name.data}")

    def _call(self, op: func.CallOp, names: dict[SSAValue, str], called: str, number: int, call: int | None) -> None:
        callee = self._design.functions[op.callee.string_value()]
        at = number if call is None else call
        known = {**self._parameters, **self._cache}
        if is_pack(callee) and names[op.operands[0]] in known:
            packed = packed_parameter(callee, known[names[op.operands[0]]])
            self._packed[names[op.operands[1]]] = packed
            return
        if place(callee) == "host":
            self._add("host", self._design.names[callee], op, names, called, at)
            return
        inner: dict[SSAValue, str] = {}
        for argument, value in zip(entry(callee).args, op.operands, strict=True):
            if value in self._bounds:
                self._bounds[argument] = self._bounds[value]
            else:
                inner[argument] = names[value]
        self._walk(callee, inner, called, at)

    def _add(self, kind: Kind, name: str, op: Operation, names: dict[SSAValue, str], called: str, call: int) -> None:
        buffers = tuple(names[value] for value in op.operands if value not in self._bounds)
        bounds = tuple(self._bounds[value] for value in op.operands if value in self._bounds)
        self._steps.append(Step(kind, name, buffers, called, call, bounds))

    def _new_buffer(self, wanted: str, value: SSAValue, op: Operation) -> str:
        if not isinstance(value.type, MemRefType):
            raise cannot_emit(op, f"a value of type {value.type} outside the kernels")
        name, number = wanted, 0
        while name in self._buffers:
            number += 1
            name = f"{wanted}_{number}"
        self._buffers[name] = Buffer(name, _shape(value.type, op), _dtype(value.type, op))
        return name


def _role(main: func.FuncOp, number: int) -> tuple[str, str]:
    """Whether argument `number` of main is an input, a parameter or a result, and its name."""
    if isinstance(main.arg_attrs, ArrayAttr):
        attributes = cast(Sequence[DictionaryAttr], main.arg_attrs.data)[number].data
        for role in (INPUT, PARAMETER, RESULT):
            name = attributes.get(role)
            if isinstance(name, StringAttr):
                return role, name.data
    return "", ""


def _is_part(copy: memref.CopyOp) -> bool:
    """Whether a copy is between an argument of main and a part of a stack, which are then the same memory."""
    ends = [behind_memory_views(value) for value in (copy.source, copy.destination)]
    parts = [isinstance(value.owner, PartOp) for value in ends]
    return sum(parts) == 1 and isinstance(ends[parts.index(False)], BlockArgument)


def _is_kept(main: func.FuncOp, number: int) -> bool:
    """Whether an argument of main is kept between runs."""
    attributes = list(main.arg_attrs) if main.arg_attrs is not None else []
    return number < len(attributes) and CACHE in attributes[number].data


def _shape(kind: MemRef, op: Operation) -> tuple[int, ...]:
    """The shape of a buffer, which is row-major; a strided one is as long as it reaches."""
    shape = kind.get_shape()
    count = extent(kind, op)
    words = kind.element_type.get_shape() if isinstance(kind.element_type, VectorType) else ()
    return (*(shape if count == math.prod(shape) else (count,)), *words)


def _dtype(kind: MemRef, op: Operation) -> str:
    form = scalar(kind.element_type)
    if is_nibble(kind.element_type):
        return _NIBBLES
    if form.kind == "wide":
        raise cannot_emit(op, f"a buffer of {kind.element_type} outside the chip", hint="pack it into 8-bit integers")
    return form.name.removesuffix("_t") if form.kind == "native" else _DTYPES[form.name]


def _ports(data: Sequence[Mapping[str, Any]]) -> tuple[Port, ...]:
    return tuple(Port(port["name"], port["buffer"]) for port in data)


def _buffer(data: Mapping[str, Any]) -> Buffer:
    return Buffer(
        data["name"], tuple(int(n) for n in data["shape"]), data["dtype"], str(data["whole"]), int(data["part"])
    )


def _function(data: Mapping[str, Any]) -> Function:
    operands = tuple(Operand(o["name"], bool(o["written"]), o["bundle"]) for o in data["operands"])
    return Function(_kind(data["kind"]), data["name"], operands, tuple(data["scalars"]))


def _step(data: Mapping[str, Any]) -> Step:
    bounds = tuple(Bound(b["of"], int(b["tile"]), int(b["most"])) for b in data["bounds"])
    return Step(_kind(data["kind"]), data["name"], tuple(data["buffers"]), data["function"], int(data["call"]), bounds)


def _kind(text: str) -> Kind:
    if text not in ("kernel", "host"):
        raise ValueError(f"a function runs as kernel or on the host, not as {text!r}")
    return "kernel" if text == "kernel" else "host"

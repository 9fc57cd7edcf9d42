# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A kernel that the user wrote: its C++ source, typed stream ports, II, delay and resources."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import cast

from streamtensor.dialects.dataflow.types import ITensorType, StreamType
from streamtensor.dialects.dataflow.vectors import DEFAULT_WIDTH_BITS, vector_type
from streamtensor.ir.builtin import (
    ArrayAttr,
    DenseArrayBase,
    DictionaryAttr,
    IntegerAttr,
    StringAttr,
    TensorType,
    i64,
)
from streamtensor.ir.core import (
    Attribute,
    EffectInstance,
    MemoryEffect,
    MemoryEffectKind,
    Operation,
    SSAValue,
    VerifyException,
)
from streamtensor.ir.irdl import (
    AttrSizedOperandSegments,
    IRDLOperation,
    ParsePropInAttrDict,
    irdl_op_definition,
    opt_prop_def,
    prop_def,
    traits_def,
    var_operand_def,
    var_result_def,
)

RESOURCES = ("dsp", "bram", "uram", "lut", "ff")
"""What a kernel's resources are counted in; bram and uram are blocks of 36 and of 288 kbit."""
BRAM_BITS, URAM_BITS = 36 * 1024, 288 * 1024


def memory_bits(resources: Mapping[str, int]) -> int:
    """On-chip memory in bits of so many blocks."""
    return resources.get("bram", 0) * BRAM_BITS + resources.get("uram", 0) * URAM_BITS


class _FifoEffect(MemoryEffect):
    """On FIFOs the kernel reads and writes; on values it only makes its results."""

    @classmethod
    def get_effects(cls, op: Operation) -> AbstractSet[EffectInstance]:
        on_fifos = any(isinstance(value.type, StreamType) for value in op.operands)
        return frozenset({EffectInstance(MemoryEffectKind.WRITE)} if on_fifos else ())


@irdl_op_definition
class ExternKernelOp(IRDLOperation):
    """Hand-written HLS C++ that reads `ins` and fills `outs`, which are its ports in this order.

    It has three forms: on tensors (tensor level), on itensors inside a kernel, where it stands like a task, and on
    FIFOs at the stream level, where it has no results. `ports` are the itensor types that the user declared, tokens as
    tiles, at every level; what flows through a FIFO of a port is the vector form of its type for `width_bits`, which is
    what the C++ function takes: `void function(hls::stream<hls::vector<T, N>> &in, ..., hls::stream<...> &out, ...)`,
    `hls::stream<T>` where a vector has one element.

    `ii` is the cycles between two tokens of a port and `delay` the cycles from the start to the first token written.
    `reads_before_writes` says how coarsely reads and writes alternate: the tokens of each in port that are read
    before the results that need them are written, over and over until the ports are exhausted. Without it nothing is
    promised: any order of reads and writes may occur.
    """

    name = "dataflow.extern_kernel"

    sym_name = prop_def(StringAttr)
    source = prop_def(StringAttr)
    headers = opt_prop_def(ArrayAttr)
    function = prop_def(StringAttr)
    ports = prop_def(ArrayAttr)
    ii = prop_def(IntegerAttr.constr(i64))
    delay = prop_def(IntegerAttr.constr(i64))
    reads_before_writes = opt_prop_def(DenseArrayBase.constr(i64))
    resources = opt_prop_def(DictionaryAttr)
    width_bits = prop_def(IntegerAttr.constr(i64))
    ins = var_operand_def()
    outs = var_operand_def()
    results_ = var_result_def()

    irdl_options = (AttrSizedOperandSegments(as_property=True), ParsePropInAttrDict())
    traits = traits_def(_FifoEffect())
    assembly_format = (
        "$sym_name (`ins` `(` $ins^ `:` type($ins) `)`)? (`outs` `(` $outs^ `:` type($outs) `)`)? "
        "attr-dict (`->` type($results_)^)?"
    )

    def __init__(
        self,
        name: str,
        ins: Sequence[SSAValue],
        outs: Sequence[SSAValue],
        *,
        source: str,
        function: str,
        ports: Sequence[ITensorType],
        headers: Sequence[str] = (),
        ii: int = 1,
        delay: int = 0,
        reads_before_writes: Sequence[int] | None = None,
        resources: Mapping[str, int] | None = None,
        width_bits: int = DEFAULT_WIDTH_BITS,
    ) -> None:
        properties: dict[str, Attribute | None] = {
            "sym_name": StringAttr(name),
            "source": StringAttr(source),
            "headers": ArrayAttr([StringAttr(header) for header in headers]) if headers else None,
            "function": StringAttr(function),
            "ports": ArrayAttr(list(ports)),
            "ii": IntegerAttr(ii, i64),
            "delay": IntegerAttr(delay, i64),
            "width_bits": IntegerAttr(width_bits, i64),
        }
        if reads_before_writes is not None:
            properties["reads_before_writes"] = DenseArrayBase.from_list(i64, list(reads_before_writes))
        if resources:
            properties["resources"] = DictionaryAttr({key: IntegerAttr(n, i64) for key, n in resources.items()})
        super().__init__(
            operands=[list(ins), list(outs)],
            result_types=[[value.type for value in outs if not isinstance(value.type, StreamType)]],
            properties=properties,
        )
        for result in self.results_:
            result.name_hint = name

    def on(self, ins: Sequence[SSAValue], outs: Sequence[SSAValue]) -> ExternKernelOp:
        """The same kernel on other operands, with the results that these ask for."""
        made = ExternKernelOp.build(
            operands=[list(ins), list(outs)],
            result_types=[[value.type for value in outs if not isinstance(value.type, StreamType)]],
            properties={key: value for key, value in self.properties.items() if key != "operandSegmentSizes"},
            attributes=dict(self.attributes),
        )
        for result in made.results_:
            result.name_hint = self.task_name
        return made

    # ---- what the properties say

    @property
    def task_name(self) -> str:
        """The name, unique in its kernel."""
        return self.sym_name.data

    @property
    def port_types(self) -> list[ITensorType]:
        """The declared types of all ports, ins first."""
        return [port for port in self.ports if isinstance(port, ITensorType)]

    @property
    def in_ports(self) -> list[ITensorType]:
        """The declared types of the ports that are read."""
        return self.port_types[: len(self.ins)]

    @property
    def out_ports(self) -> list[ITensorType]:
        """The declared types of the ports that are written."""
        return self.port_types[len(self.ins) :]

    @property
    def vector_ports(self) -> list[ITensorType]:
        """The types of all ports as the C++ function has them."""
        return [vector_type(port, self.width_bits.value.data) for port in self.port_types]

    @property
    def header_files(self) -> list[str]:
        """The files that the source includes."""
        return [header.data for header in self.headers or () if isinstance(header, StringAttr)]

    @property
    def resource_counts(self) -> dict[str, int]:
        """The user's figures by kind (see RESOURCES)."""
        if self.resources is None:
            return {}
        return {key: cast(IntegerAttr, n).value.data for key, n in self.resources.data.items()}

    @property
    def memory_bits(self) -> int:
        """On-chip memory of the kernel in bits, by the blocks that the user says it takes."""
        return memory_bits(self.resource_counts)

    @property
    def round_tokens(self) -> list[int]:
        """Tokens of each in port, of its declared type, in one round of reading and then writing."""
        if self.reads_before_writes is None:
            return [port.layout.num_tokens for port in self.in_ports]
        return [int(n) for n in self.reads_before_writes.get_values()]

    # ---- verification

    def verify_(self) -> None:
        self._verify_description()
        ports = self.port_types
        operands = list(self.operands)
        if len(ports) != len(operands):
            raise VerifyException(f"has {len(ports)} ports for {len(self.ins)} ins and {len(self.outs)} outs")
        forms = {type(value.type) for value in operands}
        if len(forms) != 1 or not forms <= {TensorType, ITensorType, StreamType}:
            raise VerifyException("its operands are all tensors, all itensors or all FIFOs")
        for number, (port, value) in enumerate(zip(ports, operands, strict=True)):
            self._verify_port(number, port, value.type)
        for port in self.in_ports:
            if "gapped" in port.layout.coverage().kind:
                raise VerifyException(f"an in port reads all of its data, but {port} is {port.layout.coverage()}")
        for port in self.out_ports:
            if port.layout.coverage().kind != "regular":
                raise VerifyException(f"an out port writes each element once, but {port} is {port.layout.coverage()}")
        wanted = [value.type for value in self.outs if not isinstance(value.type, StreamType)]
        if [value.type for value in self.results_] != wanted:
            raise VerifyException("the results have the types of the outs")
        self._verify_rounds()

    def _verify_description(self) -> None:
        if not re.fullmatch(r"[A-Za-z_]\w*", self.function.data):
            raise VerifyException(f"{self.function.data!r} is not the name of a C++ function")
        if self.ii.value.data < 1:
            raise VerifyException(f"the II is {self.ii.value.data}; the least is 1")
        if self.delay.value.data < 0:
            raise VerifyException(f"the delay is {self.delay.value.data}; the least is 0")
        if self.width_bits.value.data < 1:
            raise VerifyException(f"the width is {self.width_bits.value.data} bits; the least is 1")
        if len(self.port_types) != len(self.ports):
            raise VerifyException("the ports are itensor types")
        for port in self.port_types:
            if not isinstance(port.element, TensorType):
                raise VerifyException(f"a port is declared with tiles as tokens, not vectors: {port}")
        for key, count in (self.resources.data if self.resources else {}).items():
            if key not in RESOURCES:
                raise VerifyException(f"no resource {key}; there are {', '.join(RESOURCES)}")
            if not isinstance(count, IntegerAttr) or count.value.data < 0:
                raise VerifyException(f"the count of {key} is a number from 0 on")

    def _verify_port(self, number: int, port: ITensorType, given: Attribute) -> None:
        vectors = vector_type(port, self.width_bits.value.data)
        if isinstance(given, TensorType):
            fits = given.element_type == port.scalar and tuple(given.get_shape()) == port.data_shape
        elif isinstance(given, StreamType):
            fits = given.element == vectors.element
        else:
            fits = given in (port, vectors)
        if not fits:
            raise VerifyException(f"port {number} is {port} of {_shape(port)}, but operand {number} is {given}")

    def _verify_rounds(self) -> None:
        if self.reads_before_writes is None:
            return
        tokens = self.round_tokens
        if len(tokens) != len(self.ins):
            raise VerifyException(f"reads_before_writes has {len(tokens)} numbers for {len(self.ins)} ins")
        rounds: list[int] = []
        for number, (count, port) in enumerate(zip(tokens, self.in_ports, strict=True)):
            total = port.layout.num_tokens
            if count < 1 or total % count:
                raise VerifyException(f"port {number} reads {count} tokens at a time, which do not divide its {total}")
            rounds.append(total // count)
        for fewer, more in zip(sorted(rounds), sorted(rounds)[1:], strict=False):
            if more % fewer:
                raise VerifyException(f"the ports are read in {fewer} and in {more} rounds, which do not nest")
        most = max(rounds, default=1)
        for number, port in enumerate(self.out_ports):
            if port.layout.num_tokens % most:
                raise VerifyException(
                    f"out port {number} has {port.layout.num_tokens} tokens, which {most} rounds do not divide"
                )


def _shape(port: ITensorType) -> str:
    return "x".join([*(str(n) for n in port.data_shape), str(port.scalar)])

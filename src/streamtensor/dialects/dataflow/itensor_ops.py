# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Operations on iterative tensors: placeholders, reads, writes and converters between two orders."""

from __future__ import annotations

from typing import ClassVar

from streamtensor.algebra.converter import Converter, infer_converter
from streamtensor.dialects.dataflow.loops import loops_around
from streamtensor.dialects.dataflow.structure_ops import task_around
from streamtensor.dialects.dataflow.types import ElementType, ITensorType
from streamtensor.ir.builtin import DenseArrayBase, IntegerAttr, i64
from streamtensor.ir.core import NoMemoryEffect, Operation, Pure, SSAValue, VerifyException
from streamtensor.ir.irdl import (
    IRDLOperation,
    Parser,
    Printer,
    VarConstraint,
    base,
    irdl_op_definition,
    operand_def,
    prop_def,
    result_def,
    traits_def,
)


@irdl_op_definition
class ITensorEmptyOp(IRDLOperation):
    """The start of a chain of writes: an itensor into which nothing has been written yet; later a FIFO."""

    name = "dataflow.itensor_empty"

    result = result_def(ITensorType)
    traits = traits_def(NoMemoryEffect())
    assembly_format = "attr-dict `:` type($result)"

    def __init__(self, itensor: ITensorType) -> None:
        super().__init__(result_types=[itensor])


@irdl_op_definition
class ITensorReadOp(IRDLOperation):
    """The next token of `source`. The loops around the read are the iteration space of the type."""

    name = "dataflow.itensor_read"

    source = operand_def(ITensorType)
    result = result_def()
    assembly_format = "$source attr-dict `:` type($source) `->` type($result)"

    def __init__(self, source: SSAValue) -> None:
        assert isinstance(source.type, ITensorType)
        super().__init__(operands=[source], result_types=[source.type.element])

    def verify_(self) -> None:
        assert isinstance(self.source.type, ITensorType)
        _verify_token(self, self.result.type, self.source.type)
        task = task_around(self)
        others = (use.operation for use in self.source.uses if use.operation is not self)
        if task is not None and any(isinstance(op, ITensorReadOp) and task_around(op) is task for op in others):
            raise VerifyException(f"task {task.task_name} reads the same itensor in two places; it has one cursor")


@irdl_op_definition
class ITensorWriteOp(IRDLOperation):
    """Appends the token `value` to `dest`; the result is the itensor with it, so that SSA order is stream order."""

    name = "dataflow.itensor_write"

    T: ClassVar = VarConstraint("T", base(ITensorType))

    value = operand_def()
    dest = operand_def(T)
    result = result_def(T)
    assembly_format = "$value `into` $dest attr-dict `:` type($value) `->` type($dest)"

    def __init__(self, value: SSAValue | Operation, dest: SSAValue) -> None:
        super().__init__(operands=[value, dest], result_types=[dest.type])

    def verify_(self) -> None:
        assert isinstance(self.dest.type, ITensorType)
        _verify_token(self, self.value.type, self.dest.type)
        if isinstance(self.dest.owner, ITensorWriteOp):
            raise VerifyException("follows another write to the same itensor, which has one token for each iteration")


@irdl_op_definition
class ITensorConverterOp(IRDLOperation):
    """A ping-pong buffer that turns the order of `source` into the order of the result.

    `buffer_shape` is the part of the data that is held at once and `shared_loops` the number of outer loops that both
    orders share, once around which the buffer is filled and drained. Both are stored so that a reader sees them, and
    verified against what inference gives.
    """

    name = "dataflow.itensor_converter"

    source = operand_def(ITensorType)
    buffer_shape = prop_def(DenseArrayBase.constr(i64))
    shared_loops = prop_def(IntegerAttr)
    result = result_def(ITensorType)
    traits = traits_def(Pure())

    def __init__(self, source: SSAValue, target: ITensorType) -> None:
        assert isinstance(source.type, ITensorType)
        converter = infer_converter(source.type.layout, target.layout)
        if not isinstance(converter, Converter):
            raise VerifyException(converter.reason)
        super().__init__(
            operands=[source],
            result_types=[target],
            properties={
                "buffer_shape": DenseArrayBase.from_list(i64, list(converter.buffer)),
                "shared_loops": IntegerAttr(converter.shared_loops, i64),
            },
        )

    def print(self, printer: Printer) -> None:
        """`%r = dataflow.itensor_converter %s buffer [8, 2] shared 1 : source -> result`"""
        printer.print_string(" ")
        printer.print_operand(self.source)
        shape = ", ".join(str(n) for n in self.buffer_shape.get_values())
        printer.print_string(f" buffer [{shape}] shared {self.shared_loops.value.data}")
        printer.print_op_attributes(self.attributes)
        printer.print_string(" : ")
        printer.print_attribute(self.source.type)
        printer.print_string(" -> ")
        printer.print_attribute(self.result.type)

    @classmethod
    def parse(cls, parser: Parser) -> ITensorConverterOp:
        """The inverse of `print`."""
        source = parser.parse_unresolved_operand()
        parser.parse_keyword("buffer")
        shape = parser.parse_comma_separated_list(parser.Delimiter.SQUARE, parser.parse_integer)
        parser.parse_keyword("shared")
        shared = parser.parse_integer()
        attributes = parser.parse_optional_attr_dict()
        parser.parse_punctuation(":")
        source_type = parser.parse_type()
        parser.parse_punctuation("->")
        return cls.create(
            operands=[parser.resolve_operand(source, source_type)],
            result_types=[parser.parse_type()],
            properties={
                "buffer_shape": DenseArrayBase.from_list(i64, shape),
                "shared_loops": IntegerAttr(shared, i64),
            },
            attributes=attributes,
        )

    @property
    def converter(self) -> Converter:
        """What inference gives for the two types."""
        assert isinstance(self.source.type, ITensorType)
        assert isinstance(self.result.type, ITensorType)
        converter = infer_converter(self.source.type.layout, self.result.type.layout)
        if not isinstance(converter, Converter):
            raise VerifyException(f"{self.source.type} can't be converted to {self.result.type}: {converter.reason}")
        return converter

    @property
    def buffer_bits(self) -> int:
        """On-chip bits of the buffer: twice its size when it is filled and drained at the same time."""
        assert isinstance(self.source.type, ITensorType)
        return self.converter.ping_pong_bits(self.source.type.scalar_bits)

    def verify_(self) -> None:
        assert isinstance(self.source.type, ITensorType)
        assert isinstance(self.result.type, ITensorType)
        if self.source.type.scalar != self.result.type.scalar:
            raise VerifyException(f"converts {self.source.type.scalar} into {self.result.type.scalar}")
        converter = self.converter
        shape = tuple(int(n) for n in self.buffer_shape.get_values())
        if shape != converter.buffer or self.shared_loops.value.data != converter.shared_loops:
            raise VerifyException(
                f"says buffer {list(shape)} with {self.shared_loops.value.data} shared loops, but the types give "
                f"{list(converter.buffer)} with {converter.shared_loops}"
            )


def _verify_token(op: Operation, value: object, itensor: ITensorType) -> None:
    """The value is one token, and the loops around `op` are the iteration space of `itensor`."""
    element: ElementType = itensor.element
    if value != element:
        raise VerifyException(f"the token is {value} but the itensor has elements of {element}")
    found = [(loop.tripcount, loop.step) for loop in loops_around(op) if loop.tripcount != 1]
    layout = itensor.layout
    wanted = [(t, s) for t, s in zip(layout.tripcounts, layout.steps, strict=True) if t != 1]
    if not _counts_through(found, wanted):
        raise VerifyException(
            f"the loops around it are {_space(found)} but the itensor has iter_space {_space(wanted)} "
            "(loops of one iteration left out)"
        )


def _counts_through(loops: list[tuple[int, int]], wanted: list[tuple[int, int]]) -> bool:
    """Whether `loops` are `wanted`, where one wanted loop may stand as several that count through the same values."""
    rest = list(loops)
    for tripcount, step in wanted:
        done = 1
        taken: list[tuple[int, int]] = []
        while rest and done < tripcount:
            taken.append(rest.pop(0))
            done *= taken[-1][0]
        if done != tripcount:
            return False
        expected = step
        for inner_tripcount, inner_step in reversed(taken):
            if inner_step != expected:
                return False
            expected *= inner_tripcount
    return not rest


def _space(loops: list[tuple[int, int]]) -> str:
    return f"{[t for t, _ in loops]} * {[s for _, s in loops]}"

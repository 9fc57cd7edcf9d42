# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Operations on whole iterative tensors: placeholders, and converters between two orders."""

from __future__ import annotations

from streamtensor.algebra.converter import Converter, infer_converter
from streamtensor.dialects.dataflow.types import ITensorType
from streamtensor.ir.builtin import DenseArrayBase, IntegerAttr, i64
from streamtensor.ir.core import NoMemoryEffect, Pure, SSAValue, VerifyException
from streamtensor.ir.irdl import (
    IRDLOperation,
    Parser,
    Printer,
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

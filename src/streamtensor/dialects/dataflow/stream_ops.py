# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The low level: FIFOs with a depth, and what goes through them."""

from __future__ import annotations

from streamtensor.dialects.dataflow.structure_ops import task_around
from streamtensor.dialects.dataflow.types import StreamType
from streamtensor.ir.builtin import IntegerAttr, StringAttr, i64
from streamtensor.ir.core import Attribute, SSAValue, VerifyException
from streamtensor.ir.irdl import (
    IRDLOperation,
    Parser,
    Printer,
    irdl_op_definition,
    operand_def,
    prop_def,
    result_def,
)


@irdl_op_definition
class StreamOp(IRDLOperation):
    """A FIFO of `depth` tokens with one writer and one reader; its name is unique in the kernel."""

    name = "dataflow.stream"

    sym_name = prop_def(StringAttr)
    depth = prop_def(IntegerAttr.constr(i64))
    result = result_def(StreamType)

    def __init__(self, name: str, element: Attribute, depth: int) -> None:
        super().__init__(
            result_types=[StreamType(element)],
            properties={"sym_name": StringAttr(name), "depth": IntegerAttr(depth, i64)},
        )
        self.result.name_hint = name

    def print(self, printer: Printer) -> None:
        """`%s = dataflow.stream "load_0_to_matmul" depth 2 : !dataflow.stream<f32>`"""
        printer.print_string(" ")
        printer.print_string_literal(self.sym_name.data)
        printer.print_string(f" depth {self.depth.value.data}")
        printer.print_op_attributes(self.attributes)
        printer.print_string(" : ")
        printer.print_attribute(self.result.type)

    @classmethod
    def parse(cls, parser: Parser) -> StreamOp:
        """The inverse of `print`."""
        name = parser.parse_str_literal()
        parser.parse_keyword("depth")
        depth = parser.parse_integer()
        attributes = parser.parse_optional_attr_dict()
        parser.parse_punctuation(":")
        return cls.create(
            result_types=[parser.parse_type()],
            properties={"sym_name": StringAttr(name), "depth": IntegerAttr(depth, i64)},
            attributes=attributes,
        )

    def verify_(self) -> None:
        if self.depth.value.data < 1:
            raise VerifyException(f"FIFO {self.sym_name.data} has depth {self.depth.value.data}; the least is 1")
        for kind, role in ((StreamReadOp, "read"), (StreamWriteOp, "written")):
            tasks = {task_around(use.operation) for use in self.result.uses if isinstance(use.operation, kind)}
            if len(tasks) > 1:
                raise VerifyException(
                    f"FIFO {self.sym_name.data} is {role} in {len(tasks)} tasks; it has one producer and one consumer"
                )


@irdl_op_definition
class StreamReadOp(IRDLOperation):
    """Takes the next token, waiting while the FIFO is empty."""

    name = "dataflow.stream_read"

    stream = operand_def(StreamType)
    result = result_def()
    assembly_format = "$stream attr-dict `:` type($stream) `->` type($result)"

    def __init__(self, stream: SSAValue) -> None:
        assert isinstance(stream.type, StreamType)
        super().__init__(operands=[stream], result_types=[stream.type.element])

    def verify_(self) -> None:
        _verify_token(self.result.type, self.stream.type)


@irdl_op_definition
class StreamWriteOp(IRDLOperation):
    """Appends a token, waiting while the FIFO is full."""

    name = "dataflow.stream_write"

    value = operand_def()
    stream = operand_def(StreamType)
    assembly_format = "$value `into` $stream attr-dict `:` type($value) `->` type($stream)"

    def __init__(self, value: SSAValue, stream: SSAValue) -> None:
        super().__init__(operands=[value, stream])

    def verify_(self) -> None:
        _verify_token(self.value.type, self.stream.type)


def _verify_token(value: Attribute, stream: Attribute) -> None:
    assert isinstance(stream, StreamType)
    if value != stream.element:
        raise VerifyException(f"the token is {value} but the FIFO carries {stream.element}")

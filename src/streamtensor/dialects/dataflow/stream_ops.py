# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The low level: FIFOs with a depth, and what goes through them."""

from __future__ import annotations

from streamtensor.dialects.dataflow.structure_ops import task_around
from streamtensor.dialects.dataflow.types import StreamType
from streamtensor.ir.builtin import IntegerAttr, StringAttr, VectorType, i64
from streamtensor.ir.core import Attribute, Pure, SSAValue, VerifyException
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

FEEDBACK = "dataflow.feedback"
"""Attribute of a FIFO that goes from a layer to the next one, against the order of the tasks."""


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
        uses = [use for fifo in stream_names(self.result) for use in fifo.uses]
        for kind, role in ((StreamReadOp, "read"), (StreamWriteOp, "written")):
            tasks = {task_around(use.operation) for use in uses if isinstance(use.operation, kind)}
            if len(tasks) > 1:
                raise VerifyException(
                    f"FIFO {self.sym_name.data} is {role} in {len(tasks)} tasks; it has one producer and one consumer"
                )


@irdl_op_definition
class StreamCastOp(IRDLOperation):
    """The same FIFO with tokens of another shape: the numbers of a token stay, in row-major order."""

    name = "dataflow.stream_cast"

    source = operand_def(StreamType)
    result = result_def(StreamType)
    traits = traits_def(Pure())
    assembly_format = "$source attr-dict `:` type($source) `->` type($result)"

    def __init__(self, source: SSAValue, element: Attribute) -> None:
        super().__init__(operands=[source], result_types=[StreamType(element)])

    def verify_(self) -> None:
        (source, lanes), (target, others) = (_scalar_and_lanes(value.type) for value in (self.source, self.result))
        if source != target or lanes != others:
            raise VerifyException(f"tokens of {lanes} x {source} are not tokens of {others} x {target}")


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


def stream_behind(value: SSAValue) -> SSAValue:
    """The FIFO that `value` is under another element type, or `value` itself."""
    while isinstance(value.owner, StreamCastOp):
        value = value.owner.source
    return value


def stream_names(stream: SSAValue) -> list[SSAValue]:
    """A FIFO and its casts."""
    casts = [use.operation.result for use in stream.uses if isinstance(use.operation, StreamCastOp)]
    return [stream, *(name for cast in casts for name in stream_names(cast))]


def _scalar_and_lanes(stream: Attribute) -> tuple[Attribute, int]:
    assert isinstance(stream, StreamType)
    element = stream.element
    return (element.element_type, element.element_count()) if isinstance(element, VectorType) else (element, 1)

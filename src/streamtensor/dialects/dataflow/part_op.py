# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""One of several buffers that lie one after the other in memory."""

from __future__ import annotations

from streamtensor.ir.builtin import IntegerAttr, MemRefType, i64
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


@irdl_op_definition
class PartOp(IRDLOperation):
    """Number `number` of the buffers that a stack holds: `memref<24x2x16xf32>` is 24 buffers of 2x16.

    The same memory, from where the part begins; on the host only. It is a buffer of its own for what fills one layer's
    parameters or reads one layer's results, while a kernel takes the whole stack.
    """

    name = "dataflow.part"

    source = operand_def(MemRefType)
    number = prop_def(IntegerAttr.constr(i64))
    result = result_def(MemRefType)
    traits = traits_def(Pure())

    def __init__(self, source: SSAValue, number: int) -> None:
        super().__init__(
            operands=[source],
            result_types=[part_type(source.type)],
            properties={"number": IntegerAttr(number, i64)},
        )

    def print(self, printer: Printer) -> None:
        """`%b = dataflow.part %all[1] : memref<24x2x16xf32>`"""
        printer.print_string(" ")
        printer.print_ssa_value(self.source)
        printer.print_string(f"[{self.number.value.data}]")
        printer.print_op_attributes(self.attributes)
        printer.print_string(" : ")
        printer.print_attribute(self.source.type)

    @classmethod
    def parse(cls, parser: Parser) -> PartOp:
        """The inverse of `print`."""
        unresolved = parser.parse_unresolved_operand()
        parser.parse_punctuation("[")
        number = parser.parse_integer()
        parser.parse_punctuation("]")
        attributes = parser.parse_optional_attr_dict()
        parser.parse_punctuation(":")
        op = cls(parser.resolve_operand(unresolved, parser.parse_type()), number)
        op.attributes = attributes
        return op

    def verify_(self) -> None:
        parts = _shape(self.source.type)[0]
        if not 0 <= self.number.value.data < parts:
            raise VerifyException(f"there is no part {self.number.value.data} of {parts}")
        if self.result.type != part_type(self.source.type):
            raise VerifyException(f"a part of {self.source.type} is {part_type(self.source.type)}")


def stack_type(part: Attribute, count: int) -> MemRefType[Attribute]:
    """The type of `count` buffers of type `part` one after the other."""
    assert isinstance(part, MemRefType)
    return MemRefType(part.element_type, [count, *part.get_shape()])


def part_type(stack: Attribute) -> MemRefType[Attribute]:
    """The type of each buffer of a stack. Raises VerifyException when the stack has no dimension to count parts."""
    assert isinstance(stack, MemRefType)
    return MemRefType(stack.element_type, _shape(stack)[1:])


def _shape(stack: Attribute) -> list[int]:
    assert isinstance(stack, MemRefType)
    shape = list(stack.get_shape())
    if not shape:
        raise VerifyException(f"{stack} has no parts")
    return shape

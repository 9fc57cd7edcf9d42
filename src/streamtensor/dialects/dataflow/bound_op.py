# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The one number that is known at run time only: how many tiles of a context or of a prompt count."""

from __future__ import annotations

from math import prod

from streamtensor.ir.builtin import IndexType, IntegerAttr, IntegerType, MemRefType, i64
from streamtensor.ir.core import SSAValue, VerifyException
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
class BoundOp(IRDLOperation):
    """The tiles of `tile` rows up to the one that `position` lies in, at most `most` (`algebra.run_time_bound`).

    `position` is an integer in memory, the index of the last row that counts. The result bounds loops over tiles. Only
    the host evaluates it, before a launch.
    """

    name = "dataflow.bound"

    position = operand_def(MemRefType)
    tile = prop_def(IntegerAttr.constr(i64))
    most = prop_def(IntegerAttr.constr(i64))
    result = result_def(IndexType)

    def __init__(self, position: SSAValue, tile: int, most: int) -> None:
        super().__init__(
            operands=[position],
            result_types=[IndexType()],
            properties={"tile": IntegerAttr(tile, i64), "most": IntegerAttr(most, i64)},
        )

    def print(self, printer: Printer) -> None:
        """`%n = dataflow.bound %position tile 16 most 24 : memref<1xi64>`"""
        printer.print_string(" ")
        printer.print_ssa_value(self.position)
        printer.print_string(f" tile {self.tile.value.data} most {self.most.value.data}")
        printer.print_op_attributes(self.attributes)
        printer.print_string(" : ")
        printer.print_attribute(self.position.type)

    @classmethod
    def parse(cls, parser: Parser) -> BoundOp:
        """The inverse of `print`."""
        unresolved = parser.parse_unresolved_operand()
        parser.parse_keyword("tile")
        tile = parser.parse_integer()
        parser.parse_keyword("most")
        most = parser.parse_integer()
        attributes = parser.parse_optional_attr_dict()
        parser.parse_punctuation(":")
        op = cls(parser.resolve_operand(unresolved, parser.parse_type()), tile, most)
        op.attributes = attributes
        return op

    def verify_(self) -> None:
        type = self.position.type
        assert isinstance(type, MemRefType)
        if not isinstance(type.element_type, IntegerType) or prod(type.get_shape()) != 1:
            raise VerifyException(f"the position is one integer in memory, not {type}")
        if self.tile.value.data < 1 or self.most.value.data < 1:
            raise VerifyException(f"{self.most.value.data} tiles of {self.tile.value.data} rows: the least is 1")

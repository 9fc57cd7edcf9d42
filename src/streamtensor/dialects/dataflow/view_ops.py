# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Other types of the same stream: no token moves, so these operations cost nothing in hardware."""

from __future__ import annotations

from collections.abc import Sequence

from streamtensor.algebra.errors import LayoutError
from streamtensor.algebra.layout import same_order
from streamtensor.algebra.rewrites import check_reassociation
from streamtensor.dialects.dataflow.types import ITensorType
from streamtensor.ir.builtin import ArrayAttr, IntegerAttr, VectorType, i64
from streamtensor.ir.core import Pure, SSAValue, VerifyException
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
class ITensorCastOp(IRDLOperation):
    """The same tokens in the same order under another type: a loop is split, or a step stands in the map."""

    name = "dataflow.itensor_cast"

    source = operand_def(ITensorType)
    result = result_def(ITensorType)
    traits = traits_def(Pure())
    assembly_format = "$source attr-dict `:` type($source) `->` type($result)"

    def __init__(self, source: SSAValue, target: ITensorType) -> None:
        super().__init__(operands=[source], result_types=[target])

    def verify_(self) -> None:
        source, target = self.source.type, self.result.type
        assert isinstance(source, ITensorType)
        assert isinstance(target, ITensorType)
        if source.element != target.element:
            raise VerifyException(f"casts tokens of {source.element} to tokens of {target.element}")
        if source.data_shape != target.data_shape:
            raise VerifyException(f"casts data of {_x(source.data_shape)} to data of {_x(target.data_shape)}")
        if not same_order(source.layout, target.layout):
            raise VerifyException(
                f"the stream orders differ: '{source.layout}' and '{target.layout}'; an itensor_converter changes them"
            )


@irdl_op_definition
class ITensorReassociateOp(IRDLOperation):
    """The same stream as tokens of another rank: `groups[i]` are the dimensions that are dimension i of the lower rank.

    It is what expand_shape and collapse_shape are for tensors; which of the two follows from the ranks.
    """

    name = "dataflow.itensor_reassociate"

    source = operand_def(ITensorType)
    groups = prop_def(ArrayAttr[ArrayAttr[IntegerAttr]])
    result = result_def(ITensorType)
    traits = traits_def(Pure())

    def __init__(self, source: SSAValue, groups: Sequence[Sequence[int]], target: ITensorType) -> None:
        super().__init__(
            operands=[source],
            result_types=[target],
            properties={"groups": _groups_attribute(groups)},
        )

    def print(self, printer: Printer) -> None:
        """`%r = dataflow.itensor_reassociate %s [[0, 1], [2]] : source -> result`"""
        printer.print_string(" ")
        printer.print_operand(self.source)
        printer.print_string(f" {[list(group) for group in self.group_lists]}")
        printer.print_op_attributes(self.attributes)
        printer.print_string(" : ")
        printer.print_attribute(self.source.type)
        printer.print_string(" -> ")
        printer.print_attribute(self.result.type)

    @classmethod
    def parse(cls, parser: Parser) -> ITensorReassociateOp:
        """The inverse of `print`."""
        source = parser.parse_unresolved_operand()
        square = parser.Delimiter.SQUARE
        groups = parser.parse_comma_separated_list(
            square, lambda: parser.parse_comma_separated_list(square, parser.parse_integer)
        )
        attributes = parser.parse_optional_attr_dict()
        parser.parse_punctuation(":")
        source_type = parser.parse_type()
        parser.parse_punctuation("->")
        return cls.create(
            operands=[parser.resolve_operand(source, source_type)],
            result_types=[parser.parse_type()],
            properties={"groups": _groups_attribute(groups)},
            attributes=attributes,
        )

    @property
    def group_lists(self) -> tuple[tuple[int, ...], ...]:
        """The groups as numbers."""
        return tuple(tuple(dim.value.data for dim in group) for group in self.groups)

    @property
    def expands(self) -> bool:
        """Whether the result has the higher rank."""
        assert isinstance(self.source.type, ITensorType)
        assert isinstance(self.result.type, ITensorType)
        return self.result.type.layout.rank > self.source.type.layout.rank

    def verify_(self) -> None:
        source, target = self.source.type, self.result.type
        assert isinstance(source, ITensorType)
        assert isinstance(target, ITensorType)
        if source.scalar != target.scalar:
            raise VerifyException(f"turns {source.scalar} into {target.scalar}")
        if isinstance(source.element, VectorType) != isinstance(target.element, VectorType):
            raise VerifyException(f"turns tokens of {source.element} into tokens of {target.element}")
        expanded, collapsed = (target, source) if self.expands else (source, target)
        try:
            check_reassociation(expanded.layout, collapsed.layout, self.group_lists)
        except LayoutError as error:
            raise VerifyException(error.reason) from error


View = ITensorCastOp | ITensorReassociateOp


def behind_views(value: SSAValue) -> SSAValue:
    """The itensor that `value` is under another type, or `value` itself."""
    while isinstance(value.owner, View):
        value = value.owner.source
    return value


def _groups_attribute(groups: Sequence[Sequence[int]]) -> ArrayAttr[ArrayAttr[IntegerAttr]]:
    return ArrayAttr([ArrayAttr([IntegerAttr(dim, i64) for dim in group]) for group in groups])


def _x(shape: Sequence[int]) -> str:
    return "x".join(map(str, shape)) or "one element"

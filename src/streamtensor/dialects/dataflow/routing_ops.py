# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Whole itensors that are copied, cut into parts and put together.

They stand between tasks. Like a write they carry their destinations (`into`), so that the result of a kernel can be
one; nothing is in a destination before. `materialize-routing` makes tasks of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from streamtensor.algebra.errors import LayoutError
from streamtensor.algebra.routing import check_ranges, check_turns
from streamtensor.dialects.dataflow.instance_op import ITensorInstanceOp
from streamtensor.dialects.dataflow.itensor_ops import ITensorEmptyOp
from streamtensor.dialects.dataflow.structure_ops import task_around
from streamtensor.dialects.dataflow.types import ITensorType
from streamtensor.ir.builtin import IntegerAttr, i64
from streamtensor.ir.core import Block, Operation, Pure, SSAValue, VerifyException
from streamtensor.ir.irdl import (
    IRDLOperation,
    Parser,
    Printer,
    irdl_op_definition,
    operand_def,
    prop_def,
    result_def,
    traits_def,
    var_operand_def,
    var_result_def,
)

Op = TypeVar("Op", bound=Operation)


@irdl_op_definition
class ITensorForkOp(IRDLOperation):
    """Copies every token of `source` to each of the destinations; each copy has one reader."""

    name = "dataflow.itensor_fork"

    source = operand_def(ITensorType)
    dests = var_operand_def(ITensorType)
    results_ = var_result_def(ITensorType)
    traits = traits_def(Pure())

    def __init__(self, source: SSAValue, dests: Sequence[SSAValue]) -> None:
        super().__init__(operands=[source, list(dests)], result_types=[[dest.type for dest in dests]])

    def print(self, printer: Printer) -> None:
        """`%x, %y = dataflow.itensor_fork %s into %d, %e : source -> result, result`"""
        _print(self, printer, [self.source], "", self.dests)

    @classmethod
    def parse(cls, parser: Parser) -> ITensorForkOp:
        """The inverse of `print`."""
        return _parse(cls, parser, "", None)

    def verify_(self) -> None:
        _verify_destinations(self, self.dests, self.results_)
        for number, result in enumerate(self.results_):
            if result.type != self.source.type:
                raise VerifyException(f"copy {number} is {result.type}, but the source is {self.source.type}")
            if result.uses.get_length() > 1:
                raise VerifyException(f"copy {number} has {result.uses.get_length()} uses; each use has its own copy")


@irdl_op_definition
class ITensorChunkOp(IRDLOperation):
    """Cuts `source` into parts that lie behind each other along data dimension `dim`, as large as the results are.

    One loop of the source moves along this dimension and along no other; a part is a range of its iterations.
    """

    name = "dataflow.itensor_chunk"

    source = operand_def(ITensorType)
    dim = prop_def(IntegerAttr.constr(i64))
    dests = var_operand_def(ITensorType)
    results_ = var_result_def(ITensorType)
    traits = traits_def(Pure())

    def __init__(self, source: SSAValue, dim: int, dests: Sequence[SSAValue]) -> None:
        super().__init__(
            operands=[source, list(dests)],
            result_types=[[dest.type for dest in dests]],
            properties={"dim": IntegerAttr(dim, i64)},
        )

    def print(self, printer: Printer) -> None:
        """`%x, %y = dataflow.itensor_chunk %s dim 0 into %d, %e : source -> result, result`"""
        _print(self, printer, [self.source], f" dim {self.dim.value.data}", self.dests)

    @classmethod
    def parse(cls, parser: Parser) -> ITensorChunkOp:
        """The inverse of `print`."""
        return _parse(cls, parser, "dim", None)

    def verify_(self) -> None:
        _verify_destinations(self, self.dests, self.results_)
        _verify_parts(self.source, self.results_, self.dim.value.data, "dim")


@irdl_op_definition
class ITensorConcatOp(IRDLOperation):
    """Puts `sources` behind each other along data dimension `dim`: the inverse of a chunk."""

    name = "dataflow.itensor_concat"

    sources = var_operand_def(ITensorType)
    dest = operand_def(ITensorType)
    dim = prop_def(IntegerAttr.constr(i64))
    result = result_def(ITensorType)
    traits = traits_def(Pure())

    def __init__(self, sources: Sequence[SSAValue], dim: int, dest: SSAValue) -> None:
        super().__init__(
            operands=[list(sources), dest], result_types=[dest.type], properties={"dim": IntegerAttr(dim, i64)}
        )

    def print(self, printer: Printer) -> None:
        """`%r = dataflow.itensor_concat %s, %t dim 0 into %d : source, source -> result`"""
        _print(self, printer, self.sources, f" dim {self.dim.value.data}", [self.dest])

    @classmethod
    def parse(cls, parser: Parser) -> ITensorConcatOp:
        """The inverse of `print`."""
        return _parse(cls, parser, "dim", 1)

    def verify_(self) -> None:
        _verify_destinations(self, [self.dest], [self.result])
        _verify_parts(self.result, self.sources, self.dim.value.data, "dim")


@irdl_op_definition
class ITensorJoinOp(IRDLOperation):
    """N streams that take turns: source n brings the iterations n, n + N, ... of loop `loop` of the result.

    A source has the result's type with the tripcount of this loop divided by N and its step multiplied by N. Where a
    source begins, n steps in, belongs to the join and not to a type.
    """

    name = "dataflow.itensor_join"

    sources = var_operand_def(ITensorType)
    dest = operand_def(ITensorType)
    loop = prop_def(IntegerAttr.constr(i64))
    result = result_def(ITensorType)
    traits = traits_def(Pure())

    def __init__(self, sources: Sequence[SSAValue], loop: int, dest: SSAValue) -> None:
        super().__init__(
            operands=[list(sources), dest], result_types=[dest.type], properties={"loop": IntegerAttr(loop, i64)}
        )

    def print(self, printer: Printer) -> None:
        """`%r = dataflow.itensor_join %s, %t loop 0 into %d : source, source -> result`"""
        _print(self, printer, self.sources, f" loop {self.loop.value.data}", [self.dest])

    @classmethod
    def parse(cls, parser: Parser) -> ITensorJoinOp:
        """The inverse of `print`."""
        return _parse(cls, parser, "loop", 1)

    def verify_(self) -> None:
        _verify_destinations(self, [self.dest], [self.result])
        _verify_parts(self.result, self.sources, self.loop.value.data, "loop")


RoutingOp = ITensorForkOp | ITensorChunkOp | ITensorConcatOp | ITensorJoinOp


def _verify_destinations(op: Operation, dests: Sequence[SSAValue], results: Sequence[SSAValue]) -> None:
    task = task_around(op)
    if task is not None:
        raise VerifyException(f"stands in task {task.task_name}; whole itensors are routed between tasks")
    if not dests:
        raise VerifyException("has no destination")
    for dest, result in zip(dests, results, strict=True):
        if dest.type != result.type:
            raise VerifyException(f"the destination is {dest.type}, but the result is {result.type}")
        if not isinstance(dest.owner, Block | ITensorEmptyOp | ITensorInstanceOp) or not dest.has_one_use():
            raise VerifyException("something else writes into the destination, or reads it")


def _verify_parts(whole: SSAValue, parts: Sequence[SSAValue], number: int, kind: str) -> None:
    """The parts are ranges of the whole along dimension `number`, or take turns in its loop `number`."""
    assert isinstance(whole.type, ITensorType)
    if not parts:
        raise VerifyException("has no parts")
    layouts = [part.type.layout for part in parts if isinstance(part.type, ITensorType)]
    for index, part in enumerate(parts):
        assert isinstance(part.type, ITensorType)
        if part.type.element != whole.type.element:
            raise VerifyException(
                f"part {index} has tokens of {part.type.element}, the whole has tokens of {whole.type.element}"
            )
    try:
        (check_ranges if kind == "dim" else check_turns)(whole.type.layout, layouts, number)
    except LayoutError as error:
        raise VerifyException(error.reason) from error


def _print(op: Operation, printer: Printer, sources: Sequence[SSAValue], where: str, dests: Sequence[SSAValue]) -> None:
    printer.print_string(" ")
    printer.print_list(sources, printer.print_operand)
    printer.print_string(f"{where} into ")
    printer.print_list(dests, printer.print_operand)
    printer.print_op_attributes(op.attributes)
    printer.print_string(" : ")
    printer.print_list([source.type for source in sources], printer.print_attribute)
    printer.print_string(" -> ")
    printer.print_list([dest.type for dest in dests], printer.print_attribute)


def _parse(cls: type[Op], parser: Parser, where: str, dests: int | None) -> Op:
    """Reads what `_print` writes; `dests` is how many destinations there are, None for any number with one source."""
    sources = parser.parse_comma_separated_list(parser.Delimiter.NONE, parser.parse_unresolved_operand)
    properties: dict[str, IntegerAttr] = {}
    if where:
        parser.parse_keyword(where)
        properties[where] = IntegerAttr(parser.parse_integer(allow_boolean=False), i64)
    parser.parse_keyword("into")
    into = parser.parse_comma_separated_list(parser.Delimiter.NONE, parser.parse_unresolved_operand)
    if len(into if dests else sources) != 1:
        parser.raise_error("expected one destination" if dests else "expected one source")
    attributes = parser.parse_optional_attr_dict()
    parser.parse_punctuation(":")
    source_types = parser.parse_comma_separated_list(parser.Delimiter.NONE, parser.parse_type)
    parser.parse_punctuation("->")
    types = parser.parse_comma_separated_list(parser.Delimiter.NONE, parser.parse_type)
    position = parser.pos
    return cls.create(
        operands=[
            *parser.resolve_operands(sources, source_types, position),
            *parser.resolve_operands(into, types, position),
        ],
        result_types=types,
        properties=properties,
        attributes=attributes,
    )

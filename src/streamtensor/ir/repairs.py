# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Faults of the pinned release of the IR framework, repaired where all code meets it.

Each repair says what MLIR does and what the framework did instead; each has a test that tells when it may go.
"""

import re
from collections.abc import Callable
from typing import Any, TypeVar, cast

from xdsl.dialects import tensor
from xdsl.dialects.builtin import ArrayAttr, IndexType, IntegerAttr, ShapedType
from xdsl.dialects.linalg.ops import GenericOp
from xdsl.dialects.utils import reshape_ops_utils
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.utils.exceptions import VerifyException
from xdsl.utils.mlir_lexer import MLIRLexer

T = TypeVar("T")


class _ResultTypes:
    """A parser that reads a list of result types with the parentheses that it is printed with."""

    def __init__(self, parser: Parser) -> None:
        self._parser = parser

    def __getattr__(self, name: str) -> Any:
        return getattr(self._parser, name)

    def parse_comma_separated_list(self, delimiter: Parser.Delimiter, parse: Callable[[], T]) -> list[T]:
        """The list, also in parentheses where none are asked for."""
        if delimiter is Parser.Delimiter.NONE:
            listed = self._parser.parse_optional_comma_separated_list(Parser.Delimiter.PAREN, parse)
            if listed is not None:
                return listed
        return self._parser.parse_comma_separated_list(delimiter, parse)


def _repair_generic_results() -> None:
    """`linalg.generic {...} -> (t, u)`: printed with parentheses, as MLIR does, but read without them."""
    original = GenericOp.parse

    def parse(cls: type[GenericOp], parser: Parser) -> GenericOp:
        del cls
        return original(cast(Parser, _ResultTypes(parser)))

    setattr(GenericOp, "parse", classmethod(parse))  # noqa: B010  # a plain assignment is an error to the type checker


def _repair_rank_zero_expansion() -> None:
    """`tensor.expand_shape %x [] output_shape [1, 1] : tensor<f32> into tensor<1x1xf32>`: legal, but refused.

    A tensor without dimensions has no reassociation groups; its expansion has dimensions of size 1 only.
    """
    original = reshape_ops_utils.verify_reshape_like_types

    def verify(
        collapsed_type: ShapedType, expanded_type: ShapedType, reassociation: ArrayAttr[ArrayAttr[IntegerAttr]]
    ) -> None:
        if collapsed_type.get_shape() or reassociation.data:
            original(collapsed_type, expanded_type, reassociation)
        elif any(size != 1 for size in expanded_type.get_shape()):
            raise VerifyException(f"expected {expanded_type} to have dimensions of size 1 only")

    setattr(tensor, "verify_reshape_like_types", verify)  # noqa: B010


def _repair_empty_attributes() -> None:
    """`tensor.empty() {dataflow.ping_pong} : tensor<2x8xf32>`: printed by MLIR, neither printed nor read here."""

    def write(self: tensor.EmptyOp, printer: Printer) -> None:
        printer.print_string("(")
        printer.print_list(self.dynamic_sizes, printer.print_ssa_value)
        printer.print_string(")")
        printer.print_op_attributes(self.attributes)
        printer.print_string(" : ")
        printer.print_attribute(self.tensor.type)

    def parse(cls: type[tensor.EmptyOp], parser: Parser) -> tensor.EmptyOp:
        sizes = parser.parse_comma_separated_list(Parser.Delimiter.PAREN, parser.parse_unresolved_operand)
        attributes = parser.parse_optional_attr_dict()
        parser.parse_punctuation(":")
        operands = [parser.resolve_operand(size, IndexType()) for size in sizes]
        made = cls(operands, parser.parse_type())
        made.attributes.update(attributes)
        return made

    setattr(tensor.EmptyOp, "print", write)  # noqa: B010
    setattr(tensor.EmptyOp, "parse", classmethod(parse))  # noqa: B010


def _repair_string_literals() -> None:
    """A string that lacks its closing quote: an error in MLIR, but an endless search here.

    The framework's expression repeats a repetition, which takes exponential time before it fails. A possessive one
    takes linear time and matches the same strings, since no character can begin both of its alternatives.
    """
    pattern = re.compile(r'"(?:[^"\\\n\v\f]++|\\(?:["nt\\]|[0-9A-Fa-f]{2}))*+"')
    setattr(MLIRLexer, "_unescaped_characters_regex", pattern)  # noqa: B010


def repair() -> None:
    """Applies every repair, once."""
    if not getattr(GenericOp, "_streamtensor_repaired", False):
        setattr(GenericOp, "_streamtensor_repaired", True)  # noqa: B010
        _repair_generic_results()
        _repair_rank_zero_expansion()
        _repair_empty_attributes()
        _repair_string_literals()

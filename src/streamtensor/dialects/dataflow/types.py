# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The iterative tensor type and the stream type."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TypeAlias

from streamtensor.algebra.affine import AffineMap as Map
from streamtensor.algebra.errors import LayoutError
from streamtensor.algebra.layout import StreamLayout
from streamtensor.diagnostics import UserError
from streamtensor.ir.builtin import (
    AffineMapAttr,
    ArrayAttr,
    FixedBitwidthType,
    IntAttr,
    TensorType,
    VectorType,
)
from streamtensor.ir.core import (
    Attribute,
    Context,
    ParametrizedAttribute,
    ParseError,
    TypeAttribute,
    VerifyException,
)
from streamtensor.ir.irdl import AttrParser, Parser, Printer, irdl_attr_definition, param_def
from streamtensor.ir.text import parse_affine_map

ElementType: TypeAlias = TensorType[Attribute] | VectorType[Attribute]


@irdl_attr_definition
class ITensorType(ParametrizedAttribute, TypeAttribute):
    """A tensor together with the order in which its tokens stream.

    `!dataflow.itensor<4x2xf32, iter_space: [4, 2] * [2, 4], iter_map: (d0, d1) -> (d1, d0)>`: tokens of shape 4x2, a
    loop nest with tripcounts [4, 2] and steps [2, 4], and the map from the stepped loop values to the offset of the
    token in the data. Equal types mean equal stream orders. Source: design document itensor.md.

    The element is a tensor (a tile) until itensors are vectorised, then a vector.
    """

    name = "dataflow.itensor"

    element: TensorType[Attribute] | VectorType[Attribute] = param_def()
    tripcounts: ArrayAttr[IntAttr] = param_def()
    steps: ArrayAttr[IntAttr] = param_def()
    iter_map: AffineMapAttr = param_def()

    @staticmethod
    def get(element: ElementType, layout: StreamLayout) -> ITensorType:
        """The type whose tokens are `element` values in the order of `layout`; `layout.element` must be its shape."""
        assert tuple(element.get_shape()) == layout.element
        return ITensorType(
            element,
            ArrayAttr([IntAttr(n) for n in layout.tripcounts]),
            ArrayAttr([IntAttr(n) for n in layout.steps]),
            AffineMapAttr(parse_affine_map(str(layout.map))),
        )

    @property
    def scalar(self) -> Attribute:
        """The type of one number."""
        return self.element.element_type

    @property
    def scalar_bits(self) -> int:
        """Width of one number in bits."""
        assert isinstance(self.scalar, FixedBitwidthType)
        return self.scalar.bitwidth

    @property
    def layout(self) -> StreamLayout:
        """The stream order as a plain value."""
        return _layout(self)

    @property
    def data_shape(self) -> tuple[int, ...]:
        """Shape of the tensor that one pass over the stream covers."""
        return self.layout.data_shape

    @property
    def token_bits(self) -> int:
        """Width of one token in bits."""
        return self.layout.elements_per_token * self.scalar_bits

    def verify(self) -> None:
        if self.iter_map.data.num_symbols:
            raise VerifyException("the iteration map of an itensor has no symbols")
        if not isinstance(self.scalar, FixedBitwidthType):
            raise VerifyException(f"the scalar of an itensor has a fixed width, {self.scalar} has none")
        try:
            _layout(self)
        except LayoutError as error:
            raise VerifyException(str(error)) from error

    def print_parameters(self, printer: Printer) -> None:
        with printer.in_angle_brackets():
            if isinstance(self.element, VectorType):
                printer.print_attribute(self.element)
            else:
                for size in self.element.get_shape():
                    printer.print_string(f"{size}x")
                printer.print_attribute(self.scalar)
            tripcounts = ", ".join(str(n.data) for n in self.tripcounts)
            steps = ", ".join(str(n.data) for n in self.steps)
            printer.print_string(f", iter_space: [{tripcounts}] * [{steps}], iter_map: {self.iter_map.data}")

    @classmethod
    def parse_parameters(cls, parser: AttrParser) -> Sequence[Attribute]:
        with parser.in_angle_brackets():
            element: ElementType
            if parser.parse_optional_keyword("vector"):
                with parser.in_angle_brackets():
                    shape, scalar = parser.parse_ranked_shape()
                element = VectorType(scalar, shape)
            else:
                shape, scalar = parser.parse_ranked_shape()
                element = TensorType(scalar, shape)
            parser.parse_punctuation(",")
            parser.parse_keyword("iter_space")
            parser.parse_punctuation(":")
            tripcounts = parser.parse_comma_separated_list(parser.Delimiter.SQUARE, parser.parse_integer)
            parser.parse_characters("*")
            steps = parser.parse_comma_separated_list(parser.Delimiter.SQUARE, parser.parse_integer)
            parser.parse_punctuation(",")
            parser.parse_keyword("iter_map")
            parser.parse_punctuation(":")
            iter_map = parser.parse_affine_map()
        return [
            element,
            ArrayAttr([IntAttr(n) for n in tripcounts]),
            ArrayAttr([IntAttr(n) for n in steps]),
            AffineMapAttr(iter_map),
        ]


@irdl_attr_definition
class StreamType(ParametrizedAttribute, TypeAttribute):
    """A FIFO whose tokens are scalars or vectors: `!dataflow.stream<vector<1x16xf32>>`."""

    name = "dataflow.stream"

    element: Attribute = param_def()

    @property
    def token_bits(self) -> int:
        """Width of one token in bits."""
        if isinstance(self.element, VectorType):
            scalar = self.element.element_type
            lanes = self.element.element_count()
        else:
            scalar, lanes = self.element, 1
        assert isinstance(scalar, FixedBitwidthType)
        return lanes * scalar.bitwidth

    def verify(self) -> None:
        scalar = self.element.element_type if isinstance(self.element, VectorType) else self.element
        if not isinstance(scalar, FixedBitwidthType):
            raise VerifyException(f"a stream carries scalars or vectors of a fixed width, not {self.element}")


@lru_cache(maxsize=4096)
def _layout(itensor: ITensorType) -> StreamLayout:
    return StreamLayout(
        tuple(itensor.element.get_shape()),
        tuple(n.data for n in itensor.tripcounts),
        tuple(n.data for n in itensor.steps),
        Map.parse(str(itensor.iter_map.data)),
    )


def parse_itensor_type(context: Context, text: str) -> ITensorType:
    """The type that a user wrote, with or without `!dataflow.` in front.

    Raises UserError ST0203 when it is no itensor type, with what is wrong.
    """
    full = text.strip()
    for prefix in ("!dataflow.", "dataflow.", "!"):
        full = full.removeprefix(prefix)
    try:
        parser = Parser(context, f"!dataflow.{full}", "<type>")
        found = parser.parse_type()
        rest = full[parser.pos - len("!dataflow.") :].strip()
    except (ParseError, VerifyException) as error:
        raise UserError("ST0203", f"{text}: {_said(error)}", hint=_FORM) from error
    if not isinstance(found, ITensorType) or rest:
        raise UserError("ST0203", f"{text} is no itensor type", hint=_FORM)
    return found


_FORM = 'the form is "itensor<4x2xf32, iter_space: [4, 2] * [2, 4], iter_map: (d0, d1) -> (d1, d0)>"'


def _said(error: Exception) -> str:
    """The sentence in an error of the parser, without the picture of the text around it."""
    lines = [line.strip(" ^\t") for line in str(error).splitlines() if line.strip(" ^\t")]
    return lines[-1] if lines else "can't be read"

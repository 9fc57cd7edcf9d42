# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Changes of layout: into tiles and back, into words as wide as a port and back, and words seen as numbers."""

from __future__ import annotations

from collections.abc import Sequence

from streamtensor.algebra.external import ExternalLayout
from streamtensor.dialects.tensor_ext.layouts import layout_of, scalar_of, tensor_in
from streamtensor.ir.builtin import MemRefType, TensorType, VectorType
from streamtensor.ir.core import Attribute, Pure, SSAValue, VerifyException
from streamtensor.ir.irdl import IRDLOperation, irdl_op_definition, operand_def, result_def, traits_def

_FORM = "$source `:` type($source) `->` type($result) attr-dict"


def _tensor(value: SSAValue) -> TensorType[Attribute]:
    assert isinstance(value.type, TensorType)
    return value.type


@irdl_op_definition
class PackOp(IRDLOperation):
    """A tensor as tiles: `tensor<64x64xf32> -> tensor<4x4x16x16xf32>`, tile-major.

    Element (i, j) is at [i floordiv 16, j floordiv 16, i mod 16, j mod 16]. The tile is the last half of the result's
    shape.
    """

    name = "tensor_ext.pack"

    source = operand_def(TensorType)
    result = result_def(TensorType)

    traits = traits_def(Pure())
    assembly_format = _FORM

    def __init__(self, source: SSAValue, tile: Sequence[int]) -> None:
        whole = _tensor(source)
        type = tensor_in(whole.element_type, whole.get_shape(), ExternalLayout(tuple(tile)))
        super().__init__(operands=[source], result_types=[type])
        self.result.name_hint = source.name_hint

    @property
    def tile(self) -> tuple[int, ...]:
        """The sizes of a tile, one for each dimension of the source."""
        return _verified_tile(_tensor(self.source), _tensor(self.result))

    def verify_(self) -> None:
        _verified_tile(_tensor(self.source), _tensor(self.result))


@irdl_op_definition
class UnpackOp(IRDLOperation):
    """The inverse of `pack`: `tensor<4x4x16x16xf32> -> tensor<64x64xf32>`."""

    name = "tensor_ext.unpack"

    source = operand_def(TensorType)
    result = result_def(TensorType)

    traits = traits_def(Pure())
    assembly_format = _FORM

    def __init__(self, source: SSAValue, result: TensorType[Attribute]) -> None:
        super().__init__(operands=[source], result_types=[result])
        self.result.name_hint = source.name_hint

    @property
    def tile(self) -> tuple[int, ...]:
        """The sizes of a tile, one for each dimension of the result."""
        return _verified_tile(_tensor(self.result), _tensor(self.source))

    def verify_(self) -> None:
        _verified_tile(_tensor(self.result), _tensor(self.source))


@irdl_op_definition
class WidenOp(IRDLOperation):
    """Numbers as the lanes of words: `tensor<4x4x16x16xi8> -> tensor<4x4x2x2xvector<8x8xi8>>`.

    The vector divides the last dimensions, as many as it has; lanes are row-major.
    """

    name = "tensor_ext.widen"

    source = operand_def(TensorType)
    result = result_def(TensorType)

    traits = traits_def(Pure())
    assembly_format = _FORM

    def __init__(self, source: SSAValue, vector: Sequence[int]) -> None:
        super().__init__(operands=[source], result_types=[wide_type(_tensor(source), vector)])
        self.result.name_hint = source.name_hint

    @property
    def vector(self) -> tuple[int, ...]:
        """The shape of a word."""
        return _verified_vector(_tensor(self.source), _tensor(self.result))

    def verify_(self) -> None:
        _verified_vector(_tensor(self.source), _tensor(self.result))


@irdl_op_definition
class UnwidenOp(IRDLOperation):
    """The inverse of `widen`: `tensor<4x4x2x2xvector<8x8xi8>> -> tensor<4x4x16x16xi8>`."""

    name = "tensor_ext.unwiden"

    source = operand_def(TensorType)
    result = result_def(TensorType)

    traits = traits_def(Pure())
    assembly_format = _FORM

    def __init__(self, source: SSAValue) -> None:
        super().__init__(operands=[source], result_types=[narrow_type(_tensor(source))])
        self.result.name_hint = source.name_hint

    @property
    def vector(self) -> tuple[int, ...]:
        """The shape of a word."""
        return _verified_vector(_tensor(self.result), _tensor(self.source))

    def verify_(self) -> None:
        _verified_vector(_tensor(self.result), _tensor(self.source))


@irdl_op_definition
class LanesOp(IRDLOperation):
    """The same memory as words or as numbers: `memref<4x2xvector<8x8xi8>> -> memref<4x2x8x8xi8>`, or the other way.

    The lanes of a word are the last dimensions. No data moves: a kernel sees words, what the host does sees numbers.
    """

    name = "tensor_ext.lanes"

    source = operand_def(MemRefType)
    result = result_def(MemRefType)

    traits = traits_def(Pure())
    assembly_format = _FORM

    def __init__(self, source: SSAValue, result: MemRefType[Attribute]) -> None:
        super().__init__(operands=[source], result_types=[result])
        self.result.name_hint = source.name_hint

    def verify_(self) -> None:
        source, result = self.source.type, self.result.type
        assert isinstance(source, MemRefType)
        assert isinstance(result, MemRefType)
        words, numbers = (source, result) if isinstance(source.element_type, VectorType) else (result, source)
        if not isinstance(words.element_type, VectorType) or numbers.element_type != scalar_of(words):
            raise VerifyException(f"one of {source} and {result} has words, the other one their numbers")
        shape = (*words.get_shape(), *words.element_type.get_shape())
        if tuple(numbers.get_shape()) != shape:
            raise VerifyException(f"the numbers of {words} have the shape {_x(shape)}, not {_x(numbers.get_shape())}")


def wide_type(narrow: TensorType[Attribute], vector: Sequence[int]) -> TensorType[Attribute]:
    """The type of a tensor after `widen`. Raises VerifyException when `vector` does not divide its last dimensions."""
    outer, inner = narrow.get_shape()[: -len(vector)], narrow.get_shape()[-len(vector) :]
    if len(inner) != len(vector) or any(n % v for n, v in zip(inner, vector, strict=True)):
        raise VerifyException(f"vector {_x(vector)} does not divide the last dimensions of {narrow}")
    sizes = [*outer, *(n // v for n, v in zip(inner, vector, strict=True))]
    return TensorType(VectorType(narrow.element_type, list(vector)), sizes)


def narrow_type(wide: TensorType[Attribute]) -> TensorType[Attribute]:
    """The type of a tensor of vectors after `unwiden`. Raises VerifyException when its elements are no vectors."""
    element = wide.element_type
    if not isinstance(element, VectorType) or len(element.get_shape()) > len(wide.get_shape()):
        raise VerifyException(f"the elements of {wide} are not vectors of its last dimensions")
    vector = element.get_shape()
    outer, inner = wide.get_shape()[: -len(vector)], wide.get_shape()[-len(vector) :]
    return TensorType(element.element_type, [*outer, *(n * v for n, v in zip(inner, vector, strict=True))])


def _verified_tile(plain: TensorType[Attribute], packed: TensorType[Attribute]) -> tuple[int, ...]:
    rank = len(plain.get_shape())
    tile = layout_of(packed, rank).tile
    if isinstance(plain.element_type, VectorType) or isinstance(packed.element_type, VectorType):
        raise VerifyException("a tensor is packed before it is widened")
    if tile is None or packed != tensor_in(plain.element_type, plain.get_shape(), ExternalLayout(tile)):
        raise VerifyException(f"{packed} is not {plain} in tiles")
    return tile


def _verified_vector(narrow: TensorType[Attribute], wide: TensorType[Attribute]) -> tuple[int, ...]:
    if narrow_type(wide) != narrow:
        raise VerifyException(f"{wide} is not {narrow} in words")
    assert isinstance(wide.element_type, VectorType)
    return tuple(wide.element_type.get_shape())


def _x(shape: Sequence[int]) -> str:
    return "x".join(map(str, shape))
